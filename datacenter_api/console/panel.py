"""What a chosen tray is made of: its endpoints on both axes and its readings; and the list of events.  Pure."""

import datetime
from collections.abc import Sequence

from datacenter_api.cli.output import age
from datacenter_api.console.wording import MANAGEMENT_GLYPHS, STATE_GLYPHS, UNKNOWN, Cells, esc, marked
from datacenter_api.fleet.columns import component_kind
from datacenter_api.fleet.queries import row_of
from datacenter_api.fleet.trays import Axes
from datacenter_api.fleet.view import RackView
from rack_controller.model.event import Event, Severity
from rack_controller.model.layout import Layout, TrayView

MOST_LINES = 400
NOTHING_CHOSEN = '<p class="quiet">Choose a tray to see its endpoints and readings.</p>'
_SEVERITY_GLYPHS = {Severity.OK: "●", Severity.WARNING: "▲", Severity.CRITICAL: "◆"}


def find_tray(layout: Layout, slot: str) -> TrayView | None:
    """Return the tray in a slot."""
    return next((t for t in layout.trays if t.place.rsplit("/", 1)[1] == slot), None)


def draw_panel(tray: TrayView, view: RackView | None) -> str:
    """Return the panel's skeleton; `panel_cells` fills it."""
    slot = tray.place.rsplit("/", 1)[1]
    endpoints = "".join(
        f'<tr><td>{esc(e.place.rsplit("/", 1)[1])}</td><td id="e{n}-state"></td><td id="e{n}-management"></td>'
        f'<td class="n" id="e{n}-read"></td><td id="e{n}-error"></td></tr>'
        for n, e in enumerate(tray.endpoints)
    )
    rows = ""
    for n, line in enumerate(_lines(tray, view)):
        assert view is not None
        series = view.columns.series[line]
        part = series.place.removeprefix(tray.place).lstrip("/") or "tray"
        rows += (
            f'<tr id="p{n}"><td title="{esc(series.label)}">{esc(part)}</td>'
            f"<td>{esc(series.quantity.replace('_', ' '))}</td>"
            f'<td class="n" id="p{n}-value"></td><td id="p{n}-quality"></td></tr>'
        )
    return (
        f"<h3>{esc(slot)} · {esc(tray.title)}</h3>"
        '<table class="lines"><thead><tr><th>Endpoint</th><th>State</th><th>Management</th><th class="n">Read</th>'
        f"<th>Last error</th></tr></thead><tbody>{endpoints}</tbody></table>"
        '<div class="scroll" tabindex="0" aria-label="readings"><table class="lines"><thead><tr><th>Part</th>'
        '<th>Quantity</th><th class="n">Value</th><th>Quality</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def panel_cells(tray: TrayView, view: RackView | None, axes: dict[str, Axes]) -> Cells:
    """Return every value of the panel."""
    cells: Cells = {}
    for n, endpoint in enumerate(tray.endpoints):
        at = axes.get(endpoint.place)
        if at is None:
            cells[(f"e{n}-state", "text")], cells[(f"e{n}-management", "text")] = UNKNOWN, "not asked"
            continue
        cells[(f"e{n}-state", "text")] = marked(STATE_GLYPHS, at.state)
        cells[(f"e{n}-management", "text")] = marked(MANAGEMENT_GLYPHS, at.management)
        cells[(f"e{n}-read", "text")] = age(at.last_success_age_s)
        failing = f"{at.faults} resources fail" if at.faults else ""
        cells[(f"e{n}-error", "text")] = "; ".join(part for part in (at.error, failing) if part)
    for n, line in enumerate(_lines(tray, view)):
        assert view is not None
        row = row_of(view, line)
        unit = "" if row.unit in ("code", "1") else f" {row.unit}"
        value = row.text if row.text is not None else UNKNOWN if row.value is None else f"{_rounded(row.value)}{unit}"
        cells[(f"p{n}", "class")] = row.quality
        cells[(f"p{n}-value", "text")] = value
        cells[(f"p{n}-quality", "text")] = (
            row.quality if row.quality == "good" else f"{row.quality}, {age(row.age_s)} old"
        )
    return cells


def draw_events(events: Sequence[Event]) -> str:
    """Return the list of events, newest first."""
    if not events:
        return '<p class="quiet">Nothing has happened yet.</p>'
    rows = "".join(
        f'<tr><td class="n">{_clock(e.unix_ns)}</td><td class="sev-{e.severity}">{_SEVERITY_GLYPHS[e.severity]} '
        f"{e.severity}</td><td>{esc('/'.join(e.place.split('/')[4:]) or 'rack')}</td><td>{esc(e.message)}</td></tr>"
        for e in events
    )
    head = '<thead><tr><th class="n">UTC</th><th>Severity</th><th>Where</th><th>What</th></tr></thead>'
    return f'<table class="lines">{head}<tbody>{rows}</tbody></table>'


def _lines(tray: TrayView, view: RackView | None) -> list[int]:
    """Return the tray's lines: the tray itself, then its parts, then every other sensor."""
    lines = None if view is None else view.columns.by_tray.get(tray.place.rsplit("/", 1)[1])
    if view is None or lines is None:
        return []
    parts = {c.name for c in tray.components}
    series = view.columns.series

    def rank(line: int) -> tuple[int, str, str]:
        place = series[line].place
        group = 0 if place == tray.place else 1 if component_kind(place) in parts else 2
        return group, place, series[line].quantity

    return sorted(lines.tolist(), key=rank)[:MOST_LINES]


def _rounded(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _clock(unix_ns: int) -> str:
    return f"{datetime.datetime.fromtimestamp(unix_ns / 1e9, datetime.UTC):%H:%M:%S}"
