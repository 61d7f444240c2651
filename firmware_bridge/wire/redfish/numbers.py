"""Tolerant reading of single values: a number is taken or refused, never guessed."""

import math
import re
from typing import Any

from firmware_bridge.vocabulary.quantities import Quantity, code_of, possible

_MOST_DIGITS = 40
# Enumeration of Resource.State (DSP0268 Resource 1.20); anything else is noted and means nothing.
STATES = frozenset(
    {
        *("Enabled", "Disabled", "StandbyOffline", "StandbySpare", "InTest", "Starting", "Absent"),
        *("UnavailableOffline", "Deferring", "Quiesced", "Updating", "Qualified", "Degraded"),
    }
)
UNREADABLE = frozenset({"Absent", "Disabled", "UnavailableOffline"})
_SPELLED = {state.lower(): state for state in STATES}
# In lower case: a word that a device writes in its own case is the same word.
_HEALTH = {"ok": "ok", "warning": "warning", "critical": "critical"}
_LEAK = {"OK": "dry", "Warning": "warning", "Critical": "critical"}
_WET = {"warning": "Warning", "critical": "Critical"}
# "712 W", "45.0 C", "29Cel": a number and the unit it came with.
_WITH_UNIT = re.compile(r"([+-]?\d[\d.]*(?:[eE][+-]?\d+)?)\s*([^\d\s.+-][^\d\s]*)")

_NO_VALUE = frozenset({"", "n/a", "na", "none", "null", "unknown", "not available", "not specified", "<redacted>", "0"})


def number(value: Any) -> float | int | None:
    """Return a finite number from an int, a float or a numeric string; None for all else (a boolean is no number)."""
    kind = type(value)
    if kind is float:
        return value if value - value == 0.0 else None
    if kind is int:
        return value if -(2**63) <= value < 2**63 else None
    if kind is not str or len(value) > _MOST_DIGITS:
        return None
    try:
        found = float(value.strip())
    except ValueError:
        return None
    # Python reads "1_000", "nan" and "inf" as floats; no device means them.
    return found if math.isfinite(found) and "_" not in value else None


def with_unit(value: Any) -> tuple[float, str] | None:
    """Return (number, unit as it is written) of a text like "712 W", None for everything else.

    What the unit means is for `units` to say; a number in a unit that is not known is worth nothing.
    """
    if type(value) is not str or len(value) > _MOST_DIGITS:
        return None
    match = _WITH_UNIT.fullmatch(value.strip())
    found = number(match[1]) if match else None
    return None if match is None or found is None else (float(found), match[2])


def power_state_code(value: Any) -> float | None:
    """Return 1.0 for on, 0.0 for off, None for everything in between (PoweringOn, Paused) and for all that is unclear.

    Takes Redfish's enumeration and the booleans that some power shelves send.
    """
    if value is True or value == "On":
        return code_of(Quantity.POWER_STATE, "on")
    if value is False or value == "Off":
        return code_of(Quantity.POWER_STATE, "off")
    return None


def running_code(status: Any) -> float | None:
    """Return the power-state code of equipment that has no PowerState of its own, from its `Status.State`.

    On: Enabled.  Off: Disabled and StandbyOffline, which say that it waits to be switched on.  None for everything
    else (Starting, Quiesced, Updating, …).  Whether coolant moves is another question: flow and pumps answer it.
    """
    state = state_name(getattr(status, "State", None))
    if state == "Enabled":
        return code_of(Quantity.POWER_STATE, "on")
    return code_of(Quantity.POWER_STATE, "off") if state in ("Disabled", "StandbyOffline") else None


def health_code(status: Any) -> float | None:
    """Return the code of `Status.Health`, None when it is absent or outside the enumeration."""
    return _coded(Quantity.HEALTH, _HEALTH, getattr(status, "Health", None))


def leak_name(state: Any) -> str:
    """Return a LeakDetector's `DetectorState` in Redfish's words (OK, Warning, Critical), or unknown.

    A leak counts however it is spelled; dry is only who says exactly so.
    """
    if not isinstance(state, str):
        return "unknown"
    return "OK" if state == "OK" else _WET.get(state.lower(), "unknown")


def leak_code(state: Any) -> float | None:
    """Return the code of a `DetectorState`, None when it says nothing we know: an unclear detector is never dry."""
    name = _LEAK.get(leak_name(state))
    return None if name is None else code_of(Quantity.LEAK, name)


def locate_code(active: Any, led: Any = None) -> float | None:
    """Return the locate light's code from `LocationIndicatorActive`, else from the older `IndicatorLED`."""
    if isinstance(active, bool):
        return code_of(Quantity.LOCATE, "on" if active else "off")
    led = active if led is None else led
    if led in ("Lit", "Blinking"):
        return code_of(Quantity.LOCATE, "on")
    return code_of(Quantity.LOCATE, "off") if led == "Off" else None


def unreadable(status: Any) -> bool:
    """Return True when `Status.State` says that the part is not there or not working."""
    return state_name(getattr(status, "State", None)) in UNREADABLE


def state_name(said: Any) -> str:
    """Return a `Status.State` as Redfish spells it, one of a device's own as it is, empty for what is no text."""
    return _SPELLED.get(said.lower(), said) if isinstance(said, str) else ""


def _coded(quantity: Quantity, names: dict[str, str], value: Any) -> float | None:
    name = names.get(value.lower()) if isinstance(value, str) else None
    return None if name is None else code_of(quantity, name)


__all__ = [
    "STATES",
    "UNREADABLE",
    "health_code",
    "leak_code",
    "leak_name",
    "locate_code",
    "number",
    "possible",
    "power_state_code",
    "running_code",
    "state_name",
    "unreadable",
    "with_unit",
]


def usable(text: str) -> str | None:
    """Return an identity text, None for the many spellings of "nothing there"."""
    bare = text.strip()
    return None if bare.lower() in _NO_VALUE or not bare.strip("0-: .") else bare
