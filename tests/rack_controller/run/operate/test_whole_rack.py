"""Whole racks in virtual time: the documented order, never above the usable power, a controller that dies midway."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.fake_power import Death, DyingJournal, FakeTray, Killed
from support.snapshots import RACK, snapshot
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.power import PowerAction, PowerState
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.plan_power import PowerWish, Switch, plan_power
from rack_controller.model.layout import Layout, make_layout
from rack_controller.model.operation import Operation, OperationState, Verb
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.operations import Operations
from rack_controller.run.operate.worker import Worker

Q = Quantity
SWITCHED = (TrayKind.COMPUTE, TrayKind.SWITCH)
DRAWS = (PowerState.ON, PowerState.POWERING_ON, PowerState.POWERING_OFF)


@dataclass
class Hall:
    """A rack's trays, what a snapshot shows of them, and what happened: switched trays in order, the highest sum."""

    name: str
    starts_in: PowerState
    clock: VirtualClock = field(default_factory=VirtualClock)
    trays: dict[Place, FakeTray] = field(default_factory=dict)
    highest_w: float = 0.0
    gpus_joined: bool = True
    every_s: float = 0.1

    def __post_init__(self) -> None:
        self.generation = load_generation(self.name)
        endpoints = [
            SiteEndpoint(join_place(RACK, s.name, e.name), "127.0.0.1", 443, enabled=e.enabled)
            for s in self.generation.slots
            for e in s.tray.endpoints
        ]
        self.layout: Layout = make_layout(SiteRack(RACK, self.name, armed=True), self.generation, tuple(endpoints))
        for slot in self.generation.slots:
            if slot.tray.kind in SWITCHED:
                place = join_place(RACK, slot.name, "bmc")
                self.trays[place] = FakeTray(place, self.clock, self.starts_in)

    def snapshot(self) -> Snapshot:
        values: dict[tuple[str, Quantity], float | None] = {}
        for slot in self.generation.slots:
            kind, name = slot.tray.kind, slot.name
            if kind in SWITCHED:
                on = self.trays[join_place(RACK, name, "bmc")].settle() is not PowerState.OFF
                values[name, Q.POWER_STATE] = float(on)
                values[f"{name}/nvos", Q.HEALTH], values[name, Q.FABRIC_MANAGER] = 0.0, 2.0 if on else 0.0
                for gpu in range(4 if kind is TrayKind.COMPUTE else 0):
                    values[f"{name}/gpu{gpu}", Q.FABRIC_STATE] = 3.0 if on and self.gpus_joined else 0.0
                    values[f"{name}/gpu{gpu}", Q.NVLINKS_UP] = 18.0
                    values[f"{name}/gpu{gpu}", Q.TEMPERATURE] = 45.0 if on else None
            elif kind is TrayKind.POWER_SHELF:
                values[name, Q.VOLTAGE], values[name, Q.POWER] = 50.0, 9_000.0
            elif kind is TrayKind.COOLANT_UNIT:
                values[name, Q.FLOW], values[name, Q.TEMPERATURE_SUPPLY] = self.generation.coolant.flow_rated, 30.0
        return snapshot(values, tick=int(self.clock.now()) + 1)

    def sight(self) -> tuple[Snapshot, dict[Place, str]]:
        switches = [t for t in self.layout.trays if t.kind == TrayKind.SWITCH]
        return self.snapshot(), {join_place(Place(t.place), "nvos"): "25.02" for t in switches}

    def drawn_w(self) -> float:
        rated = {t.place: t.power_max_w or 0.0 for t in self.layout.trays}
        going = (t for t in self.trays.values() if t.settle() in DRAWS)
        rush = {TrayKind.COMPUTE: 0.1, TrayKind.SWITCH: 0.2}
        kinds = {t.place: t.kind for t in self.layout.trays}
        total = 0.0
        for tray in going:
            place = tray.place.rpartition("/")[0]
            rush_w = rated[place] * rush[TrayKind(kinds[place])] if tray.state is PowerState.POWERING_ON else 0.0
            total += rated[place] + rush_w
        return total

    def controller(self, journal: DyingJournal) -> Operations:
        ledger, leases = Ledger(journal, RACK), LeaseBook(self.clock)
        worker = Worker(ledger, leases, self.trays.__getitem__, self.clock)
        return Operations(RACK, ledger, leases, worker, self.sight, self.clock, lambda _finding: None)

    async def carry_out(self, verb: Verb, path: Path, dies_at: int | None = None) -> Operation:
        """Plan the whole rack and carry it out, with one death at a point when given."""
        switches = {Place(p.rpartition("/")[0]): Switch(p) for p in self.trays}
        plan = plan_power(PowerWish(verb, RACK), self.layout, self.generation.sequence, switches, self.snapshot())
        death = Death()
        journal = DyingJournal(path / "journal.db", death)
        operations = self.controller(journal)
        name = operations.put(plan, "ada", "").id
        operations.say(name, "approve", "ada")
        for at in (dies_at, None) if dies_at else (None,):
            death.at, death.points = at, 0
            running = asyncio.create_task(operations.run())
            while not running.done() and operations.find(name).state in (OperationState.RUNNING, OperationState.PAUSED):
                await self.clock.sleep_until(Seconds(self.clock.now() + self.every_s))
                self.highest_w = max(self.highest_w, self.drawn_w())
            if running.done() and isinstance(running.exception(), Killed):
                for task in asyncio.all_tasks() - {asyncio.current_task()}:
                    task.cancel()
                await asyncio.sleep(0)
                journal.close()
                death.at = None
                journal = DyingJournal(path / "journal.db", death)
                operations = self.controller(journal)
                continue
            running.cancel()
            await asyncio.wait([running])
            break
        ended = operations.find(name)
        journal.close()
        return ended


