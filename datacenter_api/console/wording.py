"""Words, glyphs and numbers as the console shows them, so that no state is told by colour alone.  Pure."""

from collections.abc import Mapping
from html import escape

from datacenter_api.cli.output import number

Cells = dict[tuple[str, str], str]
"""What the page shows: (element id, what of it) → value.  `what` is text, class, label, heat, width or hidden."""

ALARM_GLYPHS: Mapping[str, str] = {"ok": "●", "warning": "▲", "critical": "◆", "unknown": "?"}
STATE_GLYPHS: Mapping[str, str] = {"on": "●", "off": "○", "unknown": "?"}
MANAGEMENT_GLYPHS: Mapping[str, str] = {"reachable": "⇄", "degraded": "⇢", "absent": "✕", "unknown": "?"}
KINDS: Mapping[str, str] = {
    "compute": "Compute",
    "switch": "Switch",
    "power_shelf": "Power shelf",
    "battery_shelf": "Battery",
    "coolant_unit": "Coolant",
}
UNKNOWN = "–"

esc = escape


def kilowatts(watts: float | None) -> str:
    """Return `5.4 kW`."""
    return UNKNOWN if watts is None else f"{number(watts / 1_000, 1)} kW"


def seconds(age: float | None) -> str:
    """Return how old something is, in the unit that fits."""
    if age is None:
        return "never heard"
    if age < 10:
        return f"{age:.1f} s old"
    return f"{age:.0f} s old" if age < 120 else f"{age / 60:.0f} min old"


def marked(glyphs: Mapping[str, str], word: str) -> str:
    """Return shape and word: `○ off`."""
    return f"{glyphs.get(word, '?')} {word}"


def changes(before: Cells, after: Cells) -> list[tuple[str, str, str]]:
    """Return what must be put into a page that shows `before` so that it shows `after`."""
    return [(at[0], at[1], value) for at, value in after.items() if before.get(at) != value]
