"""A tray's own page: head, endpoints with their serial units, leak detectors, alarm words, all sensors.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from datacenter_api.console.bits import words_now
from datacenter_api.console.cells import gpu_value
from datacenter_api.console.choices import Choice
from datacenter_api.console.groups import Group
from datacenter_api.console.panel import draw_endpoints, endpoint_cells
from datacenter_api.console.readings import draw_rows, row_cells, value_text
from datacenter_api.console.wording import (
    ALARM_GLYPHS,
    MANAGEMENT_GLYPHS,
    STATE_GLYPHS,
    UNKNOWN,
    Cells,
    domain_href,
    esc,
    kind_of,
    marked,
    plural,
    roughly,
    serial_href,
    slot_of,
    tray_href,
    verdict_pill,
)
from datacenter_api.fleet.domains import DomainSummary, findings_at
from datacenter_api.fleet.trays import Axes, TrayState
from datacenter_api.fleet.units import UnitRow, unit_rows
from datacenter_api.fleet.view import STALE_AFTER, RackView
from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.quantities import Quantity, name_of
from firmware_bridge.vocabulary.reading import Quality
from rack_controller.decide.domain import Verdict
from rack_controller.model.layout import Layout, TrayView

# So many lines of a tray's own parts are open from the start; groups beyond are one click away.
OPEN_LINES = 70
MOST_FINDINGS = 3
_AT = "l"
_LEAK_GLYPHS = {"dry": "●", "warning": "▲", "critical": "◆", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class TraySight:
    """One tray at one instant, with all that its page needs.  `domain` is the NVLink domain that it is part of."""

    layout: Layout
    tray: TrayView
    state: TrayState
    view: RackView | None
    axes: dict[str, Axes]
    groups: tuple[Group, ...]
    live: bool
    domain: DomainSummary | None = None


def draw_head(sight: TraySight) -> str:
    """Return the head of the page: what the tray is, how it is, and the way to its neighbours."""
    tray = sight.tray
    above, below = _neighbours(sight.layout, tray)
    ways = "".join(
        f'<a class="chip" href="{tray_href(place)}">{arrow} {esc(slot_of(place))}</a>'
        for arrow, place in (("↑", above), ("↓", below))
        if place
    )
    ways += "".join(
        f'<a class="chip" href="{serial_href(c.place)}">▤ Serial console</a>' for c in tray.consoles if c.enabled
    )
    domain = ""
    if sight.domain is not None:
        name = sight.domain.id
        domain = (
            f' · <a href="{domain_href(name)}">NVLink domain {esc(name)}</a> <span id="y-domain" class="pill"></span>'
        )
    facts = [kind_of(tray.kind), f"{tray.height_u} U", *(f"feed {feed}" for feed in tray.feeds)]
    facts += [f"{part.count} × {part.name}" for part in tray.components]
    facts += [f"at most {power_text(tray.power_max_w)}"] if tray.power_max_w else []
    facts += [f"delivers {power_text(tray.output_max_w)}"] if tray.output_max_w else []
    return (
        f'<div class="trayhead {esc(tray.kind)}"><div><h3>{esc(slot_of(tray.place))} · {esc(tray.title)}</h3>'
        f'<div class="quiet">{esc(" · ".join(facts))}{domain}</div></div>'
        '<div class="pills"><span id="y-alarm" class="pill">?</span><span id="y-state" class="pill"></span>'
        f'<span id="y-management" class="pill"></span><b id="y-power"></b></div><div class="ways">{ways}</div></div>'
    )


def head_cells(sight: TraySight) -> Cells:
    """Return what stands in the head.  A tray of a silent rack is unknown, whatever was heard last."""
    state = sight.state
    alarm = state.alarm if sight.live else "unknown"
    why = state.why if sight.live else "nothing current is heard of this rack"
    known = sight.live and state.power_quality == "good"
    axis = {"on": "ok", "reachable": "ok", "degraded": "warning", "absent": "critical"}
    cells = {
        ("y-alarm", "text"): f"{ALARM_GLYPHS[alarm]} {'well' if alarm == 'ok' else why or alarm}",
        ("y-alarm", "class"): f"pill {alarm}",
        ("y-state", "text"): marked(STATE_GLYPHS, state.state),
        ("y-state", "class"): f"pill {axis.get(state.state, '')}",
        ("y-management", "text"): marked(MANAGEMENT_GLYPHS, state.management),
        ("y-management", "class"): f"pill {axis.get(state.management, '')}",
        ("y-power", "text"): power_text(state.power_w) if known else UNKNOWN,
        ("live", "text"): "● live" if sight.live else "? stale",
        ("live", "class"): "pill ok" if sight.live else "pill",
    }
    if sight.domain is not None:
        cells[("y-domain", "text")], cells[("y-domain", "class")] = verdict_pill(sight.domain.health.verdict)
    return cells


def draw_health(sight: TraySight) -> str:
    """Return endpoints, serial units, leak detectors and alarm words."""
    units = "".join(
        f'<tr><td>{esc(slot_of(u.place))}</td><td class="n">0x{u.address:02x}</td><td>{esc(", ".join(u.maps))}</td>'
        f'<td id="u-{n}-m"></td></tr>'
        for n, u in enumerate(_units(sight))
    )
    head = '<tr><th>Unit</th><th class="n">Address</th><th>Register map</th><th>Management</th></tr>'
    serial = f'<table class="lines"><thead>{head}</thead><tbody>{units}</tbody></table>' if units else ""
    nvlink = '<h2>NVLink</h2><p id="y-nvlink" class="words"></p>' if sight.domain is not None else ""
    return (
        f"<h2>Endpoints</h2>{draw_endpoints(sight.tray)}{serial}{nvlink}"
        f'<h2>Leak detectors</h2>{_draw_leaks(sight)}<h2>Alarm words</h2><p id="y-words" class="words"></p>'
    )


def health_cells(sight: TraySight) -> Cells:
    """Return what stands there."""
    cells = endpoint_cells(sight.tray, sight.axes)
    for n, unit in enumerate(_units(sight)):
        cells[(f"u-{n}-m", "text")] = marked(MANAGEMENT_GLYPHS, unit.management)
        cells[(f"u-{n}-m", "class")] = f"axis {unit.management}"
    for line in _leak_lines(sight):
        cells |= _leak_cells(sight, line)
    return cells | _word_cells(sight) | _nvlink_cells(sight)


def draw_sensors(sight: TraySight) -> str:
    """Return every series of the tray in groups; the tray's own parts are open as far as they are few."""
    if sight.view is None:
        return '<h2>Sensors</h2><p class="quiet">No reading of this rack has been heard yet.</p>'
    opened, groups = 0, []
    for number, group in enumerate(sight.groups):
        opened += len(group.lines) if group.part else 0
        shown = group.part and opened <= OPEN_LINES
        rows = draw_rows(_AT, sight.tray, sight.view.columns, group.lines, group.name)
        groups.append(
            f'<details class="group" data-name="{esc(group.title)}"{" open" if shown else ""}><summary>'
            f'<b>{esc(group.title)}</b> <span class="quiet">{len(group.lines)}</span>'
            f'<span class="brief" id="y-g{number}"></span><span id="y-g{number}-q" class="quiet"></span></summary>'
            f"{rows}</details>"
        )
    total = sum(len(group.lines) for group in sight.groups)
    return (
        f'<h2>Sensors <span class="pill">{total}</span></h2>'
        '<input id="filter" type="search" placeholder="Filter: temperature, psu3, fan …" aria-label="Filter sensors" '
        f'autocomplete="off"><div class="groups">{"".join(groups)}</div>'
    )


