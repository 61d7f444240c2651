"""A shelf of power supplies on a serial line: totals are summed over the supplies that its module says are there."""

from collections.abc import Iterable
from dataclasses import dataclass

from firmware_bridge.drivers.modbus.source import SerialSource
from firmware_bridge.drivers.modbus.totals import Latest, any_on, mean, of_units, total
from firmware_bridge.vocabulary.circuit import whole
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Reading, Series
from firmware_bridge.vocabulary.units import Seconds

_Q = Quantity
_SUMMED = (_Q.POWER, _Q.POWER_INPUT, _Q.CURRENT)


@dataclass(slots=True)
class SerialPowerShelf(SerialSource):
    """A PowerShelf over Modbus.  Hints: `module` (the supplies' part, `psu`), `monitor` (who knows which are there)."""

    def total_series(self) -> Iterable[Series]:
        """Return output, input, current, voltage, hottest supply and state of the shelf."""
        for quantity in (*_SUMMED, _Q.VOLTAGE):
            yield Series(self.tray, quantity, ReadingClass.POWER, circuit=whole(quantity))
        yield Series(self.tray, _Q.TEMPERATURE, ReadingClass.SLOW)
        yield Series(self.tray, _Q.POWER_STATE, ReadingClass.SAFETY)

    def totals(self, latest: Latest, now: Seconds) -> Iterable[Reading]:
        """Sum what the present supplies give."""
        places = self._present(latest)
        for quantity in _SUMMED:
            yield total(self.tray, quantity, of_units(latest, places, quantity, now), now, sum)
        yield total(self.tray, _Q.VOLTAGE, of_units(latest, places, _Q.VOLTAGE, now), now, mean)
        yield total(self.tray, _Q.TEMPERATURE, of_units(latest, places, _Q.TEMPERATURE, now), now, max)
        yield any_on(self.tray, of_units(latest, places, _Q.POWER_STATE, now), now)

    def _present(self, latest: Latest) -> list[Place]:
        """Return the modules that count: all, or those that the monitor's bits show as plugged in."""
        name = str(self.hints.get("module", "psu"))
        modules = [u for u in self.units if u.part.rstrip("0123456789") == name]
        monitor = str(self.hints.get("monitor", "pmm"))
        present = latest.get((join_place(self.tray, f"{monitor}_present"), _Q.ALARMS))
        if present is None or present.value is None:
            return [u.place for u in modules]
        bits = int(present.value)
        # A supply that answers is there, whatever the monitor says.
        return [u.place for n, u in enumerate(modules) if bits >> n & 1 or not u.life.is_suspect]
