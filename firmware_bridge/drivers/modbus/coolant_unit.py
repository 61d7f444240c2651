"""A rack pumping unit on a serial line: loop, pumps, leaks, targets; pressure difference and heat are worked out here.

What may be set is what its register map states a range for, and a unit is stopped, started or cycled by the bits that
its map names as its switch.  Nothing else is ever written: no bit that takes its own regulation away.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from firmware_bridge.drivers.modbus.run_switch import ask, observe, offered, switched
from firmware_bridge.drivers.modbus.source import SerialSource
from firmware_bridge.drivers.modbus.totals import Latest, worst
from firmware_bridge.drivers.modbus.unit import SerialUnit
from firmware_bridge.vocabulary.errors import DeviceError, ResourceMissing
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer, PowerSight
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.set_points import Settable
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.modbus.register_map import Register, RunSwitch

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

    @property
    def settable(self) -> Mapping[Place, Settable]:
        """Return the unit's targets (port SetPointed): each with the range that its register map states."""
        return {
            place: Settable(place, register.least, register.most, quantity=register.quantity)
            for unit in self.units
            for place, register in unit.set_points.items()
            if register.quantity is not None
        }

    async def ask_values(self, values: Mapping[Place, float]) -> Mapping[Place, DeviceError | None]:
        """Write targets, one request each (see the port)."""
        ends: dict[Place, DeviceError | None] = {}
        for place, value in values.items():
            unit, register = self._at(place)
            try:
                await unit.write_value(register, value)
            except DeviceError as err:
                ends[place] = err
            else:
                ends[place] = None
        return ends

    async def read_values(self, places: Collection[Place]) -> Mapping[Place, float | None]:
        """Read targets back (see the port)."""
        found = [(place, *self._at(place)) for place in places]
        return {place: await unit.read_value(register) for place, unit, register in found}

    @property
    def unit_actions(self) -> frozenset[PowerAction]:
        """Return how the unit can be stopped and started (port CoolantSwitch); nothing before it was met."""
        found = switched(self.units)
        return frozenset() if found is None else offered(found[1])

    async def observe_unit(self) -> PowerSight:
        """Return whether the unit runs now (see the port)."""
        return await observe(*self._switched("observe_unit"), self.clock)

    async def switch_unit(self, action: PowerAction) -> PowerAnswer:
        """Ask for one action, once (see the port)."""
        return await ask(*self._switched("switch_unit"), action, self.place)

    def _switched(self, verb: str) -> tuple[SerialUnit, RunSwitch]:
        found = switched(self.units)
        if found is None:
            raise ResourceMissing(self.place, verb, "its register map names no switch, or it was not met")
        return found

    def _at(self, place: Place) -> tuple[SerialUnit, Register]:
        for unit in self.units:
            if (register := unit.set_points.get(place)) is not None:
                return unit, register
        raise ResourceMissing(self.place, "set", f"{place} is nothing that can be set")

    def _difference(self, latest: Latest, high: Quantity, low: Quantity, result: Quantity, now: Seconds) -> Reading:
        first, second = latest.get((self.tray, high)), latest.get((self.tray, low))
        if first is None or second is None or first.value is None or second.value is None:
            return Reading(self.tray, result, None, now, Quality.MISSING)
        value = float(first.value) - float(second.value)
        return Reading(self.tray, result, value, min(first.taken_at, second.taken_at), worst(first, second))
