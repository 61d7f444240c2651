"""A board that detaches behind a healthy BMC: seen in the tick in which its readings go bad, and seen coming back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from firmware_bridge.drivers import make_driver
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import RunningEmulator, running_emulator
from firmware_bridge.generations.load import load_generation
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.place import Place, join_place, tray_of
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from firmware_bridge.vocabulary.subtree import Subtree
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.axes import Contact
from rack_controller.decide.liveness import notice_subtrees
from rack_controller.decide.notice import Finding
from rack_controller.model.layout import make_layout
from rack_controller.model.liveness import Cause, Presence, SubtreeState
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.board import Board
from rack_controller.run.clock import SystemClock
from rack_controller.run.watch.subtrees import Subtrees

GENERATION = load_generation("gb200-nvl72")
CLASSES = (ReadingClass.SAFETY, ReadingClass.POWER, ReadingClass.SLOW)


@dataclass
class Tray:
    """One emulated tray as a controller sees it, tick by tick; time between the ticks is ours."""

    emulator: RunningEmulator
    source: TelemetrySource
    board: Board
    subtrees: Subtrees
    ahead: float = 0.0
    before: Snapshot | None = None
    told: list[Finding] = field(default_factory=list)
    ticks: int = 0

    @property
    def endpoint(self) -> Place:
        return self.source.endpoint

    async def meet(self) -> None:
        self.board.declare(self.endpoint, await self.source.discover())
        self.board.contacts[self.endpoint] = Contact(last_success=self.source.clock.now())  # type: ignore[attr-defined]

    async def tick(self, classes: tuple[ReadingClass, ...] = CLASSES, *, ahead: float = 0.0) -> SubtreeState:
        """Read `classes`, take one snapshot and return the subtree's state in it."""
        self.ahead += ahead
        for reading_class in classes:
            try:
                self.board.store(await self.source.read(reading_class))
            except DeviceError:
                assert reading_class is not ReadingClass.SAFETY
        now = Seconds(self.source.clock.now())  # type: ignore[attr-defined]
        self.board.contacts[self.endpoint] = Contact(last_success=now)
        self.ticks += 1
        taken = self.board.snapshot(self.ticks, now, self.source.clock.unix_ns())  # type: ignore[attr-defined]
        after = self.subtrees.judge(taken)
        self.told += notice_subtrees(self.before, after)
        self.before = after
        state = after.endpoints[self.endpoint].subtree
        assert state is not None
        return state

    def quality(self, part: str, quantity: Quantity) -> Quality:
        assert self.before is not None
        found = self.before.reading(join_place(tray_of(self.endpoint), part), quantity)
        assert found is not None
        return found.quality


@asynccontextmanager
async def emulated_tray(state: Path) -> AsyncIterator[Tray]:
    async with running_emulator(state) as emulator:
        endpoint = emulator.endpoint("u11/bmc")
        slot = next(s for s in GENERATION.slots if s.name == "u11")
        spec = next(e for e in slot.tray.endpoints if e.name == "bmc")
        source = make_driver(spec, tray_of(endpoint.place), endpoint, emulator.credential(endpoint), SystemClock())
        (rack,) = emulator.site.racks
        layout = make_layout(rack, GENERATION, emulator.site.endpoints_of(rack.place))
        sources = {endpoint.place: source}
        board = Board(rack.place, sources, GENERATION.periods)
        try:
            yield Tray(emulator, source, board, Subtrees(layout, sources, GENERATION.periods))
        finally:
            await source.close()


async def test_a_board_that_detaches_is_seen_in_the_same_tick_and_seen_coming_back(tmp_path: Path) -> None:
    async with emulated_tray(tmp_path) as tray:
        await tray.meet()
        assert (await tray.tick()).liveness.presence is Presence.PRESENT
        assert tray.quality("gpu0", Quantity.POWER) is Quality.GOOD
        tray.emulator.hall.faults.set([Fault(FaultKind.HMC_ABSENT, where="*/u11/bmc")])
        gone = await tray.tick()
        assert gone.liveness.presence is Presence.ABSENT
        assert gone.liveness.missing == ("gpu0", "gpu1", "gpu2", "gpu3")
        assert gone.liveness.cause is Cause.REFUSED
        assert "404" in gone.liveness.why
        assert tray.quality("gpu0", Quantity.POWER) is not Quality.GOOD
        assert tray.before is not None
        assert tray.before.endpoints[tray.endpoint].management == "reachable"
        tray.emulator.hall.faults.set([])
        back = await tray.tick()
        # What was left to the report is read alone for a minute after the report failed: it is there all the same.
        assert back.liveness.presence is Presence.PRESENT
        assert [f.kind for f in tray.told] == ["subtree.absent", "subtree.present"]
        assert all(f.place == tray.endpoint and "u11 hmc" in f.message for f in tray.told)


