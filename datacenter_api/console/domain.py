"""An NVLink domain as one thing: its GPUs over all its racks in one grid, and a rack's place in it.  Pure."""

from collections.abc import Sequence

from datacenter_api.cli.output import number
from datacenter_api.console.cells import gpu_cells
from datacenter_api.console.floor import HallRack, verdict_cells
from datacenter_api.console.strips import draw_cards, draw_figure, draw_line, put_figure
from datacenter_api.console.wording import (
    ALARM_GLYPHS,
    STATE_GLYPHS,
    UNKNOWN,
    Cells,
    domain_href,
    esc,
    marked,
    plural,
    rack_href,
    slot_of,
    tray_href,
    verdict_pill,
)
from datacenter_api.fleet.domains import DomainSummary
from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.layout import TrayView

MOST_FINDINGS = 12


def draw_domain_line(domains: Sequence[DomainSummary], here: str) -> str:
    """Return the line on a rack's page that says which domains it is part of, with the way to their other racks."""
    return "".join(f"<span>{_named(d)}</span>{_chips(d, here)}" for d in domains)


def _named(domain: DomainSummary) -> str:
    over = f"{domain.gpus_planned} GPUs over {plural(domain.racks_planned, 'rack')}"
    verdict = f'<span id="dv-{esc(domain.id)}" class="pill">?</span>'
    name = f'<a href="{domain_href(domain.id)}">NVLink domain {esc(domain.id)}</a>'
    return f'{name} {verdict} <span class="quiet">{over}</span>'


def _chips(domain: DomainSummary, here: str) -> str:
    if domain.racks_planned < 2 and len(domain.racks) < 2:
        return ""
    chips = "".join(
        f'<a class="chip{" here" if share.rack == here else ""}" href="{rack_href(share.rack)}"'
        f"{' aria-current=page' if share.rack == here else ''}>{esc(share.name)} "
        f'<span id="dl-{esc(domain.id)}-{esc(share.name)}"></span></a>'
        for share in domain.racks
    )
    missing = f'<span class="chip lost">{plural(domain.racks_missing, "rack")} not heard</span>'
    return chips + (missing if domain.racks_missing else "")


def domain_line_cells(domains: Sequence[DomainSummary]) -> Cells:
    """Return what stands in the line: how the domain is, and each rack of it."""
    cells: Cells = {}
    for d in domains:
        cells |= verdict_cells(d)
        for share in d.racks:
            state = "● live" if share.live else "? stale"
            cells[(f"dl-{d.id}-{share.name}", "text")] = f"{share.gpus} GPUs · {state}"
    return cells


def draw_domain(domain: DomainSummary, racks: Sequence[HallRack]) -> str:
    """Return the page of a domain: figures, then the trays of each rack side by side."""
    gpus = "".join(
        (draw_figure("dm-gpus", "GPUs"), draw_figure("dm-read", "GPUs read"), draw_figure("dm-racks", "racks"))
    )
    power = "".join((draw_figure("dm-power", "GPU power"), draw_figure("dm-mean", "mean of a GPU")))
    heat = "".join((draw_figure("dm-hot", "hottest"), draw_figure("dm-cold", "coolest")))
    cards = draw_cards(
        ("GPUs", gpus, draw_line("dm-state")), ("Power", power, ""), ("Temperature", heat, draw_line("dm-where"))
    )
    links = "".join(
        (
            draw_figure("dm-ports", "switch ports up"),
            draw_figure("dm-links", "GPU links up"),
            draw_figure("dm-managers", "fabric manager"),
            draw_figure("dm-version", "NVOS"),
        )
    )
    found = "".join(f'<li id="dm-f{n}" class="none"><span id="dm-f{n}-text"></span></li>' for n in range(MOST_FINDINGS))
    cards += (
        '<section class="card" aria-label="Health">'
        '<h2>Health from both ends <span id="dm-verdict" class="pill">?</span></h2>'
        f'<div class="figures">{links}</div><p id="dm-why" class="words"></p><ul class="found">{found}</ul></section>'
    )
    columns = "".join(_rack(domain, rack) for rack in racks)
    if domain.racks_missing:
        columns += f'<div class="card missing">{plural(domain.racks_missing, "rack")} of this domain not heard</div>'
    ramp = '<div class="key"><span>GPU 35 °C<i class="ramp"></i>90 °C</span><span>? not known now</span></div>'
    return f'{cards}<section class="bay"><div class="bayracks">{columns}</div>{ramp}</section>'


