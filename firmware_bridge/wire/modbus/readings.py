"""Words of a unit become Readings under our places; bits become leaks and health.  Pure: decides nothing.

A scaled register at the end of its range is flagged: the truth may lie beyond.
"""

from collections.abc import Iterable, Mapping, Sequence

from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.modbus.register_map import Kind, Register, RegisterMap, Severity
from firmware_bridge.wire.modbus.spans import Span
from firmware_bridge.wire.modbus.values import bits_set, decode
from firmware_bridge.wire.moist_air import WORKED_OUT, dew_point_reading

_LEAKING, _DRY = 2.0, 0.0


def place_of(tray: Place, unit: str, part: str = "") -> Place:
    """Return where a register's reading belongs: the tray, its unit (`psu3`) or a part of that (`psu3_inlet`)."""
    name = "_".join(p for p in (unit, part) if p)
    return join_place(tray, name) if name else tray


def series_of(tray: Place, unit: str, register_map: RegisterMap) -> list[Series]:
    """Return the series that a unit of this map delivers, health, power state and leaks included."""
    found: list[Series] = []
    for register in register_map.registers:
        if register.quantity is None or register.reading_class is None:
            continue
        place = place_of(tray, unit, register.part)
        found.append(
            Series(
                *(place, register.quantity, register.reading_class, register.name, _names(register), register.circuit)
            )
        )
        if register.air is not None:
            found.append(Series(place, Quantity.DEW_POINT, register.reading_class, WORKED_OUT))
        if register.on_above is not None:
            found.append(Series(place, Quantity.POWER_STATE, ReadingClass.SAFETY, register.name))
        found += [
            Series(place_of(tray, unit, bit.leak), Quantity.LEAK, ReadingClass.SAFETY, bit.name)
            for bit in register.bits
            if bit.leak
        ]
    if alarm_registers(register_map):
        found.append(Series(place_of(tray, unit), Quantity.HEALTH, ReadingClass.SAFETY, register_map.title))
    return found


def dew_points_of(
    tray: Place,
    unit: str,
    register_map: RegisterMap,
    latest: Mapping[tuple[Place, Quantity], Reading],
    reading_class: ReadingClass | None,
    now: Seconds,
) -> list[Reading]:
    """Return the dew points of a unit that are due with `reading_class`, from what was read of it last."""
    found = []
    for register in register_map.humidities:
        if register.reading_class is reading_class and register.air is not None:
            place = place_of(tray, unit, register.part)
            beside = place_of(tray, unit, register_map.by_name[register.air].part)
            air, humidity = latest.get((beside, Quantity.TEMPERATURE)), latest.get((place, Quantity.HUMIDITY))
            found.append(dew_point_reading(place, air, humidity, now))
    return found


def alarm_registers(register_map: RegisterMap) -> list[Register]:
    """Return the flags registers whose bits speak of health."""
    return [
        r
        for r in register_map.registers
        if r.quantity is Quantity.ALARMS and any(b.severity is not Severity.NONE for b in r.bits)
    ]


def readings_of(tray: Place, unit: str, span: Span, words: Sequence[int], now: Seconds, source: str) -> list[Reading]:
    """Return what one read of a span says: its registers, and the leaks and power state they imply."""
    return SpanReader(tray, unit, span, source).read(words, now)


class SpanReader:
    """Reads the same span again and again: places are worked out once, and words that did not change not anew."""

    __slots__ = ("_entries", "_readings", "_source", "_tray", "_unit", "words")

    def __init__(self, tray: Place, unit: str, span: Span, source: str) -> None:
        self._tray, self._unit, self._source = tray, unit, source
        self._entries = [
            (r, place_of(tray, unit, r.part), r.at - span.at, r.end - span.at, f"{source}/{r.at:#06x}")
            for r in span.registers
            if r.quantity is not None
        ]
        self.words: Sequence[int] = ()
        self._readings: list[Reading] = []

    def read(self, words: Sequence[int], now: Seconds) -> list[Reading]:
        """Return the readings in `words`, taken at `now`."""
        if words == self.words:
            return [Reading(r.place, r.quantity, r.value, now, r.quality, r.source) for r in self._readings]
        found: list[Reading] = []
        for register, place, first, last, where in self._entries:
            found += self._one(register, place, words[first:last], now, where)
        self.words, self._readings = words, found
        return found

    def unknown(self, now: Seconds) -> list[Reading]:
        """Return every reading of the span as unknown: it was asked for and not given."""
        zeros = [0] * (max((last for _, _, _, last, _ in self._entries), default=0))
        shape = [r for e in self._entries for r in self._one(e[0], e[1], zeros[e[2] : e[3]], now, e[4])]
        return [Reading(r.place, r.quantity, None, now, Quality.MISSING, r.source) for r in shape]

    def _one(self, register: Register, place: Place, own: Sequence[int], now: Seconds, where: str) -> list[Reading]:
        value = decode(register, own)
        if not isinstance(value, int | float) or register.quantity is None:
            return []
        quality = Quality.FLAGGED if is_saturated(register, own) else Quality.GOOD
        found = [Reading(place, register.quantity, value, now, quality, where)]
        if register.kind is Kind.FLAGS:
            found += _leaks(self._tray, self._unit, register, int(value), now, where)
        if register.on_above is not None:
            found.append(Reading(place, Quantity.POWER_STATE, float(value > register.on_above), now, source=where))
        return found


def health_of(registers: Iterable[Register], words: dict[str, int]) -> float | None:
    """Return the health code that alarm words (by register name) add up to, None when none of them is known."""
    known = [(r, words[r.name]) for r in registers if r.name in words]
    if not known:
        return None
    worst = [bit.severity for register, raw in known for bit in bits_set(register, raw)]
    return 2.0 if Severity.CRITICAL in worst else 1.0 if Severity.WARNING in worst else 0.0


def is_saturated(register: Register, words: Sequence[int]) -> bool:
    """Tell whether a scaled number stands at the end of its range: the truth may lie beyond."""
    scaled = bool(register.precision) or register.scale != 1.0
    if register.kind is not Kind.NUMBER or not scaled:
        return False
    if not register.signed:
        return all(w == 0xFFFF for w in words)
    raw = int.from_bytes(b"".join(w.to_bytes(2, "little" if register.little else "big") for w in words), "big")
    most = 1 << (16 * register.words - 1)
    return raw in (most - 1, most)


def _names(register: Register) -> tuple[str, ...]:
    if register.kind is not Kind.FLAGS:
        return ()
    names = {bit.number: f"{'~' if bit.severity is Severity.NONE else ''}{bit.name}" for bit in register.bits}
    return tuple(names.get(n, "") for n in range(max(names) + 1))


def _leaks(tray: Place, unit: str, register: Register, raw: int, now: Seconds, where: str) -> list[Reading]:
    blinded = {bit.blinds for bit in bits_set(register, raw) if bit.blinds}
    found = []
    for bit in register.bits:
        if bit.leak is None:
            continue
        wet = bool(raw >> bit.number & 1)
        # A detector whose own sensor is faulty is not dry; wet is believed all the same.
        blind = bit.leak in blinded and not wet
        value = None if blind else _LEAKING if wet else _DRY
        quality = Quality.FLAGGED if blind else Quality.GOOD
        found.append(Reading(place_of(tray, unit, bit.leak), Quantity.LEAK, value, now, quality, where))
    return found
