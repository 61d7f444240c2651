"""Fan-out to many readers: each message is serialised once, each reader has a bounded queue, bursts go as one write.

Many readers are served in slices, between which the loop does whatever else there is to do.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

EVENTS = "events"
MOST_WAITING = 256
MOST_READERS = 1_200
SLICE = 25


def sse(event: str, data: bytes, event_id: str = "") -> bytes:
    """Return one server-sent event; `data` is JSON on one line."""
    head = f"id: {event_id}\nevent: {event}\ndata: " if event_id else f"event: {event}\ndata: "
    return head.encode() + data + b"\n\n"


@dataclass
class Subscriber:
    """One reader.  `lost`: it fell behind and must come back with Last-Event-ID.

    `direct` writes a message to the reader's connection at once and returns whether it could; a queue and a task that
    wakes cost several times as much.  `wrote`: something was, since somebody looked.
    """

    latest_only: bool
    direct: Callable[[bytes], bool] | None = None
    wrote: bool = False
    waiting: deque[bytes] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    lost: bool = False
    closed: bool = False

    def push(self, message: bytes) -> None:
        """Write or queue a message; for a `latest_only` reader it replaces what it has not read yet."""
        if self.direct is not None and not self.waiting and self.direct(message):
            self.wrote = True
            return
        if self.latest_only:
            self.waiting.clear()
        elif len(self.waiting) >= MOST_WAITING:
            self.lost = True
        if not self.lost:
            self.waiting.append(message)
        self.wake.set()

    def take(self) -> bytes:
        """Return all that waits, as one piece."""
        together = b"".join(self.waiting)
        self.waiting.clear()
        self.wake.clear()
        return together


class Broadcaster:
    """Readers by topic: `events`, or a rack's token for its summary."""

    def __init__(self) -> None:
        self._readers: dict[str, set[int]] = {}
        self._by_id: dict[int, Subscriber] = {}
        self._due: deque[tuple[deque[int], bytes]] = deque()

    @property
    def readers(self) -> int:
        """Return how many streams are open."""
        return len(self._by_id)

    @property
    def full(self) -> bool:
        """Return whether no further stream is accepted."""
        return self.readers >= MOST_READERS

    def wanted(self, topic: str) -> bool:
        """Return whether anybody listens: nothing is serialised for nobody."""
        return bool(self._readers.get(topic))

    def subscribe(self, topic: str, *, latest_only: bool = False) -> Subscriber:
        """Open a reader on a topic."""
        reader = Subscriber(latest_only)
        self._by_id[id(reader)] = reader
        self._readers.setdefault(topic, set()).add(id(reader))
        return reader

    def unsubscribe(self, topic: str, reader: Subscriber) -> None:
        """Forget a reader."""
        self._readers.get(topic, set()).discard(id(reader))
        self._by_id.pop(id(reader), None)

    def publish(self, topic: str, message: bytes) -> None:
        """Give every reader of a topic the same bytes: few at once, many in slices, always in order."""
        readers = self._readers.get(topic, ())
        if len(readers) <= SLICE and not self._due:
            for key in readers:
                self._by_id[key].push(message)
            return
        self._due.append((deque(readers), message))
        if len(self._due) == 1:
            self._slice()

    def _slice(self) -> None:
        readers, message = self._due[0]
        for _ in range(min(SLICE, len(readers))):
            reader = self._by_id.get(readers.popleft())
            if reader is not None:
                reader.push(message)
        if not readers:
            self._due.popleft()
        if self._due:
            asyncio.get_running_loop().call_soon(self._slice)

    def close(self) -> None:
        """End every stream: the server is going down."""
        for reader in self._by_id.values():
            reader.closed = True
            reader.wake.set()
