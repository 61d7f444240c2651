"""A power limit that can be set: where, between what, and what the device says of it."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Watts


@dataclass(frozen=True, slots=True)
class LimitPoint:
    """One place whose power can be limited, as its device says it; what it does not say is None."""

    place: Place
    least: Watts | None = None
    most: Watts | None = None
    default: Watts | None = None
