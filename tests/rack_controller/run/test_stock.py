"""Taking stock under virtual time: in the background, shared, answered from memory with its age."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable, NotReadYet, TargetUnknown
from firmware_bridge.vocabulary.inventory import EndpointReport, Item, ItemKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.run.stock import AT_ONCE, CARRIED_FOR, FIRST_WITHIN, PART_LIFE, REPORT_LIFE, Stock

TRAYS = [Place(f"lab1/a/r01/k01/u{n:02}/bmc") for n in range(5)]
BMC = TRAYS[0]


class SlowTray:
    """An endpoint whose report takes `seconds`; counts how many were begun and how many ran at once."""

    running = most = 0

    def __init__(self, seconds: float) -> None:
        self.seconds, self.begun = seconds, 0
        self.error: Exception | None = None
        self.silent = False  # whether what is below the service root keeps silent

    async def report(self) -> EndpointReport:
        self.begun += 1
        number = self.begun
        SlowTray.running += 1
        SlowTray.most = max(SlowTray.most, SlowTray.running)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            SlowTray.running -= 1
        if self.error is not None:
            raise self.error
        found = (
            () if self.silent else (Item(ItemKind.GPU, "GPU_0", serial_number="S", uris=("/redfish/v1/Systems/0",)),)
        )
        return EndpointReport({"looks": number}, found, unread=("/redfish/v1",) if self.silent else ())


class Bench:
    """Five slow trays and their stock."""

    def __init__(self, seconds: float) -> None:
        SlowTray.running = SlowTray.most = 0
        self.clock = VirtualClock()
        self.trays = {place: SlowTray(seconds) for place in TRAYS}
        sources: dict[Place, Any] = dict(self.trays)
        typed: dict[Place, TelemetrySource] = sources
        self.stock = Stock(typed, self.clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.stock.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert SlowTray.running == 0


def play(story: Coroutine[Any, Any, None]) -> None:
    run_virtually(story)


def test_stock_is_taken_in_the_background_and_answered_from_memory_with_its_age() -> None:
    async def story() -> None:
        bench = Bench(seconds=70.0)
        async with bench.running():
            for place in TRAYS:
                bench.stock.refresh(place)
            await bench.clock.sleep_until(Seconds(215))
            assert SlowTray.most == AT_ONCE
            before = bench.clock.now()
            reports = [await bench.stock.report(place) for place in TRAYS]
            assert bench.clock.now() == before
            assert [(r.age_s, r.reading_again) for r in reports] == [(a, False) for a in (145, 145, 75, 75, 5)]
            assert (reports[0].taken_unix_ns, reports[0].inventory[0].id) == (70_000_000_000, "GPU_0")

    play(story())


def test_whoever_asks_first_is_told_since_when_and_all_share_one_look() -> None:
    async def story() -> None:
        bench = Bench(seconds=70.0)
        async with bench.running():
            asked = await asyncio.gather(*(bench.stock.report(BMC) for _ in range(3)), return_exceptions=True)
            assert bench.clock.now() == FIRST_WITHIN
            assert [type(a) for a in asked] == [NotReadYet] * 3
            assert f"since {FIRST_WITHIN:.0f} s" in str(asked[0])
            await bench.clock.sleep_until(Seconds(71))
            assert (await bench.stock.report(BMC)).age_s == 1
            assert bench.trays[BMC].begun == 1

    play(story())


def test_who_wants_many_begins_them_at_once_and_none_is_waited_for() -> None:
    async def story() -> None:
        bench = Bench(seconds=5.0)
        async with bench.running():
            for place in TRAYS:
                with pytest.raises(NotReadYet):
                    await bench.stock.report(place, at_once=True)
            assert (bench.clock.now(), SlowTray.most) == (0.0, len(TRAYS))
            await bench.clock.sleep_until(Seconds(6))
            assert [(await bench.stock.report(place, at_once=True)).age_s for place in TRAYS] == [1.0] * len(TRAYS)
            assert {tray.begun for tray in bench.trays.values()} == {1}

    play(story())


def test_somebody_who_asks_does_not_queue_behind_the_background() -> None:
    async def story() -> None:
        bench = Bench(seconds=5.0)
        async with bench.running():
            for place in TRAYS:
                bench.stock.refresh(place)
            assert (await bench.stock.report(TRAYS[-1])).age_s == 0
            assert bench.clock.now() == 5

    play(story())


def test_a_rescan_during_a_look_begins_another_one_and_the_old_report_stays_meanwhile() -> None:
    async def story() -> None:
        bench = Bench(seconds=20.0)
        async with bench.running():
            bench.stock.refresh(BMC)
            await bench.clock.sleep_until(Seconds(10))
            bench.stock.refresh(BMC)
            bench.stock.refresh(BMC)
            await bench.clock.sleep_until(Seconds(30))
            meanwhile = await bench.stock.report(BMC)
            assert (meanwhile.endpoint, meanwhile.age_s, meanwhile.reading_again) == ({"looks": 1}, 10, True)
            await bench.clock.sleep_until(Seconds(100))
            after = await bench.stock.report(BMC)
            assert (after.endpoint, after.age_s, after.reading_again) == ({"looks": 2}, 60, False)

    play(story())


def test_an_old_report_is_given_and_read_anew() -> None:
    async def story() -> None:
        bench = Bench(seconds=1.0)
        async with bench.running():
            await bench.stock.report(BMC)
            await bench.clock.sleep_until(Seconds(REPORT_LIFE + 2))
            old = await bench.stock.report(BMC)
            assert (old.age_s, old.reading_again) == (REPORT_LIFE + 1, True)
            await bench.clock.sleep_until(Seconds(bench.clock.now() + 2))
            assert (await bench.stock.report(BMC)).endpoint == {"looks": 2}

    play(story())


def test_what_a_look_missed_is_told_for_an_hour_and_looked_for_sooner() -> None:
    async def story() -> None:
        bench = Bench(seconds=1.0)
        tray = bench.trays[BMC]

        async def looks_after(seconds: float) -> int:
            await bench.clock.sleep_until(Seconds(bench.clock.now() + seconds))
            await bench.stock.report(BMC)
            await bench.clock.sleep_until(Seconds(bench.clock.now() + 2))
            return tray.begun

        async with bench.running():
            first = (await bench.stock.report(BMC)).inventory
            tray.silent = True
            bench.stock.refresh(BMC)
            assert await looks_after(5) == 2
            assert (await bench.stock.report(BMC)).inventory == first
            assert await looks_after(PART_LIFE) == 3
            assert [await looks_after(PART_LIFE), await looks_after(PART_LIFE)] == [3, 4]  # it waits twice as long
            while bench.clock.now() < CARRIED_FOR:
                await looks_after(REPORT_LIFE)
            await looks_after(REPORT_LIFE)
            assert (await bench.stock.report(BMC)).inventory == ()
            tray.silent = False
            await looks_after(REPORT_LIFE)
            assert (await bench.stock.report(BMC)).inventory == first

    play(story())


def test_a_look_that_fails_is_named_and_costs_no_report_that_is_there(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        bench = Bench(seconds=1.0)
        async with bench.running():
            bench.trays[BMC].error = EndpointUnreachable(BMC, "GET", "no reply")
            with pytest.raises(EndpointUnreachable):
                await bench.stock.report(BMC)
            bench.trays[BMC].error = None
            await bench.stock.report(BMC)
            bench.trays[BMC].error = ZeroDivisionError("a driver's bug")
            bench.stock.refresh(BMC)
            await bench.clock.sleep_until(Seconds(10))
            kept = await bench.stock.report(BMC)
            assert (kept.endpoint, kept.error) == ({"looks": 2}, f"{BMC}: report: driver failed: ZeroDivisionError")
            bench.trays[TRAYS[1]].error = ZeroDivisionError("again")
            with pytest.raises(DeviceError, match="driver failed"):
                await bench.stock.report(TRAYS[1])
            with pytest.raises(TargetUnknown):
                await bench.stock.report(Place("lab1/a/r01/k01/u99/bmc"))

    with caplog.at_level(logging.ERROR):
        play(story())
    assert "ZeroDivisionError" in caplog.text
