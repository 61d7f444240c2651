"""A blocking call in a thread of its own that nobody is forced to wait for: it ends with the process, not before it."""

import _thread
import asyncio
from collections.abc import Callable
from typing import Any


def in_thread(work: Callable[..., Any], *arguments: Any) -> "asyncio.Future[Any]":
    """Run `work(*arguments)` in a daemon thread and return the future of its result.

    A thread pool would be joined when the interpreter ends, and one endpoint that hangs would hold up the exit.
    Raises RuntimeError when the system gives no further thread.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

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
