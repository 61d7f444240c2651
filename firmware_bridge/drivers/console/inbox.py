"""What has come from a console and was not taken yet: bounded, and whoever fills it is held up."""

import asyncio
from collections.abc import Callable

FULL = 128 * 1024
"""Bytes that wait before the sender is held up; what is on its way then still fits (one SSH window)."""


class Inbox:
    """Bytes from one side, taken by one reader.  `hold` and `go_on` stop and restart the sender."""

    def __init__(self, hold: Callable[[], None], go_on: Callable[[], None]) -> None:
        self._hold, self._go_on = hold, go_on
        self._waiting = bytearray()
        self._wake = asyncio.Event()
        self._held = False
        self._ended: str | None = None

    def put(self, data: bytes) -> None:
        """Take in bytes; past `FULL` the sender is asked to wait."""
        self._waiting += data
        if len(self._waiting) >= FULL and not self._held:
            self._held = True
            self._hold()
        self._wake.set()

    def end(self, why: str) -> None:
        """Nothing comes any more, because of `why`; the first reason stands."""
        if self._ended is None:
            self._ended = why
        self._wake.set()

    async def take(self) -> bytes:
        """Return everything that waits; raises EOFError with the reason once nothing can come any more."""
        while not self._waiting:
            if self._ended is not None:
                raise EOFError(self._ended)
            self._wake.clear()
            await self._wake.wait()
        data = bytes(self._waiting)
        self._waiting.clear()
        if self._held:
            self._held = False
            if self._ended is None:
                self._go_on()
        return data