def sensor_cells(sight: TraySight) -> Cells:
    """Return every reading, and a word per group that stays visible when it is folded."""
    cells: Cells = {}
    if sight.view is None:
        return cells
    for number, group in enumerate(sight.groups):
        cells |= row_cells(_AT, sight.view, group.lines)
        empty = [line for line in group.lines if _says_nothing(sight.view, line)]
        bad = sum(sight.view.quality[line] != Quality.GOOD for line in group.lines) - len(empty)
        without = f", {len(empty)} without a value" if empty else ""
        cells[(f"y-g{number}", "text")] = _brief(sight, group)
        cells[(f"y-g{number}-q", "text")] = (f"{bad} not good" if bad else "all good") + without
        cells[(f"y-g{number}-q", "class")] = "sev-warning" if bad else "quiet"
    return cells


def _says_nothing(view: RackView, line: int) -> bool:
    """Return whether the device was asked just now and has no value there: an empty cage has no temperature."""
    return bool(view.quality[line] == Quality.MISSING and view.ages[line] <= STALE_AFTER * view.columns.period[line])


def draw_choices(choices: Sequence[Choice], chosen: str, windows: Sequence[str], window: str) -> str:
    """Return the buttons that say what the chart shows, and over which time."""
    what = "".join(_button("series", choice.id, choice.title, choice.id == chosen) for choice in choices)
    over = "".join(_button("window", name, name, name == window) for name in windows)
    return (
        f'<div class="choices"><div>{what}</div><div class="windows" role="group" aria-label="time">{over}</div></div>'
    )


