"""The port of a building: topics and bytes over a broker that may be away.  Signatures are the contract."""

from typing import Protocol

from firmware_bridge.vocabulary.building import BuildingMessage, LinkCounts


class BuildingEar(Protocol):
    """Who hears a building.  Nothing here raises or waits."""

    def hear(self, message: BuildingMessage) -> None:
        """Take one message."""
        ...

    def taken(self, topic: str) -> None:
        """Take that the broker has the newest message of ours on `topic`."""
        ...


class BuildingLink(Protocol):
    """A connection to a building's broker, made again and again for as long as it runs."""

    @property
    def broker(self) -> str:
        """Return where it is, in words."""
        ...

    @property
    def connected(self) -> bool:
        """Return whether the broker took the login and every subscription."""
        ...

    @property
    def since(self) -> float | None:
        """Return since when it is connected, monotonic; None while it is not."""
        ...

    @property
    def error(self) -> str:
        """Return why it is not connected, empty while it is."""
        ...

    @property
    def counts(self) -> LinkCounts:
        """Return what became of messages since the start."""
        ...

    @property
    def waiting(self) -> int:
        """Return how many topics have a newest message that the broker does not have yet."""
        ...

    async def run(self, ear: BuildingEar) -> None:
        """Stay connected until cancelled.  A broker that is away is tried again; nothing else ends this."""
        ...

    def say(self, topic: str, payload: bytes, *, kept: bool) -> None:
        """Publish.  `kept`: the broker keeps it for who comes later, and it is said again whenever the broker was away;
        otherwise it is dropped while nobody is there.  Raises ValueError for what is no topic."""
        ...
