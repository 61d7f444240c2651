"""One value read from a device, with where, when and how well it was read."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from firmware_bridge.vocabulary.circuit import Circuit
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import SPECS, Quantity, ReadingClass, SeriesKind
from firmware_bridge.vocabulary.units import Seconds


class Quality(IntEnum):
    """How far a value can be trusted; the number travels in the telemetry frame as uint8."""

    GOOD = 0
    MISSING = 1  # never read, or the device answered without a value
    STALE = 2  # older than three periods of its class
    REFUSED = 3  # read, but not a number that this quantity can have (NaN, text, out of range)
    FLAGGED = 4  # read, and the device itself says that it is not valid now


@dataclass(frozen=True, slots=True)
class Series:
    """One line of the series table: a quantity at a place.  `label` is the device's own name for it.

    `bits` names the bits of an alarm word, lowest first; an empty name is a bit that nobody defined, one that begins
    with `~` only informs (a mode, a plugged module).  `circuit`: over which conductors an electrical reading goes, None
    where nobody says.
    """

    place: Place
    quantity: Quantity
    reading_class: ReadingClass
    label: str = ""
    bits: tuple[str, ...] = ()
    circuit: Circuit | None = None

    @property
    def unit(self) -> str:
        """Return the unit of the quantity."""
        return SPECS[self.quantity].unit

    @property
    def kind(self) -> SeriesKind:
        """Return gauge or counter."""
        return SPECS[self.quantity].kind


@dataclass(frozen=True, slots=True)
class Reading:
    """`value` in the quantity's unit (None: unknown); `taken_at` is monotonic; `source` is the URI or register.

    `device_time` is what the device's own clock said where an event brought the value, as it wrote it.
    """

    place: Place
    quantity: Quantity
    value: float | int | None
    taken_at: Seconds
    quality: Quality = Quality.GOOD
    source: str = ""
    device_time: str = ""


def again(readings: Iterable[Reading], now: Seconds) -> list[Reading]:
    """Return the same values, read once more at `now`."""
    return [Reading(r.place, r.quantity, r.value, now, r.quality, r.source) for r in readings]
