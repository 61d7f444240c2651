"""A tray on a serial line as a TelemetrySource: its units read by class, the urgent words in a fast lane of their own.

One silent unit costs only its own readings, and after ten silences only a probe now and then.  What the tray as a whole
says (totals) is summed here from its units, because a shelf's own register ends at 8.19 kW.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.drivers.modbus.along import look_along
from firmware_bridge.drivers.modbus.bus import Urgency
from firmware_bridge.drivers.modbus.life import Life
from firmware_bridge.drivers.modbus.lines import SerialLines
from firmware_bridge.drivers.modbus.report import report_of_units
from firmware_bridge.drivers.modbus.unit import SerialUnit
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable, ResourceMissing
from firmware_bridge.vocabulary.inventory import EndpointReport, Note
from firmware_bridge.vocabulary.line import LineLook
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.modbus.readings import dew_points_of, place_of, readings_of, series_of
from firmware_bridge.wire.modbus.spans import Span

Latest = Mapping[tuple[Place, Quantity], Reading]
_URGENCY = {ReadingClass.SAFETY: Urgency.ALARM, ReadingClass.POWER: Urgency.POWER, ReadingClass.SLOW: Urgency.SLOW}
_FAST = Seconds(0.8)


@dataclass(slots=True)
class SerialSource:
    """One endpoint of a tray.  A port's driver adds `totals`: what the whole tray says, from what its units say."""

    tray: Place
    place: Place
    units: list[SerialUnit]
    lines: SerialLines
    clock: Clock
    may_write: bool = False  # first contact observes only: not even the clock is set before a rack is armed
    hints: Mapping[str, Any] = field(default_factory=dict)
    latest: dict[tuple[Place, Quantity], Reading] = field(default_factory=dict)
    errors: dict[str, DeviceError] = field(default_factory=dict)
    is_pushing: bool = False

    @property
    def endpoint(self) -> Place:
        """Return the endpoint's place."""
        return self.place

    @property
    def faults(self) -> Mapping[str, DeviceError]:
        """Return what went wrong last with each unit, and with each of its spans, that cannot be read now."""
        spans = {f"{_key(u)} {span}": err for u in self.units for span, err in u.faults.items()}
        return {**spans, **self.errors}

    @property
    def fast_period(self) -> Seconds:
        """Return how often the urgent words are read."""
        return Seconds(float(self.hints.get("fast_s", _FAST)))

    def total_series(self) -> Iterable[Series]:
        """Return the series of the tray as a whole."""
        raise NotImplementedError

    def totals(self, latest: Latest, now: Seconds) -> Iterable[Reading]:
        """Return the tray's own readings, made from the latest ones of its units."""
        raise NotImplementedError

    async def discover(self) -> Sequence[Series]:
        """Look for every unit and return all series, those of absent units included: unknown is a value.

        Raises the last unit's error when none of them answers.
        """
        found = 0
        last: DeviceError | None = None
        for unit in self.units:
            try:
                self._check_rivals(unit)
                await unit.probe()
                found += 1
                self.errors.pop(_key(unit), None)
            except DeviceError as err:
                self.errors[_key(unit)] = last = err
        if not found and last is not None:
            raise last
        return [*self._management_series(), *self.total_series(), *self._unit_series()]

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        """Read one class of every unit that is awake.  Raises the last error when no unit gave anything."""
        readings: list[Reading] = []
        if reading_class is ReadingClass.SAFETY and not self.is_pushing:
            readings += await self._round(None)
        readings += await self._round(reading_class)
        if reading_class is ReadingClass.SLOW and (owing := [u for u in self.units if u.owes_static]):
            readings += await self._round(ReadingClass.STATIC, owing)  # when these were due they could not be asked
        now = self.clock.now()
        if reading_class in (ReadingClass.SAFETY, ReadingClass.POWER):
            readings += self.totals(self.latest, now)
        if reading_class is ReadingClass.SAFETY:
            readings += self._managements(now)
            # The fast lane found out, and tells it at the end of its round: nobody may see a value of who is absent.
            readings += [r for u in self.units if u.life.is_dormant for r in self._forgotten(u)]
            if all(u.life.is_failing for u in self.units):
                raise self._last_error()
        if reading_class is ReadingClass.STATIC:
            for unit in self.units:
                unit.retry_refused()
            if self.may_write:
                await self._write_clocks()
        return readings

    async def pushes(self) -> AsyncIterator[Sequence[Reading]]:
        """Yield the urgent words of all units, round after round, for as long as it is iterated."""
        # On a line that is slower than wanted, `read` must not ask for the same words once more.
        self.is_pushing = True
        try:
            while True:
                began = self.clock.now()
                yield await self._round(None)
                await self.clock.sleep_until(Seconds(began + self.fast_period))
        finally:
            self.is_pushing = False

    async def play_leak(self, detector: Place) -> list[Reading]:
        """Read the word that speaks for a detector and return it as if its bit was set (port LeakPlaying)."""
        for unit in self.units:
            for register in unit.map.registers:
                bit = next(
                    (b for b in register.bits if b.leak and place_of(self.tray, unit.part, b.leak) == detector), None
                )
                if bit is not None:
                    now = self.clock.now()
                    word = int((await unit.read_numbers([register])).get(register.name, 0.0)) | 1 << bit.number
                    words = [word >> 16 * n & 0xFFFF for n in reversed(range(register.words))]
                    span = Span(register.at, register.words, (register,))
                    found = readings_of(self.tray, unit.part, span, words, now, f"unit {unit.address:#04x}")
                    return [r for r in found if (r.place, r.quantity) == (detector, Quantity.LEAK)]
        raise ResourceMissing(self.place, "play_leak", f"no register speaks for {detector}")

    async def report(self) -> EndpointReport:
        """Take stock: what each unit says it is, its alarms and whatever is odd.  Raises DeviceError."""
        identities: dict[str, dict[str, str]] = {}
        for unit in self.units:
            if not unit.life.is_dormant:
                try:
                    identities[unit.part] = await unit.identity(Urgency.BACKGROUND)
                except DeviceError as err:
                    self.errors[_key(unit)] = err
        notes = [Note(key, "", str(err.detail)) for key, err in sorted(self.faults.items())]
        return report_of_units(self.place, self.units, identities, self.latest, notes)

    async def look_along(self) -> LineLook:
        """Find out which of its units answer, and who else does on their line.  Raises EndpointUnreachable."""
        return await look_along(self.units, self.lines)

    async def close(self) -> None:
        """Give the line back.  Never raises."""
        for unit in self.units:
            await self.lines.release(unit.bus, unit.address, unit.place)

    async def _round(
        self, reading_class: ReadingClass | None, units: Sequence[SerialUnit] | None = None
    ) -> list[Reading]:
        """Read one class, the fast lane's registers for None, of every unit or of `units`."""
        readings: list[Reading] = []
        for unit in self.units if units is None else units:
            readings += await self._unit_round(unit, reading_class)
            if reading_class is ReadingClass.STATIC:
                unit.owes_static = unit.life.is_suspect
        for reading in readings:
            self.latest[reading.place, reading.quantity] = reading
        return readings + self._dew_points(reading_class)

    def _dew_points(self, reading_class: ReadingClass | None) -> list[Reading]:
        """Return the dew points of the units that are awake, from what was read of them last."""
        awake, now = [u for u in self.units if u.map.humidities and not u.life.is_suspect], self.clock.now()
        return [dew for u in awake for dew in dew_points_of(self.tray, u.part, u.map, self.latest, reading_class, now)]

    async def _unit_round(self, unit: SerialUnit, reading_class: ReadingClass | None) -> list[Reading]:
        was_dormant = unit.life.is_dormant
        if self.clock.now() < unit.life.not_before or (unit.life.is_suspect and reading_class is not None):
            return []  # the fast lane alone goes on asking whoever fails
        try:
            self._check_rivals(unit)
            if was_dormant or (unit.life.is_suspect and unit.is_probed_only):
                await unit.probe()
        except DeviceError as err:
            self.errors[_key(unit)] = err
            return self._forgotten(unit) if unit.life.is_dormant and not was_dormant else []
        if reading_class is None:
            readings = await unit.read_urgent()
        else:
            readings = await unit.read(reading_class, _URGENCY.get(reading_class, Urgency.BACKGROUND))
        if unit.life.is_dormant and not was_dormant:
            self.errors[_key(unit)] = EndpointUnreachable(self.place, "read", unit.life.error)
            unit.faults.clear()
            return self._forgotten(unit)
        if not unit.life.is_suspect:
            self.errors.pop(_key(unit), None)
        return readings

    def _forgotten(self, unit: SerialUnit) -> list[Reading]:
        """A unit that went dormant says nothing any more: its readings are unknown, not the last ones for ever."""
        now, unit.owes_static = self.clock.now(), True
        return [
            Reading(s.place, s.quantity, None, now, Quality.MISSING) for s in series_of(self.tray, unit.part, unit.map)
        ]

    def _check_rivals(self, unit: SerialUnit) -> None:
        rivals = self.lines.rivals(unit.bus, unit.address, unit.place)
        if rivals:
            detail = f"{unit.place} and {', '.join(rivals)} share address {unit.address:#04x} on {unit.bus.tty}"
            unit.life = Life(error=detail)
            raise EndpointUnreachable(self.place, "read", detail, advice="correct the tty or the addresses")

    def _last_error(self) -> DeviceError:
        errors = [*self.faults.values()]
        return errors[-1] if errors else EndpointUnreachable(self.place, "read", "no unit answers")

    async def _write_clocks(self) -> None:
        for unit in self.units:
            if unit.life.is_suspect:
                continue
            try:
                await unit.write_clock()
            except DeviceError as err:
                self.errors[f"{_key(unit)} clock"] = err
            else:
                self.errors.pop(f"{_key(unit)} clock", None)

    def _management_series(self) -> list[Series]:
        # The endpoint's own management is the controller's to say.
        own = (self.place, self.tray)
        return [Series(u.place, Quantity.MANAGEMENT, ReadingClass.SAFETY) for u in self.units if u.place not in own]

    def _unit_series(self) -> list[Series]:
        return [s for u in self.units for s in series_of(self.tray, u.part, u.map)]

    def _managements(self, now: Seconds) -> list[Reading]:
        by_place = {u.place: u for u in self.units}
        return [
            Reading(s.place, s.quantity, by_place[s.place].life.management, now, source=by_place[s.place].life.error)
            for s in self._management_series()
        ]


def _key(unit: SerialUnit) -> str:
    return f"unit {unit.address:#04x}" + (f" ({unit.part})" if unit.part else "")
