"""A shelf of battery units on a serial line: power is voltage times current of each, summed; charge is their mean."""

from collections.abc import Iterable
from dataclasses import dataclass

from firmware_bridge.drivers.modbus.power_shelf import SerialPowerShelf
from firmware_bridge.drivers.modbus.totals import Latest, any_on, mean, of_units, total, worst
from firmware_bridge.vocabulary.circuit import whole
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds

_Q = Quantity


@dataclass(slots=True)
class SerialBatteryShelf(SerialPowerShelf):
    """A BatteryShelf over Modbus.  Hints as for a power shelf (`module: bbu`).

    Power is positive while a unit delivers: Smart Battery Data 1.1 counts a discharging current as negative.
    """

    def total_series(self) -> Iterable[Series]:
        """Return power, current, voltage, charge, warmth and health of the shelf, and the power of each unit."""
        for quantity in (_Q.POWER, _Q.CURRENT, _Q.VOLTAGE):
            yield Series(self.tray, quantity, ReadingClass.POWER, circuit=whole(quantity))
        yield Series(self.tray, _Q.LEVEL, ReadingClass.SLOW)
        yield Series(self.tray, _Q.TEMPERATURE, ReadingClass.SLOW)
        yield Series(self.tray, _Q.HEALTH, ReadingClass.SAFETY)
        yield Series(self.tray, _Q.POWER_STATE, ReadingClass.SAFETY)
        for unit in self.units:
            if unit.part.startswith(str(self.hints.get("module", "bbu"))):
                yield Series(unit.place, _Q.POWER, ReadingClass.POWER, "voltage x current", circuit=whole(_Q.POWER))

    def totals(self, latest: Latest, now: Seconds) -> Iterable[Reading]:
        """Sum and average what the present units say."""
        places = self._present(latest)
        powers = [_power(latest, place, now) for place in places]
        yield from powers
        yield total(self.tray, _Q.POWER, powers, now, sum)
        yield total(self.tray, _Q.CURRENT, of_units(latest, places, _Q.CURRENT, now), now, sum)
        yield total(self.tray, _Q.VOLTAGE, of_units(latest, places, _Q.VOLTAGE, now), now, mean)
        yield total(self.tray, _Q.LEVEL, of_units(latest, places, _Q.LEVEL, now), now, mean)
        yield total(self.tray, _Q.TEMPERATURE, of_units(latest, places, _Q.TEMPERATURE, now), now, max)
        yield any_on(self.tray, of_units(latest, places, _Q.POWER_STATE, now), now)
        yield total(self.tray, _Q.HEALTH, of_units(latest, places, _Q.HEALTH, now), now, max)


def _power(latest: Latest, place: Place, now: Seconds) -> Reading:
    voltage, current = latest.get((place, _Q.VOLTAGE)), latest.get((place, _Q.CURRENT))
    if voltage is None or current is None or voltage.value is None or current.value is None:
        return Reading(place, _Q.POWER, None, now, Quality.MISSING, "voltage x current")
    taken_at = min(voltage.taken_at, current.taken_at)
    power = -float(voltage.value) * float(current.value)
    return Reading(place, _Q.POWER, power, taken_at, worst(voltage, current), "voltage x current")