def domain_cells(domain: DomainSummary, racks: Sequence[HallRack]) -> Cells:
    """Return every value of a domain's page."""
    cells: Cells = {}
    temperatures: list[tuple[float, str]] = []
    for rack in racks:
        states = {t.place: t for t in rack.summary.trays}
        at = f"dm-{rack.summary.name}"
        cells[(f"{at}-pill", "text")] = "● live" if rack.summary.live else "? stale"
        cells[(f"{at}-pill", "class")] = "pill ok" if rack.summary.live else "pill"
        for tray in _trays(domain, rack):
            state, slot = states[tray.place], slot_of(tray.place)
            alarm = state.alarm if rack.summary.live else "unknown"
            cells[(f"{at}-{slot}-alarm", "text")] = ALARM_GLYPHS[alarm]
            cells[(f"{at}-{slot}", "class")] = f"dmtray alarm-{alarm}"
            cells[(f"{at}-{slot}-state", "text")] = marked(STATE_GLYPHS, state.state)
            known = state.power_quality == "good" and rack.summary.live
            cells[(f"{at}-{slot}-power", "text")] = power_text(state.power_w if known else None)
            for n in range(_gpus(tray)):
                cells |= gpu_cells(f"{at}-{slot}-g{n}", f"{tray.place}/gpu{n}", rack.view)
                celsius, quality = (
                    rack.view.number(f"{tray.place}/gpu{n}", Quantity.TEMPERATURE) if rack.view else (None, "missing")
                )
                if celsius is not None and quality == "good":
                    temperatures.append((celsius, f"{rack.summary.name} {slot} gpu{n}"))
    return cells | _figures(domain, temperatures) | _health(domain)


def _health(domain: DomainSummary) -> Cells:
    """Return the verdict with its reason, what each end counts, and the findings as far as there is room."""
    health = domain.health
    whole = health.ports_up == health.ports_planned
    cells: Cells = {
        ("dm-verdict", "text"): verdict_pill(domain.health.verdict)[0],
        ("dm-verdict", "class"): verdict_pill(domain.health.verdict)[1],
        ("dm-why", "text"): health.reason,
        ("dm-ports", "text"): _links(health.ports_up, health.ports_seen, health.ports_planned),
        ("dm-ports", "class"): "" if whole else "partial",
        ("dm-links", "text"): _links(health.gpu_links_up, health.gpu_links_seen, health.gpu_links_planned),
        ("dm-links", "class"): "" if health.gpu_links_up == health.gpu_links_planned else "partial",
        ("dm-managers", "text"): ", ".join(slot_of(p) for p in health.fabric_managers) or UNKNOWN,
        ("dm-version", "text"): ", ".join(health.versions) or UNKNOWN,
        ("dm-version", "class"): "" if len(health.versions) == 1 else "partial",
    }
    told = [f"▲ {f.text}" for f in health.findings] + [f"? not seen: {text}" for text in health.unseen]
    if len(told) > MOST_FINDINGS:
        told[MOST_FINDINGS - 1 :] = [f"and {len(told) - MOST_FINDINGS + 1} more: see `rackwright domain show`"]
    for n in range(MOST_FINDINGS):
        text = told[n] if n < len(told) else ""
        cells[(f"dm-f{n}-text", "text")] = text
        cells[(f"dm-f{n}", "class")] = "sev-warning" if text.startswith("▲") else "quiet" if text else "none"
    return cells


