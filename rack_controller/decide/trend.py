"""How fast many counters rise.  Pure: counts and a time in, a growth per hour out.

A counter that falls back was reset: what it shows since then is growth, and no rate is ever negative.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.frame import UNKNOWN_COUNTER

STEP = Seconds(20.0)  # how often counts are kept: switches count them no more often
WINDOW = Seconds(600.0)
SHORTEST = Seconds(60.0)  # a rate over less is chance
HOUR = 3_600.0


@dataclass(frozen=True, slots=True)
class Rise:
    """What the counters grew, step by step.  `last` are the counts shown last, `grown` sums since the first one."""

    times: tuple[Seconds, ...]
    grown: tuple[NDArray[np.float64], ...]
    last: NDArray[np.int64]


def keep_rise(rise: Rise | None, now: Seconds, counts: NDArray[np.int64]) -> Rise:
    """Return the rise with the counts of `now` added, at most one step's worth; others counters begin anew.

    A count that is unknown leaves its counter as it was.
    """
    if rise is None or rise.last.shape != counts.shape:
        return Rise((now,), (np.zeros(counts.shape),), counts.copy())
    if now - rise.times[-1] < STEP:
        return rise
    known = (counts != UNKNOWN_COUNTER) & (rise.last != UNKNOWN_COUNTER)
    growth = np.where(counts >= rise.last, counts - np.where(known, rise.last, 0), counts)
    total = rise.grown[-1] + np.where(known, growth, 0)
    last = np.where(counts != UNKNOWN_COUNTER, counts, rise.last)
    first = next((n for n, at in enumerate(rise.times) if now - at <= WINDOW), len(rise.times))
    return Rise((*rise.times[first:], now), (*rise.grown[first:], total), last)


def per_hour(rise: Rise | None) -> NDArray[np.float64] | None:
    """Return what each counter grows per hour over the window, NaN where it was never read; None for too short one."""
    if rise is None or rise.times[-1] - rise.times[0] < SHORTEST:
        return None
    span = rise.times[-1] - rise.times[0]
    rate: NDArray[np.float64] = (rise.grown[-1] - rise.grown[0]) * (HOUR / span)
    return np.where(rise.last == UNKNOWN_COUNTER, np.nan, rate)
