"""The port of a rig: what a run may do to racks under test, and what it gets to see of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from rack_controller.prove.accept.evidence import Evidence, Phase

BUILT = "built:"
"""Before the name of a fact that is worth asking for only where there are as-built records to hold it against."""


@dataclass(frozen=True, slots=True)
class Act:
    """One stimulus.  `place` is empty where it is done to the whole rack.

    `load` (value: share), `trace` (name, value: share of it), `cap` (share of the highest limit, NaN: none),
    `facility` (K above usual), `pull`, `restore`, `wet`, `dry`, `stop`, `start`, `load_one` (this part alone works,
    value: share), `cycle_ac`, `restart_controller`, `drill`, `end_drill`, `rest` (everything back to idle).
    """

    verb: str
    place: str = ""
    value: float = float("nan")
    name: str = ""


class Rig(Protocol):
    """One rack or several of one design in lockstep."""

    @property
    def racks(self) -> Sequence[str]:
        """Their names."""
        ...

    @property
    def now(self) -> float:
        """Seconds since the rig began."""
        ...

    def can(self, verb: str) -> bool:
        """Return whether this stimulus can be given."""
        ...

    def act(self, act: Act) -> float:
        """Give a stimulus to every rack; returns the value asked for in the unit of what obeys it, NaN for none.

        Raises an error of the tree, with the reason, when it is refused.
        """
        ...

    def run(self, seconds: float, every: float, kinds: frozenset[str]) -> None:
        """Let time pass and record readings of these kinds of part, one row every so many seconds."""
        ...

    def awaited(self, names: Collection[str] | None, since: float) -> str:
        """Return in words what of some series (None: all that are recorded) is still to be read anew since a moment.

        Empty once each place was read, or was waited for long enough; always, where every row has a reading of all.
        """
        ...

    def recent(self, names: Collection[str], rows: int) -> list[Evidence]:
        """Return the last rows of some series, a rack each, and forget nothing."""
        ...

    def collect(
        self, phases: Sequence[Phase], told: Collection[str] = (), wanted: Collection[str] = ()
    ) -> list[Evidence]:
        """Return what was recorded since the last time, a rack each, and forget it.

        `told`: names of facts and kinds of records that are judged, some with `BUILT` before them; what is slow to ask
        for is left out otherwise.  Beside them, with a dot, of which kind of part (`sw.neighbour`, `*` for any).
        `wanted`: series that are judged; those that were not read may come from elsewhere.
        """
        ...
