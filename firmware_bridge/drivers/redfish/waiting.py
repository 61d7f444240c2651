"""A blocking call in a thread of its own that nobody is forced to wait for: it ends with the process, not before it."""

import _thread
import asyncio
import weakref
from collections.abc import Callable
from typing import Any

# Hundreds of logins at once would spend their time handing the interpreter's lock around.  A call that takes longer
# than this gives its turn away, so that endpoints which hang hold up the others by a moment only.
_AT_ONCE = 16
_TURN_SECONDS = 0.5
_TURNS: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = weakref.WeakKeyDictionary()


async def in_thread(work: Callable[..., Any], *arguments: Any) -> "asyncio.Future[Any]":
    """Wait for a turn, run `work(*arguments)` in a daemon thread and return the future of its result.

    A thread pool would be joined when the interpreter ends, and one endpoint that hangs would hold up the exit.
    Raises RuntimeError when the system gives no further thread.
    """
    loop = asyncio.get_running_loop()
    turns = _TURNS.setdefault(loop, asyncio.Semaphore(_AT_ONCE))
    await turns.acquire()
    future: asyncio.Future[Any] = loop.create_future()
    overdue = loop.call_later(_TURN_SECONDS, turns.release)

    def done(_: object) -> None:
        if overdue.when() > loop.time() and not overdue.cancelled():
            overdue.cancel()
            turns.release()

    def run() -> None:
        result, error = None, None
        try:
            result = work(*arguments)
        except BaseException as err:  # noqa: BLE001 - handed to whoever awaits
            error = err
        try:
            loop.call_soon_threadsafe(_settle, future, result, error)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    future.add_done_callback(done)
    # threading.Thread.start() would hold the loop until the new thread has got its turn: milliseconds in a crowd.
    _thread.start_new_thread(run, ())
    return future


def _settle(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
