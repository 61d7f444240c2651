"""What history asks of the place where it is kept, so that another store can stand behind it.  Signatures only."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from datacenter_api.history.sheet import Block, FrameId, Stretch
from rack_controller.model.table import SeriesKey


class HistoryStore(Protocol):
    """A durable home for blocks.  Every method may block; errors of the system are OSError.

    What `write` returns and what `sources` returns mean something to the store alone.
    """

    def open(self) -> None:
        """Get ready; repair what a crash left half-done."""

    def held(self, rack: str, start_s: int, end_s: int) -> set[FrameId]:
        """Return the frames stored already that may lie in a window (begin and end, Unix s), whatever its length."""

    def write(self, block: Block) -> Sequence[Any]:
        """Store a block; when this returns it survives a crash.  Questions do not see it yet."""

    def enter(self, *parts: Any) -> None:
        """Let questions see what `write` returned; quick, called in the loop."""

    def knows(self, rack: str, key: SeriesKey) -> bool:
        """Return whether anything is stored of a series."""

    def sources(self, rack: str, from_s: float, to_s: float) -> Sequence[Any]:
        """Return what to read for a time span; quick, called in the loop in which `enter` is."""

    def read(self, sources: Iterable[Any], key: SeriesKey) -> list[Stretch]:
        """Return the points (or minutes) of a series from these sources."""
