"""Answers that are written where the request was read are the same as any other; slow readers are their own problem."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from support.api import PASSWORD
from support.patience import PATIENCE
from support.play import until
from support.redfish_hall import Hall, hall

from datacenter_api.auth.accounts import FIRST_ADMIN
from datacenter_api.events import broadcast
from datacenter_api.events import stream as streams
from datacenter_api.events.broadcast import Broadcaster
from datacenter_api.events.stream import StreamResponse
from datacenter_api.http_protocol import HttpProtocol

__all__ = ["hall"]
CHASSIS = "/redfish/v1/Chassis/k01-u12"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[int]:
    config = uvicorn.Config(
        app, http=HttpProtocol, host="127.0.0.1", port=0, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started, within=20)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await asyncio.wait_for(task, 20 * PATIENCE)


async def answer(link: Streams) -> tuple[str, dict[str, str], bytes]:
    head = (await asyncio.wait_for(link[0].readuntil(b"\r\n\r\n"), 20 * PATIENCE)).decode()
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
    return head.split(" ", 2)[1], headers, await link[0].readexactly(int(headers.get("content-length", "0")))


def get(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "host: t", *headers, "", ""]).encode()


async def test_an_answer_at_once_is_the_answer_that_any_other_way_gives(hall: Hall) -> None:
    await hall.read_stock()
    token, _ = hall.api.services.sessions.open(FIRST_ADMIN, "t")
    mine, basic = f"x-auth-token: {token}", base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    async with serving(hall.api.gate) as port:
        link = await asyncio.open_connection("127.0.0.1", port)
        for path in (CHASSIS, f"{CHASSIS}?$select=Name", f"{CHASSIS}?$odd=1", "/redfish/v1/Nothing", CHASSIS + "%2e"):
            link[1].write(get(path, mine))
            quick = await answer(link)
            link[1].write(get(path, f"authorization: Basic {basic}"))
            usual = await answer(link)
            for told in (quick[1], usual[1]):
                told.pop("date")
            assert (quick[0], sorted(quick[1].items()), quick[2]) == (usual[0], sorted(usual[1].items()), usual[2])
        link[1].write(get(CHASSIS, mine) + get(CHASSIS, mine, method="HEAD") + get("/redfish/v1", mine))
        whole = await answer(link)
        assert whole[0] == "200"
        head = (await asyncio.wait_for(link[0].readuntil(b"\r\n\r\n"), 20 * PATIENCE)).decode()
        assert f"content-length: {len(whole[2])}\r\n" in head
        assert (await answer(link))[0] == "200"
        link[1].write(get(CHASSIS, mine, "if-none-match: " + whole[1]["etag"]))
        status, _, body = await answer(link)
        assert (status, body) == ("304", b"")
        link[1].write(get(CHASSIS, "x-auth-token: wrong"))
        assert (await answer(link))[0] == "401"
        link[1].write(get(CHASSIS, mine, "content-length: 2") + b"{}")
        assert (await answer(link))[0] == "200", "a body with a GET is read and does not begin the next request"
        looped = get(CHASSIS, mine, f"x-rackwright-aggregator: {hall.world.uuid}")
        link[1].write(looped)
        assert (await answer(link))[0] == "508"
        link[1].write(get(CHASSIS, mine, version="1.0"))
        assert (await answer(link))[0] == "200"
        assert await asyncio.wait_for(link[0].read(), 20 * PATIENCE) == b"", "HTTP/1.0 ends with its answer"
        link[1].close()


async def test_a_reader_that_does_not_read_is_sent_away_and_the_others_miss_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "MOST_UNSENT", 4096)
    monkeypatch.setattr(broadcast, "SLICE", 4)
    broadcaster = Broadcaster()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await StreamResponse(broadcaster, "x", b"", lambda: True)(scope, receive, send)

    async with serving(app) as port:
        links = [await asyncio.open_connection("127.0.0.1", port, limit=1 << 22) for _ in range(6)]
        for link in links:
            link[1].write(get("/"))
        for link in links:
            await asyncio.wait_for(link[0].readuntil(b"retry: 1000\n\n"), 20 * PATIENCE)
        links[0][1].transport.pause_reading()  # type: ignore[attr-defined]
        for number in range(400):
            broadcaster.publish("x", b"%d:" % number + b"." * 20_000 + b"\n\n")
            if number % 10 == 9:
                for link in links[1:]:
                    await asyncio.wait_for(link[0].readuntil(b"%d:" % number), 20 * PATIENCE)
                    await link[0].readuntil(b"\n\n")
        await until(lambda: broadcaster.readers == 5, within=20)
        broadcaster.close()
        for link in links[1:]:
            await asyncio.wait_for(link[0].readuntil(b"0\r\n\r\n"), 20 * PATIENCE)
        for link in links:
            link[1].close()


async def test_an_ended_login_is_sent_nothing_more() -> None:
    broadcaster, welcome = Broadcaster(), [True]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await StreamResponse(broadcaster, "x", b"", lambda: welcome[0])(scope, receive, send)

    async with serving(app) as port:
        link = await asyncio.open_connection("127.0.0.1", port)
        link[1].write(get("/"))
        await asyncio.wait_for(link[0].readuntil(b"retry: 1000\n\n"), 20 * PATIENCE)
        broadcaster.publish("x", b"first")
        await asyncio.wait_for(link[0].readuntil(b"first"), 20 * PATIENCE)
        welcome[0] = False
        broadcaster.publish("x", b"secret")
        assert b"secret" not in await asyncio.wait_for(link[0].readuntil(b"0\r\n\r\n"), 20 * PATIENCE)
        link[1].close()
