"""One endpoint that misbehaves in every way costs a named error, bounded time and bounded memory."""

import asyncio
import os
import resource
import time
from pathlib import Path
from typing import Any

import pytest
from support.patience import PATIENCE

from firmware_bridge.drivers.redfish.link import BACKGROUND, NORMAL, PATIENT, URGENT, RedfishLink
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    EndpointUnreachable,
    LoginRefused,
    ReplyMalformed,
    ReplyTooLarge,
    ResourceMissing,
    TrustRefused,
)
from firmware_bridge.vocabulary.generation import RequestLimits
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.documents import Decoder, Sensor
from firmware_bridge.wire.redfish.guard import parse

QUICK = RequestLimits(timeout=Seconds(1.0), most_bytes=256 * 1024)
GOOD = b'{"Id": "T", "Reading": 40.5}'


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def link_to(peer: Any, limits: RequestLimits = QUICK, **options: Any) -> RedfishLink:
    return RedfishLink("t/bmc", "127.0.0.1", peer.port, options.pop("pin", peer.leaf.pin), limits, **options)


async def test_a_resource_is_read_and_decoded_over_one_connection(peers: Any) -> None:
    async with peers(http(GOOD)) as peer:
        link = link_to(peer)
        for _ in range(5):
            sensor = await link.get_decoded("/redfish/v1/S", Decoder(Sensor))
        assert sensor.Reading == 40.5
        assert await link.get("/redfish/v1/S") == GOOD
        assert peer.connections == 2  # one look at the certificate, one kept alive for everything else
        assert peer.requests[0].headers["accept"] == "application/json"
        await link.close()


async def forever() -> None:
    """Wait until the test takes the connection away."""
    await asyncio.get_running_loop().create_future()


async def hang(request: Any, writer: asyncio.StreamWriter) -> None:
    await forever()


