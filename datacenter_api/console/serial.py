"""What stands around a serial console: its state, who types, and lines found in its log.  Pure."""

import datetime
from collections.abc import Mapping, Sequence

from datacenter_api.console.wording import esc, slot_of
from datacenter_api.consoles.transcript import LogLine
from rack_controller.model.console import ConsoleStatus

_PILLS: Mapping[str, tuple[str, str]] = {
    "connected": ("ok", "● heard"),
    "connecting": ("", "… connecting"),
    "lost": ("warning", "▲ not heard"),
    "held": ("critical", "◆ held"),
}


def draw_status(place: str, status: ConsoleStatus | None, you: bool, note: str) -> str:
    """Return the head: the console's name, whether it is heard, who types, and what was refused last."""
    state = status.state if status is not None else "unknown"
    kind, word = _PILLS.get(state, ("", f"? {state}"))
    writer = status.writer if status is not None else ""
    types = "you type" if you else f"{esc(writer)} types" if writer else "nobody types"
    error = f'<div class="quiet">{esc(status.error)}</div>' if status is not None and status.error else ""
    said = f'<div class="said" role="status">{esc(note)}</div>' if note else ""
    name = f"{slot_of(place.rpartition('/')[0])} · {slot_of(place)}"
    return (
        f'<h3>{esc(name)}</h3><span id="serial-state" class="pill {kind}">{esc(word)}</span>'
        f'<span id="serial-writer" class="pill{" ok" if you else ""}">{types}</span>{error}{said}'
    )


def draw_lines(lines: Sequence[LogLine], error: str = "") -> str:
    """Return found lines, newest last, each with its time (UTC)."""
    if error:
        return f'<p class="said">{esc(error)}</p>'
    if not lines:
        return '<p class="quiet">No such lines.</p>'
    rows = "".join(map(_row, lines))
    return (
        f'<table class="lines"><thead><tr><th class="n">UTC</th><th>Line</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _row(line: LogLine) -> str:
    kind = ' class="mark"' if line.mark else ""
    return f'<tr{kind}><td class="n">{_clock(line.unix_ns)}</td><td>{esc(line.text)}</td></tr>'


def _clock(unix_ns: int) -> str:
    return f"{datetime.datetime.fromtimestamp(unix_ns / 1e9, datetime.UTC):%m-%d %H:%M:%S}"
