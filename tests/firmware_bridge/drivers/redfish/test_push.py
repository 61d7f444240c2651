"""Events of devices without a stream: subscribed to on armed racks only, proven, renewed, deleted; others unheard."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.real_rack import RACK, eventually, real_rack

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.factory import make_driver
from firmware_bridge.drivers.redfish.listener import EventListener, Inbox, ListenAt
from firmware_bridge.drivers.redfish.pushed import PushPart
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.emulator.certificates import keep_identity
from firmware_bridge.emulator.delivery import Delivery
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint, running_emulator, serve_tree
from firmware_bridge.redfish_service.event_hub import SERVICE, SUBSCRIPTIONS, TEST_EVENT, EventHub, Subscription
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from firmware_bridge.vocabulary.event_path import PathKind
from firmware_bridge.vocabulary.generation import EndpointSpec
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.vocabulary.site import SiteEndpoint
from rack_controller.run.clock import SystemClock

R = "/redfish/v1"
LEAKS = f"{R}/Chassis/C/LeakDetectors"
TRAY = Place("s/a/r01/k01/u12")
WITHIN = 20.0
OURS = "rackwright-s:"


def tree(**service: Any) -> dict[str, Any]:
    def link(uri: str) -> dict[str, str]:
        return {"@odata.id": uri}

    actions = {"#EventService.SubmitTestEvent": {"target": TEST_EVENT}}
    bodies: dict[str, Any] = {
        R: {"EventService": link(SERVICE), "Chassis": link(f"{R}/Chassis")},
        f"{R}/Chassis": {"Members": [link(f"{R}/Chassis/C")]},
        f"{R}/Chassis/C": {"ChassisType": "Shelf", "PowerState": "On", "LeakDetectors": link(LEAKS)},
        LEAKS: {"Members": [link(f"{LEAKS}/0")]},
        f"{LEAKS}/0": {"Id": "L0", "DetectorState": "OK"},
        SERVICE: {"ServiceEnabled": True, "Subscriptions": link(SUBSCRIPTIONS), "Actions": actions, **service},
    }
    return {uri: {"@odata.id": uri, **body} for uri, body in bodies.items()}


LEAKS_NOW = {
    "MessageId": "Environmental.1.1.0.LeakDetectedCritical",
    "Severity": "Critical",
    "OriginOfCondition": {"@odata.id": f"{LEAKS}/0"},
}


class Heard:
    """A driver whose pushes are collected as they come."""

    def __init__(self, source: RedfishSource) -> None:
        self.source = source
        self.readings: asyncio.Queue[Reading] = asyncio.Queue()

    async def collect(self) -> None:
        async for readings in self.source.pushes():
            for reading in readings:
                self.readings.put_nowait(reading)

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN):
            while not so():  # noqa: ASYNC110 - a value, not an event
                await asyncio.sleep(0.02)

    async def until_path(self, kind: PathKind, detail: str = "") -> None:
        await self.until(lambda: self.source.event_path.kind is kind and detail in self.source.event_path.detail)

    async def leak(self, ending: str) -> None:
        async with asyncio.timeout(WITHIN):
            while True:
                reading = await self.readings.get()
                if reading.place.endswith(ending) and reading.quantity is Quantity.LEAK and reading.value == 2.0:
                    return


@contextlib.asynccontextmanager
async def following(
    served: ServedEndpoint, armed: bool = True, listener: EventListener | None = None
) -> AsyncIterator[Heard]:
    spec = EndpointSpec("bmc", "redfish", "redfish/switch_tray")
    endpoint = SiteEndpoint(Place(f"{TRAY}/bmc"), served.address, served.port, pin=served.pin)
    push = PushPart(listener or EventListener(), "s", armed)
    source = make_driver(spec, TRAY, endpoint, Credential(served.user, served.password), SystemClock(), push=push)
    assert isinstance(source, RedfishSource)
    await source.discover()
    async with collected(source) as heard:
        yield heard


@contextlib.asynccontextmanager
async def collected(source: RedfishSource) -> AsyncIterator[Heard]:
    heard = Heard(source)
    task = asyncio.create_task(heard.collect())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await source.close()


@pytest.fixture
async def delivery() -> AsyncIterator[Delivery]:
    made = Delivery()
    yield made
    await made.stop()


def hub(delivery: Delivery | None = None) -> EventHub:
    send = None if delivery is None else partial(delivery.send, source="127.0.0.1")
    return EventHub("", lambda: "2026-01-01T00:00:00Z", send)


async def test_a_leak_of_an_emulated_coolant_unit_is_pushed_to_us(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, "gb200-nvl72", speed=0) as emulator:
        cdu = emulator.endpoint("u01/bmc")
        tray, spec = Place(cdu.place.rpartition("/")[0]), EndpointSpec("bmc", "redfish", "redfish/coolant_unit")
        push = PushPart(EventListener(), "tx1", may_write=True)
        source = make_driver(spec, tray, cdu, emulator.credential(cdu), SystemClock(), push=push)
        assert isinstance(source, RedfishSource)
        await source.discover()
        events = next(e.events for e in emulator.hall.endpoints if e.plan.place == cdu.place)
        assert events is not None
        async with collected(source) as heard:
            await heard.until_path(PathKind.PUSH)
            assert source.event_path.proven_at is not None
            emulator.hall.faults.set([Fault(FaultKind.LEAK, where="*/u01/leak0")])
            emulator.hall.advance(0.1)
            await heard.leak("u01/leak0")
        assert events.subscriptions == {}


async def test_a_forgotten_subscription_is_renewed_and_what_is_others_stays(delivery: Delivery) -> None:
    events = hub(delivery)
    events._add("http://127.0.0.1:9/stale", f"{OURS}before")
    events._add("http://127.0.0.1:9/other", "rackwright-s2:other")
    async with serve_tree(tree(), events=events) as served, following(served) as heard:
        await heard.until_path(PathKind.PUSH)
        contexts = [s.context for s in events.subscriptions.values()]
        assert len(contexts) == 2
        assert "rackwright-s2:other" in contexts
        old = heard.source.state.follower.own if heard.source.state.follower else frozenset()
        (name,) = (uri.rpartition("/")[2] for uri in old)
        served.sessions.clear()
        events.forget()  # as a restarting BMC does; its first new subscriber gets our number
        events.subscriptions[name] = Subscription(name, "http://127.0.0.1:9/other", "other's")
        await heard.source.read(ReadingClass.SAFETY)
        await heard.until(lambda: any(s.context.startswith(OURS) for s in events.subscriptions.values()))
        await heard.until_path(PathKind.PUSH)
        events.publish([LEAKS_NOW])
        await heard.leak("u12/leak0")
    assert [s.context for s in events.subscriptions.values()] == ["other's"]


async def test_nothing_is_written_to_an_unarmed_rack() -> None:
    events = hub()
    events._add("http://127.0.0.1:9/stale", f"{OURS}before")
    async with serve_tree(tree(), events=events) as served, following(served, armed=False) as heard:
        await heard.until_path(PathKind.POLLING, "not armed: nothing is subscribed")
    assert [s.context for s in events.subscriptions.values()] == [f"{OURS}before"]


async def test_a_device_whose_events_do_not_arrive_is_unproven() -> None:
    events = hub()  # takes subscriptions and sends nothing, as behind a firewall
    async with serve_tree(tree(), events=events) as served, following(served) as heard:
        await heard.until_path(PathKind.UNPROVEN, "test event has not arrived")
        assert events.subscriptions


async def test_a_device_that_cannot_test_is_proven_by_its_list() -> None:
    events = hub()
    async with serve_tree(tree(Actions=None), events=events) as served, following(served) as heard:
        await heard.until_path(PathKind.PUSH)


async def test_a_device_that_takes_no_subscription_is_only_polled() -> None:
    listed = {"@odata.id": SUBSCRIPTIONS, "Members": []}
    async with serve_tree(tree() | {SUBSCRIPTIONS: listed}) as served, following(served) as heard:
        await heard.until_path(PathKind.POLLING, "does not let us subscribe")


async def test_a_device_that_has_no_room_is_asked_again() -> None:
    events = hub()
    for n in range(20):
        events._add(f"http://127.0.0.1:9/{n}")
    async with serve_tree(tree(), events=events) as served, following(served) as heard:
        await heard.until_path(PathKind.UNPROVEN, "EndpointRefused")
        events.forget()
        await heard.until(lambda: len(events.subscriptions) == 1)


async def test_a_taken_port_is_told_of() -> None:
    taken = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    listener = EventListener(ListenAt("127.0.0.1", taken.sockets[0].getsockname()[1]))
    async with serve_tree(tree(), events=hub()) as served, following(served, listener=listener) as heard:
        await heard.until_path(PathKind.UNPROVEN, "cannot listen for events")
    taken.close()


def test_a_device_elsewhere_needs_an_address_to_send_to() -> None:
    assert EventListener().obstacle("10.1.2.3") == "set events.listen in site.yaml"
    assert EventListener(ListenAt("10.1.2.4", 9443)).obstacle("10.1.2.3") == ""
    assert EventListener().obstacle("127.0.0.9") == ""
    assert "is a name" in EventListener().obstacle("cdu.example")


@pytest.mark.parametrize(
    ("armed", "way", "why"),
    [(True, "push", ""), (False, "polling", "not armed: nothing is subscribed")],
)
async def test_a_controller_subscribes_where_the_site_says_that_it_may(
    tmp_path: Path, delivery: Delivery, armed: bool, way: str, why: str
) -> None:
    place, events = f"{RACK}/u12/bmc", hub(delivery)
    async with serve_tree(tree(), place=place, events=events) as served, real_rack(tmp_path, [served], armed) as rack:

        async def seen() -> bool:
            status = await rack.status(place)
            return (status.events, status.events_detail) == (way, why)

        await eventually(seen)
        assert len(events.subscriptions) == armed
    assert events.subscriptions == {}  # the controller ended


# The listener by itself


async def said(inbox: Inbox, request: bytes, source: str = "127.0.0.1") -> bytes:
    """Return all that the listener answers to these bytes."""
    port = int(inbox.url.split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        async with asyncio.timeout(WITHIN):
            writer.write(request)
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


def post(path: str, body: bytes = b"{}", method: str = "POST", *more: str) -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*head, "", ""]).encode() + body


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    made = await EventListener().open("127.0.0.1", 1000)
    yield made
    made.close()


async def test_a_body_comes_in_once_and_whole(inbox: Inbox) -> None:
    assert (await said(inbox, post(inbox.path, b'{"Id":"1"}'))).startswith(b"HTTP/1.1 204 ")
    chunked = b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{}  \r\n0\r\n\r\n"
    assert (await said(inbox, chunked % inbox.path.encode())).startswith(b"HTTP/1.1 204 ")
    waiting = post(inbox.path, b"", "POST", "Expect: 100-continue").replace(b"Length: 0", b"Length: 2") + b"[]"
    assert b" 204 " in await said(inbox, waiting)
    assert [json.loads(body) for body in await inbox.batch(0)] == [{"Id": "1"}, {}, []]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("GET", "", b"", b"405", "method"),
        ("DELETE", "", b"{}", b"405", "method"),
        ("POST", "x", b"{}", b"404", "gone"),
        ("POST", "/../", b"{}", b"404", "gone"),
        ("POST", "", b" " * 1001, b"413", "body"),
        ("POST", " x", b"", b"400", "malformed"),
    ],
)
async def test_what_is_no_event_is_refused_and_counted(
    inbox: Inbox, method: str, path: str, body: bytes, status: bytes, reason: str
) -> None:
    answer = await said(inbox, post(inbox.path + path, body, method))
    assert answer[9:12] in (status, b"")  # a reset may overtake the answer
    assert inbox._listener.refused == {reason: 1}
    assert await inbox.batch(0) == []


async def test_an_endless_body_and_an_endless_head_are_cut_off(inbox: Inbox) -> None:
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    head = f"POST {inbox.path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    await said(inbox, head + chunk * 3)
    await said(inbox, f"POST {inbox.path} HTTP/1.1\r\nX: ".encode() + b"x" * 40_000)
    assert inbox._listener.refused == {"body": 1, "malformed": 1}
    assert await inbox.batch(0) == []


async def test_another_address_is_not_even_read(inbox: Inbox) -> None:
    assert await said(inbox, post(inbox.path), "127.0.0.2") == b""
    other = await inbox._listener.open("127.0.0.2", 1000)
    assert b" 404 " in await said(inbox, post(inbox.path), "127.0.0.2")  # known, and not for this path
    assert inbox._listener.refused == {"address": 1, "gone": 1}
    told = inbox._listener.refusals()
    assert {reason for reason, count in told.items() if count} == {"address", "gone"}
    assert set(told) >= {"busy", "broken", "flood", "slow", "malformed", "body", "method"}
    assert await inbox.batch(0) == []
    other.close()


async def test_a_slow_body_runs_out_of_time(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_bridge.drivers.redfish.listener._SECONDS", 0.2)
    assert b" 408 " in await said(inbox, post(inbox.path, b"{}")[:-1])
    assert inbox._listener.refused == {"slow": 1}


async def test_connections_of_one_address_are_few(inbox: Inbox) -> None:
    port = int(inbox.url.split(":")[2].split("/")[0])
    open_ones = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
    async with asyncio.timeout(WITHIN):
        while len(inbox._listener._under_way) < 4:  # noqa: ASYNC110 - a value, not an event
            await asyncio.sleep(0.01)
    assert await said(inbox, post(inbox.path)) == b""
    assert inbox._listener.refused == {"busy": 1}
    assert inbox.dropped == 1  # so that its readings are taken anew
    for _, writer in open_ones:
        writer.transport.abort()


async def test_a_flood_is_bounded_and_told(inbox: Inbox) -> None:
    taken = sum(inbox.put(b"{}") for _ in range(5_000))
    assert taken <= 256
    assert inbox.dropped == 5_000 - taken
    assert b" 503 " in await said(inbox, post(inbox.path))
    assert len(await inbox.batch(0)) == taken


async def test_tls_where_the_site_has_a_certificate(tmp_path: Path, delivery: Delivery) -> None:
    pem = keep_identity(tmp_path, "127.0.0.1").pem
    free = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    port = free.sockets[0].getsockname()[1]
    free.close()
    await free.wait_closed()
    inbox = await EventListener(ListenAt("127.0.0.1", port, pem, pem)).open("127.0.0.1", 1000)
    assert inbox.url.startswith("https://127.0.0.1:")
    delivery.send(Subscription("1", inbox.url), b"{}", "127.0.0.1")
    assert await inbox.batch(WITHIN) == [b"{}"]
    inbox.close()
    with pytest.raises(EnvironmentUnfit, match="correct `events`"):
        await EventListener(ListenAt("127.0.0.1", port, tmp_path / "none", pem)).open("127.0.0.1", 1000)
