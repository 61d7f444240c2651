"""`seeds/registers/*.yaml` as it is written, checked and turned into a RegisterMap.  Pure: text in, map out."""

from typing import Annotated, Any, Literal

import msgspec

from firmware_bridge.vocabulary.circuit import ELECTRICAL_UNITS, Circuit
from firmware_bridge.vocabulary.line import LineSettings, Parity
from firmware_bridge.vocabulary.quantities import SPECS, Quantity, ReadingClass
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.located_yaml import Located, convert, parse
from firmware_bridge.wire.modbus.register_map import (
    MOST_WORDS,
    Bit,
    Clock,
    Kind,
    Register,
    RegisterMap,
    RunSwitch,
    Severity,
)
from firmware_bridge.wire.modbus.values import decode, encode

MOST_ADDRESS = 255  # the standard stops at 247; ORv3 shelves use addresses up to 0xFF
_MOST_NUMBER_WORDS = 4

Baud = Literal[9600, 19200, 38400, 57600, 115200]
Word = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
Words = Annotated[int, msgspec.Meta(ge=1, le=MOST_WORDS)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
Part = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.-]{0,48}$")]


class LineFile(msgspec.Struct, forbid_unknown_fields=True):
    """Speed and parity of a line."""

    baud: Baud = 19200
    parity: Parity = Parity.EVEN
    stop_bits: Literal[1, 2] = 1

    def settings(self) -> LineSettings:
        """Return the vocabulary's value."""
        return LineSettings(self.baud, self.parity, self.stop_bits)

    @classmethod
    def of(cls, line: LineSettings) -> "LineFile":
        """Return the file's form of a line.  Raises msgspec.ValidationError for a speed that no file may state."""
        return msgspec.convert({"baud": line.baud, "parity": line.parity, "stop_bits": line.stop_bits}, cls)


class _BitFile(msgspec.Struct, forbid_unknown_fields=True):
    name: Name
    severity: Severity = Severity.WARNING
    leak: Name | None = None
    blinds: Name | None = None
    doubts: Name | None = None


class _RegisterFile(msgspec.Struct, forbid_unknown_fields=True, rename={"kind": "type", "reading_class": "class"}):
    at: Word
    name: Name
    words: Words = 1
    kind: Kind = Kind.NUMBER
    endian: Literal["big", "little"] = "big"
    precision: Annotated[int, msgspec.Meta(ge=0, le=31)] = 0
    signed: bool = False
    scale: float = 1.0
    shift: float = 0.0
    bits: dict[str, _BitFile | Name] = {}
    quantity: Quantity | None = None
    reading_class: ReadingClass | None = None
    part: Part = ""
    urgent: bool = False
    on_above: float | None = None
    shown_as: Name | None = None
    writable: bool = False
    least: float | None = None
    most: float | None = None
    circuit: Circuit | None = None
    air: Name | None = None


class _ClockFile(msgspec.Struct, forbid_unknown_fields=True):
    at: Word
    words: Literal[2, 4] = 2
    every_s: Annotated[float, msgspec.Meta(ge=60)] = 3600.0


class _SwitchFile(msgspec.Struct, forbid_unknown_fields=True):
    register: Name
    stop: Name
    turns: Annotated[list[Name], msgspec.Meta(min_length=1)]
    cycle: Name | None = None
    keeps: list[Name] = []
    up_time: Name | None = None
    on_for: Name | None = None


class _MapFile(msgspec.Struct, forbid_unknown_fields=True):
    kind: Literal["register_map"]
    schema_version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    name: Name
    title: str
    source: str
    line: LineFile
    addresses: list[str | int]
    probe: Word
    registers: Annotated[list[_RegisterFile], msgspec.Meta(min_length=1, max_length=4096)]
    most_words: Words = MOST_WORDS
    clock: _ClockFile | None = None
    switch: _SwitchFile | None = None
    circuit: Circuit | None = None  # of every electrical register that states none of its own


