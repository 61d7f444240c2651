"""When a change of what a rack may use is worth an event: less after a loss at once, all else once it stands.  Pure.

What flaps is told once or not at all: each event that says nothing new pushes one out of view that does.
"""

from dataclasses import dataclass, replace

import numpy as np

CHANGED = 0.01  # of what was told last: below, it is the same
LARGE = 0.10  # so much less is told at once whatever the reason
STANDS_S = 5.0


@dataclass(frozen=True, slots=True)
class Told:
    """`watts` that was told last; `lost`: supplies that were lost then; `since` s another one stands, infinite none."""

    watts: float
    lost: frozenset[str]
    since: float = np.inf


def judge_change(told: Told | None, watts: float, lost: frozenset[str], now: float) -> tuple[Told, bool]:
    """Return what to remember, and whether to tell that the rack may draw `watts` now with these supplies `lost`.

    What is seen first is only remembered.
    """
    if told is None:
        return Told(watts, lost), False
    if abs(watts - told.watts) <= CHANGED * told.watts:
        return replace(told, lost=told.lost & lost, since=np.inf), False
    less = watts < told.watts
    at_once = less and (bool(lost - told.lost) or watts < (1.0 - LARGE) * told.watts)
    since = min(told.since, now)
    if at_once or now - since >= STANDS_S:
        return Told(watts, lost), True
    return replace(told, since=since), False
