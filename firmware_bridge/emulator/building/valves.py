"""The building's valve and breaker of one rack: asked, they move after a while; faults keep them, or what is said."""

from collections.abc import Callable
from dataclasses import dataclass, field

from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import Fault
from firmware_bridge.vocabulary.generation import Generation, TrayKind
from firmware_bridge.vocabulary.place import Place, join_place

MOVES_AFTER_S = 3.0  # assumption: a motorised valve; a breaker is quicker
ALWAYS: frozenset[FaultKind] = frozenset()


@dataclass(slots=True)
class Actuator:
    """One valve or breaker.  `isolated`: it is closed, or open; `says`: what its limit switch says of that."""

    asked: bool = False
    isolated: bool = False
    says: bool = False
    _at: float | None = None  # when it will have moved

    def ask(self, isolate: bool, now: float) -> None:
        """Take what is wanted; what is under way goes on where that does not change."""
        if isolate != self.asked:
            self.asked, self._at = isolate, now + MOVES_AFTER_S

    def move(self, now: float, faults: frozenset[FaultKind]) -> None:
        """Let time pass: a stuck one stays, a lying one says what was asked and stays."""
        if self._at is None or now < self._at or FaultKind.BUILDING_STUCK in faults:
            return
        self._at = None
        self.says = self.asked
        if FaultKind.BUILDING_LIES not in faults:
            self.isolated = self.asked


@dataclass(slots=True)
class Feeds:
    """The two feeds of one rack and what cutting them does in the plant."""

    rack: Place
    generation: Generation
    liquid: Actuator = field(default_factory=Actuator)
    electrical: Actuator = field(default_factory=Actuator)
    faults: Callable[[], frozenset[FaultKind]] = lambda: ALWAYS

    def move(self, now: float) -> None:
        """Let time pass."""
        for actuator in (self.liquid, self.electrical):
            actuator.move(now, self.faults())

    def in_plant(self) -> tuple[Fault, ...]:
        """Return what the plant feels: without coolant the pumps move nothing, without power nothing runs."""
        struck: list[Fault] = []
        if self.liquid.isolated:
            struck += self._each(FaultKind.PUMP_FAIL, TrayKind.COOLANT_UNIT)
        if self.electrical.isolated:
            struck += self._each(FaultKind.PSU_FAIL, TrayKind.POWER_SHELF)
            struck += self._each(FaultKind.BBU_FAIL, TrayKind.BATTERY_SHELF)
            struck += self._each(FaultKind.TRAY_OFF, TrayKind.COMPUTE, TrayKind.SWITCH)
        return tuple(struck)

    def _each(self, what: FaultKind, *kinds: TrayKind) -> list[Fault]:
        slots = [s for s in self.generation.slots if s.tray.kind in kinds]
        return [Fault(what, str(join_place(self.rack, slot.name))) for slot in slots]
