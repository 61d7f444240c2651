"""The limits that need nobody: to which GPUs fall when a grant is over, and under which every loss is lived through.

One level a rack, between the least that can be set and the most: who would share more cleverly is not there then.
Pure.
"""

from collections.abc import Sequence

import numpy as np

from rack_controller.decide.budget.design import Array
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import Row

_HALVINGS = 24


def standing_limits(roster: Roster, floor: Array, most: Array, rows: Sequence[Row], doubt: float) -> Array:
    """Return what every GPU may have under `rows` with nobody there to lower it, whole W, (N,).

    `floor`, `most` (N,) W; `doubt`: by how much what follows the GPUs may draw more than the law says.  Where the
    floors alone do not fit they are what is returned: less cannot be set.
    """
    floor = np.minimum(floor, most)
    level = np.ones(len(roster.racks))
    for row in rows:
        if _drawn(roster, floor, most, level, row, doubt) > row.watts:
            level = _lowered(roster, floor, most, level, row, doubt)
    return np.floor(_at(roster, floor, most, level) + 1e-6)


def _lowered(roster: Roster, floor: Array, most: Array, level: Array, row: Row, doubt: float) -> Array:
    """Return the levels with those of the row's racks at what it can carry; others', and lower ones, stay."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        lowered = np.where(row.share > 0, np.minimum(level, middle), level)
        fits = _drawn(roster, floor, most, lowered, row, doubt) <= row.watts
        low, high = (middle, high) if fits else (low, middle)
    return np.where(row.share > 0, np.minimum(level, low), level)


def _at(roster: Roster, floor: Array, most: Array, level: Array) -> Array:
    return np.asarray(floor + level[roster.rack] * (most - floor))


def _drawn(roster: Roster, floor: Array, most: Array, level: Array, row: Row, doubt: float) -> float:
    """Return what a row carries at most at these levels, W of AC."""
    watts = _at(roster, floor, most, level)
    gpus = np.bincount(roster.rack, weights=watts, minlength=len(roster.racks)).astype(np.float64)
    others = roster.law.drawn(gpus) - gpus
    return float(row.share @ (gpus + others * (1.0 + doubt)))
