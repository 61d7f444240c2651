"""History made ready to be drawn: one line per series or per sum of series, with what was not known.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from datacenter_api.history.sheet import Stretch
from rack_controller.model.table import SeriesKey

MOST_TRACES = 8
# A line is drawn on over a gap of up to so many periods of its class: until then the last reading was not stale.
BRIDGED_PERIODS = 3.0


@dataclass(frozen=True, slots=True)
class Wish:
    """One line to be drawn: the sum of `keys` (mostly one).  `period_s` is how often they are read, in s."""

    name: str
    keys: tuple[SeriesKey, ...]
    period_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Trace:
    """One line in buckets; NaN where nothing good was read.

    `least` and `most` bound the readings in a bucket.  `whole` is false where a sum lacks some of its parts: such a
    number is too small.  `bridge_s`: over how long a gap the line may be drawn on.
    """

    name: str
    mean: NDArray[np.float64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    whole: NDArray[np.bool_]
    bridge_s: float

    @property
    def known(self) -> NDArray[np.intp]:
        """Return the buckets in which something is known."""
        found: NDArray[np.intp] = np.flatnonzero(~np.isnan(self.mean))
        return found


def make_trace(wish: Wish, stretches: Sequence[Stretch], step_s: int) -> Trace:
    """Return the line of a wish from one stretch per key, all in the same buckets.

    A sum's bounds are those of its parts added up: the true ones lie within.
    """
    bridge = max(BRIDGED_PERIODS * wish.period_s, 1.5 * step_s)
    if len(stretches) == 1:
        only = stretches[0]
        whole = np.ones(len(only.mean), dtype=np.bool_)
        return Trace(wish.name, only.mean, only.least, only.most, whole, bridge)
    mean = np.array([s.mean for s in stretches])
    known = ~np.isnan(mean)
    none = ~known.any(axis=0)
    added = [
        np.where(none, np.nan, np.where(known, part, 0.0).sum(axis=0))
        for part in (mean, np.array([s.least for s in stretches]), np.array([s.most for s in stretches]))
    ]
    return Trace(wish.name, added[0], added[1], added[2], known.all(axis=0), bridge)


def runs(trace: Trace, step_s: int) -> list[tuple[NDArray[np.intp], bool]]:
    """Return the line's unbroken stretches as buckets, each with whether it is whole.

    It breaks where nothing was known for longer than `bridge_s`; where a sum stops or begins to be whole both
    stretches share the bucket before, so that the line does not seem to break.
    """
    found: list[tuple[NDArray[np.intp], bool]] = []
    known = trace.known
    if not len(known):
        return found
    breaks = np.flatnonzero(np.diff(known) * step_s > trace.bridge_s) + 1
    for part in np.split(known, breaks):
        turns = np.flatnonzero(np.diff(trace.whole[part].astype(np.int8))) + 1
        edges = [0, *turns.tolist(), len(part)]
        for begin, end in pairwise(edges):
            found.append((part[max(begin - 1, 0) : end], bool(trace.whole[part[begin]])))
    return found