async def test_a_board_that_detaches_is_seen_by_what_is_read_most_often(tmp_path: Path) -> None:
    """The slow class was read a moment ago and is not due for ten seconds: its numbers keep no board alive."""
    fast = (ReadingClass.SAFETY, ReadingClass.POWER)
    async with emulated_tray(tmp_path) as tray:
        await tray.meet()
        assert (await tray.tick()).liveness.presence is Presence.PRESENT
        assert (await tray.tick(fast)).liveness.presence is Presence.PRESENT
        tray.emulator.hall.faults.set([Fault(FaultKind.HMC_ABSENT, where="*/u11/bmc")])
        gone = (await tray.tick(fast)).liveness
        assert (gone.presence, gone.cause) == (Presence.ABSENT, Cause.REFUSED)
        assert tray.quality("gpu0", Quantity.POWER_LIMIT) is Quality.FLAGGED
        tray.emulator.hall.faults.set([])
        assert (await tray.tick(fast)).liveness.presence is Presence.PRESENT


async def test_a_board_that_was_away_when_its_tray_was_met_is_missed_and_looked_for(tmp_path: Path) -> None:
    async with emulated_tray(tmp_path) as tray:
        tray.emulator.hall.faults.set([Fault(FaultKind.HMC_ABSENT, where="*/u11/bmc")])
        await tray.meet()
        state = await tray.tick()
        assert (state.liveness.presence, state.liveness.cause) == (Presence.ABSENT, Cause.SHRUNK)
        now = Seconds(1000.0)
        assert list(tray.subtrees.to_look_at_again(now)) == [tray.endpoint]
        assert list(tray.subtrees.to_look_at_again(Seconds(now + 10.0))) == []
        assert list(tray.subtrees.to_look_at_again(Seconds(now + 31.0))) == [tray.endpoint]
        tray.emulator.hall.faults.set([])
        await tray.meet()
        assert (await tray.tick()).liveness.presence is Presence.PRESENT


async def test_one_gpu_that_answers_nothing_is_named(tmp_path: Path) -> None:
    async with emulated_tray(tmp_path) as tray:
        await tray.meet()
        await tray.tick()
        report = Fault(FaultKind.STATUS, where="*/u11/bmc", uri="*/MetricReports/*", status=404)
        one = Fault(FaultKind.STATUS, where="*/u11/bmc", uri="*/GPU_2/EnvironmentMetrics", status=404)
        sensors = Fault(FaultKind.STATUS, where="*/u11/bmc", uri="*/Chassis/HGX_GPU_2/*", status=404)
        tray.emulator.hall.faults.set([report, one, sensors])
        found = (await tray.tick()).liveness
        assert (found.presence, found.missing) == (Presence.PARTIAL, ("gpu2",))
        assert "gpu2" in tray.told[-1].message


BMC = Place("lab1/a/r01/k01/u11/bmc")
GPU_SERIES = [(join_place(tray_of(BMC), f"gpu{n}"), q) for n in range(4) for q in (Quantity.POWER, Quantity.ENERGY)]
BOARD = Subtree(("/redfish/v1/Systems/HGX",), frozenset(GPU_SERIES))


@dataclass
class Scripted:
    """A source whose board gives what the test says; its BMC is always there."""

    endpoint: Place = BMC
    faults: dict[str, DeviceError] = field(default_factory=dict)
    subtree: Subtree | None = BOARD


