"""Virtual time: an event loop whose clock jumps to the next timer when nothing else is to do."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for a timer, moves the loop's clock to it."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is not None and timeout > 0:
            self.jumped += timeout
        elif not ready and timeout is None:
            raise RuntimeError("nothing left to do: the story would wait for ever")
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop for stories without sockets: hours pass in milliseconds, always the same way."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.jumped


class VirtualClock:
    """The vocabulary's Clock on a virtual loop."""

    def now(self) -> Seconds:
        return Seconds(asyncio.get_running_loop().time())

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(int(self.now() * 1e9))

    async def sleep_until(self, when: Seconds) -> None:
        await asyncio.sleep(max(0.0, when - self.now()))


def run_virtually(story: Coroutine[Any, Any, None]) -> None:
    """Run a story to its end on a virtual loop."""
    loop = VirtualLoop()
    try:
        loop.run_until_complete(story)
    finally:
        loop.close()
