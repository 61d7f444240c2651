"""The racks on the floor: one card per rack, and a frame around those that one NVLink domain spans.  Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datacenter_api.cli.output import number
from datacenter_api.console.mini import PATTERN, draw_mini, mini_cells
from datacenter_api.console.strips import battery_drain_w, draw_bar, put_bar
from datacenter_api.console.wording import (
    UNKNOWN,
    Cells,
    domain_href,
    esc,
    plural,
    rack_href,
    seconds,
    verdict_pill,
)
from datacenter_api.fleet.domains import DomainSummary
from datacenter_api.fleet.summary import RackSummary
from datacenter_api.fleet.usable import BY_BUDGET, USABLE_BY
from datacenter_api.fleet.view import RackView
from firmware_bridge.vocabulary.amounts import power_text
from rack_controller.model.layout import Layout

_LINES = (
    ("out", "Output"),
    ("head", "Headroom"),
    ("gpupower", "GPU power"),
    ("liquid", "Coolant"),
    ("flow", "Flow"),
    ("leaks", "Leaks"),
    ("reach", "Reachable"),
    ("age", "Last frame"),
)
# Up to so many racks each is drawn with words in its trays; up to so many it still has a wide card.
FEW, SOME = 4, 8


@dataclass(frozen=True, slots=True)
class HallRack:
    """One rack as the hall needs it."""

    summary: RackSummary
    layout: Layout
    view: RackView | None


@dataclass(frozen=True, slots=True)
class Bay:
    """What stands together: racks that share domains.  `missing` racks of those domains are not known here."""

    racks: tuple[HallRack, ...]
    domains: tuple[DomainSummary, ...]

    @property
    def missing(self) -> int:
        """Return how many racks of the bay's domains nobody has heard."""
        return max((d.racks_missing for d in self.domains), default=0)

    @property
    def framed(self) -> bool:
        """Return whether a domain here spans racks by its plan."""
        return any(d.racks_planned > 1 or len(d.racks) > 1 for d in self.domains)


def make_bays(racks: Sequence[HallRack], domains: Iterable[DomainSummary]) -> list[Bay]:
    """Return every rack once, beside those it shares a domain with, in the order of their names."""
    of_rack: dict[str, list[DomainSummary]] = {}
    for domain in domains:
        for share in domain.racks:
            of_rack.setdefault(share.rack, []).append(domain)
    bays: list[Bay] = []
    placed: set[str] = set()
    for rack in racks:
        if rack.summary.rack in placed:
            continue
        together, mine = _reach(rack.summary.rack, of_rack)
        placed |= together
        bays.append(Bay(tuple(r for r in racks if r.summary.rack in together), mine))
    return bays


def _reach(rack: str, of_rack: dict[str, list[DomainSummary]]) -> tuple[set[str], tuple[DomainSummary, ...]]:
    """Return all racks that domains tie to `rack`, directly or over another, and these domains by id."""
    together, found, todo = {rack}, dict[str, DomainSummary](), [rack]
    while todo:
        for domain in of_rack.get(todo.pop(), ()):
            found[domain.id] = domain
            fresh = {share.rack for share in domain.racks} - together
            together |= fresh
            todo += fresh
    return together, tuple(found[key] for key in sorted(found))


def draw_floor(bays: Sequence[Bay]) -> str:
    """Return all bays with their racks."""
    count = sum(len(bay.racks) for bay in bays)
    density = "few" if count <= FEW else "some" if count <= SOME else "many"
    return f'{PATTERN}<div class="hall {density}">{"".join(_bay(bay) for bay in bays)}</div>'


def floor_cells(bays: Sequence[Bay]) -> Cells:
    """Return every value of the bays and their racks."""
    cells: Cells = {}
    for bay in bays:
        for domain in bay.domains:
            cells |= verdict_cells(domain) | (_domain_cells(domain) if bay.framed else {})
        for rack in bay.racks:
            cells |= _rack_cells(rack.summary)
            cells |= mini_cells(rack.summary, rack.layout, rack.view)
    return cells


def _bay(bay: Bay) -> str:
    cards = "".join(_card(rack, "" if bay.framed else _quiet_domains(bay)) for rack in bay.racks)
    if not bay.framed:
        return cards
    if bay.missing:
        cards += f'<div class="card missing">{plural(bay.missing, "rack")} of this domain not heard</div>'
    heads = "".join(
        f'<h3><a href="{domain_href(d.id)}">NVLink domain {esc(d.id)}</a> '
        f'<span id="dv-{esc(d.id)}" class="pill">?</span><span class="quiet" id="d-{esc(d.id)}-what"></span>'
        f'<b id="d-{esc(d.id)}-power"></b></h3>'
        for d in bay.domains
    )
    racks = len(bay.racks) + bool(bay.missing)
    label = ", ".join(d.id for d in bay.domains)
    return (
        f'<section class="bay" style="--racks:{racks}" aria-label="NVLink domain {esc(label)}">'
        f'<header>{heads}</header><div class="bayracks">{cards}</div></section>'
    )


def _quiet_domains(bay: Bay) -> str:
    return "".join(
        f' · <a href="{domain_href(d.id)}">{esc(d.name)}</a> <span id="dv-{esc(d.id)}" class="pill">?</span>'
        for d in bay.domains
    )