def _button(kind: str, value: str, text: str, pressed: bool) -> str:
    state = "true" if pressed else "false"
    return f'<button type="button" data-{kind}="{esc(value)}" aria-pressed="{state}">{esc(text)}</button>'


def _neighbours(layout: Layout, tray: TrayView) -> tuple[str | None, str | None]:
    places = [t.place for t in sorted(layout.trays, key=lambda t: t.unit)]
    at = places.index(tray.place)
    return (places[at + 1] if at + 1 < len(places) else None), (places[at - 1] if at else None)


def _units(sight: TraySight) -> list[UnitRow]:
    return [row for e in sight.tray.endpoints for row in unit_rows(e, sight.view, sight.axes)]


def _leak_lines(sight: TraySight) -> list[int]:
    if sight.view is None:
        return []
    lines = sight.view.columns.by_tray.get(slot_of(sight.tray.place), ())
    return [int(n) for n in lines if sight.view.columns.series[n].quantity is Quantity.LEAK]


def _draw_leaks(sight: TraySight) -> str:
    if sight.view is None or not (lines := _leak_lines(sight)):
        return '<p class="quiet">This tray has none.</p>'
    rows = "".join(
        f'<tr id="k{n}"><td>{esc(slot_of(series.place))}</td><td>{esc(series.label)}</td><td id="k{n}-s"></td>'
        f'<td class="n" id="k{n}-a"></td></tr>'
        for n in lines
        for series in (sight.view.columns.series[n],)
    )
    head = '<tr><th>Detector</th><th>Device\'s name</th><th>State</th><th class="n">Age</th></tr>'
    return f'<table class="lines"><thead>{head}</thead><tbody>{rows}</tbody></table>'


def _leak_cells(sight: TraySight, line: int) -> Cells:
    assert sight.view is not None
    word = sight.view.word(line)
    state = name_of(Quantity.LEAK, sight.view.value(line)) if word == "good" else "unknown"
    why = f", {word}" if word != "good" else ""
    return {
        (f"k{line}", "class"): f"leak-{state}",
        (f"k{line}-s", "text"): f"{_LEAK_GLYPHS[state]} {state}{why}",
        (f"k{line}-a", "text"): roughly(sight.view.age(line)),
    }


def _nvlink_cells(sight: TraySight) -> Cells:
    """Return what is wrong with the domain at this very tray, or how it is as a whole."""
    if sight.domain is None:
        return {}
    here = [text for _, text in findings_at([sight.domain], sight.tray.place)]
    if here:
        more = f"; and {len(here) - MOST_FINDINGS} more, see its domain" if len(here) > MOST_FINDINGS else ""
        told = f"▲ {'; '.join(here[:MOST_FINDINGS])}{more}"
        return {("y-nvlink", "text"): told, ("y-nvlink", "class"): "words sev-warning"}
    verdict, where = sight.domain.health.verdict, ""
    if verdict is Verdict.DEGRADED:
        where = ", but nothing of it is known to be wrong at this tray"
    text = f"{verdict_pill(verdict)[0]}: domain {sight.domain.id}{where}"
    return {("y-nvlink", "text"): text, ("y-nvlink", "class"): "words quiet"}


def _word_cells(sight: TraySight) -> Cells:
    view = sight.view
    raised, total, unknown = words_now(view.columns, view, slot_of(sight.tray.place)) if view else ([], 0, 0)
    if not total:
        return {("y-words", "text"): "This tray has none.", ("y-words", "class"): "words quiet"}
    told = "; ".join(f"{slot_of(place)}: {name}" for place, name in raised)
    silent = f"{plural(unknown, 'word')} of {total} unknown" if unknown else ""
    if told:
        text = f"▲ {told}" + (f" · {silent}" if silent else "")
        return {("y-words", "text"): text, ("y-words", "class"): "words sev-warning"}
    text = f"? {silent}, the others raise nothing" if silent else f"● none of {total} alarm words raises anything"
    return {("y-words", "text"): text, ("y-words", "class"): "words quiet" if silent else "words"}


def _brief(sight: TraySight, group: Group) -> str:
    """Return a part's power and temperature, as far as it has them."""
    if sight.view is None or not group.part:
        return ""
    place = f"{sight.tray.place}/{group.name}" if group.name else sight.tray.place
    told = []
    for quantity, unit in ((Quantity.POWER, "W"), (Quantity.TEMPERATURE, "°C"), (Quantity.LEVEL, "%")):
        if sight.view.number(place, quantity)[1] != "absent":
            value, inside = gpu_value(sight.view, place, quantity)
            told.append(value_text(value, unit) + (" by its driver" if inside else ""))
    return " · ".join(told)