def _links(up: int | None, seen: int, planned: int) -> str:
    """Return how many of the links that are read are up; what is unread is told apart, for it is not down."""
    unread = f", {planned - seen} unread" if planned > seen else ""
    return f"? of {planned}" if up is None else f"{up} of {seen}{unread}"


def _figures(domain: DomainSummary, temperatures: list[tuple[float, str]]) -> Cells:
    power = domain.gpu_power_w
    live = sum(share.live for share in domain.racks)
    present = f"{domain.gpus_present} of {domain.gpus_planned}"
    cells: Cells = {
        ("dm-gpus", "text"): str(domain.gpus_present) if domain.gpus_present == domain.gpus_planned else present,
        ("dm-gpus", "class"): "" if domain.gpus_present == domain.gpus_planned else "partial",
        ("dm-read", "text"): f"{power.good} of {power.total}",
        ("dm-read", "class"): "" if power.quality == "good" else "partial",
        ("dm-racks", "text"): f"{live} of {domain.racks_planned} live",
        ("dm-racks", "class"): "" if live == domain.racks_planned else "partial",
        ("dm-mean", "text"): power_text(power.value / power.good if power.value and power.good else None),
    }
    put_figure(cells, "dm-power", power, power_text(power.value))
    hot, cold = max(temperatures, default=None), min(temperatures, default=None)
    cells[("dm-hot", "text")] = number(hot[0] if hot else None, 1, "°C")
    cells[("dm-cold", "text")] = number(cold[0] if cold else None, 1, "°C")
    unknown = domain.gpus_planned - len(temperatures)
    cells[("dm-state", "text")] = f"? {unknown} GPUs unknown" if unknown else f"● all {domain.gpus_planned} GPUs known"
    cells[("dm-state", "class")] = "pill" if unknown else "pill ok"
    cells[("dm-where", "text")] = f"hottest {hot[1]}" if hot else "? no temperature known"
    cells[("dm-where", "class")] = "pill"
    return cells


def _trays(domain: DomainSummary, rack: HallRack) -> list[TrayView]:
    mine = {place for share in domain.racks if share.rack == rack.summary.rack for place in share.trays}
    return [tray for tray in reversed(rack.layout.trays) if tray.place in mine]


def _gpus(tray: TrayView) -> int:
    return sum(c.count for c in tray.components if c.name == "gpu")


def _rack(domain: DomainSummary, rack: HallRack) -> str:
    at = f"dm-{esc(rack.summary.name)}"
    rows = "".join(_tray(at, tray) for tray in _trays(domain, rack))
    name = f'<a href="{rack_href(rack.summary.rack)}">{esc(rack.summary.name)}</a>'
    return (
        f'<section class="card" aria-label="Rack {esc(rack.summary.rack)}"><h3>{name} '
        f'<span class="quiet">{esc(rack.summary.generation)}</span> '
        f'<span id="{at}-pill" class="pill">?</span></h3>{rows}</section>'
    )


def _tray(at: str, tray: TrayView) -> str:
    slot, gpus = esc(slot_of(tray.place)), _gpus(tray)
    cells = "".join(
        f'<span id="{at}-{slot}-g{n}" class="gpu unknown"><span id="{at}-{slot}-g{n}-text">?</span></span>'
        for n in range(gpus)
    )
    what = f'<span class="gpus">{cells}</span>' if gpus else f'<span class="quiet gpus">{esc(tray.title)}</span>'
    return (
        f'<a id="{at}-{slot}" class="dmtray" href="{tray_href(tray.place)}">'
        f'<span id="{at}-{slot}-alarm" class="glyph">?</span><b>{slot}</b>'
        f'<span class="axis" id="{at}-{slot}-state"></span>{what}<span class="n" id="{at}-{slot}-power"></span></a>'
    )
