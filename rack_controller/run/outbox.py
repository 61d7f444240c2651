"""Messages on their way into a stream: kept in order until it has taken them, bounded, and counted when lost."""

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass

from rack_controller.model.outbox import OutboxReport

MOST_TOLD = 64


@dataclass(frozen=True, slots=True)
class Message:
    """One message for a stream; `id` lets the server drop a repeat."""

    subject: str
    id: str
    body: bytes


class Outbox:
    """Messages in order until the stream has acknowledged them.  Bounded: the oldest go first, and are counted.

    What is stuck here is handed out once more, by `untold`, to be said live: a stream that takes nothing must not
    make anybody blind.
    """

    def __init__(self, most: int) -> None:
        self._waiting: deque[Message] = deque()
        self._most = most
        self._ready, self._stuck = asyncio.Event(), asyncio.Event()
        self._count = 0  # messages ever put; the last len(_waiting) of them wait
        self._takers: dict[str, asyncio.Event] = {}  # by id: who waits until a message was taken
        self._told = 0  # of these, how many `untold` has handed out or need not
        self.dropped = 0
        self.refusal = ""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Message) -> None:
        """Append; never blocks, never fails."""
        if len(self._waiting) >= self._most:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(message)
        self._count += 1
        self._ready.set()
        if self._is_stuck():
            self._stuck.set()

    async def first(self) -> Message:
        """Return the oldest message, waiting for one.  It stays until `done`."""
        while not self._waiting:
            self._ready.clear()
            await self._ready.wait()
        return self._waiting[0]

    async def taken(self, message: Message) -> None:
        """Wait until the stream has taken a message that was put before."""
        taker = self._takers[message.id] = asyncio.Event()
        try:
            await taker.wait()
        finally:
            self._takers.pop(message.id, None)

    def done(self, message: Message) -> None:
        """Take out a message that the stream has acknowledged (it may have been dropped meanwhile)."""
        if (taker := self._takers.get(message.id)) is not None:
            taker.set()
        if self._waiting and self._waiting[0] is message:
            self._waiting.popleft()
        self.refusal = ""

    def refuse(self, why: str) -> None:
        """Note that the stream does not take the oldest message now."""
        self.refusal = why
        self._stuck.set()

    async def untold(self) -> list[Message]:
        """Wait until messages are stuck, then return those not returned before: the newest `MOST_TOLD`, in order."""
        while not (self._is_stuck() and self._count > self._told):
            self._stuck.clear()
            await self._stuck.wait()
        new = min(len(self._waiting), self._count - self._told, MOST_TOLD)
        self._told = self._count
        return list(itertools.islice(self._waiting, len(self._waiting) - new, None))

    def report(self, stream: str) -> OutboxReport:
        """Return how it stands."""
        return OutboxReport(stream, len(self._waiting), self.dropped, self.refusal)

    def _is_stuck(self) -> bool:
        return bool(self._waiting) and (bool(self.refusal) or len(self._waiting) > 1)
