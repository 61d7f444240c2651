"""Ends tasks for certain: Python 3.11's `wait_for` can swallow a cancellation that meets its result, so ask again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any

ASK_AGAIN_SECONDS = 0.2


async def end(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel every task, or future of one, until it has ended.  Outcomes stay in them; nothing is raised."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=ASK_AGAIN_SECONDS)


@contextlib.asynccontextmanager
async def running(works: Iterable[Coroutine[Any, Any, None]]) -> AsyncIterator[set[asyncio.Task[None]]]:
    """Run `works` side by side while the block runs, and end them with it."""
    tasks = {asyncio.create_task(work) for work in works}
    try:
        yield tasks
    finally:
        await end(tasks)


async def run_until_one_ends(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run `works` side by side until the first one ends or fails, end the others, and raise what it raised."""
    async with running(works) as tasks:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
