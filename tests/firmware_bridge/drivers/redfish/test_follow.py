"""An endpoint's events followed over real HTTPS: a leak is a reading at once, and the way of it is proven."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.factory import make_driver
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.emulator.harness import ServedEndpoint, serve_tree
from firmware_bridge.redfish_service.event_hub import SERVICE, SUBSCRIPTIONS, EventHub
from firmware_bridge.vocabulary.attention import Pacing
from firmware_bridge.vocabulary.event_path import PathKind
from firmware_bridge.vocabulary.generation import EndpointSpec
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.run.clock import SystemClock

R = "/redfish/v1"
LEAKS = f"{R}/Chassis/C/LeakDetectors"
TRAY = Place("s/a/r01/k01/u12")
WITHIN = 20.0


def tree(stream: str = f"{SERVICE}/SSE", detectors: int = 2) -> dict[str, Any]:
    def link(uri: str) -> dict[str, str]:
        return {"@odata.id": uri}

    bodies: dict[str, Any] = {
        R: {"EventService": link(SERVICE), "Chassis": link(f"{R}/Chassis")},
        f"{R}/Chassis": {"Members": [link(f"{R}/Chassis/C")]},
        f"{R}/Chassis/C": {"ChassisType": "Shelf", "PowerState": "On", "LeakDetectors": link(LEAKS)},
        LEAKS: {"Members": [link(f"{LEAKS}/{n}") for n in range(detectors)]},
        f"{R}/SessionService": {"Id": "SessionService"},
        SERVICE: {"ServiceEnabled": True, "Subscriptions": link(SUBSCRIPTIONS), "ServerSentEventUri": stream},
    }
    bodies |= {f"{LEAKS}/{n}": {"Id": f"L{n}", "DetectorState": "OK"} for n in range(detectors)}
    return {uri: {"@odata.id": uri, **body} for uri, body in bodies.items()}


def told(name: str, number: int = 0, severity: str = "Critical") -> dict[str, Any]:
    return {"MessageId": name, "Severity": severity, "OriginOfCondition": {"@odata.id": f"{LEAKS}/{number}"}}


class Heard:
    """A tray whose pushes are collected as they come."""

    def __init__(self, source: RedfishSource) -> None:
        self.source = source
        self.batches: asyncio.Queue[Sequence[Reading]] = asyncio.Queue()

    async def collect(self) -> None:
        async for readings in self.source.pushes():
            self.batches.put_nowait(readings)

    async def until_path(self, kind: PathKind) -> None:
        async with asyncio.timeout(WITHIN):
            while self.source.event_path.kind is not kind:  # noqa: ASYNC110 - a value, not an event
                await asyncio.sleep(0.02)

    async def leak(self, part: str, value: float) -> Reading:
        """Return the first reading of a detector with this value."""
        async with asyncio.timeout(WITHIN):
            while True:
                for reading in await self.batches.get():
                    if (reading.place, reading.quantity, reading.value) == (f"{TRAY}/{part}", Quantity.LEAK, value):
                        return reading

    async def reading(self, place: str, quantity: Quantity) -> Sequence[Reading]:
        """Return the first batch that has a reading of a place."""
        async with asyncio.timeout(WITHIN):
            while True:
                batch = await self.batches.get()
                if any((r.place, r.quantity) == (place, quantity) for r in batch):
                    return batch


@contextlib.asynccontextmanager
async def following(served: ServedEndpoint, driver: str = "redfish/switch_tray") -> AsyncIterator[Heard]:
    spec = EndpointSpec("bmc", "redfish", driver)
    endpoint = SiteEndpoint(Place(f"{TRAY}/bmc"), served.address, served.port, pin=served.pin)
    source = make_driver(spec, TRAY, endpoint, Credential(served.user, served.password), SystemClock())
    assert isinstance(source, RedfishSource)
    await source.discover()
    heard = Heard(source)
    task = asyncio.create_task(heard.collect())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await source.close()


def hub(stream: str = f"{SERVICE}/SSE") -> EventHub:
    return EventHub(stream, lambda: "2026-01-01T00:00:00Z")


async def test_a_leak_event_is_a_reading_and_the_path_is_proven() -> None:
    events = hub()
    async with serve_tree(tree(), events=events) as served, following(served) as heard:
        await heard.until_path(PathKind.SSE)
        asked = served.seen.copy()
        events.publish([told("Environmental.1.1.0.LeakDetectedCritical", 1)])
        reading = await heard.leak("leak1", 2.0)
        assert reading.device_time == "2026-01-01T00:00:00Z"
        assert served.seen == asked  # the event said it all
        assert heard.source.event_path.proven_at is not None
    assert events.subscriptions == {}  # the subscription goes with the stream


async def test_a_leak_is_told_before_whoever_reads_on_takes_the_event() -> None:
    events = hub()
    async with serve_tree(tree(), events=events) as served, following(served) as heard:
        order: list[tuple[str, float | int | None]] = []
        heard.source.tell_leaks_to(lambda leaks: order.extend(("first", r.value) for r in leaks))
        await heard.until_path(PathKind.SSE)
        events.publish([told("Environmental.1.1.0.LeakDetectedCritical", 1)])
        reading = await heard.leak("leak1", 2.0)
        order.append(("then", reading.value))
        events.publish([told("Environmental.1.1.0.LeakDetectedNormal", 1, "OK")])  # dry is not urgent
        await heard.leak("leak1", 0.0)
        assert order == [("first", 2.0), ("then", 2.0)]


async def test_a_flood_is_not_taken_first() -> None:
    events = hub()
    async with serve_tree(tree(), events=events) as served, following(served) as heard:
        await heard.until_path(PathKind.SSE)
        first: list[int] = []
        heard.source.tell_leaks_to(lambda leaks: first.append(len(leaks)))
        for _ in range(40):
            events.publish([told("ResourceEvent.1.3.0.ResourceStatusChangedWarning", 0, "OK")])
        events.publish([told("Environmental.1.1.0.LeakDetectedCritical", 1)])
        assert (await heard.leak("leak1", 2.0)).value == 2.0  # behind the others, in their order
        assert sum(first) <= 1


async def test_an_xid_that_an_event_names_is_told_once() -> None:
    events = hub()
    xid = told("ResourceEvent.1.0.ResourceErrorsDetected") | {"MessageArgs": ["GPU_0 Driver Event Message", "XID 79 x"]}
    async with serve_tree(tree(), events=events) as served, following(served) as heard:
        await heard.until_path(PathKind.SSE)
        assert heard.source.take_xids() == []
        events.publish([{**xid, "EventId": "7"}])
        events.publish([{**xid, "EventId": "7"}, told("Environmental.1.1.0.LeakDetectedCritical", 1)])
        await heard.leak("leak1", 2.0)
        assert [(x.place, x.number, x.text) for x in heard.source.take_xids()] == [(TRAY, 79, "x")]
        assert heard.source.take_xids() == []


async def test_an_event_that_states_nothing_costs_one_read_of_what_it_names() -> None:
    events = hub()
    async with serve_tree(tree(), events=events) as served, following(served) as heard:
        await heard.until_path(PathKind.SSE)
        asked = served.seen.copy()
        events.publish([told("ResourceEvent.1.3.0.ResourceStatusChangedWarning")])
        await heard.leak("leak0", 0.0)
        more = {uri: n - asked.get(uri, 0) for uri, n in served.seen.items() if n != asked.get(uri, 0)}
        assert more == {f"{LEAKS}/0": 1}


async def test_a_leak_detector_is_looked_at_at_once_while_its_controller_is_left_alone() -> None:
    events = hub()
    async with serve_tree(tree(detectors=10), events=events) as served, following(served) as heard:
        await heard.until_path(PathKind.SSE)
        heard.source.be_quiet(Seconds(600.0), "it is being flashed")
        await heard.source.read(ReadingClass.SAFETY)  # the one of its period: no other is due for a while
        asked = served.seen.copy()
        events.publish([told("ResourceEvent.1.3.0.ResourceStatusChangedCritical", 1)])
        await heard.leak("leak1", 0.0)
        more = {uri: n - asked.get(uri, 0) for uri, n in served.seen.items() if n != asked.get(uri, 0)}
        assert more == {f"{LEAKS}/1": 1}
        events.publish([told("ResourceEvent.1.3.0.ResourceStatusChangedCritical", n) for n in range(10)])
        await heard.leak("leak7", 0.0)  # more than are looked at, and the whole class is not due: the first of them


async def test_a_stream_that_breaks_is_opened_anew_and_missed_events_are_caught_up() -> None:
    events = hub()
    async with serve_tree(tree(), events=events) as served, following(served) as heard:
        await heard.until_path(PathKind.SSE)
        events.publish([told("Environmental.1.1.0.LeakDetectedWarning", 0)])
        await heard.leak("leak0", 1.0)
        for subscription in list(events.subscriptions.values()):
            assert subscription.stream is not None
            subscription.stream.end()
        await heard.until_path(PathKind.UNPROVEN)
        events.publish([told("Environmental.1.1.0.LeakDetectedCritical", 1)])
        await heard.leak("leak1", 2.0)  # Last-Event-ID brought it back
        await heard.until_path(PathKind.SSE)


async def test_a_bmc_that_forgets_its_sessions_is_followed_again() -> None:
    events = hub()
    async with serve_tree(tree(), events=events) as served, following(served) as heard:
        await heard.until_path(PathKind.SSE)
        served.sessions.clear()
        events.forget()
        await heard.until_path(PathKind.UNPROVEN)
        await heard.until_path(PathKind.SSE)
        events.publish([told("Environmental.1.1.0.LeakDetectedCritical", 1)])
        await heard.leak("leak1", 2.0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ServerSentEventUri": None}, "no stream"),
        ({"ServiceEnabled": False}, "no EventService"),
        ({}, "no EventService"),
    ],
)
async def test_a_device_without_a_stream_is_only_polled_and_says_so(change: dict[str, Any], why: str) -> None:
    bodies = tree()
    if change:
        bodies[SERVICE] |= change
    else:
        del bodies[SERVICE]
    async with serve_tree(bodies, events=hub("")) as served, following(served) as heard:
        async with asyncio.timeout(WITHIN):
            while why not in heard.source.event_path.detail:  # noqa: ASYNC110 - a value, not an event
                await asyncio.sleep(0.02)
        assert heard.source.event_path.kind is PathKind.POLLING


@pytest.mark.parametrize("uri", ["https://evil.example/sse", "//evil/sse", f"{R}/../sse", f"{R}/%2e%2e/sse"])
async def test_a_stream_elsewhere_is_refused(uri: str) -> None:
    async with serve_tree(tree(uri), events=hub("")) as served, following(served) as heard:
        await heard.until_path(PathKind.UNPROVEN)
        assert "TrustRefused" in heard.source.event_path.detail


TASK = f"{R}/TaskService/Tasks/7"


@pytest.mark.parametrize(
    ("target", "quiet"), [(f"{R}/UpdateService/update", True), (f"{R}/Systems/S/Actions/X", False)]
)
async def test_a_flash_that_the_device_tells_of_makes_it_quiet_until_it_ends(target: str, quiet: bool) -> None:
    events = hub()
    bodies = tree()
    bodies[TASK] = {"@odata.id": TASK, "TaskState": "Running", "Payload": {"TargetUri": target}}
    async with serve_tree(bodies, events=events) as served, following(served) as heard:
        await heard.until_path(PathKind.SSE)
        begun = {"MessageId": "TaskEvent.1.0.3.TaskStarted", "Severity": "OK", "MessageArgs": ["7"]}
        events.publish([begun])
        async with asyncio.timeout(WITHIN):
            while TASK not in served.seen:  # noqa: ASYNC110 - a value, not an event
                await asyncio.sleep(0.02)
        events.publish([told("Environmental.1.1.0.LeakDetectedCritical", 1)])
        await heard.leak("leak1", 2.0)  # what it tells by itself counts also now
        attention = heard.source.attention
        assert attention.pacing is (Pacing.QUIET if quiet else Pacing.FULL)
        if quiet:
            assert attention.reason == "it is being flashed (task 7)"
            events.publish([{**begun, "MessageId": "TaskEvent.1.0.3.TaskCompletedOK"}])
            async with asyncio.timeout(WITHIN):
                while heard.source.attention.pacing is not Pacing.FULL:  # noqa: ASYNC110 - a value, not an event
                    await asyncio.sleep(0.02)


def shelf_tree() -> dict[str, Any]:
    """A shelf of two supplies, each with a sensor of what it gives."""

    def link(uri: str) -> dict[str, str]:
        return {"@odata.id": uri}

    chassis, tree_of_shelf = f"{R}/Chassis/C", tree()
    supplies, sensors = f"{chassis}/PowerSubsystem/PowerSupplies", f"{chassis}/Sensors"
    found: dict[str, Any] = {
        chassis: {
            "ChassisType": "Shelf",
            "PowerSubsystem": link(f"{chassis}/PowerSubsystem"),
            "Sensors": link(sensors),
        },
        f"{chassis}/PowerSubsystem": {"PowerSupplies": link(supplies)},
        supplies: {"Members": [link(f"{supplies}/{n}") for n in range(2)]},
        sensors: {"Members": [link(f"{sensors}/p{n}_pout") for n in range(2)]},
    }
    for n in range(2):
        own = f"{sensors}/p{n}_pout"
        found[f"{supplies}/{n}"] = {"Id": f"{n}", "Status": {"Health": "OK"}, "Sensors": [link(own)]}
        found[own] = {"Id": f"p{n}_pout", "ReadingType": "Power", "ReadingUnits": "W", "Reading": 600.0}
    return tree_of_shelf | {uri: {"@odata.id": uri, **body} for uri, body in found.items()}


async def test_what_a_shelf_still_gives_is_read_at_once_when_an_event_names_a_supply() -> None:
    events = hub()
    supply, sensor = f"{R}/Chassis/C/PowerSubsystem/PowerSupplies/1", f"{R}/Chassis/C/Sensors/p1_pout"
    async with serve_tree(shelf_tree(), events=events) as served, following(served, "redfish/power_shelf") as heard:
        await heard.until_path(PathKind.SSE)
        asked = served.seen.copy()
        name = "ResourceEvent.1.3.0.ResourceStatusChangedCritical"
        events.publish([told(name) | {"OriginOfCondition": {"@odata.id": supply}}])
        power = {r.place: r.value for r in await heard.reading(f"{TRAY}/psu1", Quantity.POWER)}
        assert (power[Place(f"{TRAY}/psu1")], power[TRAY]) == (600.0, 1_200.0)
        await heard.reading(f"{TRAY}/psu1", Quantity.HEALTH)
        assert served.seen[sensor] - asked[sensor] == 1