class Bench:
    """Four GPUs on a board, read once a second of our own time."""

    def __init__(self) -> None:
        rack = SiteRack(Place("lab1/a/r01/k01"), GENERATION.name)
        layout = make_layout(rack, GENERATION, (SiteEndpoint(BMC, "127.0.0.1", 1),))
        self.source = Scripted()
        sources: dict[Place, Any] = {BMC: self.source}
        self.board = Board(rack.place, sources, GENERATION.periods)
        self.subtrees = Subtrees(layout, sources, GENERATION.periods)
        self.board.declare(BMC, [Series(p, q, ReadingClass.POWER) for p, q in GPU_SERIES])
        self.now, self.energy = 100.0, 1_000.0
        self.after: Snapshot | None = None

    def tick(self, power: float | None = 700.0, joules: float = 700.0) -> SubtreeState:
        """Move on by a second in which every GPU used `joules`; a power of None is a sensor without a number."""
        self.now, self.energy = self.now + 1.0, self.energy + joules
        values = {Quantity.POWER: power, Quantity.ENERGY: None if power is None else self.energy}
        good = Quality.MISSING if power is None else Quality.GOOD
        self.board.store(Reading(p, q, values[q], Seconds(self.now), good) for p, q in GPU_SERIES)
        return self.look(self.now)

    def look(self, heard: float) -> SubtreeState:
        """Take a snapshot in which the BMC was last heard at `heard`."""
        self.board.contacts[BMC] = Contact(last_success=Seconds(heard))
        taken = self.board.snapshot(int(self.now), Seconds(self.now), UnixNanoseconds(int(self.now * 1e9)))
        self.after = self.subtrees.judge(taken)
        state = self.after.endpoints[BMC].subtree
        assert state is not None
        return state

    def qualities(self) -> set[int]:
        assert self.after is not None
        return {r.quality for p, q in GPU_SERIES if (r := self.after.reading(p, q)) is not None}


def test_values_that_stand_still_are_found_by_their_energy_and_flagged() -> None:
    bench = Bench()
    assert {bench.tick().liveness.presence for _ in range(40)} == {Presence.PRESENT}
    assert bench.qualities() == {Quality.GOOD}
    seen = [bench.tick(joules=0.0).liveness.presence for _ in range(31)]
    assert (seen[:29], seen[-1]) == ([Presence.PRESENT] * 29, Presence.FROZEN)
    assert bench.qualities() == {Quality.FLAGGED}
    assert bench.tick().liveness.presence is Presence.PRESENT
    assert bench.qualities() == {Quality.GOOD}


def test_a_board_that_draws_nothing_is_not_taken_for_frozen() -> None:
    bench = Bench()
    assert {bench.tick(power=0.0, joules=0.0).liveness.presence for _ in range(60)} == {Presence.PRESENT}


def test_sensors_that_are_listed_without_a_number_are_silent_and_one_missed_read_is_not() -> None:
    bench = Bench()
    bench.tick()
    silent = bench.tick(power=None).liveness
    assert (silent.presence, silent.cause) == (Presence.ABSENT, Cause.SILENT)
    assert bench.tick().liveness.presence is Presence.PRESENT
    bench.now += 1.0  # a second in which nothing was read at all
    assert bench.tick().liveness.presence is Presence.PRESENT


def test_a_bmc_that_hangs_takes_its_boards_values_with_it_and_that_is_not_the_boards_fault() -> None:
    bench = Bench()
    bench.tick()
    heard = bench.now
    seen = []
    for _ in range(60):  # nothing is read any more: neither the board nor its BMC
        bench.now += 0.5
        seen.append(bench.look(heard).liveness.presence)
    assert Presence.ABSENT not in seen
    assert (seen[0], seen[-1]) == (Presence.PRESENT, Presence.UNKNOWN)
    bench.now += 1.0  # the BMC answers again, and its power class has not been read yet
    assert bench.look(bench.now).liveness.presence is Presence.UNKNOWN
    assert bench.tick().liveness.presence is Presence.PRESENT


def test_a_board_whose_values_grow_old_while_its_bmc_answers_is_missed() -> None:
    bench = Bench()
    for _ in range(5):
        bench.tick()
    seen = []
    for _ in range(4):
        bench.now += 1.0
        seen.append(bench.look(bench.now).liveness.presence)
    assert seen == [Presence.PRESENT, Presence.ABSENT, Presence.ABSENT, Presence.ABSENT]
    assert Quality.GOOD not in bench.qualities()


def test_a_rack_with_nothing_behind_its_endpoints_costs_nothing() -> None:
    bench = Bench()
    layout = make_layout(SiteRack(Place("lab1/a/r01/k01"), GENERATION.name), GENERATION, ())
    alone = Subtrees(msgspec.structs.replace(layout, trays=[]), {}, GENERATION.periods)
    taken = bench.board.snapshot(1, Seconds(1.0), UnixNanoseconds(1))
    assert alone.judge(taken) is taken
