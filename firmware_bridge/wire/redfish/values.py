"""One number of a document in our unit, with what was odd about it.  What the unit is comes from `units`; no guess."""

from dataclasses import dataclass
from typing import Any

from firmware_bridge.vocabulary.quantities import SPECS, Quantity, possible
from firmware_bridge.wire.redfish.guard import scrub
from firmware_bridge.wire.redfish.numbers import number, with_unit
from firmware_bridge.wire.redfish.units import Scale, unit_of, unknown_unit


@dataclass(frozen=True, slots=True)
class Value:
    """`number` in the unit of `scale`, None when there is none to be had; `oddity` says what is to be noted."""

    number: float | None
    scale: Scale
    oddity: str = ""


def read_value(raw: Any, scale: Scale) -> Value:
    """Return what `raw` says in the unit of `scale`: a number, a text that holds one, or a text with its own unit.

    A unit in the text counts for more than `scale`, because it stands beside the number; one that belongs to another
    quantity, or that is not known, makes the number worth nothing.  So does a number that the quantity cannot have.
    """
    plain = number(raw)
    if plain is not None:
        found, told = float(scale.apply(plain)), "a number sent as text" if isinstance(raw, str) else ""
    else:
        pair = with_unit(raw)
        if pair is None:
            return Value(None, scale, "" if raw is None else f"not a number: {scrub(raw, 40)!r}")
        own = unit_of(pair[1])
        if own is not None and scale.quantity is Quantity.VALUE:
            scale = unknown_unit(own)
        if own is None or own[0] != scale.unit:
            return Value(None, scale, f"not a number in {scale.unit}: {scrub(raw, 40)!r}")
        found, told = pair[0] * own[1] + own[2], "a number sent as text, with its unit"
    if not possible(scale.quantity, found):
        return Value(None, scale, f"{scrub(raw, 40)} cannot be a {scale.quantity} in {scale.unit}: left out")
    return Value(found, scale, told)


def plain_scale(quantity: Quantity) -> Scale:
    """Return the scale of a property whose name states quantity and unit (`ReadingCelsius`)."""
    return Scale(quantity, SPECS[quantity].unit)
