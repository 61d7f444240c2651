"""How far a rack's own meter bears out the law of the power that follows its GPUs.  Pure.

A law is believed with `doubt` until the meter has been read at such a load; after that, with the worst that was read.
"""

from dataclasses import dataclass, replace

import numpy as np

from rack_controller.decide.budget.design import Array, BudgetDesign, BudgetPolicy, Mask, Seen

BINS = 8  # of load, from idle to most: a law may be right when idle and wrong when busy
FORGET_S = 600.0  # a worst ratio fades to the present one over ten minutes: seasons and fan curves change
STEADY = 0.01  # only a load that has changed by less than this since the last sight is comparable with a meter
MARGIN = 0.004  # of the other power: what a meter's own noise may hide
SIGHTS = 3  # so many before a bin is believed


@dataclass(frozen=True, slots=True)
class LawState:
    """`worst`: largest ratio of metered to expected other power, (R, BINS); `sights`: how many, same shape.

    `gpus`: sums of GPU power at the last sight, (R,).
    """

    worst: Array
    sights: Array
    gpus: Array

    @classmethod
    def new(cls, racks: int) -> "LawState":
        """Return a state that has seen nothing."""
        return cls(np.zeros((racks, BINS)), np.zeros((racks, BINS)), np.full(racks, np.nan))


def unlearned(state: LawState, which: Mask) -> LawState:
    """Return a state that has seen nothing of the racks `which`, (R,)."""
    if not which.any():
        return state
    keeps = ~which[:, None]
    return replace(state, worst=state.worst * keeps, sights=state.sights * keeps)


def learn(state: LawState, design: BudgetDesign, seen: Seen, dt: float) -> LawState:
    """Return the state after one more sight of meters and GPUs, taken at the same moment `dt` s after the last one."""
    gpus = design.per_rack(seen.power)  # NaN where any device is unknown
    steady = np.abs(gpus - state.gpus) <= STEADY * gpus
    usable = np.flatnonzero(steady & np.isfinite(seen.meters))
    after = replace(state, gpus=gpus)
    if not len(usable):
        return after
    expected = (design.law.drawn(gpus) - gpus)[usable]
    ratio = (seen.meters - gpus)[usable] / np.maximum(expected, 1.0)
    at = (usable, _bin(design, gpus)[usable])
    worst, sights = state.worst.copy(), state.sights.copy()
    faded = worst[at] + (ratio - worst[at]) * min(dt / FORGET_S, 1.0)
    worst[at] = np.maximum(ratio, faded)
    sights[at] += 1
    return replace(after, worst=worst, sights=sights)


def trust(state: LawState, design: BudgetDesign, policy: BudgetPolicy, gpus: Array) -> Array:
    """Return by which factor the law's other power is charged at the load `gpus`, (R,).

    The most that was read at this load or at any smaller one: a rack that is granted much may draw little.  A load that
    has hardly been seen is charged more for every bin that it lies above the nearest that has: a law that errs by
    `doubt` at both ends turns no faster than that.
    """
    bins, index = _bin(design, gpus), np.arange(BINS)[None, :]
    known = (state.sights >= SIGHTS) & (index <= bins[:, None])
    nearest = np.where(known, index, -BINS).max(axis=1)
    here = np.maximum(design.law.drawn(gpus) - gpus, 1.0)
    below = np.where(known, state.worst * np.minimum(_at_edges(design) / here[:, None], 1.0), 0.0).max(axis=1)
    most = np.maximum(below, state.worst[np.arange(len(gpus)), np.maximum(nearest, 0)]) + MARGIN
    beyond = 2.0 * policy.doubt * (bins - nearest) / BINS
    unknown = 1.0 + policy.doubt
    return np.where(known.any(axis=1), np.minimum(most + beyond, np.maximum(most, unknown)), unknown)


def _at_edges(design: BudgetDesign) -> Array:
    """Return the other power that the law expects at the upper edge of every bin, (R, BINS), W."""
    low, high = design.per_rack(design.idle), design.per_rack(design.most)
    edges = low[:, None] + (high - low)[:, None] * (np.arange(BINS)[None, :] + 1.0) / BINS
    law = design.law
    drawn = (law.base[:, None] + (1.0 + law.follow[:, None]) * edges) / law.efficiency[:, None]
    return np.asarray(drawn - edges)


def _bin(design: BudgetDesign, gpus: Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    low, high = design.per_rack(design.idle), design.per_rack(design.most)
    share = np.nan_to_num((gpus - low) / np.maximum(high - low, 1.0))
    return np.clip((share * BINS).astype(np.int64), 0, BINS - 1)
