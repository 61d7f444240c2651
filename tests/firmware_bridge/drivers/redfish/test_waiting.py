"""Blocking calls: each in a thread that nobody must wait for, and none held up for long by others that hang."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from firmware_bridge.drivers.redfish.waiting import in_thread


async def test_results_and_errors_come_back() -> None:
    assert await (await in_thread(lambda a, b: a + b, 1, 2)) == 3
    with pytest.raises(ZeroDivisionError):
        await (await in_thread(lambda: 1 / 0))


async def test_calls_that_hang_hold_up_the_others_by_a_moment_only() -> None:
    over = threading.Event()
    hanging = [await in_thread(over.wait, 20) for _ in range(16)]
    began = time.monotonic()
    assert await (await in_thread(lambda: "quick")) == "quick"
    assert time.monotonic() - began < 5
    over.set()
    await asyncio.gather(*hanging)
    # Every turn has come back exactly once: as many as before run side by side, and not one more.
    together = threading.Barrier(16)
    await asyncio.gather(*[await in_thread(together.wait, 10) for _ in range(16)])


async def test_a_cancelled_call_is_not_waited_for() -> None:
    over = threading.Event()
    call = await in_thread(over.wait, 20)
    call.cancel()
    over.set()
    with pytest.raises(asyncio.CancelledError):
        await call


def test_the_process_ends_while_a_call_hangs() -> None:
    code = (
        "import asyncio, time\n"
        "from firmware_bridge.drivers.redfish.waiting import in_thread\n"
        "async def main():\n"
        "    await in_thread(time.sleep, 60)\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", code], timeout=20, check=True)
