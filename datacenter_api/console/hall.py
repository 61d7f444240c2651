"""The hall in one glance: its totals, the racks on the floor, and what needs a look.  Skeletons and values; pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from datacenter_api.cli.output import number
from datacenter_api.console.alarms import alarms_look
from datacenter_api.console.elevation import draw_kinds
from datacenter_api.console.floor import Bay, HallRack, draw_floor, floor_cells, make_bays
from datacenter_api.console.interlocks import alarm_of
from datacenter_api.console.strips import (
    battery_drain_w,
    draw_bar,
    draw_cards,
    draw_figure,
    draw_line,
    put_bar,
    put_figure,
)
from datacenter_api.console.wording import (
    ALARM_GLYPHS,
    Cells,
    alarms_href,
    domain_href,
    esc,
    interlocks_href,
    plural,
    rack_href,
    tray_href,
)
from datacenter_api.fleet.domains import DomainSummary
from datacenter_api.fleet.summary import Figure, RackSummary
from datacenter_api.fleet.usable import BY_DESIGN, USABLE_BY
from firmware_bridge.vocabulary.amounts import power_text
from rack_controller.decide.domain import Verdict

NO_RACKS = '<p class="quiet">No rack has been heard yet. A rack appears with its controller’s first frame.</p>'
MOST_LINES = 14
_RANK = {"critical": 0, "warning": 1, "unknown": 2}


def draw_hall(racks: Sequence[HallRack], domains: Iterable[DomainSummary]) -> str:
    """Return totals and cards of all racks."""
    if not racks:
        return NO_RACKS
    bays = make_bays(racks, domains)
    kinds = {tray.kind for rack in racks for tray in rack.layout.trays}
    return f"{_draw_totals()}{draw_floor(bays)}{draw_kinds(kinds)}"


def hall_cells(racks: Sequence[HallRack], domains: Iterable[DomainSummary]) -> Cells:
    """Return every value of the hall."""
    if not racks:
        return {}
    bays = make_bays(racks, domains)
    return {**_totals(racks, bays), **floor_cells(bays)}


def together(figures: Sequence[Figure], unit: str) -> Figure:
    """Add figures up; a sum with a part that is not known is partial, never smaller in silence."""
    good, total = sum(f.good for f in figures), sum(f.total for f in figures)
    values = [f.value for f in figures if f.value is not None]
    worst = next((f.quality for f in figures if f.quality not in ("good", "partial", "absent")), "absent")
    quality = "good" if good == total and total else "partial" if good else worst
    return Figure(sum(values) if values else None, unit, quality, good, total)


def _draw_totals() -> str:
    racks = "".join(
        (
            draw_figure("h-racks", "racks live"),
            draw_figure("h-gpus", "GPUs"),
            draw_figure("h-domains", "NVLink domains"),
        )
    )
    power = "".join(
        (
            draw_figure("h-out", "shelf output"),
            draw_figure("h-usable", "usable"),
            draw_figure("h-headroom", "headroom"),
            draw_figure("h-gpupower", "GPU power"),
        )
    )
    state = "".join((draw_figure("h-reach", "endpoints reachable"), draw_figure("h-warmest", "warmest return")))
    return draw_cards(
        ("Hall", racks, draw_line("h-gens")), ("Power", power, draw_bar("h-")), ("State", state, draw_line("h-leak"))
    )


def _totals(racks: Sequence[HallRack], bays: Sequence[Bay]) -> Cells:
    every = [rack.summary for rack in racks]
    live = sum(s.live for s in every)
    generations = Counter(s.generation for s in every)
    cells: Cells = {
        ("h-racks", "text"): f"{live} of {len(every)}",
        ("h-racks", "class"): "" if live == len(every) else "partial",
        ("h-gpus", "text"): number(sum(s.gpus for s in every), 0),
        ("h-domains", "text"): str(sum(len(bay.domains) for bay in bays)),
        ("h-gens", "text"): plural(len(generations), "generation"),
        ("h-gens", "class"): "pill",
        ("h-genswhere", "text"): " · ".join(f"{count} × {name}" for name, count in sorted(generations.items())),
    }
    output = together([s.shelf_output_w for s in every], "W")
    limits = [s.usable_limit_w for s in every if s.usable_limit_w is not None]
    usable = sum(limits) if len(limits) == len(every) else None
    rooms = [s.headroom_w for s in every if s.headroom_w is not None]
    headroom = sum(rooms) if len(rooms) == len(every) else None
    put_figure(cells, "h-out", output, power_text(output.value))
    cells[("h-usable", "text")], cells[("h-headroom", "text")] = power_text(usable), power_text(headroom)
    cells[("h-usable-note", "text")] = _said_by(every)
    cells[("h-headroom", "class")] = "over" if headroom is not None and headroom < 0 else ""
    gpus = together([s.gpu_power_w for s in every], "W")
    put_figure(cells, "h-gpupower", gpus, power_text(gpus.value))
    put_bar(cells, "h-", output.value, usable, headroom, sum(battery_drain_w(s) for s in every))
    return cells | _state(racks)


def _said_by(every: Sequence[RackSummary]) -> str:
    """Return who says what is usable, for racks of which a budget may cover only some."""
    if len({s.usable_by for s in every}) == 1:
        return f"· {USABLE_BY[every[0].usable_by]}"
    count = sum(s.usable_by == BY_DESIGN for s in every)
    return f"· {count} of {len(every)} {USABLE_BY[BY_DESIGN]}" if every else ""


def _state(racks: Sequence[HallRack]) -> Cells:
    every = [rack.summary for rack in racks]
    reachable, endpoints = sum(s.endpoints_reachable for s in every), sum(s.endpoints_total for s in every)
    returns = [s.return_c.value for s in every if s.return_c.value is not None]
    wet = [(s.name, p) for s in every for p in s.leaks if p.state in ("warning", "critical")]
    points, unknown = sum(s.leak_points for s in every), sum(s.leaks_unknown for s in every)
    worst = "critical" if any(p.state == "critical" for _, p in wet) else "warning"
    if wet:
        pill, word = f"{ALARM_GLYPHS[worst]} {len(wet)} leaking", f"pill {worst}"
    elif unknown or not points:
        pill, word = f"? {points - unknown} of {points} leak points dry", "pill"
    else:
        pill, word = f"● all {points} leak points dry", "pill ok"
    where = [f"{name} {'/'.join(p.place.split('/')[4:])}" for name, p in wet]
    return {
        ("h-reach", "text"): f"{reachable} of {endpoints}",
        ("h-reach", "class"): "" if reachable == endpoints else "partial",
        ("h-warmest", "text"): number(max(returns, default=None), 1, "°C"),
        ("h-leak", "text"): pill,
        ("h-leak", "class"): word,
        ("h-leakwhere", "text"): ", ".join(where[:4]) + (f" and {len(where) - 4} more" if len(where) > 4 else ""),
    }


def attention(racks: Sequence[HallRack], domains: Iterable[DomainSummary]) -> tuple[tuple[str, str, str, str], ...]:
    """Return what needs a look, worst first: alarm, address, where, why.  Silent racks stand for all their trays.

    Of domains only those are in it of which something is known to be wrong: one that is not all seen is no fault.
    """
    lines: list[tuple[str, str, str, str]] = []
    for rack in racks:
        s = rack.summary
        if not s.live:
            lines.append(("unknown", rack_href(s.rack), s.name, "nothing current is heard of this rack"))
            continue
        if (said := s.interlocks) is not None:
            told = [alarm_of(trip, armed=said.armed) for trip in said.tripped]
            lines += [(alarm, interlocks_href(s.rack), s.name, why) for alarm, why in told]
        if look := alarms_look(s):
            lines.append((look[0], alarms_href(s.rack), s.name, look[1]))
        if drain := battery_drain_w(s):
            lines.append(("critical", rack_href(s.rack), s.name, f"on battery, which delivers {power_text(drain)}"))
        lines += [(t.alarm, tray_href(t.place), f"{s.name} {t.name}", t.why) for t in s.trays if t.alarm != "ok"]
    lines += [
        ("warning", domain_href(d.id), f"NVLink {d.id}", d.health.reason)
        for d in domains
        if d.health.verdict is Verdict.DEGRADED
    ]
    return tuple(sorted(lines, key=lambda line: (_RANK.get(line[0], 3), line[2])))


def draw_attention(lines: Sequence[tuple[str, str, str, str]]) -> str:
    """Return the list of what needs a look."""
    if not lines:
        nothing = "Nothing: every tray of every rack is well, and no NVLink domain is degraded."
        return f'<h2>Needs a look</h2><p class="quiet">{nothing}</p>'
    rows = "".join(
        f'<li class="sev-{esc(alarm)}"><span aria-label="{esc(alarm)}">{ALARM_GLYPHS.get(alarm, "?")}</span>'
        f'<a href="{href}">{esc(where)}</a><span class="why">{esc(why)}</span></li>'
        for alarm, href, where, why in lines[:MOST_LINES]
    )
    more = f'<p class="quiet">and {len(lines) - MOST_LINES} more</p>' if len(lines) > MOST_LINES else ""
    return f'<h2>Needs a look <span class="pill">{len(lines)}</span></h2><ul class="attention">{rows}</ul>{more}'
