"""One unit on a serial line: which map it speaks, what is read of it and how often, which registers it refuses."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from firmware_bridge.drivers.modbus.bus import OPENING, TURN_ROUND, Ask, SerialBus, Urgency, is_left_alone
from firmware_bridge.drivers.modbus.life import FIRST_PAUSE, NEVER, Life
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    EndpointUnreachable,
    OutcomeUnknown,
    ReplyMalformed,
)
from firmware_bridge.vocabulary.line import LineSettings
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.modbus.frame import Refusal
from firmware_bridge.wire.modbus.readings import SpanReader, alarm_registers, health_of, place_of
from firmware_bridge.wire.modbus.register_map import Kind, Register, RegisterMap
from firmware_bridge.wire.modbus.spans import Span, halves, plan_spans
from firmware_bridge.wire.modbus.values import bits_set, decode, encode


@dataclass(slots=True)
class SerialUnit:
    """`part` is its component below the tray (empty: the tray); `maps` are tried in order until one is answered."""

    endpoint: Place
    tray: Place
    part: str
    address: int
    maps: tuple[RegisterMap, ...]
    bus: SerialBus
    clock: Clock
    line: LineSettings | None = None  # the site's word against the map's
    life: Life = field(default_factory=Life)
    map: RegisterMap = field(init=False)
    refused: set[str] = field(default_factory=set)
    words: dict[str, int] = field(default_factory=dict)  # alarm words by register name
    place: Place = field(init=False)
    alarms: list[Register] = field(default_factory=list)
    health: float | None = None
    doubted: frozenset[str] = frozenset()  # sources whose sensor the unit calls faulty
    faults: dict[str, DeviceError] = field(default_factory=dict)
    met: bool = False
    owes_static: bool = False  # it could not be asked for its static registers when they were due
    spans: dict[ReadingClass | None, list[Span]] = field(default_factory=dict)
    readers: dict[tuple[int, int], SpanReader] = field(default_factory=dict)
    clock_written_at: Seconds = NEVER

    def __post_init__(self) -> None:
        self.map = self.maps[0]
        self.place = place_of(self.tray, self.part)

    @property
    def settings(self) -> LineSettings:
        """Return speed and parity that the unit is asked at."""
        return self.line or self.map.line

    async def probe(self) -> None:
        """Find out which of its maps the unit answers to; the first that does is kept.  Raises DeviceError."""
        last: DeviceError | None = None
        refusing: RegisterMap | None = None
        for candidate in self.maps:
            if last is not None:  # a late answer to the last map must not count as one to this
                await self.clock.sleep_until(Seconds(self.clock.now() + FIRST_PAUSE))
            self.map = candidate
            try:
                await self.bus.read(self._ask(candidate.probe, 1), Urgency.SLOW)
            except EndpointRefused:
                refusing = refusing or candidate  # somebody is there, but perhaps of another family
            except DeviceError as err:
                if is_left_alone(err):
                    raise
                last = err
            else:
                self._found()
                return
        self.map = refusing or self.maps[0]
        if refusing is not None:
            self._found()
            return
        assert last is not None
        self.life = self.life.failed(self.clock.now(), last.detail)
        raise last

    async def read(self, reading_class: ReadingClass, urgency: Urgency) -> list[Reading]:
        """Read the registers of a class that the fast lane does not read.  What fails stands in `faults`."""
        return await self._read(reading_class, urgency)

    async def read_urgent(self) -> list[Reading]:
        """Read the fast lane's registers, whatever their class.  What fails stands in `faults`."""
        readings = await self._read(None, Urgency.ALARM)
        return [*readings, *self._health()]

    async def _read(self, reading_class: ReadingClass | None, urgency: Urgency) -> list[Reading]:
        """One refused or spoilt span costs itself; after a silence the rest is not waited for."""
        readings: list[Reading] = []
        pending = list(reversed(self._planned(reading_class)))
        while pending:
            span = pending.pop()
            reader, key = self._reader(span), f"{span.at:#06x}+{span.words}"
            try:
                words = await self._words(span, urgency)
            except EndpointRefused as err:
                self.life = self.life.answered()
                if err.status == Refusal.ILLEGAL_ADDRESS:
                    self._narrow(span, pending)
                    continue
                self.faults[key] = err
                readings += reader.unknown(self.clock.now())
            except EndpointUnreachable as err:
                if not is_left_alone(err):
                    self.faults[key] = err
                break
            except DeviceError as err:
                self.faults[key] = err
                readings += reader.unknown(self.clock.now())
            else:
                self.faults.pop(key, None)
                if words != reader.words:
                    self._remember_alarms(span, words)
                readings += reader.read(words, self.clock.now())
        return [self._judged(r) for r in readings] if self.doubted else readings

    @property
    def is_probed_only(self) -> bool:
        """Tell whether the fast lane has nothing of this unit to read: then a probe must show that it is there."""
        return not self._planned(None)

    def retry_refused(self) -> None:
        """Ask again for registers that were refused: a busy device refuses for a while what it has."""
        if self.refused:
            self.refused.clear()
            self.spans.clear()
            self.readers.clear()

    async def identity(self, urgency: Urgency) -> dict[str, str]:
        """Read what the unit says it is: part_number, serial_number, firmware and so on.  Raises DeviceError."""
        wanted = [r for r in self.map.registers if r.shown_as and r.kind is Kind.TEXT and r.name not in self.refused]
        found: dict[str, str] = {}
        for span in plan_spans(self.map, wanted, self._refused_words()):
            try:
                words = await self._words(span, urgency)
            except EndpointRefused:
                continue
            for register in span.registers:
                text = decode(register, words[register.at - span.at : register.end - span.at])
                if register.shown_as and isinstance(text, str) and text:
                    found[register.shown_as] = text
        return found

    @property
    def set_points(self) -> dict[Place, Register]:
        """Return the registers that may be set, by the place at which each is read back; none before it was met."""
        settable = (r for r in self.map.registers if self.met and r.is_set_point and r.name not in self.refused)
        return {place_of(self.tray, self.part, r.part): r for r in settable}

    async def write_value(self, register: Register, value: float) -> None:
        """Write one number, in its quantity's unit.  Raises DeviceError."""
        words = tuple(encode(register, value))
        await self.bus.write(self._ask(register.at, register.words, words), Urgency.POWER)

    async def read_value(self, register: Register) -> float | None:
        """Read one number; None for what is no number.  Raises DeviceError."""
        words = await self.bus.read(self._ask(register.at, register.words), Urgency.POWER)
        value = decode(register, words)
        return float(value) if isinstance(value, int | float) else None

    async def read_numbers(self, registers: Sequence[Register]) -> dict[str, float]:
        """Read registers now, flags as their word; what is no number is left out.  Raises DeviceError."""
        found: dict[str, float] = {}
        for span in plan_spans(self.map, sorted(registers, key=lambda r: r.at), frozenset()):
            words = await self.bus.read(self._ask(span.at, span.words), Urgency.ALARM)
            for register in span.registers:
                value = decode(register, words[register.at - span.at : register.end - span.at])
                if isinstance(value, int | float):
                    found[register.name] = float(value)
        return found

    async def write_word(self, register: Register, word: int) -> None:
        """Write a register of one word once, as it is: an effect.

        Raises EndpointUnreachable (nothing was sent), EndpointRefused, or OutcomeUnknown: no answer tells.
        """
        try:
            await self.bus.write(self._ask(register.at, 1, (word,)), Urgency.ALARM)
        except EndpointUnreachable as err:
            if is_left_alone(err) or err.verb == OPENING:
                raise
            raise OutcomeUnknown(self.endpoint, err.verb, err.detail) from err
        except ReplyMalformed as err:
            raise OutcomeUnknown(self.endpoint, err.verb, err.detail) from err

    async def write_clock(self) -> None:
        """Write the Unix time where the map wants it, when it is due.  Raises DeviceError."""
        clock, now = self.map.clock, self.clock.now()
        if clock is None or now - self.clock_written_at < clock.every:
            return
        stamp = Register(clock.at, clock.words, "clock")
        values = tuple(encode(stamp, self.clock.unix_ns() // 1_000_000_000))
        await self.bus.write(self._ask(clock.at, clock.words, values), Urgency.BACKGROUND)
        self.clock_written_at = now

    def _found(self) -> None:
        was_met, self.met = self.met, True
        self.alarms = alarm_registers(self.map)
        if was_met and self.life.is_dormant and not self.is_probed_only:
            self.life = self.life.on_trial()
        else:
            self.life = self.life.answered()
        self.refused.clear()
        self.words.clear()
        self.health = None
        self.doubted = frozenset()
        self.faults.clear()
        self.spans.clear()
        self.readers.clear()
        self.clock_written_at = NEVER  # perhaps another device now

    def _planned(self, reading_class: ReadingClass | None) -> list[Span]:
        """Return the spans of a class without its urgent registers, of the urgent ones for None."""
        if reading_class not in self.spans:
            wanted = [
                r
                for r in self.map.registers
                if r.reading_class is not None
                and r.name not in self.refused
                and (r.urgent if reading_class is None else r.reading_class is reading_class and not r.urgent)
            ]
            self.spans[reading_class] = plan_spans(self.map, wanted, self._refused_words())
        return self.spans[reading_class]

    def _reader(self, span: Span) -> SpanReader:
        reader = self.readers.get((span.at, span.words))
        if reader is None:
            reader = SpanReader(self.tray, self.part, span, f"unit {self.address:#04x}")
            self.readers[span.at, span.words] = reader
        return reader

    def _refused_words(self) -> frozenset[int]:
        registers = (self.map.by_name[name] for name in self.refused)
        return frozenset(w for r in registers for w in range(r.at, r.end))

    async def _words(self, span: Span, urgency: Urgency) -> list[int]:
        try:
            words = await self.bus.read(self._ask(span.at, span.words), urgency)
        except EndpointRefused:
            raise
        except DeviceError as err:
            if not is_left_alone(err):
                self.life = self.life.failed(self.clock.now(), err.detail)
            raise
        self.life = self.life.answered()
        return words

    def _narrow(self, span: Span, pending: list[Span]) -> None:
        """Find the register that the unit refuses by halving the span; what is left alone and refused is given up."""
        parts = halves(span)
        if len(parts) == 1:
            self.refused.add(span.registers[0].name)
            self.spans.clear()
        else:
            pending += reversed(parts)

    def _remember_alarms(self, span: Span, words: Sequence[int]) -> None:
        for register in self.alarms:
            if span.at <= register.at and register.end <= span.at + span.words:
                value = decode(register, words[register.at - span.at : register.end - span.at])
                self.words[register.name] = value if isinstance(value, int) else 0
        self.health = health_of(self.alarms, self.words)
        lit = [bit for r in self.alarms if r.name in self.words for bit in bits_set(r, self.words[r.name])]
        named = (self.map.by_name.get(bit.doubts) for bit in lit if bit.doubts)
        self.doubted = frozenset(f"unit {self.address:#04x}/{r.at:#06x}" for r in named if r is not None)

    def _judged(self, reading: Reading) -> Reading:
        """Flag what comes from a sensor that the unit itself calls faulty."""
        if reading.source in self.doubted and reading.quality is Quality.GOOD:
            return replace(reading, quality=Quality.FLAGGED)
        return reading

    def _health(self) -> list[Reading]:
        if self.health is None:
            return []
        return [Reading(self.place, Quantity.HEALTH, self.health, self.clock.now(), source=f"unit {self.address:#04x}")]

    def _ask(self, at: int, words: int, values: tuple[int, ...] = ()) -> Ask:
        return Ask(self.endpoint, self.address, at, words, self.settings, values, TURN_ROUND)
