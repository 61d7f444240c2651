"""What hurries: taken before the loop's other work, and no longer than it may be."""

import asyncio
import errno
import select
from typing import Any, cast

import pycurl
import pytest

from firmware_bridge.drivers.redfish.engine import CurlEngine, engine_of_running_loop
from firmware_bridge.drivers.redfish.one_call import OneCall
from firmware_bridge.drivers.redfish.trust import fetch_leaf
from firmware_bridge.emulator.harness import serve_tree
from firmware_bridge.vocabulary.errors import EndpointUnreachable
from firmware_bridge.vocabulary.generation import RequestLimits
from firmware_bridge.vocabulary.units import Seconds

ROOT = "/redfish/v1"
LIMITS = RequestLimits()


async def test_what_comes_first_is_done_in_order_and_a_bug_costs_itself_only(caplog: pytest.LogCaptureFixture) -> None:
    engine, did = CurlEngine(asyncio.get_running_loop()), []

    def fails() -> None:
        did.append("fails")
        engine.first(lambda: did.append("begun by another"))
        raise ZeroDivisionError

    engine.first(fails)
    engine.first(lambda: did.append("second"))
    assert did == []
    await asyncio.sleep(0)
    assert did == ["fails", "second", "begun by another"]
    assert "what came first failed" in caplog.text
    engine.close()


async def test_a_request_that_hurries_is_answered_and_hurries_no_more() -> None:
    async with serve_tree({ROOT: {"@odata.id": ROOT, "Id": "root"}}) as there:
        leaf = await fetch_leaf("far", there.address, there.port, LIMITS.timeout)
        engine, calls = engine_of_running_loop(), [OneCall("far", LIMITS, there.pin, leaf) for _ in range(4)]
        url = f"https://{there.address}:{there.port}{ROOT}"
        asked = [call.send(engine, "GET", url, [], fresh=True, hurry=True) for call in calls]
        assert [reply.status for reply in await asyncio.gather(*asked)] == [200] * 4
        assert not engine._hurried
        for call in calls:
            call.close()


async def test_what_is_not_answered_holds_the_loop_for_a_moment_only() -> None:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)  # takes the connection, says nothing
    port = server.sockets[0].getsockname()[1]
    engine, call = engine_of_running_loop(), OneCall("mute", LIMITS, None, None)
    url = f"https://127.0.0.1:{port}/"
    asking: asyncio.Task[Any] = asyncio.create_task(call.send(engine, "GET", url, [], hurry=True))
    async with asyncio.timeout(20.0):
        await asyncio.sleep(0)
        while engine._hurried:  # noqa: ASYNC110 - a value, not an event
            await asyncio.sleep(0.01)  # the loop goes on, and after a quarter of a second nothing hurries any more
    assert not asking.done()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    call.close()
    server.close()


class Full:
    """A selector that has had enough at one moment."""

    def __init__(self, real: Any, error: Exception) -> None:
        self.real, self.error = real, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def modify(self, *_: int) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "others_end"),
    [(OSError(errno.ENOSPC, "no room"), False), (MemoryError(), True)],
    ids=["no room to watch one more", "anything else"],
)
async def test_a_connection_that_cannot_be_watched_keeps_no_device_out_of_reach(
    error: Exception, others_end: bool, caplog: pytest.LogCaptureFixture
) -> None:
    mute = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    silent = f"https://127.0.0.1:{mute.sockets[0].getsockname()[1]}/"
    engine = engine_of_running_loop()
    sockets = engine._sockets
    waits = OneCall("waits", LIMITS, None, None)
    unlucky = OneCall("unlucky", RequestLimits(timeout=Seconds(0.5)), None, None)
    waiting = asyncio.create_task(waits.send(engine, "GET", silent, []))
    async with serve_tree({ROOT: {"@odata.id": ROOT, "Id": "root"}}) as there:
        leaf = await fetch_leaf("far", there.address, there.port, LIMITS.timeout)
        assert engine._under_way == {waits}
        engine._sockets = cast("select.epoll", Full(sockets, error))
        with pytest.raises(EndpointUnreachable, match="no fault of the device" if others_end else "in time"):
            await unlucky.send(engine, "GET", silent, [])
        engine._sockets = sockets
        assert ("every request" in caplog.text, "cannot be watched" in caplog.text) == (others_end, not others_end)
        call = OneCall("far", LIMITS, there.pin, leaf)
        reply = await call.send(engine, "GET", f"https://{there.address}:{there.port}{ROOT}", [], fresh=True)
        assert reply.status == 200
        assert waiting.done() == others_end
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not engine._under_way
    for ended in (waits, unlucky, call):
        ended.close()
    mute.close()


async def test_a_transfer_that_cannot_begin_ends_no_other_one() -> None:
    mute = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    engine, call = engine_of_running_loop(), OneCall("waits", LIMITS, None, None)
    waiting = asyncio.create_task(
        call.send(engine, "GET", f"https://127.0.0.1:{mute.sockets[0].getsockname()[1]}/", [])
    )
    await asyncio.sleep(0)
    with pytest.raises(pycurl.error, match="already"):
        engine.start(call)
    assert engine._under_way == {call}
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not engine._under_way
    call.close()
    mute.close()
