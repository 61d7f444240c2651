"""A whole rack of a generation in virtual time: its plant, its trays as devices, and what a snapshot shows of them."""

import asyncio
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import Array, design_of
from firmware_bridge.plant.state import State, initial_state
from firmware_bridge.plant.step import step
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.power import PowerState
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.plan_power import PowerWish, plan_power
from rack_controller.decide.switch import Switch
from rack_controller.model.layout import Layout, make_layout
from rack_controller.model.operation import Operation, OperationState, Verb
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.operations import Operations
from rack_controller.run.operate.worker import Worker
from support.fake_power import Death, DyingJournal, FakeTray, Killed
from support.snapshots import RACK, snapshot
from support.virtual_time import VirtualClock

Q = Quantity
SWITCHED = (TrayKind.COMPUTE, TrayKind.SWITCH)
RUSH = {TrayKind.COMPUTE: 0.1, TrayKind.SWITCH: 0.2}
DRAWS = (PowerState.ON, PowerState.POWERING_ON, PowerState.POWERING_OFF)


@cache
def ran_for(name: str, seconds: int) -> State:
    """Return a rack of a design whose job has run for a while; a step makes a state of its own of it."""
    plant = initial_state(design_of(load_generation(name)), 1)
    for _ in range(seconds):
        plant = step(plant, full_demand(plant), full_demand(plant), 1.0)
    return plant


def full_demand(plant: State) -> Array:
    return np.full(plant.gpu_power.shape, float(plant.design.gpu_max))


@dataclass
class Hall:
    """A rack's trays, what a snapshot shows of them, and what happened: switched trays in order, the highest sum."""

    name: str
    starts_in: PowerState
    clock: VirtualClock = field(default_factory=VirtualClock)
    trays: dict[Place, FakeTray] = field(default_factory=dict)
    highest_w: float = 0.0  # of the plant's load, with what trays draw beyond it while they come on
    instants: int = 0
    over: int = 0  # instants above the usable power
    gpus_joined: bool = True
    every_s: float = 0.1
    rack: Place = RACK

    def __post_init__(self) -> None:
        self.generation = load_generation(self.name)
        endpoints = [
            SiteEndpoint(join_place(self.rack, s.name, e.name), "127.0.0.1", 443, enabled=e.enabled)
            for s in self.generation.slots
            for e in s.tray.endpoints
        ]
        self.layout: Layout = make_layout(SiteRack(self.rack, self.name, armed=True), self.generation, tuple(endpoints))
        for slot in self.generation.slots:
            if slot.tray.kind in SWITCHED:
                place = join_place(self.rack, slot.name, "bmc")
                self.trays[place] = FakeTray(place, self.clock, self.starts_in)
        self.plant = ran_for(self.name, 600 if self.starts_in is PowerState.ON else 0)
        self._full = full_demand(self.plant)
        self._at = 0.0

    def elapse(self) -> None:
        """Let the plant go on to now: every tray that is not off draws what it can, at full demand."""
        now = self.clock.now()
        masks = [[self.draws(s.name) for s in self.generation.slots_of(kind)] for kind in SWITCHED]
        on, trays, switches = self.plant.conditions, np.array([masks[0]]), np.array([masks[1]])
        if not (np.array_equal(on.tray_on, trays) and np.array_equal(on.switch_on, switches)):
            on = replace(on, tray_on=trays, switch_on=switches)
            self.plant = replace(self.plant, conditions=on)
        self.plant = step(self.plant, self._full, self._full, now - self._at)
        self._at = now
        load = float(self.plant.tray_power.sum() + self.plant.switch_power.sum()) + self.rush_w()
        self.instants += 1
        self.highest_w = max(self.highest_w, load)
        self.over += load > self.layout.busbar_power_usable_w

    def draws(self, name: str) -> bool:
        return self.trays[join_place(self.rack, name, "bmc")].settle() in DRAWS

    def snapshot(self) -> Snapshot:
        return snapshot(self.values(), tick=int(self.clock.now()) + 1)

    def values(self) -> dict[tuple[str, Quantity], float | None]:
        """Return what is read of the rack now, by the path below it."""
        values: dict[tuple[str, Quantity], float | None] = {}
        for slot in self.generation.slots:
            kind, name = slot.tray.kind, slot.name
            if kind in SWITCHED:
                on = self.trays[join_place(self.rack, name, "bmc")].settle() is not PowerState.OFF
                values[name, Q.POWER_STATE] = float(on)
                values[f"{name}/nvos", Q.HEALTH], values[name, Q.FABRIC_MANAGER] = 0.0, 2.0 if on else 0.0
                for gpu in range(slot.tray.component("gpu").count if kind is TrayKind.COMPUTE else 0):
                    values[f"{name}/gpu{gpu}", Q.FABRIC_STATE] = 3.0 if on and self.gpus_joined else 0.0
                    values[f"{name}/gpu{gpu}", Q.NVLINKS_UP] = 18.0
                    values[f"{name}/gpu{gpu}", Q.TEMPERATURE] = float(self.plant.gpu_die[0, slot.index, gpu])
            elif kind is TrayKind.POWER_SHELF:
                values[name, Q.VOLTAGE], values[name, Q.POWER] = 50.0, 9_000.0
            elif kind is TrayKind.COOLANT_UNIT:
                values[name, Q.FLOW] = float(self.plant.flow[0])
                values[name, Q.TEMPERATURE_SUPPLY] = float(self.plant.supply[0])
        return values

    def sight(self) -> tuple[Snapshot, dict[Place, str]]:
        return self.snapshot(), self.versions()

    def versions(self) -> dict[Place, str]:
        switches = [t for t in self.layout.trays if t.kind == TrayKind.SWITCH]
        return {join_place(Place(t.place), "nvos"): "25.02" for t in switches}

    def rush_w(self) -> float:
        """What trays draw beyond what they draw when they are on, while they come on."""
        rated = {t.place: t.power_max_w or 0.0 for t in self.layout.trays}
        kinds = {t.place: TrayKind(t.kind) for t in self.layout.trays}
        coming = [t.place.rpartition("/")[0] for t in self.trays.values() if t.settle() is PowerState.POWERING_ON]
        return sum(rated[place] * RUSH[kinds[place]] for place in coming)

    def controller(self, journal: DyingJournal) -> Operations:
        ledger, leases = Ledger(journal, self.rack), LeaseBook(self.clock)
        worker = Worker(ledger, leases, self.trays.__getitem__, self.clock)
        return Operations(self.rack, ledger, leases, worker, self.sight, self.clock, lambda _finding: None)

    async def carry_out(self, verb: Verb, path: Path, dies_at: int | None = None) -> Operation:
        """Plan the whole rack and carry it out, with one death at a point when given."""
        switches = {Place(p.rpartition("/")[0]): Switch(p) for p in self.trays}
        plan = plan_power(PowerWish(verb, self.rack), self.layout, self.generation.sequence, switches, self.snapshot())
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
                self.elapse()
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
