"""Hostile devices, one a row: each is bounded in time and memory, named on its own endpoint, and costs no other one.

Every peer logs in well, shows one leak detector, and misbehaves with the one thing that its row names.  A good device
is read beside it the whole time.
"""

import asyncio
import gzip
import json
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.factory import make_driver
from firmware_bridge.drivers.redfish.session import SESSIONS
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.drivers.redfish.stream import MOST_PENDING, MOST_PENDING_BYTES
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointUnreachable,
    ReplyMalformed,
    ReplyTooLarge,
    TrustRefused,
)
from firmware_bridge.vocabulary.event_path import PathKind
from firmware_bridge.vocabulary.generation import EndpointSpec, RequestLimits
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.guard import parse
from rack_controller.run.clock import SystemClock

R = "/redfish/v1"
LEAKS = f"{R}/Chassis/C/LeakDetectors"
LIMITS = RequestLimits(timeout=Seconds(1.0), most_bytes=256 * 1024)
MOST_MIB = 64
Writer = asyncio.StreamWriter


def resident_mib() -> float:
    """Return what the process holds now; its peak would hide what came after another test's."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def tree(**more: Any) -> dict[str, Any]:
    bodies: dict[str, Any] = {
        R: {"Chassis": {"@odata.id": f"{R}/Chassis"}, "EventService": {"@odata.id": f"{R}/EventService"}},
        f"{R}/Chassis": {"Members": [{"@odata.id": f"{R}/Chassis/C"}]},
        f"{R}/Chassis/C": {"ChassisType": "Shelf", "PowerState": "On", "LeakDetectors": {"@odata.id": LEAKS}},
        LEAKS: {"Members": [{"@odata.id": f"{LEAKS}/0"}]},
        f"{LEAKS}/0": {"Id": "L0", "DetectorState": "OK"},
        f"{R}/EventService": {"ServerSentEventUri": f"{R}/SSE"},
    }
    return bodies | more


class Device:
    """A device that answers well but for the URIs in `wrong`."""

    def __init__(self, wrong: dict[str, Callable[[Writer], Awaitable[None]] | bytes], bodies: dict[str, Any]) -> None:
        self.wrong, self.bodies = wrong, bodies

    async def __call__(self, request: Any, writer: Writer) -> None:
        path = request.path.partition("?")[0].rstrip("/")
        wrong = self.wrong.get(path)
        if isinstance(wrong, bytes):
            writer.write(wrong)
        elif wrong is not None:
            await wrong(writer)
        elif request.method == "POST":
            writer.write(http(b"{}", "201 Created", "X-Auth-Token: t", f"Location: {SESSIONS}/1"))
        elif path in self.bodies:
            writer.write(http(json.dumps({"@odata.id": path, **self.bodies[path]}).encode()))
        else:
            writer.write(http(b"{}", "404 Not Found"))


def source_of(peer: Any, name: str) -> RedfishSource:
    tray = Place(f"s/a/r01/k01/{name}")
    endpoint = SiteEndpoint(Place(f"{tray}/bmc"), "127.0.0.1", peer.port, pin=peer.leaf.pin)
    spec = EndpointSpec("bmc", "redfish", "redfish/switch_tray", limits=LIMITS)
    made = make_driver(spec, tray, endpoint, Credential("root", "secret"), SystemClock())
    assert isinstance(made, RedfishSource)
    return made


async def drip(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def drip_head(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless_chunks(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


async def a_gigabyte(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


BOMB = gzip.compress(b" " * (64 << 20))
SPLIT = http(b"{}", "302 Found", "Location: /redfish/v1/x\r\nX-Auth-Token: stolen")
ROWS: dict[str, tuple[Callable[[Writer], Awaitable[None]] | bytes, type[DeviceError]]] = {
    "slow drip": (drip, EndpointUnreachable),
    "slow drip of headers": (drip_head, EndpointUnreachable),
    "gzip bomb": (http(BOMB, "200 OK", "Content-Encoding: gzip"), ReplyTooLarge),
    "endless chunks": (endless_chunks, ReplyTooLarge),
    "a gigabyte": (a_gigabyte, ReplyTooLarge),
    "redirect elsewhere": (http(b"", "301 Moved", "Location: https://192.0.2.1/x"), TrustRefused),
    "headers split by CR LF": (SPLIT, TrustRefused),
    "not a number": (http(b'{"DetectorState": NaN}'), ReplyMalformed),
    "a page for people": (http(b"<html>\x1b[2J</html>", "200 OK", "Content-Type: text/html"), ReplyMalformed),
    "half a body and silence": (b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"Id"', EndpointUnreachable),
    "broken UTF-8": (http(b'{"DetectorState": "\xff\xfe'), ReplyMalformed),
    "no HTTP at all": (b"\x00\x01\x02\x03 nonsense \r\n\r\n", ReplyMalformed),
}


@pytest.mark.parametrize("row", ROWS)
async def test_a_hostile_reply_is_bounded_named_and_isolated(peers: Any, row: str) -> None:
    wrong, error = ROWS[row]
    async with peers(Device({f"{LEAKS}/0": wrong}, tree())) as bad, peers(Device({}, tree())) as good:
        hostile, decent = source_of(bad, "u11"), source_of(good, "u12")
        await decent.discover()
        weight = resident_mib()
        began = time.monotonic()
        reading = asyncio.create_task(hostile.link.get_decoded(f"{LEAKS}/0", lambda raw: parse(raw, LIMITS.most_bytes)))
        slowest = await slowest_read_beside(decent, reading)
        with pytest.raises(DeviceError) as caught:
            await reading
        assert time.monotonic() - began < 10.0
        assert slowest < 3.0  # three periods of the safety class
        assert resident_mib() - weight < MOST_MIB
        assert isinstance(caught.value, error), caught.value
        assert (caught.value.endpoint, str(caught.value).isprintable()) == (hostile.endpoint, True)
        await hostile.close()
        await decent.close()


async def slowest_read_beside(decent: RedfishSource, task: "asyncio.Task[Any]") -> float:
    """Read a good device until the task is over; return how long its slowest read took (s)."""
    slowest = 0.0
    while not task.done():
        asked = time.monotonic()
        assert await decent.read(ReadingClass.SAFETY)
        slowest = max(slowest, time.monotonic() - asked)
        await asyncio.sleep(0.02)
    return slowest


@pytest.mark.parametrize(
    "link",
    [
        "https://192.0.2.1/redfish/v1/Chassis/C/LeakDetectors/0",
        "//192.0.2.1/redfish/v1",
        f"{LEAKS}/../../../../Evil",
        f"{LEAKS}/%2e%2e/Evil",
        f"{LEAKS}/..%2fEvil",
        f"{LEAKS}/0\r\nX-Injected: yes",
        f"{LEAKS}/\u202e0",
    ],
)
async def test_no_link_leads_away_from_the_device(peers: Any, link: str) -> None:
    bodies = tree(**{LEAKS: {"Members": [{"@odata.id": link}, {"@odata.id": f"{LEAKS}/0"}]}})
    async with peers(Device({}, bodies)) as peer:
        source = source_of(peer, "u11")
        await source.discover()
        assert await source.read(ReadingClass.SAFETY)
        report = await source.report()
        assert all(n.what.isprintable() and n.uri.isprintable() for n in report.notes)
        asked = [(r.path, name) for r in peer.requests for name in r.headers]
        assert not any("Evil" in path or ".." in path or "%2" in path.lower() for path, _ in asked)
        assert not any(name == "x-injected" for _, name in asked)
        await source.close()


async def test_a_report_says_which_resources_were_there_and_not_read(peers: Any) -> None:
    device = Device({}, tree())
    async with peers(device) as peer:
        source = source_of(peer, "u11")
        assert (await source.report()).unread == ()
        device.wrong[f"{LEAKS}/0"] = http(b"{}", "500 Internal Server Error")
        report = await source.report()
        assert (report.endpoint["seen"], report.unread) == ("part", (f"{LEAKS}/0",))
        del device.wrong[f"{LEAKS}/0"], device.bodies[f"{LEAKS}/0"]  # what answers 404 is not there
        report = await source.report()
        assert (report.endpoint["seen"], report.unread) == ("whole", ())
        await source.close()


async def stream_of(writer: Writer, *parts: bytes, kind: str = "text/event-stream", repeat: int = 1) -> None:
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode())
    for _ in range(repeat):
        for part in parts:
            writer.write(part)
            await writer.drain()
    await asyncio.get_running_loop().create_future()


FLOOD = b"".join(
    b'id: %d\ndata: {"Events":[{"EventId":"%d","MessageId":"X.1.0.Y","OriginOfCondition":"%s/0"}]}\n\n'
    % (n, n, LEAKS.encode())
    for n in range(1000)
)
STREAMS: dict[str, tuple[Callable[[Writer], Awaitable[None]], str]] = {
    "an endless line": (lambda w: stream_of(w, b"data: " + b"x" * 65536, repeat=1000), "ReplyTooLarge"),
    "an endless event": (lambda w: stream_of(w, b"data: " + b"x" * 60000 + b"\n", repeat=1000), "ReplyTooLarge"),
    "a page": (lambda w: stream_of(w, b"<html>", kind="text/html"), "ReplyMalformed"),
    "an endless head": (drip_head, ""),  # nothing is proven while it lasts
    "no JSON": (lambda w: stream_of(w, b"data: \xff{[\x1b[2J\n\n"), "ReplyMalformed"),
    "deep JSON": (lambda w: stream_of(w, b"data: " + b"[" * 5000 + b"\n\n"), "ReplyMalformed"),
}


@pytest.mark.parametrize("row", STREAMS)
async def test_a_hostile_stream_is_given_up_with_a_name_and_polling_goes_on(peers: Any, row: str) -> None:
    wrong, name = STREAMS[row]
    async with peers(Device({f"{R}/SSE": wrong}, tree())) as peer:
        source = source_of(peer, "u11")
        await source.discover()
        weight = resident_mib()

        async def collect() -> None:
            async for _ in source.pushes():
                pass

        following = asyncio.create_task(collect())
        async with asyncio.timeout(20):
            while name not in source.event_path.detail or source.event_path.detail == "not asked yet":
                assert await source.read(ReadingClass.SAFETY)
                await asyncio.sleep(0.05)
        assert source.event_path.detail.isprintable()
        assert source.event_path.kind is not PathKind.SSE or name == "ReplyMalformed"
        assert resident_mib() - weight < MOST_MIB
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await source.close()


async def test_a_flood_of_a_million_events_is_held_back_and_costs_no_other_device(peers: Any) -> None:
    sent = 0

    async def flood(writer: Writer) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for _ in range(1000):
            writer.write(FLOOD)
            await writer.drain()
            sent += 1000

    device = Device({f"{R}/SSE": flood}, tree())
    async with peers(device) as peer, peers(Device({}, tree())) as good:
        source, decent = source_of(peer, "u11"), source_of(good, "u12")
        await source.discover()
        await decent.discover()
        weight = resident_mib()
        batches = 0

        async def collect() -> None:
            nonlocal batches
            async for _ in source.pushes():
                batches += 1

        following = asyncio.create_task(collect())
        watching = asyncio.create_task(asyncio.sleep(2.0))
        slowest = await slowest_read_beside(decent, watching)
        looked = sum(r.path == f"{LEAKS}/0" for r in peer.requests)
        assert sent < 200_000  # the rest waits on the device's side
        assert 0 < looked < 400  # many events of one resource are one look
        assert batches < 400
        assert slowest < 3.0
        assert resident_mib() - weight < MOST_MIB
        (stream,) = source.link._streams
        assert stream.floods > 0
        assert len(stream._pending) <= MOST_PENDING
        assert stream._pending_bytes == sum(len(m.data) for m in stream._pending)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await source.close()
        await decent.close()


async def test_large_events_wait_on_the_devices_side_when_nobody_takes_them(peers: Any) -> None:
    sent, size = 0, 1 << 18
    weight = 0.0

    async def flood(writer: Writer) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for _ in range(256):
            writer.write(b"data: " + b"x" * (size - 6) + b"\n\n")
            await writer.drain()
            sent += 1

    async with peers(Device({f"{R}/SSE": flood}, tree())) as peer:
        source = source_of(peer, "u11")
        source.link.limits = replace(LIMITS, most_bytes=1 << 20)
        await source.discover()
        weight = resident_mib()
        stream = await source.link.stream(f"{R}/SSE")
        async with asyncio.timeout(20):
            while stream.floods < 2:  # noqa: ASYNC110 - a value, not an event
                await asyncio.sleep(0.02)
        assert MOST_PENDING_BYTES <= stream._pending_bytes <= MOST_PENDING_BYTES + size
        assert resident_mib() - weight < MOST_MIB
        before, taken = sent, await stream.batch()
        assert (sum(len(m.data) for m in taken) >= MOST_PENDING_BYTES, stream._pending_bytes) == (True, 0)
        async with asyncio.timeout(20):
            while sent == before:  # taken: it may go on
                await stream.batch()
        assert stream.dropped == 0
        await source.close()
