"""A thread for calls that may never come back: one job at a time, each with a deadline.

A C call cannot be ended from outside.  A lane whose job outlives its deadline refuses further ones until it returns;
the thread is a daemon, so that it does not keep the process alive.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from firmware_bridge.drivers.nvml.library import NvmlFailure
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.codes import TIMEOUT, UNKNOWN

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


class Lane:
    """`await run(work, within)`.  Raises NvmlFailure: the work's own, `timeout`, or `unknown`."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._running: asyncio.Future[Any] | None = None
        self._thread.start()

    @property
    def is_stuck(self) -> bool:
        """Tell whether a job is running beyond its deadline."""
        return self._running is not None and not self._running.done()

    async def run(self, work: Callable[[], T], within: Seconds) -> T:
        """Run `work` in the lane's thread and wait for it no longer than `within` seconds."""
        if self.is_stuck:
            raise NvmlFailure(TIMEOUT, "an earlier call")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._running = future
        self._jobs.put(_Job(work, loop, future))
        done, _ = await asyncio.wait([future], timeout=within)
        if not done:
            future.add_done_callback(_forget)
            raise NvmlFailure(TIMEOUT, "call")
        return future.result()

    def close(self) -> None:
        """Let the thread end after what it is doing."""
        self._jobs.put(None)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            outcome: Any = None
            error: Exception | None = None
            try:
                outcome = job.work()
            except NvmlFailure as err:
                error = err
            except Exception as err:  # noqa: BLE001 - logged whole; it costs this reading only
                _log.exception("the driver failed in a call")
                error = NvmlFailure(UNKNOWN, type(err).__name__)
            try:
                job.loop.call_soon_threadsafe(_settle, job.future, outcome, error)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more


def _settle(future: "asyncio.Future[Any]", outcome: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(outcome)
    else:
        future.set_exception(error)


def _forget(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()