def story(hall: Hall, verb: Verb, path: Path, dies_at: int | None = None) -> Operation:
    ended: list[Operation] = []

    async def whole() -> None:
        ended.append(await hall.carry_out(verb, path, dies_at))

    run_virtually(whole())
    return ended[0]


@pytest.mark.parametrize("name", ["gb200-nvl72", "orv3-hpr-nvl36x2"])
def test_a_rack_comes_on_below_its_usable_power_and_goes_off_again(name: str, tmp_path: Path) -> None:
    hall = Hall(name, PowerState.OFF)
    ended = story(hall, Verb.ON, tmp_path)
    assert ended.state is OperationState.DONE, ended.summary
    assert all(t.acted == [PowerAction.ON] for t in hall.trays.values())
    rated = sum(t.power_max_w or 0.0 for t in hall.layout.trays)
    assert rated <= hall.highest_w <= hall.layout.busbar_power_usable_w
    since = {s.id: ended.progress(s.id).since_unix_ns for s in ended.plan.steps}
    assert max(at for s, at in since.items() if s.startswith("switch")) <= min(
        at for s, at in since.items() if s.startswith("compute")
    )

    dark = Hall(name, PowerState.ON)
    over = story(dark, Verb.OFF, tmp_path / "off")
    assert over.state is OperationState.DONE, over.summary
    assert all(t.acted == [PowerAction.GRACEFUL_OFF] for t in dark.trays.values())
    hot = max(over.progress(s.id).since_unix_ns for s in over.plan.steps)
    assert over.ended_unix_ns - hot >= 120e9  # coolant outlives the heat


@pytest.mark.parametrize("dies_at", [9, 30, 61, 90, 120])
def test_a_controller_that_dies_midway_neither_repeats_nor_skips(dies_at: int, tmp_path: Path) -> None:
    hall = Hall("orv3-hpr-nvl36x2", PowerState.OFF)
    ended = story(hall, Verb.ON, tmp_path, dies_at)
    assert ended.state is OperationState.DONE, ended.summary
    assert all(t.acted == [PowerAction.ON] for t in hall.trays.values())
    assert hall.highest_w <= hall.layout.busbar_power_usable_w


def test_gpus_that_do_not_join_end_the_operation_at_gate_two(tmp_path: Path) -> None:
    hall = Hall("orv3-hpr-nvl36x2", PowerState.OFF, gpus_joined=False, every_s=5.0)
    ended = story(hall, Verb.ON, tmp_path)
    assert ended.state is OperationState.FAILED
    assert "GPUs in the fabric: 0 of 36" in ended.summary
