"""A whole rack behind a latch of its own: two leaks switch it off, two persons clear it, and only then it comes on."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.interlocked import RACK, InterlockedRack
from support.timed_rack import Hall
from support.virtual_time import run_virtually

from firmware_bridge.vocabulary.errors import PreconditionFailed
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.power import PowerAction, PowerState
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.plan_power import PowerWish, plan_power
from rack_controller.decide.switch import Switch
from rack_controller.model.latch import Inspection
from rack_controller.model.operation import Operation, OperationState, Plan, Verb
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.guard.guard import Guard
from rack_controller.run.guard.latches import Latches
from rack_controller.run.guard.sheet import Sheet
from rack_controller.run.guard.strike import ACTIONS, Striker
from rack_controller.run.journal import Journal
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.operations import Operations
from rack_controller.run.operate.worker import Worker
from rack_controller.run.view import RackView

RECORD = Inspection(found="a loose manifold", done="tightened", pressure_check="30 min at 3 bar")
WET = ("u31/leak1", "u14/leak0")
PATIENCE_S = 900.0


@dataclass
class Guarded(Hall):
    """A rack in virtual time under guard: interlocks strike its trays, latches keep them off, operations switch them.

    Its wet detectors are `wet`; all that interlocks look at and the plant does not have is well.
    """

    wet: set[str] = field(default_factory=set)

    def begin(self, journal: Journal) -> None:
        self.shown = InterlockedRack(layout=self.layout)
        self.view = RackView(self.layout, "boot")
        ledger, self.leases = Ledger(journal, RACK), LeaseBook(self.clock)
        striker = Striker(Sheet(ledger), self.leases, self._switch_of, self.clock)
        self.latches = Latches(Sheet(ledger), self.shown.policy, self.clock.unix_ns)
        carriers = dict.fromkeys(ACTIONS, striker.carry)
        watching = (carriers, striker.see, self.leases.starting)
        self.guard = Guard(self.view, self.shown.policy, self.latches, self.clock, lambda _said: None, *watching)
        self.leases.latches = self.guard.gate
        worker = Worker(ledger, self.leases, self.trays.__getitem__, self.clock)
        self.operations = Operations(
            *(Place(RACK), ledger, self.leases, worker, self.sight, self.clock, lambda _said: None)
        )

    def snapshot(self) -> Snapshot:
        for (path, quantity), value in self.values().items():
            self.shown.set(path, quantity, value)
        for n, shelf in enumerate(t for t in self.layout.trays if t.kind == "power_shelf"):
            self.shown.set(Place(shelf.place), Quantity.POWER, float(self.plant.psu_output[0, n].sum()))
        for detector in self.wet | set(WET):
            self.shown.set(detector, Quantity.LEAK, 2.0 if detector in self.wet else 0.0)
        self.shown.now = self.clock.now()
        return self.shown.snapshot()

    def sight(self) -> tuple[Snapshot, dict[Place, str]]:
        return self.view.snapshot or self.snapshot(), self.versions()

    async def pass_by(self, seconds: float) -> None:
        """Let time pass: the plant goes on, and the guard looks once a second."""
        for _ in range(round(seconds)):
            await self.clock.sleep_until(Seconds(self.clock.now() + 1.0))
            self.elapse()
            self.view.snapshot = self.snapshot()
            self.guard.look(self.view.snapshot)

    def leak(self) -> None:
        """Let two trays leak at once, by event."""
        self.wet = set(WET)
        now = self.clock.now()
        self.guard.hear([Reading(join_place(RACK, d), Quantity.LEAK, 2.0, now) for d in WET])

    def plan(self) -> Plan:
        """Plan the whole rack on, as a command does: what is kept off is left out.  Raises PreconditionFailed."""
        switches = {Place(p.rpartition("/")[0]): Switch(p) for p in self.trays}
        kept_off = {tray: why for tray in switches if (why := self.leases.keeps_off(tray))}
        wish = PowerWish(Verb.ON, Place(RACK))
        return plan_power(wish, self.layout, self.generation.sequence, switches, self.snapshot(), kept_off)

    async def carry_out_plan(self, plan: Plan) -> Operation:
        name = self.operations.put(plan, "ada", "").id
        self.operations.say(name, "approve", "ada")
        running = asyncio.create_task(self.operations.run())
        until = self.clock.now() + PATIENCE_S
        while not self.operations.find(name).over and not running.done() and self.clock.now() < until:
            await self.pass_by(1.0)
        running.cancel()
        await asyncio.wait([running])
        return self.operations.find(name)

    def _switch_of(self, tray: Place) -> tuple[Place, "object"]:
        endpoint = join_place(tray, "bmc")
        return endpoint, self.trays[endpoint]


@pytest.mark.parametrize("name", ["gb200-nvl72"])
def test_a_rack_that_two_persons_cleared_comes_on_through_both_gates(name: str, tmp_path: Path) -> None:
    hall, journal = Guarded(name, PowerState.ON, every_s=1.0, rack=RACK), Journal(tmp_path / "journal.db")

    async def whole() -> None:
        hall.begin(journal)
        await hall.pass_by(3)
        hall.leak()
        await hall.pass_by(15)
        assert all(tray.settle() is PowerState.OFF for tray in hall.trays.values()), "both leaks are the rack's"
        struck = {t.place: len(t.acted) for t in hall.trays.values()}
        of_rack = next(n for n in hall.latches.open() if n.place == RACK)
        with pytest.raises(PreconditionFailed, match="Several trays leak"):
            hall.plan()

        hall.wet = set()
        await hall.pass_by(3)
        with pytest.raises(PreconditionFailed):
            hall.plan()  # dry is not fixed
        for latch in [n for n in hall.latches.open() if n.place != RACK]:
            assert not hall.guard.clear(latch.id, RECORD, "ada").open
        assert hall.guard.clear(of_rack.id, RECORD, "ada").open
        with pytest.raises(PreconditionFailed, match="Several trays leak"):
            hall.plan()  # one signature is not two
        assert not hall.guard.clear(of_rack.id, RECORD, "ben").open
        await hall.pass_by(1)

        plan = hall.plan()
        assert len({step.tray for step in plan.steps}) == len(hall.trays)
        ended = await hall.carry_out_plan(plan)
        assert (ended.state, ended.summary) == (OperationState.DONE, f"{len(hall.trays)} of {len(hall.trays)}")
        assert all(tray.settle() is PowerState.ON for tray in hall.trays.values())
        assert all(t.acted[struck[t.place] :] == [PowerAction.ON] for t in hall.trays.values()), "once, and not struck"
        assert hall.latches.open() == []
        assert hall.over == 0
        since = {step.id: ended.progress(step.id).since_unix_ns for step in ended.plan.steps}
        hosts, switches = ([at for s, at in since.items() if s.startswith(kind)] for kind in ("compute", "switch"))
        assert max(switches) <= min(hosts), "gate 1 stands before the first host"

    run_virtually(whole())
    journal.close()