async def reset(request: Any, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def half(request: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b'{"Id": ')
    await writer.drain()
    writer.close()


async def drip(request: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)


async def endless(request: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(16 * 1024):
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


async def other_protocol(request: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    writer.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (hang, EndpointUnreachable),
        (reset, EndpointUnreachable),
        (drip, EndpointUnreachable),
        (half, ReplyMalformed),
        (other_protocol, ReplyMalformed),
        (http(b'{"Reading": NaN}'), ReplyMalformed),
        (http(b'{"Reading": 1e999}'), ReplyMalformed),
        (http(b'{"Id": '), ReplyMalformed),
        (http(b'{"a":' * 20_000), ReplyTooLarge),
        (endless, ReplyTooLarge),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", ReplyTooLarge),
        (http(b"", "302 Found", "Location: https://127.0.0.1:9/x"), TrustRefused),
        (http(b"", "308 Permanent Redirect", "Location: /redfish/v1/"), TrustRefused),
        (http(b"", "401 Unauthorized"), LoginRefused),
        (http(b"", "403 Forbidden"), LoginRefused),
        (http(b"", "404 Not Found"), ResourceMissing),
        (http(b"", "500 Oops"), EndpointRefused),
        (http(b"", "503 Busy", "Retry-After: 5"), EndpointRefused),
    ],
    ids=lambda v: v.__name__ if callable(v) else None,
)
async def test_every_hostile_reply_has_a_name_and_a_bound(peers: Any, answer: Any, error: type[DeviceError]) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with peers(answer) as peer:
        link = link_to(peer)
        began = time.monotonic()
        with pytest.raises(DeviceError) as caught:
            await link.get_decoded("/redfish/v1/S", lambda raw: parse(raw, QUICK.most_bytes))
        assert type(caught.value) is error
        assert caught.value.endpoint == "t/bmc"
        assert time.monotonic() - began < 3.0
        await link.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 64 * 1024


async def test_a_redirect_is_not_followed_and_the_token_goes_nowhere(peers: Any) -> None:
    async with peers(http(GOOD)) as elsewhere:
        async with peers(http(b"", "302 Found", f"Location: {elsewhere.url}/redfish/v1/S")) as peer:
            link = link_to(peer)
            with pytest.raises(TrustRefused, match="redirect"):
                await link.get("/redfish/v1/S")
            await link.close()
        assert elsewhere.connections == 0


async def test_another_certificate_is_refused_in_the_handshake(peers: Any) -> None:
    async with peers(http(GOOD)) as peer, peers(http(GOOD)) as other:
        link = link_to(peer, pin=other.leaf.pin)
        with pytest.raises(TrustRefused, match="pin"):
            await link.get("/redfish/v1/S")
        # Also when the certificate changes only after the first look.
        swapped = link_to(peer, pin=other.leaf.pin, leaf=other.leaf)
        with pytest.raises(TrustRefused):
            await swapped.get("/redfish/v1/S")
        assert peer.requests == []
        await link.close()
        await swapped.close()


async def test_an_expired_certificate_is_refused_and_named(peers: Any) -> None:
    async with peers(http(GOOD), days=-1) as peer:
        link = link_to(peer)
        with pytest.raises(TrustRefused, match="expired"):
            await link.get("/redfish/v1/S")
        assert peer.requests == []
        await link.close()


async def test_a_port_with_nobody_behind_it_is_unreachable(tmp_path: Path) -> None:
    link = RedfishLink("t/bmc", "127.0.0.1", 1, "sha256//" + "A" * 43 + "=", QUICK)
    with pytest.raises(EndpointUnreachable):
        await link.get("/redfish/v1/S")
    await link.close()


async def test_links_to_other_hosts_are_refused_before_anything_is_sent(peers: Any) -> None:
    async with peers(http(GOOD)) as peer:
        link = link_to(peer)
        for uri in ("https://evil.host/redfish/v1", "//evil.host/x", "/redfish/v1/../x", "/redfish/v1/\r\nX: y"):
            with pytest.raises(TrustRefused):
                await link.get(uri)
        assert peer.requests == []
        await link.close()


async def test_the_environments_proxy_is_ignored(peers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with peers(http(GOOD)) as peer:
        link = link_to(peer)
        assert await link.get("/redfish/v1/S") == GOOD
        await link.close()


async def test_no_more_than_the_allowed_requests_are_in_flight(peers: Any) -> None:
    held: asyncio.Queue[asyncio.Event] = asyncio.Queue()
    running = most = 0

    async def hold(request: Any, writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        go = asyncio.Event()
        held.put_nowait(go)
        await go.wait()
        running -= 1
        writer.write(http(GOOD))

    async with peers(hold) as peer:
        link = link_to(peer, RequestLimits(timeout=Seconds(30.0)))
        reads = asyncio.gather(*(link.get(f"/redfish/v1/S{n}") for n in range(20)))
        for _ in range(10):
            pair = [await asyncio.wait_for(held.get(), 5 * PATIENCE) for _ in range(2)]
            for go in pair:
                go.set()
        await reads
        assert most == 2
        await link.close()


async def test_an_urgent_read_overtakes_what_is_waiting(peers: Any) -> None:
    order: list[str] = []
    go = asyncio.Event()

    async def slow(request: Any, writer: asyncio.StreamWriter) -> None:
        order.append(request.path)
        if not request.path.endswith("first"):
            await go.wait()
        writer.write(http(GOOD))

    async with peers(slow) as peer:
        link = link_to(peer, RequestLimits(timeout=Seconds(30.0)))
        await link.get("/redfish/v1/first")
        patient = [asyncio.ensure_future(link.get(f"/redfish/v1/p{n}", PATIENT)) for n in range(6)]
        filling = asyncio.ensure_future(link.get("/redfish/v1/filling", NORMAL))
        await asyncio.sleep(0)
        normal = asyncio.ensure_future(link.get("/redfish/v1/normal", NORMAL))
        urgent = asyncio.ensure_future(link.get("/redfish/v1/urgent", URGENT))
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*patient, filling, normal, urgent)
        assert order.index("/redfish/v1/urgent") < order.index("/redfish/v1/normal") < order.index("/redfish/v1/p5")
        await link.close()


async def test_patient_reads_keep_the_endpoints_rate(peers: Any) -> None:
    async with peers(http(GOOD)) as peer:
        link = link_to(peer, RequestLimits(requests_per_second=20.0))
        began = time.monotonic()
        await asyncio.gather(*(link.get("/redfish/v1/S", PATIENT) for _ in range(110)))
        assert 0.3 < time.monotonic() - began < 3.0  # 100 at once from the burst, the rest at 20 a second
        await link.close()


@pytest.mark.parametrize("urgency", [PATIENT, BACKGROUND])
async def test_slow_reads_that_hang_leave_a_slot_for_urgent_ones(peers: Any, urgency: int) -> None:
    hanging = asyncio.Event()

    async def sometimes(request: Any, writer: asyncio.StreamWriter) -> None:
        if request.path.endswith("never"):
            hanging.set()
            await forever()
        writer.write(http(GOOD))

    async with peers(sometimes) as peer:
        link = link_to(peer, RequestLimits(timeout=Seconds(30.0)))
        await link.get("/redfish/v1/S")
        slow = [asyncio.ensure_future(link.get("/redfish/v1/never", urgency)) for _ in range(4)]
        await asyncio.wait_for(hanging.wait(), 5 * PATIENCE)
        async with asyncio.timeout(5 * PATIENCE):
            assert await link.get("/redfish/v1/urgent", URGENT) == GOOD
        await link.close()
        assert [type(r) for r in await asyncio.gather(*slow, return_exceptions=True)] == [EndpointUnreachable] * 4


async def test_taking_stock_lives_on_what_slow_reads_leave(peers: Any) -> None:
    order: list[str] = []

    async def note(request: Any, writer: asyncio.StreamWriter) -> None:
        order.append(request.path.rsplit("/", 1)[-1])
        writer.write(http(GOOD))

    async with peers(note) as peer:
        link = link_to(peer, RequestLimits(requests_per_second=50.0))
        await link.get("/redfish/v1/first")
        stock = [asyncio.ensure_future(link.get("/redfish/v1/stock", BACKGROUND)) for _ in range(60)]
        await asyncio.sleep(0)
        slow = [asyncio.ensure_future(link.get("/redfish/v1/slow", PATIENT)) for _ in range(5)]
        await asyncio.gather(*slow)
        assert order.count("stock") < 60
        await asyncio.gather(*stock)
        assert order.count("stock") == 60
        await link.close()


async def test_a_cancelled_read_frees_its_slot(peers: Any) -> None:
    async def sometimes(request: Any, writer: asyncio.StreamWriter) -> None:
        if request.path.endswith("never"):
            await forever()
        writer.write(http(GOOD))

    async with peers(sometimes) as peer:
        link = link_to(peer, RequestLimits(in_flight=1))
        await link.get("/redfish/v1/S")
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await link.get("/redfish/v1/never")
        assert await link.get("/redfish/v1/S") == GOOD
        await link.close()


async def test_a_connection_that_the_endpoint_dropped_is_opened_again(peers: Any) -> None:
    async def once(request: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(http(GOOD))
        await writer.drain()
        writer.close()

    async with peers(once) as peer:
        link = link_to(peer)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            assert await link.get("/redfish/v1/S") == GOOD
        assert len(os.listdir("/proc/self/fd")) < before + 12
        await link.close()


async def test_closing_ends_what_is_running_and_hangs_up(peers: Any) -> None:
    asked = asyncio.Event()

    async def never(request: Any, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await forever()

    async with peers(never) as peer:
        link = link_to(peer)
        reads = [asyncio.ensure_future(link.get(f"/redfish/v1/S{n}")) for n in range(4)]
        await asyncio.wait_for(asked.wait(), 5 * PATIENCE)
        await link.close()
        results = await asyncio.gather(*reads, return_exceptions=True)
        assert [type(r) for r in results] == [EndpointUnreachable] * 4
