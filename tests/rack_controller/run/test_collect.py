"""Collectors under virtual time: beats, failures, returns."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from support.bus_server import ScriptedTray
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.vocabulary.errors import EndpointUnreachable, LoginRefused, TrustRefused
from firmware_bridge.vocabulary.identity import Certificate
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.notice import Finding
from rack_controller.model.failing import told
from rack_controller.model.snapshot import ManagementAxis, Snapshot
from rack_controller.run.board import Board
from rack_controller.run.collect import Collector, next_due
from rack_controller.run.enrolment.holds import Holds
from rack_controller.run.journal import Journal
from rack_controller.run.precedence import Precedence

RACK = Place("lab1/a/r01/k01")
BMC = Place(f"{RACK}/u11/bmc")
PERIODS = {
    ReadingClass.SAFETY: Seconds(1),
    ReadingClass.POWER: Seconds(1),
    ReadingClass.SLOW: Seconds(10),
    ReadingClass.STATIC: Seconds(600),
}


class Bench:
    """One collector with its board, on a virtual clock."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.tray = ScriptedTray(BMC, clock=self.clock)
        self.board = Board(RACK, [BMC], PERIODS)
        self.collector = Collector(self.tray, self.board, PERIODS, self.clock, phase=0.0)

    def look(self) -> Snapshot:
        return self.board.snapshot(1, self.clock.now(), UnixNanoseconds(0))

    def management(self) -> ManagementAxis:
        return self.look().endpoints[BMC].management

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.collector.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextmanager
def failing(tray: ScriptedTray, error: EndpointUnreachable | LoginRefused) -> Iterator[None]:
    tray.error = error
    yield
    tray.error = None


def test_each_class_is_read_on_its_own_beat() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            await bench.clock.sleep_until(Seconds(60.5))
            assert bench.tray.reads == {
                ReadingClass.SAFETY: 61,
                ReadingClass.POWER: 61,
                ReadingClass.SLOW: 7,
                ReadingClass.STATIC: 1,
            }
            assert bench.management() is ManagementAxis.REACHABLE

    run_virtually(story())


def test_a_resource_that_fails_while_the_rest_answers_is_told_with_since_when_and_how_often() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            await bench.clock.sleep_until(Seconds(5.5))
            for second in range(3):
                bench.tray.partly = {"/redfish/v1/X": EndpointUnreachable(BMC, "GET", "no reply")}
                await bench.clock.sleep_until(Seconds(6.5 + second))
            (one,) = told(bench.look().endpoints[BMC].failing, bench.clock.now())
            assert (one.where, one.times, one.since_s) == ("/redfish/v1/X", 3, 2.5)
            assert bench.management() is ManagementAxis.REACHABLE
            bench.tray.partly = {}
            await bench.clock.sleep_until(Seconds(10.5))
            assert not bench.look().endpoints[BMC].failing

    run_virtually(story())


class Rare(ScriptedTray):
    """What is read every ten minutes fails the first `fails` times, as on a line too busy for it."""

    fails = 3

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        read = await super().read(reading_class)
        if reading_class is ReadingClass.STATIC:
            failed = self.reads[reading_class] <= self.fails
            self.partly = {"psu1 0x40-0x41": EndpointUnreachable(BMC, "read", "no reply")} if failed else {}
        return read


def test_a_rare_read_that_fails_is_tried_again_soon_and_ever_more_rarely() -> None:
    async def story() -> None:
        bench = Bench()
        bench.tray = Rare(BMC, clock=bench.clock)
        bench.collector = Collector(bench.tray, bench.board, PERIODS, bench.clock, phase=0.0)
        reads = []
        async with bench.running():
            for at in (20.0, 40.0, 95.0, 215.0, 500.0):
                await bench.clock.sleep_until(Seconds(at))
                reads.append(bench.tray.reads[ReadingClass.STATIC])
        assert reads == [1, 2, 3, 4, 4], "after 30, 60 and 120 s; then it is as rare as ever"

    run_virtually(story())


def test_an_endpoint_that_goes_away_is_degraded_then_absent_and_comes_back() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            await bench.clock.sleep_until(Seconds(5.5))
            with failing(bench.tray, EndpointUnreachable(BMC, "read", "no reply")):
                await bench.clock.sleep_until(Seconds(7.5))
                assert bench.management() is ManagementAxis.DEGRADED
                await bench.clock.sleep_until(Seconds(16.5))
                state = bench.look().endpoints[BMC]
                assert state.management is ManagementAxis.ABSENT
                assert state.error == "EndpointUnreachable: no reply"
                power = bench.look().reading(Place(f"{RACK}/u11"), Quantity.POWER)
                assert power is not None
                assert power.quality is Quality.STALE
                await bench.clock.sleep_until(Seconds(60))
                power = bench.look().reading(Place(f"{RACK}/u11"), Quantity.POWER)
                assert power is not None
                assert (power.value, power.quality) == (None, Quality.MISSING)
            met = bench.tray.discovered
            await bench.clock.sleep_until(Seconds(75))
            assert bench.management() is ManagementAxis.REACHABLE
            assert bench.tray.discovered == met + 1

    run_virtually(story())


def test_a_wrong_password_is_tried_ever_more_rarely() -> None:
    async def story() -> None:
        bench = Bench()
        bench.tray.error = LoginRefused(BMC, "login", "401", status=401)
        async with bench.running():
            await bench.clock.sleep_until(Seconds(600))
            assert bench.tray.discovered <= 18

    run_virtually(story())