def read_map(text: str, file: str) -> RegisterMap:
    """Read and check one map.  Raises FileInvalid: file, line, field and what was expected."""
    document = parse(text, file)
    if not isinstance(document.value, dict):
        raise document.complaint("", "expected a mapping with kind: register_map")
    stated = convert(document, "", _MapFile)
    registers = tuple(_register(document, n, r, stated.circuit) for n, r in enumerate(stated.registers))
    _check_overlap(document, registers)
    _check_air(document, registers)
    clock = stated.clock
    result = RegisterMap(
        name=stated.name,
        title=stated.title,
        line=stated.line.settings(),
        addresses=tuple(span_of(document, f"addresses[{n}]", a) for n, a in enumerate(stated.addresses)),
        probe=stated.probe,
        registers=tuple(sorted(registers, key=lambda r: r.at)),
        most_words=stated.most_words,
        clock=None if clock is None else Clock(clock.at, clock.words, Seconds(clock.every_s)),
        switch=None if stated.switch is None else _switch(document, stated.switch, registers),
        source=stated.source,
        file=file,
    )
    if stated.probe not in result.readable:
        raise document.complaint("probe", "expected a word that one of the registers covers")
    if clock is not None and not set(range(clock.at, clock.at + clock.words)) <= result.readable:
        raise document.complaint("clock.at", "expected words that one of the registers covers")
    return result


def span_of(document: Located, path: str, stated: str | int) -> tuple[int, int]:
    """Return an inclusive range of unit addresses from `0x90`, `144` or `0x90-0x95`.  Raises FileInvalid."""
    low, _, high = str(stated).partition("-")
    try:
        first, last = int(low, 0), int(high or low, 0)
    except ValueError:
        raise document.complaint(path, f"expected an address (0x90) or a range (0x90-0x95), got {stated!r}") from None
    if not 1 <= first <= last <= MOST_ADDRESS:
        raise document.complaint(path, f"expected addresses from 1 to {MOST_ADDRESS} in rising order, got {stated!r}")
    return first, last


def _register(document: Located, n: int, r: _RegisterFile, circuit: Circuit | None) -> Register:
    path = f"registers[{n}]"
    electrical = r.quantity is not None and SPECS[r.quantity].unit in ELECTRICAL_UNITS
    if r.circuit is not None and not electrical:
        raise document.complaint(f"{path}.circuit", "expected a circuit beside an electrical quantity only")
    if r.at + r.words > 0x10000:
        raise document.complaint(f"{path}.words", "expected the register to end at 0xFFFF or before")
    if r.kind is Kind.NUMBER and r.words > _MOST_NUMBER_WORDS:
        raise document.complaint(f"{path}.words", f"expected a number of at most {_MOST_NUMBER_WORDS} words")
    if (r.kind is Kind.FLAGS) != bool(r.bits):
        raise document.complaint(f"{path}.bits", "expected bits for type flags, and for no other")
    if r.kind is not Kind.NUMBER and (r.precision or r.signed or r.scale != 1.0 or r.shift or r.on_above is not None):
        raise document.complaint(path, f"expected no precision, sign, scale, shift or on_above with type {r.kind}")
    if r.scale == 0.0:
        raise document.complaint(f"{path}.scale", "expected a scale other than 0")
    if r.kind in (Kind.TEXT, Kind.RAW) and r.quantity is not None:
        raise document.complaint(f"{path}.quantity", f"expected no quantity with type {r.kind}")
    if r.quantity is not None and r.reading_class is None:
        raise document.complaint(f"{path}.quantity", "expected a class beside a quantity: how often it is read")
    _check_range(document, path, r)
    return Register(
        at=r.at,
        words=r.words,
        name=r.name,
        kind=r.kind,
        little=r.endian == "little",
        precision=r.precision,
        signed=r.signed,
        scale=r.scale,
        shift=r.shift,
        bits=tuple(_bit(document, path, r.words, number, said) for number, said in r.bits.items()),
        quantity=r.quantity,
        reading_class=r.reading_class,
        part=r.part,
        urgent=r.urgent,
        on_above=r.on_above,
        shown_as=r.shown_as,
        writable=r.writable,
        least=r.least,
        most=r.most,
        circuit=(r.circuit or circuit) if electrical else None,
        air=r.air,
    )


