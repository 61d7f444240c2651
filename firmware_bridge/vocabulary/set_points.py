"""A set-point that a device keeps: where, of what quantity, between what, and what the device says of it."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity


@dataclass(frozen=True, slots=True)
class Settable:
    """One place at which a value can be set, in its quantity's unit.  What nobody says of it is None."""

    place: Place
    least: float | None = None
    most: float | None = None
    default: float | None = None
    quantity: Quantity = Quantity.POWER_LIMIT
