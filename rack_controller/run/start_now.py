"""Begins a coroutine here and now, up to where it first waits: what must go out does not queue behind the loop's work.

A task's first step waits for all that became ready before it.  (Python 3.12 has eager tasks of its own.)
"""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


def start_now(work: Coroutine[Any, Any, T]) -> "asyncio.Future[T]":
    """Run `work` up to its first wait and return what it comes to: a task for the rest, or a future that is done.

    Up to there it has no task of its own: it must not ask for its task, nor set a timeout.
    """
    loop = asyncio.get_running_loop()
    try:
        awaited = work.send(None)
    except StopIteration as end:
        done: asyncio.Future[T] = loop.create_future()
        done.set_result(end.value)
        return done
    except Exception as err:  # noqa: BLE001 - it is the future's, as a task's would be
        failed: asyncio.Future[T] = loop.create_future()
        failed.set_exception(err)
        return failed
    return loop.create_task(_rest(_resumed(work, awaited)))


async def _rest(work: Any) -> Any:
    return await work


@types.coroutine
def _resumed(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """Go on with a coroutine that waits for `awaited`."""
    while True:
        try:
            sent = yield awaited
        except BaseException as err:  # noqa: BLE001 - thrown into the work, which says what comes of it
            step: Callable[[Any], Any] = work.throw
            argument: Any = err
        else:
            step, argument = work.send, sent
        try:
            awaited = step(argument)
        except StopIteration as end:
            result: T = end.value
            return result
