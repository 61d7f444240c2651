"""The list of events, newest first.  Pure; which events there are is told by the event log."""

import datetime
from collections.abc import Sequence

from datacenter_api.console.wording import esc
from firmware_bridge.vocabulary.place import RACK_PARTS
from rack_controller.model.event import Event, Severity

_GLYPHS = {Severity.OK: "●", Severity.WARNING: "▲", Severity.CRITICAL: "◆"}


def draw_events(events: Sequence[Event], with_rack: bool = False) -> str:
    """Return the events as a table; `with_rack` names the rack too, and the severity by its shape alone."""
    if not events:
        return '<p class="quiet">Nothing has happened yet.</p>'
    rows = "".join(_row(event, with_rack) for event in events)
    severity = '<th aria-label="Severity"></th>' if with_rack else "<th>Severity</th>"
    head = f'<thead><tr><th class="n">UTC</th>{severity}<th>Where</th><th>What</th></tr></thead>'
    return f'<table class="lines">{head}<tbody>{rows}</tbody></table>'


def _row(event: Event, with_rack: bool) -> str:
    where = "/".join(event.place.split("/")[RACK_PARTS - with_rack :]) or "rack"
    when = f"{datetime.datetime.fromtimestamp(event.unix_ns / 1e9, datetime.UTC):%H:%M:%S}"
    word = "" if with_rack else f" {event.severity}"
    return (
        f'<tr><td class="n">{when}</td>'
        f'<td class="sev-{event.severity}" title="{event.severity}">{_GLYPHS[event.severity]}{word}</td>'
        f'<td class="where">{esc(where)}</td><td>{esc(event.message)}</td></tr>'
    )