def _check_range(document: Located, path: str, r: _RegisterFile) -> None:
    """What may be set is a number that can be written and is read back, between two bounds that its words can hold."""
    if r.least is None and r.most is None:
        return
    if r.least is None or r.most is None or not r.least < r.most:
        raise document.complaint(f"{path}.least", "expected least below most, both of them")
    if not r.writable or r.quantity is None or r.kind is not Kind.NUMBER:
        raise document.complaint(f"{path}.least", "expected a writable number with a quantity beside least and most")
    bare = Register(r.at, r.words, r.name, precision=r.precision, signed=r.signed, scale=r.scale, shift=r.shift)
    for bound in (r.least, r.most):
        held = decode(bare, encode(bare, bound))
        if not isinstance(held, int | float) or abs(held - bound) > abs(r.scale):
            raise document.complaint(f"{path}.most", f"expected a bound that its words can hold, {bound:g} is none")


def _bit(document: Located, path: str, words: int, number: str, said: Any) -> Bit:
    if not number.isdigit() or int(number) >= 16 * words:
        raise document.complaint(f"{path}.bits.{number}", f"expected a bit from 0 to {16 * words - 1}")
    if isinstance(said, str):
        return Bit(int(number), said)
    return Bit(int(number), said.name, said.severity, said.leak, said.blinds, said.doubts)


def _switch(document: Located, said: _SwitchFile, registers: tuple[Register, ...]) -> RunSwitch:
    by_name = {r.name: r for r in registers}

    def named(field: str, name: str) -> Register:
        if name not in by_name:
            raise document.complaint(f"switch.{field}", f"expected the name of a register, {name!r} is none")
        return by_name[name]

    def number(field: str, name: str | None) -> Register | None:
        found = None if name is None else named(field, name)
        if found is not None and found.kind is not Kind.NUMBER:
            raise document.complaint(f"switch.{field}", f"expected a number, {found.name} is {found.kind}")
        return found

    word = named("register", said.register)
    if word.kind is not Kind.FLAGS or word.words != 1 or not word.writable:
        raise document.complaint("switch.register", "expected writable flags of one word")
    bits = {b.name: 1 << b.number for b in word.bits}
    for field, name in (("stop", said.stop), ("cycle", said.cycle), *(("keeps", k) for k in said.keeps)):
        if name is not None and name not in bits:
            raise document.complaint(f"switch.{field}", f"expected a bit of {word.name}, {name!r} is none")
    if {said.stop, said.cycle} & set(said.keeps):
        raise document.complaint("switch.keeps", "expected neither the stop bit nor the cycle bit among those kept")
    if (said.up_time is None) is not (said.on_for is None):
        raise document.complaint("switch.up_time", "expected up_time and on_for, both of them or neither")
    turns = tuple(r for name in said.turns if (r := number("turns", name)) is not None)
    cycle, keeps = bits[said.cycle] if said.cycle else 0, sum({bits[k] for k in said.keeps})
    times = number("up_time", said.up_time), number("on_for", said.on_for)
    return RunSwitch(word, bits[said.stop], cycle, keeps, turns, *times)


def _check_air(document: Located, registers: tuple[Register, ...]) -> None:
    """A humidity may name the temperature of the same sensor: both are read, and as often."""
    by_name = {r.name: r for r in registers}
    for n, register in enumerate(registers):
        if register.air is None:
            continue
        path, beside = f"registers[{n}].air", by_name.get(register.air)
        if register.quantity is not Quantity.HUMIDITY:
            raise document.complaint(path, "expected air beside the quantity humidity only")
        if beside is None or beside.quantity is not Quantity.TEMPERATURE:
            raise document.complaint(
                path, f"expected the name of a register of the quantity temperature, {register.air!r} is none"
            )
        if beside.reading_class is not register.reading_class:
            raise document.complaint(path, f"expected {register.air} to be of the same class, {register.reading_class}")


def _check_overlap(document: Located, registers: tuple[Register, ...]) -> None:
    names: dict[str, int] = {}
    words: dict[int, int] = {}
    for n, register in enumerate(registers):
        if register.name in names:
            raise document.complaint(f"registers[{n}].name", f"expected each name once, {register.name!r} is taken")
        names[register.name] = n
        for word in range(register.at, register.end):
            if word in words:
                other = registers[words[word]].name
                raise document.complaint(f"registers[{n}].at", f"expected free words, {word:#06x} belongs to {other}")
            words[word] = n
