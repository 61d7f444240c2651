"""Which event streams are open, by the id of their subscription; ending one here ends it for its reader.

Numbers are never used twice while the service runs.
"""

import itertools
from dataclasses import dataclass, field

from datacenter_api.events.broadcast import Subscriber


@dataclass(slots=True)
class OpenStream:
    """One reader: whose login it is, where it listens, and the queue that it is served from."""

    user: str
    destination: str
    reader: Subscriber | None = None
    ended: bool = False

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

    def add(self, user: str, destination: str) -> tuple[str, OpenStream]:
        """Enter a new stream and return its subscription's id."""
        name, made = str(next(self._numbers)), OpenStream(user, destination)
        self.open[name] = made
        return name, made

    def end(self, name: str) -> None:
        """End a stream."""
        self.open.pop(name).end()

    def forget(self, name: str) -> None:
        """Take out a stream that has ended."""
        self.open.pop(name, None)
