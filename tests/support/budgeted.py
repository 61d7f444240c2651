"""A small rack of real Redfish endpoints under a power budget: two compute trays, two shelves on a feed each.

The plant moves with real time; a lost feed is both shelves' supplies gone, as the emulator's faults have it.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.device import Device, time_text
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.happenings import Happenings
from firmware_bridge.emulator.harness import serve_tree
from firmware_bridge.emulator.template import load_template
from firmware_bridge.generations.load import load_generation
from firmware_bridge.redfish_service.event_hub import SERVICE, EventHub
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from rack_controller.model.power_view import PowerView
from rack_controller.run.budget.station import BudgetStation
from support.real_rack import RACK, RealRack, eventually, real_rack

NAME = "two-feeds"
GENERATION = """\
schema_version: 1
name: two-feeds
extends: gb200-nvl72
title: Two compute trays between two feeds
busbar: {power_max_w: 24000, power_usable_w: 24000}
coolant:
  {supply_nominal_c: 30, flow_rated_lpm: 60.0, heat_capacity_j_per_l_k: 3870, fluid: Water, additive: propylene glycol,
   additive_percent: 25}
supply: {redundancy: n}
tray_types:
  shelf:
    output_max_w: 9600
    components: [{name: psu, count: 6, power_max_w: 1600}]
domains: [{name: nvl0, gpus: 8, racks: 1}]
placements:
  - {tray: cdu, units: [1]}
  - {tray: shelf, units: ["6-7"], feeds: [[a], [b]]}
  - {tray: compute, units: [11, 12], domain: nvl0}
"""
POLICY = """\
kind: power
schema: 1
spec:
  mode: MODE
  after_loss: hold
"""
# GPUs beside GPUs: two trays of 600 W and four CPUs; with all of it they draw 12 kW, which one shelf cannot carry.
GPUS = [join_place(RACK, tray, f"gpu{n}") for tray in ("u11", "u12") for n in range(4)]
MOVES_EVERY = 0.05


@dataclass
class Budgeted:
    rack: RealRack
    bench: Bench
    faults: list[Fault] = field(default_factory=list)
    happenings: Happenings = field(default_factory=Happenings)

    @property
    def station(self) -> BudgetStation:
        assert self.rack.controlled._budget is not None
        return self.rack.controlled._budget.station

    async def view(self) -> PowerView:
        return msgspec.json.decode(await self.rack.ask("power_budget"), type=PowerView)

    def asked(self) -> list[float]:
        """Return the limits that the devices were asked for."""
        return [float(w) for w in self.bench.asked_caps[0].ravel()]

    def drawn(self) -> float:
        """Return what the rack draws of its busbar, W."""
        return float(self.bench.state.psu_output.sum())

    def lose(self, feed_shelf: str) -> None:
        self.faults.append(Fault(FaultKind.PSU_FAIL, where=join_place(RACK, feed_shelf)))

    def regain(self) -> None:
        self.faults.clear()


@asynccontextmanager
async def budgeted(
    state: Path,
    mode: str = "armed",
    clock: Clock | None = None,
    more: str = "",
    demand: float = 1.0,
    rides: str = "",
    agents: Sequence[Place] = (),
    events: bool = False,
) -> AsyncIterator[Budgeted]:
    """Run until the block ends; by then every limit was read back once.  `rides`: what the generation says of hardware
    that carries a loss; `agents`: hosts whose agents are heard; `events`: devices have streams and tell what happens to
    them."""
    own = state / "own"
    (own / NAME).mkdir(parents=True)
    (own / NAME / "rack.yaml").write_text(GENERATION.replace("{redundancy: n}", f"{{redundancy: n{rides}}}"))
    (own / NAME / "sequence.yaml").write_text("extends: gb200-nvl72\n")
    (own / "policies").mkdir()
    (own / "policies" / "power.yaml").write_text(POLICY.replace("MODE", mode) + more)
    design = load_generation(NAME, [own])
    bench = Bench(design, [Place(RACK)], None)
    bench.set_demand(demand)
    async with contextlib.AsyncExitStack() as stack:
        served, happenings = [], Happenings()
        for slot in design.slots:
            spec = next(e for e in slot.tray.endpoints if e.name in ("bmc", "pmc"))
            place = join_place(RACK, slot.name, spec.name)
            template = load_template(str(spec.device), slot.tray)
            device, hub = Device(template, bench, 0, slot, place), None
            if events:
                hub = EventHub(f"{SERVICE}/SSE", lambda: time_text(bench.time))
                happenings.join(bench, 0, slot, hub, template)
            served.append(await stack.enter_async_context(serve_tree(device, place=place, events=hub)))
        rack = await stack.enter_async_context(real_rack(state, served, generation=NAME, clock=clock, agents=agents))
        it = Budgeted(rack, bench, happenings=happenings)
        moving = asyncio.create_task(_move(it))
        try:
            await eventually(lambda: _met(it), within=40.0)
            yield it
        finally:
            moving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await moving


async def _move(it: Budgeted) -> None:
    at = time.monotonic()
    while True:
        await asyncio.sleep(MOVES_EVERY)
        now = time.monotonic()
        it.bench.advance(now - at, tuple(it.faults))
        it.happenings.look(it.bench)
        at = now


async def _met(it: Budgeted) -> bool:
    state = it.station.state
    last = it.station.last
    return state is not None and last is not None and bool(state.met.all()) and bool(last.sight.seen.all())


def trays_of_kind(bench: Bench, kind: TrayKind) -> Sequence[str]:
    return [slot.name for slot in bench.generation.slots_of(kind)]
