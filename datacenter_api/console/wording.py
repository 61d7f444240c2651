"""Words, glyphs and numbers as the console shows them, so that no state is told by colour alone.  Pure."""

from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from rack_controller.decide.domain import Verdict

Cells = dict[tuple[str, str], str]
"""What the page shows: (element id, what of it) → value.  `what` is text, class, label, title, heat, width or html.

`html` is a drawing of ours, never anything that a device said without `esc`.
"""

ALARM_GLYPHS: Mapping[str, str] = {"ok": "●", "warning": "▲", "critical": "◆", "unknown": "?"}
STATE_GLYPHS: Mapping[str, str] = {"on": "●", "off": "○", "unknown": "?"}
MANAGEMENT_GLYPHS: Mapping[str, str] = {"reachable": "⇄", "degraded": "⇢", "absent": "✕", "unknown": "?"}
PRESENCE_GLYPHS: Mapping[str, str] = {"present": "●", "partial": "◐", "absent": "✕", "frozen": "❄", "unknown": "?"}
KINDS: Mapping[str, str] = {
    "compute": "Compute",
    "switch": "Switch",
    "power_shelf": "Power shelf",
    "battery_shelf": "Battery",
    "coolant_unit": "Coolant",
}
_VERDICTS = {Verdict.HEALTHY: ("●", "ok"), Verdict.DEGRADED: ("▲", "warning"), Verdict.UNKNOWN: ("?", "")}
UNKNOWN = "–"
# Up to each of these an age is told as `< n s`: exact enough to judge it, and it does not change every second.
_AGE_STEPS_S = (1, 2, 5, 10, 20, 30, 60)

esc = escape


def seconds(age: float | None) -> str:
    """Return how old something is, in the unit that fits."""
    if age is None:
        return "never heard"
    if age < 10:
        return f"{age:.1f} s old"
    return f"{age:.0f} s old" if age < 120 else f"{age / 60:.0f} min old"


def roughly(age: float | None) -> str:
    """Return an age in few steps: `< 2 s`, `4 min`, `3 h`; `–` when it is not known."""
    if age is None:
        return UNKNOWN
    for step in _AGE_STEPS_S:
        if age < step:
            return f"< {step} s" if step < 60 else "< 1 min"
    return f"{age / 60:.0f} min" if age < 7_200 else f"{age / 3_600:.0f} h"


def marked(glyphs: Mapping[str, str], word: str) -> str:
    """Return shape and word: `○ off`."""
    return f"{glyphs.get(word, '?')} {word}"


def verdict_pill(verdict: Verdict) -> tuple[str, str]:
    """Return how a domain is, by shape and word, and the class of its pill."""
    glyph, colour = _VERDICTS[verdict]
    return f"{glyph} {verdict}", f"pill {colour}".strip()


def kind_of(kind: str) -> str:
    """Return a tray kind in people's words; one that nobody named stands for itself."""
    return KINDS.get(kind, kind.replace("_", " "))


def slot_of(place: str) -> str:
    """Return the last part of a place: `u12`."""
    return place.rpartition("/")[2]


def rack_href(rack: str) -> str:
    """Return the address of a rack's page."""
    return esc(f"/console/rack/{quote(rack)}")


def budget_href(rack: str) -> str:
    """Return the address of the page of a rack's power budget."""
    return esc(f"/console/power/{quote(rack)}")


def interlocks_href(rack: str) -> str:
    """Return the address of the page of a rack's interlocks."""
    return esc(f"/console/interlocks/{quote(rack)}")


def alarms_href(rack: str) -> str:
    """Return the address of the page of a rack's alarms."""
    return esc(f"/console/alarms/{quote(rack)}")


def tray_href(place: str) -> str:
    """Return the address of a tray's page."""
    return esc(f"/console/rack/{quote(place)}")


def serial_href(console: str) -> str:
    """Return the address of a serial console's page."""
    return esc(f"/console/serial/{quote(console)}")


def domain_href(domain: str) -> str:
    """Return the address of a domain's page."""
    return esc(f"/console/domain/{quote(domain)}")


def plural(count: int, noun: str) -> str:
    """Return `1 rack` or `2 racks`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def changes(before: Cells, after: Cells) -> list[tuple[str, str, str]]:
    """Return what must be put into a page that shows `before` so that it shows `after`."""
    return [(at[0], at[1], value) for at, value in after.items() if before.get(at) != value]
