"""What a chosen tray is, beside the elevation: endpoints on both axes, its own readings and those of its parts.  Pure.

Everything else that a tray says stands on its own page.
"""

from datacenter_api.cli.output import age
from datacenter_api.console.groups import group_lines
from datacenter_api.console.readings import draw_rows, row_cells
from datacenter_api.console.wording import (
    MANAGEMENT_GLYPHS,
    PRESENCE_GLYPHS,
    STATE_GLYPHS,
    UNKNOWN,
    Cells,
    esc,
    marked,
    slot_of,
    tray_href,
)
from datacenter_api.fleet.columns import Columns
from datacenter_api.fleet.trays import Axes
from datacenter_api.fleet.view import RackView
from rack_controller.model.failing import FailingResource
from rack_controller.model.layout import Layout, TrayView

MOST_LINES = 40
_AXIS_OF = {"absent": "absent", "partial": "degraded", "frozen": "degraded"}
NOTHING_CHOSEN = '<p class="quiet">Choose a tray to see its endpoints and readings.</p>'


def find_tray(layout: Layout, slot: str) -> TrayView | None:
    """Return the tray in a slot."""
    return next((t for t in layout.trays if slot_of(t.place) == slot), None)


def draw_panel(tray: TrayView, view: RackView | None) -> str:
    """Return the panel's skeleton; `panel_cells` fills it.  Ids carry the slot: no other tray's values land here."""
    slot = slot_of(tray.place)
    rows, left = "", 0
    if view is not None:
        lines, left = _lines(tray, view.columns)
        table = draw_rows(_at(tray), tray, view.columns, lines, charts=False)
        rows = f'<div class="scroll" tabindex="0" aria-label="readings">{table}</div>'
    more = f"{left} more readings, " if left else ""
    return (
        f'<h3><a href="{tray_href(tray.place)}">{esc(slot)} · {esc(tray.title)}</a></h3>{draw_endpoints(tray)}{rows}'
        f'<p class="more"><a href="{tray_href(tray.place)}">{more}history, parts and events of {esc(slot)} →</a></p>'
    )


def panel_cells(tray: TrayView, view: RackView | None, axes: dict[str, Axes]) -> Cells:
    """Return every value of the panel."""
    cells = endpoint_cells(tray, axes)
    if view is not None:
        cells |= row_cells(_at(tray), view, _lines(tray, view.columns)[0])
    return cells


def draw_endpoints(tray: TrayView) -> str:
    """Return the table of a tray's endpoints; what is wrong with one has a line of its own, for it may be long."""
    slot = esc(slot_of(tray.place))
    nested = any(e.subtree for e in tray.endpoints)
    behind_cell = '<td id="e-{slot}-{n}-subtree"></td>' if nested else ""
    rows = "".join(
        f'<tr><td title="{esc(e.address)}">{esc(slot_of(e.place))} <span class="quiet">{esc(e.protocol)}</span></td>'
        f'<td id="e-{slot}-{n}-state"></td><td id="e-{slot}-{n}-management"></td>'
        f"{behind_cell.format(slot=slot, n=n)}"
        f'<td class="n" id="e-{slot}-{n}-read"></td><td id="e-{slot}-{n}-events"></td></tr>'
        f'<tr class="why"><td colspan="{6 if nested else 5}" id="e-{slot}-{n}-error"></td></tr>'
        for n, e in enumerate(tray.endpoints)
    )
    behind = "<th>Behind it</th>" if nested else ""
    head = f'<th>Endpoint</th><th>State</th><th>Management</th>{behind}<th class="n">Read</th><th>Events</th>'
    table = f'<table class="lines endpoints"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<div class="sideways">{table}</div>'


def endpoint_cells(tray: TrayView, axes: dict[str, Axes]) -> Cells:
    """Return what stands in the table of endpoints."""
    cells: Cells = {}
    for n, endpoint in enumerate(tray.endpoints):
        row, at = f"e-{slot_of(tray.place)}-{n}", axes.get(endpoint.place)
        if at is None:
            cells[(f"{row}-state", "text")], cells[(f"{row}-management", "text")] = UNKNOWN, "not asked"
            continue
        cells[(f"{row}-state", "text")] = marked(STATE_GLYPHS, at.state)
        cells[(f"{row}-management", "text")] = "◆ held" if at.held else marked(MANAGEMENT_GLYPHS, at.management)
        cells[(f"{row}-management", "class")] = f"axis {'absent' if at.held else at.management}"
        if endpoint.subtree:
            cells[(f"{row}-subtree", "text")] = f"{at.subtree} {marked(PRESENCE_GLYPHS, at.subtree_state)}".strip()
            cells[(f"{row}-subtree", "title")] = at.subtree_why
            cells[(f"{row}-subtree", "class")] = f"axis {_AXIS_OF.get(at.subtree_state, '')}".strip()
        cells[(f"{row}-read", "text")] = age(at.last_success_age_s)
        cells[(f"{row}-events", "text")] = at.events or "–"
        cells[(f"{row}-events", "title")] = _proof(at)
        failing = f"{at.faults} resources fail" if at.faults else ""
        cells[(f"{row}-error", "title")] = "; ".join(_failing(one) for one in at.failing)
        why = f"{at.held.reason}; settle it with `rackwright endpoint repin`" if at.held else at.error
        cells[(f"{row}-error", "text")] = "; ".join(
            part for part in (at.maintenance, why, failing, _spared(at)) if part
        )
    return cells


def _failing(one: FailingResource) -> str:
    return f"{one.where} fails for {age(one.since_s)} ({one.times}×): {one.error}"


def _spared(at: Axes) -> str:
    """Return that an endpoint is asked less than planned, is blind to leaks, or refuses good logins, with why."""
    less = at.attention_detail if at.attention == "full" else f"{at.attention}: {at.attention_detail}"
    blind = f"blind to leaks: {at.blind}" if at.blind else ""
    return "; ".join(part for part in (blind, less) if part)


def _proof(at: Axes) -> str:
    """Return when the way of an endpoint's events was last proven, and what is wrong with it."""
    proven = "" if at.events_age_s is None else f"proven {age(at.events_age_s)} ago"
    return "; ".join(part for part in (proven, at.events_detail) if part)


def _at(tray: TrayView) -> str:
    return f"p-{esc(slot_of(tray.place))}-"


def _lines(tray: TrayView, columns: Columns) -> tuple[list[int], int]:
    """Return the lines of the tray and its parts by their plain names, and how many there are beside them."""
    groups = group_lines(tray, columns)
    plain = [
        line
        for group in groups
        if group.part
        for line in group.lines
        if "_" not in columns.series[line].place.removeprefix(tray.place)
    ]
    total = sum(len(group.lines) for group in groups)
    return plain[:MOST_LINES], total - len(plain[:MOST_LINES])
