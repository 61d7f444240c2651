"""One question to a stranger: judged before a byte is sent, bounded, never repeated, whatever answers."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from firmware_bridge.drivers.redfish.contact import Ask, Door, ask_once
from firmware_bridge.drivers.redfish.trust import Leaf
from firmware_bridge.vocabulary.errors import (
    EndpointUnreachable,
    RackwrightError,
    ReplyMalformed,
    ReplyTooLarge,
    TrustRefused,
)

URI = "/redfish/v1/"


def door(port: int, **more: Any) -> Door:
    return Door("t/bmc", "127.0.0.1", port, **{"timeout": 5.0, **more})


@pytest.fixture
def raw(peers: Any) -> Any:
    """A peer that answers every request with these bytes and hangs up."""

    @asynccontextmanager
    async def serve(content: bytes, **more: Any) -> AsyncIterator[Any]:
        async def answer(_request: Any, writer: asyncio.StreamWriter) -> None:
            writer.write(content)
            await writer.drain()
            writer.close()

        async with peers(answer, **more) as peer:
            yield peer

    return serve


async def test_one_request_over_one_connection_and_the_certificate_with_it(raw: Any) -> None:
    async with raw(b"HTTP/1.1 401 No\r\nContent-Length: 2\r\nX-A: b\r\n\r\n{}") as peer:
        ask = Ask(URI, "POST", {"UserName": "root"}, {"X-Auth-Token": "t"})
        for n in (1, 2):
            leaf, reply = await ask_once(door(peer.port), ask)
            assert (leaf, reply.status, reply.headers["x-a"], reply.body) == (peer.leaf, 401, "b", b"{}")
            assert (peer.connections, len(peer.requests)) == (n, n)
    assert peer.requests[0].body == b'{"UserName":"root"}'
    assert peer.requests[0].headers["x-auth-token"] == "t"


@pytest.mark.parametrize("error", [TrustRefused("t/bmc", "connect", "no"), RuntimeError("a bug of ours")])
async def test_nothing_is_sent_to_who_is_not_trusted(raw: Any, error: Exception) -> None:
    def judge(shown: Leaf) -> None:
        seen.append(shown)
        raise error

    seen: list[Leaf] = []
    async with raw(b"") as peer:
        with pytest.raises(type(error)) as caught:
            await ask_once(door(peer.port), Ask(URI, headers={"X-Auth-Token": "t"}), judge)
        assert caught.value is error
        assert (seen, peer.requests) == ([peer.leaf], [])


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", EndpointUnreachable),
        (b"SSH-2.0-OpenSSH_9.6\r\n", ReplyMalformed),
        (b"HTTP/1.1 OK\r\n\r\n", ReplyMalformed),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", ReplyMalformed),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}", RackwrightError),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000, ReplyTooLarge),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n", ReplyTooLarge),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 9_000, ReplyTooLarge),
    ],
)
async def test_what_is_no_answer_has_a_name_and_a_bound(raw: Any, content: bytes, named: type[Exception]) -> None:
    async with raw(content) as peer:
        with pytest.raises(named):
            await ask_once(door(peer.port, most_bytes=4_000), Ask(URI))
        assert len(peer.requests) == 1, "nothing is repeated"


async def test_a_redirect_is_an_answer(raw: Any) -> None:
    async with raw(b"HTTP/1.1 301 x\r\nLocation: https://192.0.2.1/\r\nContent-Length: 0\r\n\r\n") as peer:
        _, reply = await ask_once(door(peer.port), Ask(URI))
        assert (reply.status, reply.headers["location"]) == (301, "https://192.0.2.1/")


async def test_an_address_that_says_nothing_is_given_up_before_the_deadline() -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):  # who comes after these gets no answer to its SYN
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        with pytest.raises(EndpointUnreachable, match=r"no connection at .* \(nobody answers\)"):
            await ask_once(door(full.getsockname()[1], timeout=60.0, connect_timeout=0.2), Ask(URI))


async def test_a_slow_handshake_has_more_time_than_a_connection() -> None:
    with socket.socket() as mute:  # takes the connection and says nothing
        mute.bind(("127.0.0.1", 0))
        mute.listen(4)
        with pytest.raises(EndpointUnreachable, match=r"no reply from .* in time"):
            await ask_once(door(mute.getsockname()[1], timeout=0.3, connect_timeout=0.05), Ask(URI))


async def test_who_speaks_no_tls_is_told_from_nobody() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(EndpointUnreachable, match="no TLS at"):
            await ask_once(door(port), Ask(URI))


@pytest.mark.parametrize("ask", [Ask(URI + "\r\nX: y"), Ask(URI, headers={"X-Auth-Token": "t\r\nX: y"})])
async def test_a_line_break_is_never_sent(ask: Ask) -> None:
    with pytest.raises(ValueError, match="line break"):
        await ask_once(door(1), ask)
