"""Events that come twice, late or never: what subscribers get, and what the bridge makes of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from support.patience import PATIENCE

from firmware_bridge.drivers import make_driver
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.emulator.event_strikes import EventStrikes
from firmware_bridge.emulator.faults import Fault, FaultKind, FaultTable
from firmware_bridge.emulator.harness import RunningEmulator, running_emulator
from firmware_bridge.generations.load import load_generation
from firmware_bridge.redfish_service.event_hub import EventHub
from firmware_bridge.vocabulary.place import join_place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Reading
from rack_controller.run.clock import SystemClock

BMC = "s/a/r01/k01/u11/bmc"
DETECTOR = "/redfish/v1/Chassis/C/LeakDetectors/1"


@dataclass
class Told:
    """A hub with one open stream and the faults of its events; `now` is emulated time."""

    faults: list[Fault]
    now: float = 0.0

    def __post_init__(self) -> None:
        self.strikes = EventStrikes(FaultTable(self.faults), lambda: self.now)
        self.hub = EventHub("/sse", lambda: "t", pass_on=partial(self.strikes.pass_on, BMC))
        self.stream = self.hub.open_stream("t", "").stream

    def publish(self, name: str, origin: str = DETECTOR) -> None:
        self.hub.publish([{"MessageId": name, "OriginOfCondition": {"@odata.id": origin}}])

    def heard(self) -> list[str]:
        assert self.stream is not None
        frames = [json.loads(frame.partition(b"data: ")[2]) for frame in self.stream._waiting]
        return [frame["Events"][0]["MessageId"] for frame in frames]


def test_a_late_event_comes_behind_younger_ones_and_the_longest_held_comes_first() -> None:
    told = Told([Fault(FaultKind.LATE_EVENT, where="*/u11/bmc", seconds=5.0, times=2)])
    for name in ("first", "second", "third"):
        told.publish(name)
    assert told.heard() == ["third"]
    told.now = 4.9
    told.strikes.look()
    assert told.heard() == ["third"]
    told.now = 5.0
    told.strikes.look()
    told.strikes.look()
    assert told.heard() == ["third", "first", "second"]


@pytest.mark.parametrize(("what", "times"), [(FaultKind.DUPLICATE_EVENT, 2), (FaultKind.LOST_EVENT, 0)])
def test_an_event_comes_twice_or_never_and_a_lost_one_is_not_told_later_either(what: FaultKind, times: int) -> None:
    told = Told([Fault(what, where="*/u11/bmc", times=1)])
    told.publish("struck")
    told.publish("spared")
    assert told.heard() == ["struck"] * times + ["spared"]
    (armed,) = told.strikes.faults.armed()
    assert armed.struck == 1
    again = told.hub.open_stream("t", "0").stream
    assert again is not None
    assert len(again._waiting) == times + 1


def test_only_the_place_and_the_resource_that_a_fault_names_are_struck() -> None:
    elsewhere = Fault(FaultKind.LOST_EVENT, where="*/u12/bmc")
    told = Told([elsewhere, Fault(FaultKind.LOST_EVENT, where="*/u11", uri="*/LeakDetectors/*")])
    told.publish("a leak")
    told.publish("power", origin="/redfish/v1/Systems/S")
    told.hub.publish([{"MessageId": "about nothing"}])
    assert told.heard() == ["power", "about nothing"]


@dataclass
class Followed:
    """One tray of a running emulator, its events followed; `heard` keeps what they brought."""

    source: RedfishSource
    hub: EventHub
    heard: list[Reading] = field(default_factory=list)

    def leak(self) -> float | None:
        """Return what its events last said of leak1, in the order of the readings' times; None: nothing."""
        said = [r for r in self.heard if r.quantity is Quantity.LEAK and r.place.endswith("/leak1")]
        return float(said[-1].value) if said and said[-1].value is not None else None

    async def follow(self) -> None:
        async for readings in self.source.pushes():
            self.heard += readings


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20 * PATIENCE):
        while not is_so():  # noqa: ASYNC110 - a value, not an event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def followed(emulator: RunningEmulator, *names: str) -> AsyncIterator[list[Followed]]:
    """Follow trays until the block ends; all their streams are open by then."""
    slots = {s.name: s for s in load_generation("gb200-nvl72").slots}
    hubs = {e.plan.place.split("/")[-2]: e.events for e in emulator.hall.endpoints}
    found = []
    for name in names:
        at = emulator.endpoint(f"{name}/bmc")
        spec = next(e for e in slots[name].tray.endpoints if e.name == "bmc")
        tray = join_place(emulator.site.racks[0].place, name)
        source = make_driver(spec, tray, at, emulator.credential(at), SystemClock())
        hub = hubs[name]
        assert isinstance(source, RedfishSource)
        assert hub is not None
        await source.discover()
        found.append(Followed(source, hub))
    tasks = [asyncio.create_task(tray.follow()) for tray in found]
    try:
        await until(lambda: all(tray.hub.subscriptions for tray in found))
        yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(tray.source.close() for tray in found))


async def test_the_bridge_takes_a_repeated_late_or_lost_event_for_what_it_is(tmp_path: Path) -> None:
    async with (
        running_emulator(tmp_path, "gb200-nvl72", speed=0) as emulator,
        followed(emulator, "u11", "u12", "u13") as (twice, late, lost),
    ):
        leaks = [Fault(FaultKind.LEAK, where=f"*/{name}/leak1") for name in ("u11", "u12", "u13")]
        strikes = [
            Fault(FaultKind.DUPLICATE_EVENT, where="*/u11/bmc", times=1),
            Fault(FaultKind.LATE_EVENT, where="*/u12/bmc", seconds=30.0, times=1),
            Fault(FaultKind.LOST_EVENT, where="*/u13/bmc", times=1),
        ]
        emulator.hall.faults.set([*strikes, *leaks])
        emulator.hall.advance(0.1)
        follower = twice.source.state.follower
        assert follower is not None
        await until(lambda: follower._hearing.repeated == 1)
        assert [r.value for r in twice.heard if r.quantity is Quantity.LEAK and r.device_time] == [2]
        # Nobody was told of these two: who reads finds them.
        for tray in (late, lost):
            read = {r.place.rpartition("/")[2]: r.value for r in await tray.source.read(ReadingClass.SAFETY)}
            assert read["leak1"] == 2
        emulator.hall.faults.remove([a.id for a in emulator.hall.faults.armed() if a.fault.what is FaultKind.LEAK])
        emulator.hall.advance(0.1)
        await until(lambda: [t.leak() for t in (twice, late, lost)] == [0, 0, 0])
        before = len(late.heard)
        emulator.hall.advance(31.0)  # the old word that it leaks, behind the one that it is dry
        await until(lambda: len(late.heard) > before)
        assert late.leak() == 0, "the detector is asked instead"
