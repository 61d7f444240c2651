"""How many endpoints are met at once by one process: meeting one costs a handshake, a login and a look at its tree.

A turn that takes long is given away, so that endpoints which hang hold up the others by a moment only.
"""

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MOST_AT_ONCE = 96
TURN_SECONDS = 3.0
_TURNS: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = weakref.WeakKeyDictionary()


@asynccontextmanager
async def turn_to_meet() -> AsyncIterator[None]:
    """Wait for a turn and hold it for the block, but not for longer than TURN_SECONDS."""
    loop = asyncio.get_running_loop()
    turns = _TURNS.setdefault(loop, asyncio.Semaphore(MOST_AT_ONCE))
    await turns.acquire()
    overdue = loop.call_later(TURN_SECONDS, turns.release)
    try:
        yield
    finally:
        if not overdue.cancelled() and overdue.when() > loop.time():
            overdue.cancel()
            turns.release()
