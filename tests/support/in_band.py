"""A small rack under a budget whose GPU hosts have agents: real agents and grants, handed over without a bus."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from firmware_bridge.emulator.faults import FaultTable
from firmware_bridge.emulator.gpu_hosts import GpuHosts
from firmware_bridge.emulator.layout import RackPlan
from firmware_bridge.vocabulary.place import Place, join_place, leaf_of, tray_of
from firmware_bridge.wire.nvml.grants import HeldGpu
from firmware_bridge.wire.nvml.message import GpuReport, HostEvent, HostReport
from rack_controller.agent.host import HostAgent
from rack_controller.model.power_view import PowerView
from rack_controller.run.clock import SystemClock
from rack_controller.run.ending import end
from support.budgeted import NAME, Budgeted, budgeted
from support.real_rack import RACK, eventually

HOSTS = [join_place(RACK, tray, "host") for tray in ("u11", "u12")]
RIDES = "+1, rides_through: [{loss: shelf, by: battery shelves, share: 2.0, for_s: 60}]"
"""One of two shelves may be lost, and batteries carry as much as is left: long enough for software, not for ever."""


@dataclass
class _Driver:
    """The driver of one emulated host."""

    place: Place
    hosts: GpuHosts
    news: asyncio.Event = field(default_factory=asyncio.Event)
    events_lost: int = 0

    async def sample(self) -> HostReport:
        return HostReport(gpus=[GpuReport(n) for n in range(4)])

    def happened(self) -> list[HostEvent]:
        return []

    async def keep_limits(self, watts: Mapping[int, float]) -> list[HeldGpu]:
        return self.hosts.keep_limits(self.place, watts)

    async def close(self) -> None:
        return None


@dataclass
class InBandRack:
    """`bus_up`: whether anything gets through between controller and agents."""

    budget: Budgeted
    state: Path
    hosts: GpuHosts
    agents: dict[Place, HostAgent] = field(default_factory=dict)
    tasks: "dict[Place, asyncio.Task[None]]" = field(default_factory=dict)
    bus_up: bool = True
    boots: int = 0

    async def say(self, subject: str, body: bytes) -> None:
        """Carry a grant to the agent of its slot."""
        place = join_place(RACK, subject.split(".")[5], "host")
        if self.bus_up and place in self.tasks:
            self.agents[place].hear(body)

    async def hear(self, subject: str, body: bytes) -> bool:
        """Carry an agent's word to the controller."""
        hosts = self.budget.rack.controlled._hosts
        if self.bus_up and hosts is not None:
            hosts._deliver(subject, body)
        return self.bus_up

    def start(self, place: Place) -> None:
        """Start a host's agent, which remembers what the one before it wrote down."""
        slot = leaf_of(tray_of(place))
        self.boots += 1
        said = self.budget.rack.controlled.subjects.agent_telemetry(slot)
        memory = self.state / "agents" / f"{slot}.json"
        driver, clock = _Driver(place, self.hosts), SystemClock()
        agent = self.agents[place] = HostAgent(said, driver, self.hear, clock, f"boot-{self.boots}", memory)
        self.tasks[place] = asyncio.create_task(agent.run())

    async def kill(self, place: Place) -> None:
        """End a host's agent at once."""
        await end([self.tasks.pop(place)])

    def in_band(self) -> list[float]:
        """Return the limits that drivers keep."""
        return [float(w) for w in self.budget.bench.driver_caps[0].ravel()]

    def standing(self) -> list[float]:
        """Return what GPUs fall to."""
        return [float(w) for w in self.budget.station.roads.standing]

    async def view(self) -> PowerView:
        return await self.budget.view()

    async def states(self) -> list[str]:
        return [host.state for host in (await self.view()).in_band]


@asynccontextmanager
async def in_band_rack(state: Path) -> AsyncIterator[InBandRack]:
    """Run until the block ends; by then both agents keep a grant, and GPUs draw what one shelf cannot carry."""
    async with budgeted(state, clock=SystemClock(), rides=RIDES, agents=HOSTS, events=True) as budget:
        plan = RackPlan(place=Place(RACK), generation=NAME)
        hosts = GpuHosts([plan], {NAME: budget.bench}, FaultTable())
        it = InBandRack(budget, state, hosts)
        budget.station.sides[Place(RACK)].in_band.attach(it.say, budget.rack.controlled.subjects)
        try:
            for place in HOSTS:
                it.start(place)
            await eventually(lambda: _kept(it))
            yield it
        finally:
            with contextlib.suppress(KeyError):
                for place in HOSTS:
                    await it.kill(place)


async def _kept(it: InBandRack) -> bool:
    return await it.states() == ["kept"] * 2 and np.isfinite(it.standing()).all()
