"""The newest live bytes of one console, shared by all who watch it.  Bounded: who falls behind reads the log."""

import asyncio
from collections import deque

from rack_controller.model.console import Chunk

KEPT = 256 * 1024
"""Bytes of one console kept for watchers; whoever is slower reads them from the controller's log."""


class Feed:
    """Live bytes from `start` to `end` (positions of the console's log)."""

    def __init__(self, end: int) -> None:
        self._chunks: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self.end = end
        self.wakes: set[asyncio.Event] = set()

    @property
    def start(self) -> int:
        """Return the position of the oldest byte that is kept."""
        return self._chunks[0][0] if self._chunks else self.end

    def hear(self, chunk: Chunk) -> None:
        """Take live bytes.  What was missed before them is no longer in memory, only in the log."""
        if chunk.position != self.end:
            self._chunks.clear()
            self._bytes = 0
        self._chunks.append((chunk.position, chunk.data))
        self._bytes += len(chunk.data)
        self.end = chunk.position + len(chunk.data)
        while self._bytes > KEPT:
            self._bytes -= len(self._chunks.popleft()[1])
        self.wake()

    def begin(self, end: int) -> None:
        """Begin anew at `end`: the log was begun anew, or nothing was heard up to there."""
        self._chunks.clear()
        self._bytes, self.end = 0, end
        self.wake()

    def since(self, position: int) -> bytes | None:
        """Return the bytes from `position` on, None when they are not in memory."""
        if not self.start <= position <= self.end:
            return None
        return b"".join(data[max(0, position - at) :] for at, data in self._chunks if at + len(data) > position)

    def wake(self) -> None:
        """Tell every watcher that something has changed."""
        for event in self.wakes:
            event.set()
