"""Work that begins at once: nothing comes before its first step, and its end is as a task's."""

import asyncio

import pytest

from rack_controller.run.start_now import start_now
from tests.support.virtual_time import run_virtually


def test_the_first_step_is_done_before_anything_that_waits_for_the_loop() -> None:
    async def story() -> None:
        did: list[str] = []
        gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def work() -> str:
            did.append("begun")
            said = await gate
            did.append(said)
            await asyncio.sleep(0)
            return "done"

        asyncio.get_running_loop().call_soon(did.append, "queued")
        going = start_now(work())
        assert did == ["begun"]
        gate.set_result("woken")
        assert await going == "done"
        assert did == ["begun", "queued", "woken"]

    run_virtually(story())


def test_what_ends_or_fails_in_its_first_step_is_a_future_that_is_done() -> None:
    async def at_once() -> int:
        return 7

    async def fails() -> int:
        raise ValueError("no")

    async def story() -> None:
        assert start_now(at_once()).done()
        assert await start_now(at_once()) == 7
        with pytest.raises(ValueError, match="no"):
            await start_now(fails())

    run_virtually(story())


def test_what_it_waits_for_may_fail_and_it_may_be_cancelled_while_it_waits() -> None:
    async def story() -> None:
        ended: list[str] = []

        async def work(gate: "asyncio.Future[None]") -> str:
            try:
                await gate
            except ValueError:
                return "told"
            finally:
                ended.append("cleaned up")
            return "not told"

        loop = asyncio.get_running_loop()
        first: asyncio.Future[None] = loop.create_future()
        going = start_now(work(first))
        first.set_exception(ValueError("of the device"))
        assert await going == "told"
        cancelled = start_now(work(loop.create_future()))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert ended == ["cleaned up", "cleaned up"]

    run_virtually(story())
