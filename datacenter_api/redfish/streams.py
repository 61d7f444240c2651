"""Which event streams are open, by the id of their subscription; ending one here ends it for its reader.

Numbers are never used twice while the service runs.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from datacenter_api.events.broadcast import Subscriber
from firmware_bridge.redfish_service.filters import Filter

TOPIC = "redfish-events"


@dataclass(slots=True)
class OpenStream:
    """One reader: whose login it is, where it listens, what it wants, and the queue that it is served from."""

    user: str
    destination: str
    filter: Filter | None = None
    context: str = ""
    reader: Subscriber | None = None
    ended: bool = False

    @property
    def topic(self) -> str:
        """Return what the reader listens to: all events, or those that pass a filter that others may have too."""
        return TOPIC if self.filter is None else f"{TOPIC}?{self.filter.text}"

    def serve_from(self, reader: Subscriber) -> None:
        """Take the queue that the reader is served from."""
        self.reader = reader

    def end(self) -> None:
        """End the stream from this side."""
        self.ended = True
        if self.reader is not None:
            self.reader.closed = True
            self.reader.wake.set()


@dataclass
class Streams:
    """All open streams."""

    open: dict[str, OpenStream] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _filters: dict[str, Filter] = field(default_factory=dict)
    _used: Counter[str] = field(default_factory=Counter)

    def add(self, user: str, destination: str, wanted: Filter | None = None) -> tuple[str, OpenStream]:
        """Enter a new stream and return its subscription's id."""
        name = str(next(self._numbers))
        made = OpenStream(user, destination, wanted, f"stream-{name}")
        self.open[name] = made
        if wanted is not None:
            self._filters[made.topic] = wanted
            self._used[made.topic] += 1
        return name, made

    def filters(self) -> Iterator[tuple[str, Filter]]:
        """Yield topic and filter of every kind of filtered stream that is open: each is looked at once per event."""
        yield from self._filters.items()

    def end(self, name: str) -> None:
        """End a stream."""
        self.open[name].end()
        self.forget(name)

    def forget(self, name: str) -> None:
        """Take out a stream that has ended."""
        gone = self.open.pop(name, None)
        if gone is None or gone.filter is None:
            return
        self._used[gone.topic] -= 1
        if not self._used[gone.topic]:
            del self._used[gone.topic], self._filters[gone.topic]