class ChangedTray(ScriptedTray):
    """One whose certificate has changed while a connection of before goes on answering: every other read of a class is
    refused, and with `looks` every look at it after the first."""

    pin = "sha256//old"
    refuses: ReadingClass | None = ReadingClass.SAFETY
    looks = False

    async def discover(self) -> Sequence[Series]:
        if self.looks and self.discovered:
            raise TrustRefused(self.place, "rescan", "the certificate is not the pinned one")
        return await super().discover()

    async def shown_certificate(self) -> Certificate:
        return Certificate("sha256//new", "CN=u11", None, datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC))

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        readings = await super().read(reading_class)
        if reading_class is self.refuses and self.reads[reading_class] % 2 == 0:
            raise TrustRefused(self.place, "read", "the certificate is not the pinned one")
        return readings


@pytest.mark.parametrize(
    ("refuses", "looks"), [(ReadingClass.SAFETY, False), (ReadingClass.POWER, False), (None, True)]
)
def test_a_changed_certificate_holds_also_while_an_old_connection_answers(
    refuses: ReadingClass | None, looks: bool, tmp_path: Path
) -> None:
    async def story() -> None:
        bench = Bench()
        tray, journal = ChangedTray(BMC, clock=bench.clock), Journal(tmp_path / "journal.db")
        tray.refuses, tray.looks = refuses, looks
        found: list[Finding] = []
        holds = Holds(RACK, journal, bench.clock, found.append)
        collector = Collector(tray, bench.board, PERIODS, bench.clock, phase=0.0, holds=holds)
        task = asyncio.create_task(collector.run())
        await bench.clock.sleep_until(Seconds(0.5))
        collector.rescan()
        await bench.clock.sleep_until(Seconds(60))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        hold = holds.of(BMC)
        assert hold is not None
        assert (hold.pinned, hold.shown) == ("sha256//old", "sha256//new")
        assert tray.reads[ReadingClass.SAFETY] <= 2, "nothing is read any more"
        assert [finding.kind for finding in found] == ["endpoint.held"]
        journal.close()

    run_virtually(story())


def test_a_failing_power_class_leaves_safety_on_time() -> None:
    async def story() -> None:
        bench = Bench()
        bench.tray.failing_class = ReadingClass.POWER
        async with bench.running():
            await bench.clock.sleep_until(Seconds(30.5))
            assert bench.management() is ManagementAxis.REACHABLE
            assert bench.tray.reads[ReadingClass.SAFETY] == 31

    run_virtually(story())


def test_a_bug_in_a_driver_costs_only_its_endpoint() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            await bench.clock.sleep_until(Seconds(5.5))
            bench.tray.error = ZeroDivisionError("a driver's bug")
            await bench.clock.sleep_until(Seconds(20))
            state = bench.look().endpoints[BMC]
            assert state.management is ManagementAxis.ABSENT
            assert state.error == "DeviceError: driver failed: ZeroDivisionError"
            bench.tray.error = None
            await bench.clock.sleep_until(Seconds(40))
            assert bench.management() is ManagementAxis.REACHABLE

    run_virtually(story())


def test_a_rescan_meets_the_endpoint_anew_at_once() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            await bench.clock.sleep_until(Seconds(5.5))
            bench.collector.rescan()
            await bench.clock.sleep_until(Seconds(5.6))
            assert bench.tray.discovered == 2
            assert bench.management() is ManagementAxis.REACHABLE

    run_virtually(story())


def test_a_late_read_does_not_make_the_next_ones_bunch_up() -> None:
    assert next_due(Seconds(10), Seconds(1), Seconds(10.2)) == 11
    assert next_due(Seconds(10), Seconds(1), Seconds(14.2)) == 15


class PromptTray(ScriptedTray):
    """A tray with a detector that leaks and a neighbour that hangs for ten seconds."""

    take: Callable[[Sequence[Reading]], object] | None = None

    def tell_leaks_to(self, take: Callable[[Sequence[Reading]], object]) -> None:
        self.take = take

    async def discover(self) -> Sequence[Series]:
        return [*await super().discover(), Series(LEAK, Quantity.LEAK, ReadingClass.SAFETY)]

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        if reading_class is not ReadingClass.SAFETY or self.take is None:
            return await super().read(reading_class)
        wet = Reading(LEAK, Quantity.LEAK, 2.0, self.clock.now())
        self.take([wet])
        await self.clock.sleep_until(Seconds(self.clock.now() + 10.0))
        return [*await super().read(reading_class), wet]


LEAK = Place(f"{RACK}/u11/leak0")


def test_a_leak_is_on_the_board_before_its_neighbours_have_answered() -> None:
    async def story() -> None:
        bench = Bench()
        tray = PromptTray(BMC, clock=bench.clock)
        bench.collector = Collector(tray, bench.board, PERIODS, bench.clock, phase=0.0)
        async with bench.running():
            await bench.clock.sleep_until(Seconds(5.0))
            reading = bench.look().reading(LEAK, Quantity.LEAK)
            assert reading is not None
            assert reading.value == 2.0
            assert not tray.reads.get(ReadingClass.SAFETY)

    run_virtually(story())


def test_while_strikes_go_out_only_safety_readings_go_on() -> None:
    async def story() -> None:
        bench = Bench()
        first = Precedence(bench.clock)
        bench.collector = Collector(bench.tray, bench.board, PERIODS, bench.clock, phase=0.0, precedence=first)
        async with bench.running():
            await bench.clock.sleep_until(Seconds(4.9))
            before = dict(bench.tray.reads)
            first.claim()
            await bench.clock.sleep_until(Seconds(5.2))
            assert bench.tray.reads[ReadingClass.SAFETY] == before[ReadingClass.SAFETY] + 1
            assert bench.tray.reads[ReadingClass.POWER] == before[ReadingClass.POWER]
            await bench.clock.sleep_until(Seconds(5.4))
            assert bench.tray.reads[ReadingClass.POWER] == before[ReadingClass.POWER] + 1

    run_virtually(story())