def verdict_cells(domain: DomainSummary) -> Cells:
    """Return what stands in a domain's pill: how it is, and why as its title."""
    text, pill = verdict_pill(domain.health.verdict)
    at = f"dv-{domain.id}"
    return {(at, "text"): text, (at, "class"): pill, (at, "title"): domain.health.reason}


def _domain_cells(domain: DomainSummary) -> Cells:
    power, at = domain.gpu_power_w, f"d-{domain.id}"
    gpus = f"{domain.gpus_present} GPUs"
    if domain.gpus_present != domain.gpus_planned:
        gpus = f"{domain.gpus_present} of {domain.gpus_planned} GPUs"
    silent = sum(not rack.live for rack in domain.racks)
    racks = f"{domain.racks_planned} racks" + (f", {silent} silent" if silent else "")
    part = f" ({power.good} of {power.total} read)" if power.quality != "good" else ""
    return {
        (f"{at}-what", "text"): f"{gpus} over {racks}",
        (f"{at}-power", "text"): f"GPU power {power_text(power.value)}{part}",
        (f"{at}-power", "class"): "" if power.quality == "good" else "partial",
    }


def _card(rack: HallRack, domains: str) -> str:
    s, at = rack.summary, f"r-{esc(rack.summary.name)}"
    lines = "".join(f'<dt>{what}</dt><dd id="{at}-{line}">{UNKNOWN}</dd>' for line, what in _LINES)
    href = rack_href(s.rack)
    return (
        f'<article class="card rackcard" data-href="{href}" aria-label="Rack {esc(s.rack)}">'
        f"{draw_mini(s.name, rack.layout)}<div>"
        f'<h3><a href="{href}">{esc(s.name)}</a> <span id="{at}-pill" class="pill">?</span></h3>'
        f'<div class="quiet what">{esc(s.generation)} · {s.gpus} GPUs{domains}</div>'
        f'<div class="quiet place">{esc(s.rack)}</div>{draw_bar(f"{at}-")}'
        f'<dl>{lines}</dl><p class="worst" id="{at}-worst"></p>'
        f'<div class="spark" id="{at}-spark"></div></div></article>'
    )


def _room(s: RackSummary) -> str:
    """Return the headroom of what is usable; no budget behind it is said."""
    of = f"{power_text(s.headroom_w).removesuffix(' kW')} of {power_text(s.usable_limit_w)}"
    return of if s.usable_by == BY_BUDGET else f"{of} {USABLE_BY[s.usable_by]}"


def _rack_cells(s: RackSummary) -> Cells:
    at = f"r-{s.name}"
    wet = sum(p.state in ("warning", "critical") for p in s.leaks)
    gush = any(p.state == "critical" for p in s.leaks)
    leaking = f"{'◆' if gush else '▲'} {wet} of" if wet else "none of"
    unknown = f", {s.leaks_unknown} unknown" if s.leaks_unknown else ""
    cells: Cells = {
        (f"{at}-out", "text"): power_text(s.shelf_output_w.value) if s.live else UNKNOWN,
        (f"{at}-head", "text"): _room(s),
        (f"{at}-gpupower", "text"): power_text(s.gpu_power_w.value) if s.live else UNKNOWN,
        (f"{at}-liquid", "text"): f"{number(s.supply_c.value, 1)} → {number(s.return_c.value, 1, '°C')}",
        (f"{at}-flow", "text"): number(s.flow_lpm.value, 0, "L/min"),
        (f"{at}-leaks", "text"): f"{leaking} {s.leak_points}{unknown}",
        (f"{at}-leaks", "class"): "critical" if gush else "warning" if wet else "unknown" if s.leaks_unknown else "",
        (f"{at}-reach", "text"): f"{s.endpoints_reachable} of {s.endpoints_total}",
        (f"{at}-reach", "class"): "" if s.endpoints_reachable == s.endpoints_total else "warning",
        (f"{at}-age", "text"): seconds(s.age_s),
        (f"{at}-age", "class"): "" if s.live else "warning",
    }
    put_bar(cells, f"{at}-", s.shelf_output_w.value, s.usable_limit_w, s.headroom_w, battery_drain_w(s))
    on_battery = s.live and battery_drain_w(s) > 0
    alarms = {t.alarm for t in s.trays} | ({"critical"} if on_battery else set())
    worst = next((a for a in ("critical", "warning", "unknown") if a in alarms), "ok")
    words = {"critical": "◆ critical", "warning": "▲ warning", "unknown": "? not all known", "ok": "● well"}
    cells[(f"{at}-pill", "text")] = words[worst] if s.live else "? stale"
    cells[(f"{at}-pill", "class")] = f"pill {worst if s.live else 'unknown'}"
    bad = [t for t in s.trays if t.alarm == worst and worst in ("critical", "warning") and s.live]
    told = [f"on battery, {power_text(battery_drain_w(s))}"] if on_battery else []
    told += [f"{tray.name} {tray.why}" for tray in bad]
    more = f" and {len(told) - 1} more" if len(told) > 1 else ""
    cells[(f"{at}-worst", "text")] = f"{told[0]}{more}" if told else ""
    cells[(f"{at}-worst", "class")] = f"worst {worst}"
    return cells
