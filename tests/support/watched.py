"""A guard over a rack that a test sets by hand: what is heard, what is carried out and what is said."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.errors import EndpointUnreachable
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.interlock import Order
from rack_controller.decide.notice import Finding
from rack_controller.model.bypass import Bypass
from rack_controller.model.interlock import Act
from rack_controller.model.latch import Inspection
from rack_controller.run.guard.carrying import Came
from rack_controller.run.guard.guard import Guard
from rack_controller.run.guard.latches import Latches
from rack_controller.run.guard.sheet import Sheet
from rack_controller.run.guard.trail import Fate
from rack_controller.run.journal import Journal
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.view import RackView
from tests.support.interlocked import RACK, InterlockedRack
from tests.support.virtual_time import VirtualClock

RECORD = Inspection(found="a loose hose clamp", done="clamp replaced", pressure_check="30 min at 3 bar")


@dataclass
class Watched:
    """A guard over a rack that a test sets by hand."""

    journal: Journal
    rack: InterlockedRack = field(default_factory=InterlockedRack)
    armed: bool = True
    said: list[Finding] = field(default_factory=list)
    carried: list[Order] = field(default_factory=list)
    fails: str = ""
    starting: frozenset[Place] = frozenset()
    bypasses: Callable[[], Sequence[Bypass]] = tuple

    def start(self) -> Guard:
        """Return a guard as a controller that starts now has it."""
        self.view = RackView(msgspec.structs.replace(self.rack.layout, armed=self.armed), "boot")
        latches = Latches(Sheet(Ledger(self.journal, RACK)), self.rack.policy, lambda: int(self.rack.now * 1e9))
        carriers = dict.fromkeys((Act.FORCE_OFF, Act.AUX_OFF, Act.GRACEFUL_OFF), self._carry)
        self.latches = latches
        self.guard = Guard(
            *(self.view, self.rack.policy, latches, HandClock(self.rack), self.said.append, carriers),
            starting=lambda: self.starting,
            bypasses=self.bypasses,
        )
        return self.guard

    def tick(self, seconds: float = 0.0) -> None:
        """Let time pass, a snapshot a second."""
        end = self.rack.now + seconds
        while True:
            self.view.snapshot = self.rack.snapshot()
            self.guard.look(self.view.snapshot)
            if self.rack.now >= end:
                return
            self.rack.now = min(end, self.rack.now + 1.0)

    def leak(self, detector: str, code: float) -> None:
        """Let a detector's word arrive by event, between two ticks."""
        self.rack.set(detector, Quantity.LEAK, code)
        self.rack.now += 0.2
        self.guard.hear([Reading(self.rack.place(detector), Quantity.LEAK, code, Seconds(self.rack.now))])

    def kinds(self) -> list[str]:
        return [f.kind for f in self.said]

    async def _carry(self, order: Order) -> Came:
        self.carried.append(order)
        if self.fails:
            raise EndpointUnreachable(order.targets[0], "switch_power", self.fails)
        return Came("accepted", dict.fromkeys(order.targets, (Fate.TAKEN, "")))


class HandClock(VirtualClock):
    def __init__(self, rack: InterlockedRack) -> None:
        self._rack = rack

    def now(self) -> Seconds:
        return Seconds(self._rack.now)


async def carried(watched: Watched) -> list[Order]:
    """Return what was carried out, once everybody had their turn."""
    for _ in range(3):
        await asyncio.sleep(0)
    return watched.carried
