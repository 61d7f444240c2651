"""What stands at which register of a device family, read from our own YAML.  Refuses maps that cannot be true.

A map is data: a device that nobody wrote code for is a new file in `seeds/registers/`.  Its layout of registers is the
device's; names, quantities and classes are ours.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from firmware_bridge.vocabulary.circuit import Circuit
from firmware_bridge.vocabulary.line import LineSettings
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.units import Seconds

MOST_WORDS = 120


class Kind(StrEnum):
    """How the words of a register are to be understood."""

    NUMBER = "number"
    TEXT = "text"
    FLAGS = "flags"
    RAW = "raw"


class Severity(StrEnum):
    """What a set bit means for the health of its part."""

    NONE = "none"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Bit:
    """One bit of a flags register.

    `leak` names the detector (`leak0`) that the bit speaks for; `blinds` the one not to be trusted while it is set;
    `doubts` the register whose sensor the bit calls faulty.
    """

    number: int
    name: str
    severity: Severity = Severity.WARNING
    leak: str | None = None
    blinds: str | None = None
    doubts: str | None = None


@dataclass(frozen=True, slots=True)
class Register:
    """One entry of a map: `words` registers of 16 bits from `at` on.

    A number is `shift + scale * raw / 2**precision`, in the unit of its quantity.  `part` is the component it belongs
    to, below the unit's own (`""`: the unit itself).  `shown_as` names the identity it carries (serial_number, …).
    `air`, of a humidity: the register with the temperature of the same sensor, so that the dew point can be worked out.
    """

    at: int
    words: int
    name: str
    kind: Kind = Kind.NUMBER
    little: bool = False  # all bytes reversed, as ORv2 supplies have it
    precision: int = 0
    signed: bool = False
    scale: float = 1.0
    shift: float = 0.0
    bits: tuple[Bit, ...] = ()
    quantity: Quantity | None = None
    reading_class: ReadingClass | None = None  # None: not polled
    part: str = ""
    urgent: bool = False  # read in the fast lane: alarms and leaks
    on_above: float | None = None  # the unit's power_state is on above this value
    shown_as: str | None = None
    writable: bool = False
    least: float | None = None  # what may be written, in the quantity's unit; both stated: people may set it
    most: float | None = None
    circuit: Circuit | None = None  # over which conductors it goes, where it is electrical
    air: str | None = None

    @property
    def end(self) -> int:
        """Return the first word after the register."""
        return self.at + self.words

    @property
    def is_set_point(self) -> bool:
        """Tell whether its map says between what it may be set."""
        return self.least is not None and self.most is not None


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the device wants the Unix time written, in how many words, and how often."""

    at: int
    words: int
    every: Seconds


@dataclass(frozen=True, slots=True)
class RunSwitch:
    """How a unit of this family is stopped, started and has its power cycled: bits of the flags register `register`.

    `stop` is a level: set it stands, clear it runs.  `cycle` is a moment, 0 where there is none.  `keeps`: bits that a
    write carries over as they were read; all others are moments, and written as 0.  `turns`: the registers of which one
    at least is above 0 while it runs.  `up_time`, `on_for`: in s, over its life and since its last start; their
    difference tells starts apart.  Bits are masks.
    """

    register: Register
    stop: int
    cycle: int
    keeps: int
    turns: tuple[Register, ...]
    up_time: Register | None = None
    on_for: Register | None = None


@dataclass(frozen=True)
class RegisterMap:
    """One family of devices on a serial line."""

    name: str
    title: str
    line: LineSettings
    addresses: tuple[tuple[int, int], ...]  # inclusive ranges
    probe: int
    registers: tuple[Register, ...]
    most_words: int = MOST_WORDS
    clock: Clock | None = None
    switch: RunSwitch | None = None
    source: str = ""
    file: str = field(default="", compare=False)

    @cached_property
    def by_name(self) -> dict[str, Register]:
        """Return the registers by name."""
        return {r.name: r for r in self.registers}

    @cached_property
    def humidities(self) -> tuple[Register, ...]:
        """Return the humidities whose air's temperature is known beside them."""
        return tuple(r for r in self.registers if r.air is not None)

    @cached_property
    def readable(self) -> frozenset[int]:
        """Return every word that some register covers: anything else may answer with an exception."""
        return frozenset(w for r in self.registers for w in range(r.at, r.end))

    def covers(self, address: int) -> bool:
        """Tell whether a unit of this family may have this address."""
        return any(low <= address <= high for low, high in self.addresses)
