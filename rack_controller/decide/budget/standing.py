"""The limits that need nobody: to which GPUs fall when a grant is over, and under which every loss is lived through.

One level a rack, between the least that can be set and the most: who would share more cleverly is not there then.
Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rack_controller.decide.budget.design import Array, Index
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import Row

_HALVINGS = 25


@dataclass(frozen=True, slots=True)
class _Between:
    """W of each GPU, (N,): `least` that can be set, what it is promised, its `most`.  A level of -1 to 0 lies between
    the first two, one of 0 to 1 between the last two."""

    rack: Index
    least: Array
    floor: Array
    most: Array

    def at(self, level: Array) -> Array:
        each = level[self.rack]
        above, below = np.maximum(each, 0.0), np.minimum(each, 0.0)
        return np.asarray(self.floor + above * (self.most - self.floor) + below * (self.floor - self.least))


def standing_limits(
    roster: Roster, least: Array, floor: Array, most: Array, rows: Sequence[Row], doubt: float
) -> Array:
    """Return what every GPU may have under `rows` with nobody there to lower it, whole W, (N,).

    `least`, `floor`, `most` (N,) W; `doubt`: by how much what follows the GPUs may draw more than the law says.  Where
    promised floors do not fit they come down to the least; where that does not fit either it is what is returned.
    """
    between = _Between(roster.rack, np.minimum(least, most), np.minimum(np.maximum(floor, least), most), most)
    level = np.ones(len(roster.racks))
    for row in rows:
        if _drawn(roster, between, level, row, doubt) > row.watts:
            level = _lowered(roster, between, level, row, doubt)
    return np.floor(between.at(level) + 1e-6)


def _lowered(roster: Roster, between: _Between, level: Array, row: Row, doubt: float) -> Array:
    """Return the levels with those of the row's racks at what it can carry; others', and lower ones, stay."""
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        lowered = np.where(row.share > 0, np.minimum(level, middle), level)
        fits = _drawn(roster, between, lowered, row, doubt) <= row.watts
        low, high = (middle, high) if fits else (low, middle)
    return np.where(row.share > 0, np.minimum(level, low), level)


def _drawn(roster: Roster, between: _Between, level: Array, row: Row, doubt: float) -> float:
    """Return what a row carries at most at these levels, W of AC."""
    watts = between.at(level)
    gpus = np.bincount(roster.rack, weights=watts, minlength=len(roster.racks)).astype(np.float64)
    others = roster.law.drawn(gpus) - gpus
    return float(row.share @ (gpus + others * (1.0 + doubt)))
