"""A busy endpoint gets its pause; a 401 now and then costs no storm; a tray that just started sees no leaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.factory import make_driver
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint, serve_tree
from firmware_bridge.emulator.recorded import RecordedTree
from firmware_bridge.redfish_service.sessions import COLLECTION
from firmware_bridge.vocabulary.attention import Pacing
from firmware_bridge.vocabulary.errors import EndpointRefused, EndpointSpared
from firmware_bridge.vocabulary.generation import EndpointSpec
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.run.clock import SystemClock

R = "/redfish/v1"
LEAKS = f"{R}/Chassis/C/LeakDetectors"
TRAY = Place("s/a/r01/k01/u12")


def link(uri: str) -> dict[str, str]:
    return {"@odata.id": uri}


def tree(manager: dict[str, Any] | None = None, state: str = "OK", **detector: Any) -> dict[str, Any]:
    bodies: dict[str, Any] = {
        R: {"Chassis": link(f"{R}/Chassis"), "Managers": link(f"{R}/Managers")},
        f"{R}/Chassis": {"Members": [link(f"{R}/Chassis/C")]},
        f"{R}/Chassis/C": {"ChassisType": "Shelf", "PowerState": "On", "LeakDetectors": link(LEAKS)},
        f"{R}/Managers": {"Members": [link(f"{R}/Managers/B")]},
        f"{R}/Managers/B": manager or {},
        LEAKS: {"Members": [link(f"{LEAKS}/0"), link(f"{LEAKS}/1")]},
        f"{LEAKS}/0": {"Id": "L0", "DetectorState": state, **detector},
        f"{LEAKS}/1": {"Id": "L1", "DetectorState": "Critical"},
    }
    return {uri: {"@odata.id": uri, **body} for uri, body in bodies.items()}


@asynccontextmanager
async def reading(bodies: dict[str, Any] | RecordedTree) -> AsyncIterator[tuple[ServedEndpoint, RedfishSource]]:
    async with serve_tree(bodies) as served:
        endpoint = SiteEndpoint(Place(f"{TRAY}/bmc"), served.address, served.port, pin=served.pin)
        who = Credential(served.user, served.password)
        spec = EndpointSpec("bmc", "redfish", "redfish/switch_tray")
        source = make_driver(spec, TRAY, endpoint, who, SystemClock())
        assert isinstance(source, RedfishSource)
        try:
            await source.discover()
            yield served, source
        finally:
            await source.close()


def leak(readings: Any, part: str = "leak0") -> Reading:
    return next(r for r in readings if r.place == f"{TRAY}/{part}" and r.quantity is Quantity.LEAK)


async def test_a_busy_endpoint_is_held_and_says_so_without_a_fault() -> None:
    async with reading(tree()) as (served, source):
        await source.read(ReadingClass.SAFETY)
        source.link.governor.good_at -= 10.0  # it has not answered well lately
        served.faults.set([Fault(FaultKind.STATUS, status=503)])
        with pytest.raises(EndpointRefused):
            await source.read(ReadingClass.SAFETY)
        served.faults.set([])
        assert source.attention.pacing is Pacing.HELD
        source.link.governor.admits(0, asyncio.get_running_loop().time())  # the one read that a pause leaves
        source.link.governor._window_ends.clear()
        faults = dict(source.faults)
        for reading_class in (ReadingClass.SAFETY, ReadingClass.SLOW):
            with pytest.raises(EndpointSpared):
                await source.read(reading_class)
        assert source.faults == faults


async def test_quiet_means_no_request_but_safety_and_a_plan_that_is_known_stays() -> None:
    async with reading(tree()) as (served, source):
        source.be_quiet(Seconds(60.0), "flashed by hand")
        asked = sum(served.seen.values()) + 1  # whether the controller has just started is asked in any case
        assert await source.discover()
        for reading_class in (ReadingClass.POWER, ReadingClass.SLOW, ReadingClass.STATIC):
            with pytest.raises(EndpointSpared, match="flashed by hand"):
                await source.read(reading_class)
        assert sum(served.seen.values()) == asked
        assert leak(await source.read(ReadingClass.SAFETY)).value == 0.0
        source.be_quiet(Seconds(0.0), "")
        await source.read(ReadingClass.POWER)


async def test_a_401_now_and_then_costs_a_few_logins_and_no_reading() -> None:
    async with reading(tree()) as (served, source):
        served.faults.set([Fault(FaultKind.STATUS, uri=f"{R}/Chassis/*", status=401, probability=0.3, seed=7)])
        failed = 0
        for _ in range(30):
            served_well = await asyncio.gather(source.read(ReadingClass.SAFETY), return_exceptions=True)
            failed += isinstance(served_well[0], Exception)
        assert failed <= 3
        assert served.seen[COLLECTION] <= 5
        assert len(served.sessions._by_token) <= 1


async def test_one_request_in_twenty_refused_costs_no_reading_and_no_pause() -> None:
    async with reading(tree()) as (served, source):
        served.faults.set([Fault(FaultKind.STATUS, status=401, probability=0.05, seed=11)])
        for _ in range(150):
            await source.read(ReadingClass.SAFETY)
        assert not source.faults
        assert served.seen[COLLECTION] <= 4
        assert source.attention.pacing is Pacing.FULL
        assert "refused a good login" in source.attention.reason
        assert source.link.governor.wrong_401s >= 10


@pytest.mark.parametrize(
    ("manager", "blind"),
    [
        ({"LastResetTime": "2026-01-01T00:00:00Z", "DateTime": "2026-01-01T00:00:40Z"}, True),
        ({"LastResetTime": "2026-01-01T00:00:00Z", "DateTime": "2026-01-01T01:00:00Z"}, False),
        ({"LastResetTime": "2026-01-01T00:00:00Z", "DateTime": "1970-01-01T00:00:40Z"}, False),
        ({"LastResetTime": 7, "DateTime": "x"}, False),
        ({}, False),
    ],
)
async def test_a_tray_whose_controller_just_started_is_blind_to_leaks(manager: dict[str, Any], blind: bool) -> None:
    async with reading(tree(manager)) as (_, source):
        readings = await source.read(ReadingClass.SAFETY)
        dry, wet = leak(readings), leak(readings, "leak1")
        assert (dry.value, dry.quality) == ((None, Quality.FLAGGED) if blind else (0.0, Quality.GOOD))
        assert wet.value == 2.0  # a leak that it tells of counts in any case
        assert bool(source.attention.blind) is blind
        if blind:
            assert source.attention.blind_until == pytest.approx(SystemClock().now() + 140.0, abs=20.0)


async def test_a_detector_that_is_out_of_service_makes_the_tray_blind_until_it_is_back() -> None:
    bodies = tree(Status={"State": "UnavailableOffline"})
    async with reading(bodies) as (_, source):
        await source.read(ReadingClass.SAFETY)
        assert "not in service" in source.attention.blind
        assert source.attention.blind_until is None


async def test_a_controller_that_starts_anew_while_it_is_left_alone_is_blind_when_it_is_met_again() -> None:
    served = RecordedTree(tree())
    restarted = {"LastResetTime": "2026-01-01T00:00:00Z", "DateTime": "2026-01-01T00:00:10Z"}
    async with reading(served) as (_, source):
        assert leak(await source.read(ReadingClass.SAFETY)).value == 0.0
        source.be_quiet(Seconds(60.0), "it is being flashed")
        served._documents = RecordedTree(tree(restarted))._documents
        await source.discover()
        dry = leak(await source.read(ReadingClass.SAFETY))
        assert (dry.value, dry.quality) == (None, Quality.FLAGGED)
        assert source.attention.blind


async def test_what_an_event_tells_while_a_read_is_under_way_is_newer_than_the_read() -> None:
    async with reading(tree()) as (served, source):
        served.faults.set([Fault(FaultKind.SLOW, uri=f"{LEAKS}/0", seconds=0.5)])
        asked = asyncio.create_task(source.read(ReadingClass.SAFETY))
        async with asyncio.timeout(20):
            before = served.seen[f"{LEAKS}/0"]
            while served.seen[f"{LEAKS}/0"] == before and not asked.done():  # noqa: ASYNC110 - a value, not an event
                await asyncio.sleep(0.01)
        told_at = SystemClock().now()
        assert leak(await asked).taken_at < told_at


async def test_a_leak_that_was_read_does_not_wait_for_a_detector_that_hangs() -> None:
    async with reading(tree()) as (served, source):
        served.faults.set([Fault(FaultKind.HANG, uri=f"{LEAKS}/0")])
        told: asyncio.Queue[Any] = asyncio.Queue()
        source.tell_leaks_to(told.put_nowait)
        asked = asyncio.create_task(source.read(ReadingClass.SAFETY))
        async with asyncio.timeout(20):
            (wet,) = await told.get()
        assert not asked.done()
        assert (wet.place, wet.value) == (f"{TRAY}/leak1", 2.0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert told.empty()  # a detector that is dry is told with all others
