"""How alive the part behind an endpoint is: the words for it.  Decided in `decide/liveness.py`."""

from dataclasses import dataclass
from enum import StrEnum

from firmware_bridge.vocabulary.units import Seconds


class Presence(StrEnum):
    """How much of a subtree is alive; `unknown` when nothing can be said, as for a tray that is off."""

    PRESENT = "present"
    PARTIAL = "partial"
    ABSENT = "absent"
    FROZEN = "frozen"
    UNKNOWN = "unknown"


MISSED = frozenset({Presence.PARTIAL, Presence.ABSENT, Presence.FROZEN})


class Cause(StrEnum):
    """In which way it is missed."""

    NONE = ""
    REFUSED = "refused"  # its resources answer errors
    SHRUNK = "shrunk"  # fewer parts are listed than the generation plans or than were there before
    SILENT = "silent"  # its sensors are listed and give no number
    STALLED = "stalled"  # its energy stands still although it draws power
    DARK = "dark"  # parts answer, but none of their links is up


@dataclass(frozen=True, slots=True)
class Liveness:
    """What was decided: `missing` names the parts that should be seen and are not, `why` is for people."""

    presence: Presence
    cause: Cause = Cause.NONE
    missing: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class SubtreeState:
    """One subtree at one tick.  `since` is monotonic.

    `missed` stays true while nothing is known of one that was missed before, so that its return is told.
    """

    name: str
    liveness: Liveness
    since: Seconds
    missed: bool = False
