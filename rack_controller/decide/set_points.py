"""What holds for every set-point: within what its device allows, and whether it reads back as wanted.  Pure."""

import msgspec

from firmware_bridge.vocabulary.errors import ArgumentsInvalid
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from firmware_bridge.vocabulary.set_points import Settable
from rack_controller.model.limit import LimitState, SetPoint

AGREES = {Quantity.POWER_LIMIT: 1.0}
"""How far a value may be from what is wanted and still be it: devices keep whole watts, others tenths."""
_TENTH = 0.1


def agrees(quantity: Quantity, wanted: float, value: float) -> bool:
    """Return whether a device keeps what is wanted, within what it can show."""
    return abs(value - wanted) <= AGREES.get(quantity, _TENTH)


def least_of(wanted: float, granted: float | None) -> float:
    """Return what a device is asked for: the lower of what is wanted and what it is granted."""
    return wanted if granted is None else min(wanted, granted)


def judge_read_back(wanted: SetPoint, value: float | None, granted: float | None = None) -> SetPoint | None:
    """Return the set-point as a value of the device shows it, None when that says nothing new.

    `granted`: what a power budget lets it have; where that is less, that is what the device is to keep.
    """
    if value is None or wanted.state is LimitState.REFUSED:
        return None
    asked = least_of(wanted.value, granted)
    state = LimitState.APPLIED if agrees(wanted.quantity, asked, value) else LimitState.REQUESTED
    return None if (state, value) == (wanted.state, wanted.read_back) else _with(wanted, state, value)


def check_range(point: Settable, value: float) -> None:
    """Raise ArgumentsInvalid for what is outside what the device allows, or not above zero."""
    unit, least, most = SPECS[point.quantity].unit, point.least or 0.0, point.most
    if value < least or (most is not None and value > most) or value <= 0:
        upto = "" if most is None else f" to {most:g}"
        raise ArgumentsInvalid(
            f"{value:g} {unit} at {name_of(point.place)}", advice=f"the device allows {least:g}{upto} {unit}"
        )


def name_of(place: Place) -> str:
    """Return how people name a place within its rack: `u12`, `u12/gpu0`."""
    tray = tray_of(place)
    return leaf_of(tray) if tray == place else f"{leaf_of(tray)}/{leaf_of(place)}"


def _with(wanted: SetPoint, state: LimitState, value: float) -> SetPoint:
    said = "" if state is LimitState.APPLIED else f"it keeps {value:g} {SPECS[wanted.quantity].unit}"
    return msgspec.structs.replace(wanted, state=state, read_back=value, detail=said)
