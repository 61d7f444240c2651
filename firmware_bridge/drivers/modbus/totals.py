"""Sums and extremes over a tray's units, unknown when a unit that should count is unknown.  Pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.units import Seconds

Latest = Mapping[tuple[Place, Quantity], Reading]


def total(
    tray: Place, quantity: Quantity, over: Sequence[Reading], now: Seconds, combine: Callable[[Iterable[float]], float]
) -> Reading:
    """Return one reading made of many; as old as the oldest of them, flagged when one of them is."""
    values = [float(r.value) for r in over if r.value is not None and math.isfinite(float(r.value))]
    if not over or len(values) < len(over):
        return Reading(tray, quantity, None, now, Quality.MISSING, "units")
    flagged = any(r.quality is Quality.FLAGGED for r in over)
    quality = Quality.FLAGGED if flagged else Quality.GOOD
    return Reading(tray, quantity, combine(values), min((r.taken_at for r in over), default=now), quality, "units")


def worst(*readings: Reading) -> Quality:
    """Return the quality of what is worked out from several readings: flagged when one of them is."""
    return Quality.FLAGGED if any(r.quality is Quality.FLAGGED for r in readings) else Quality.GOOD


def any_on(tray: Place, over: Sequence[Reading], now: Seconds) -> Reading:
    """Return a tray's power state: on when one unit is, off when all are known to be, else unknown."""
    known = [r for r in over if r.value is not None]
    if any(r.value == 1.0 for r in known):
        lit = [r.taken_at for r in known if r.value == 1.0]
        return Reading(tray, Quantity.POWER_STATE, 1.0, max(lit), source="units")
    return total(tray, Quantity.POWER_STATE, over, now, max)


def mean(values: Iterable[float]) -> float:
    """Return the mean of at least one value."""
    listed = list(values)
    return sum(listed) / len(listed)


def of_units(latest: Latest, places: Iterable[Place], quantity: Quantity, now: Seconds) -> list[Reading]:
    """Return one reading per place, an unknown one where nothing was read yet."""
    return [
        latest.get((place, quantity)) or Reading(place, quantity, None, now, Quality.MISSING, "units")
        for place in places
    ]
