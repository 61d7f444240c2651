"""How a part that was found fits what was built, and what a swap changed, as both sides are told.  Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec


class Fit(StrEnum):
    """How one part stands.

    `same`: there, as built.  `other_part`: the serial number fits, the part number does not.  `swapped`: another part
    in its place.  `moved`: found in another place.  `missing`: its tray was read, and it is not there.  `unknown`:
    found, and no record knows it.  `duplicate`: its serial number was found more than once.  `unproven`: something is
    in its place, one side tells no serial number.  `unread`: nobody looked, or nothing in the rack can tell.
    """

    SAME = "same"
    OTHER_PART = "other_part"
    SWAPPED = "swapped"
    MOVED = "moved"
    MISSING = "missing"
    UNKNOWN = "unknown"
    DUPLICATE = "duplicate"
    UNPROVEN = "unproven"
    UNREAD = "unread"


WRONG = frozenset({Fit.OTHER_PART, Fit.SWAPPED, Fit.MOVED, Fit.MISSING, Fit.UNKNOWN, Fit.DUPLICATE})
"""What somebody has to look at."""
MOST_TRAYS = 24


class Side(msgspec.Struct, frozen=True):
    """One side of a finding: a part at a place."""

    place: str
    kind: str
    part: str | None
    serial: str | None


class Mismatch(msgspec.Struct, frozen=True):
    """One part that does not simply fit, by both sides; the side that is not there is None."""

    fit: Fit
    built: Side | None
    found: Side | None


class AsAccepted(msgspec.Struct, frozen=True):
    """What was found beside what was built when `actor` accepted a rack.

    `counts`: lines by fit; `findings`: those that did not fit, the first ones of very many; `unread_trays`: places of
    trays that nobody had read in full.
    """

    actor: str
    counts: dict[str, int]
    findings: list[Mismatch] = []
    unread_trays: list[str] = []


def wrong_words(counts: Mapping[str, int]) -> str:
    """Return in words how many parts of each sort do not fit (`2 swapped, 1 missing`), empty where all do."""
    return ", ".join(f"{n} {fit.replace('_', ' ')}" for fit in Fit if fit in WRONG and (n := counts.get(fit, 0)))


def unread_words(trays: Sequence[str]) -> str:
    """Return in words which trays nobody has read in full (`2 trays not read in full: u12, u13`), empty for none."""
    if not trays:
        return ""
    shown = ", ".join(tray.rsplit("/", 1)[-1] for tray in trays[:MOST_TRAYS])
    more = f" and {len(trays) - MOST_TRAYS} more" if len(trays) > MOST_TRAYS else ""
    return f"{len(trays)} {'tray' if len(trays) == 1 else 'trays'} not read in full: {shown}{more}"


class PartSwap(msgspec.Struct, frozen=True):
    """At `place` the part with serial number `old` was replaced by `new`; `unix_ns` is when, `why` what proves it."""

    place: str
    old: str | None
    new: str
    unix_ns: int
    why: str = ""
