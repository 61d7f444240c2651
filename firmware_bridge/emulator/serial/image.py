"""What a kind of unit holds, shared by all units of that kind; where each value comes from.  Knows no line."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.live import Writer
from firmware_bridge.vocabulary.line import LineSettings
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.wire.modbus.register_map import Register, RegisterMap
from firmware_bridge.wire.modbus.values import Value, encode


@dataclass(frozen=True, slots=True)
class Seat:
    """Where one unit sits: `rack` is its row in the bench's arrays, `tray` the slot's index, `at` its number there."""

    bench: Bench
    rack: int
    tray: int
    at: int
    address: int
    place: Place


Source = Callable[[Seat], Value]


@dataclass(frozen=True, slots=True)
class Act:
    """Writing a register with any bit of `mask` set does something, and those bits read back as 0.

    A `level` is told of every write, set or not, and its bits are kept.  Without a mask every write does it, with the
    number that was written, and that is kept.
    """

    mask: int
    writer: Writer
    level: bool = False


@dataclass(frozen=True)
class UnitImage:
    """One kind of unit: its map, what each register (by first word) holds, and what writes do beyond being kept.

    `fixed` are values that never change, `sources` all others; a register with neither reads as zeros, an empty text.
    """

    register_map: RegisterMap
    sources: dict[int, Source]
    fixed: dict[int, Value] = field(default_factory=dict)
    acts: dict[int, tuple[Act, ...]] = field(default_factory=dict)

    @property
    def line(self) -> LineSettings:
        """Return speed and parity at which this kind of unit listens."""
        return self.register_map.line

    @cached_property
    def resting(self) -> dict[int, list[int]]:
        """Return the words of every register whose value never changes by itself, by first word."""
        still = (r for r in self.register_map.registers if r.at not in self.sources)
        return {r.at: encode(r, self.fixed[r.at]) if r.at in self.fixed else [0] * r.words for r in still}

    @cached_property
    def by_word(self) -> dict[int, Register]:
        """Return the register that covers each word."""
        return {word: r for r in self.register_map.registers for word in range(r.at, r.end)}

    @cached_property
    def clock_words(self) -> frozenset[int]:
        """Return the words of the clock."""
        clock = self.register_map.clock
        return frozenset() if clock is None else frozenset(range(clock.at, clock.at + clock.words))

    @cached_property
    def writable(self) -> frozenset[int]:
        """Return every word that a write may change."""
        kept = {word for r in self.register_map.registers if r.writable for word in range(r.at, r.end)}
        return frozenset(kept) | self.clock_words
