"""A rack pumping unit on a serial line: loop, pumps and leaks; pressure difference and heat are worked out here."""

from collections.abc import Iterable
from dataclasses import dataclass

from firmware_bridge.drivers.modbus.source import SerialSource
from firmware_bridge.drivers.modbus.totals import Latest, worst
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds

_Q = Quantity
_SECONDS_PER_MINUTE = 60.0


@dataclass(slots=True)
class SerialCoolantUnit(SerialSource):
    """A CoolantUnit over Modbus.  Hint: `heat_capacity_j_per_l_k`; without it the heat carried stays unknown."""

    def total_series(self) -> Iterable[Series]:
        """Return the differences and the heat of the loop."""
        yield Series(self.tray, _Q.PRESSURE_DELTA, ReadingClass.SAFETY, "supply - return")
        yield Series(self.tray, _Q.TEMPERATURE_DELTA, ReadingClass.SAFETY, "return - supply")
        yield Series(self.tray, _Q.HEAT, ReadingClass.SAFETY, "flow x temperature difference x heat capacity")

    def totals(self, latest: Latest, now: Seconds) -> Iterable[Reading]:
        """Work out what no register holds: the unit's own heat register ends at 6.5 kW."""
        pressure = self._difference(latest, _Q.PRESSURE_SUPPLY, _Q.PRESSURE_RETURN, _Q.PRESSURE_DELTA, now)
        rise = self._difference(latest, _Q.TEMPERATURE_RETURN, _Q.TEMPERATURE_SUPPLY, _Q.TEMPERATURE_DELTA, now)
        flow, capacity = latest.get((self.tray, _Q.FLOW)), self.hints.get("heat_capacity_j_per_l_k")
        yield pressure
        yield rise
        if flow is None or flow.value is None or rise.value is None or capacity is None:
            yield Reading(self.tray, _Q.HEAT, None, now, Quality.MISSING)
            return
        heat = float(flow.value) / _SECONDS_PER_MINUTE * float(rise.value) * float(capacity)
        yield Reading(self.tray, _Q.HEAT, heat, min(flow.taken_at, rise.taken_at), worst(flow, rise))

    def _difference(self, latest: Latest, high: Quantity, low: Quantity, result: Quantity, now: Seconds) -> Reading:
        first, second = latest.get((self.tray, high)), latest.get((self.tray, low))
        if first is None or second is None or first.value is None or second.value is None:
            return Reading(self.tray, result, None, now, Quality.MISSING)
        value = float(first.value) - float(second.value)
        return Reading(self.tray, result, value, min(first.taken_at, second.taken_at), worst(first, second))
