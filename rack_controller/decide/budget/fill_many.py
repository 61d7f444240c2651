"""Progressive filling as in `fill.py`, for tens of thousands of claims that each lie under few of many limits.  Pure.

What does not change from cycle to cycle (who lies under which limit) is prepared once, in `claim_layout`.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rack_controller.decide.budget.design import Array, Index

_CLOSE = 1e-9
_DUST_W = 1e-9


@dataclass(frozen=True, slots=True)
class ClaimLayout:
    """J claims in G groups under C limits, K of which at most carry any one of them.

    `seats` (M, G): the claims of each group, J where there are fewer than M.  `seat` (J,): where each claim sits, flat.
    `common` (S,): the limits that carry more than one claim.  `limits` (K, G), indices in it, S for none, and
    `factors` (K, G): what W a limit carries for each W that the group is granted.  `alone`, `alone_factors` (P, J):
    limits that carry one claim only.  `weight` (J,).
    `ranks`: the groups of every priority as slices, smaller priorities first.
    """

    common: Index
    seats: Index
    seat: Index
    limits: Index
    factors: Array
    alone: Index
    alone_factors: Array
    weight: Array
    ranks: tuple[slice, ...]


def claim_layout(limits: Index, factors: Array, count: int, weight: Array, priority: Index) -> ClaimLayout:
    """Prepare claims: `limits`, `factors` (K, J), a factor of 0 carrying nothing; `count` is C; the rest (J,).

    Claims of one priority that the same limits carry in the same proportion rise as one group.
    """
    found = np.where(factors > 0.0, limits, count)
    sharers = np.bincount(found.ravel(), minlength=count + 1)
    sharers[count] = 2
    single = sharers[found] == 1
    shared = np.where(single, count, found)
    keys = np.concatenate((priority[None, :], shared, np.where(shared < count, factors, 0.0)))
    order = np.lexsort(keys[::-1])
    column, row = _seated(keys[:, order])
    groups, deep = int(column.max(initial=-1)) + 1, int(row.max(initial=0)) + 1
    seats = np.full((deep, groups), len(order), dtype=np.int64)
    seats[row, column] = order
    seat = np.empty(len(order), dtype=np.int64)
    seat[order] = row * groups + column
    first = seats[0]
    common = np.flatnonzero(np.bincount(shared.ravel(), minlength=count + 1)[:count])
    rows, alone_rows = (shared < count).any(axis=1), single.any(axis=1)
    return ClaimLayout(
        common=common,
        seats=seats,
        seat=seat,
        limits=np.searchsorted(common, shared[rows][:, first]),
        factors=np.where(shared < count, factors, 0.0)[rows][:, first],
        alone=np.where(single, found, count)[alone_rows],
        alone_factors=np.where(single, factors, 0.0)[alone_rows],
        weight=weight.astype(np.float64),
        ranks=_ranks(priority[first]),
    )


def _seated(keys: Array) -> tuple[Index, Index]:
    """Return the column and row of every claim, given its sorted `keys` (n, J): equal ones share a column.

    A group that is much larger than the others is cut into several: that changes nothing but the shape.
    """
    size = keys.shape[1]
    if not size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    new = np.append(True, (np.diff(keys, axis=1) != 0).any(axis=0))
    starts = np.flatnonzero(new)
    deep = 2 * -(-size // len(starts))
    at = np.arange(size) - np.repeat(starts, np.diff(np.append(starts, size)))
    return np.cumsum(at % deep == 0) - 1, at % deep


def fill_many(slack: Array, layout: ClaimLayout, demand: Array) -> tuple[Array, Index]:
    """Return the level of every claim, (J,), 0 to 1, and which limit held it, (J,), -1 where its request is met.

    slack: (C,) W left of each limit before anything is granted; demand: (J,) W that a claim gets at level 1, of which
    a limit carries its factor.  No limit is ever passed.
    """
    slack = np.append(np.maximum(slack, 0.0), np.inf)
    left = np.append(slack[layout.common], np.inf)
    pace = demand * layout.weight
    ceiling, held = _ceilings(slack, layout, pace)
    paces, ceilings = np.append(pace, 0.0)[layout.seats], np.append(ceiling, 0.0)[layout.seats]
    ends, holders = np.empty(layout.seats.shape[1]), np.empty(layout.seats.shape[1], dtype=np.int64)
    for groups in layout.ranks:
        limits, factors = layout.limits[:, groups], layout.factors[:, groups]
        ends[groups], holders[groups] = _rise(left, limits, factors, paces[:, groups], ceilings[:, groups])
    column = layout.seat % max(len(ends), 1)
    ends, holders = ends[column], holders[column]
    own = ceiling <= ends
    holders = np.append(layout.common, -1)[holders]
    level: Array = np.minimum(np.where(own, ceiling, ends) * layout.weight, 1.0)
    return level, np.where(own, held, holders)


def _ranks(priority: Index) -> tuple[slice, ...]:
    """Return the slices of equal priority; `priority` rises."""
    if not len(priority):
        return ()
    edges = [0, *(np.flatnonzero(np.diff(priority)) + 1).tolist(), len(priority)]
    return tuple(slice(a, b) for a, b in pairwise(edges))


def _ceilings(slack: Array, layout: ClaimLayout, pace: Array) -> tuple[Array, Index]:
    """Return when each claim ends by itself, (J,): its request met (-1), or a limit that carries it alone is full."""
    ceiling, held = 1.0 / layout.weight, np.full(len(pace), -1, dtype=np.int64)
    for limits, factors in zip(layout.alone, layout.alone_factors, strict=True):
        rate = factors * pace
        full = np.divide(slack[limits], rate, out=np.full(len(pace), np.inf), where=rate > _DUST_W)
        sooner = full < ceiling * (1.0 - _CLOSE)
        ceiling, held = np.where(sooner, full, ceiling), np.where(sooner, limits, held)
    return ceiling, held


def _rise(left: Array, limits: Index, factors: Array, pace: Array, ceiling: Array) -> tuple[Array, Index]:
    """Return when each group of one priority ends, and which limit holds it; takes what they get off `left` (S + 1,).

    A limit's moment is when it is full if all of its groups rise until then, by Newton's steps from below (what a group
    takes is concave over time, because its claims end).  That is a lower bound: a limit all of whose groups end no
    earlier than its own moment binds then, and every round settles all of those at once.
    """
    size = pace.shape[1]
    ends, holders = np.full(size, np.inf), np.full(size, -1, dtype=np.int64)
    active, column, at = np.arange(size), np.arange(size), np.zeros(size)
    load, rate = np.zeros(size), pace.sum(axis=0)
    while len(active):
        reach = _moments(left, limits, factors, load - rate * at, rate)[limits]
        at = np.maximum(reach.min(axis=0, initial=np.inf), at)
        load, rate = _taken(pace, ceiling, column, at)
        holder = _holders(left, limits, reach, at, _carried(limits, factors * load, len(left)))
        ended = (holder >= 0) | (rate <= _DUST_W)
        done, on = np.flatnonzero(ended), np.flatnonzero(~ended)
        if not len(done):
            continue
        ends[active[done]], holders[active[done]] = np.where(holder[done] < 0, np.inf, at[done]), holder[done]
        left -= _carried(limits.take(done, axis=1), factors.take(done, axis=1) * load[done], len(left))
        np.maximum(left, 0.0, out=left)
        left[-1] = np.inf
        limits, factors, active, column = limits.take(on, axis=1), factors.take(on, axis=1), active[on], column[on]
        at, load, rate = at[on], load[on], rate[on]
        if 2 * len(active) < pace.shape[1]:
            pace, ceiling = pace.take(column, axis=1), ceiling.take(column, axis=1)
            column = np.arange(len(active))
    return ends, holders


def _moments(left: Array, limits: Index, factors: Array, base: Array, rate: Array) -> Array:
    """Return when each limit is full, (S + 1,), if each group takes `base + rate * t`, (G,)."""
    slope = _carried(limits, factors * rate, len(left))
    room = left - _carried(limits, factors * base, len(left))
    moment: Array = np.divide(room, slope, out=np.full(len(left), np.inf), where=slope > _DUST_W)
    moment[-1] = np.inf
    return moment


def _taken(pace: Array, ceiling: Array, column: Index, at: Array) -> tuple[Array, Array]:
    """Return what each group has taken at its moment `at`, and at which rate it goes on; `column` is where it is."""
    spread = np.zeros(pace.shape[1])
    spread[column] = at
    taken = np.minimum(ceiling, spread)
    rises = np.greater(ceiling, spread, out=np.empty_like(taken), casting="unsafe")
    taken *= pace
    rises *= pace
    load: Array = taken.sum(axis=0)[column]
    rate: Array = rises.sum(axis=0)[column]
    return load, rate


def _holders(left: Array, limits: Index, reach: Array, at: Array, carried: Array) -> Index:
    """Return the limit that holds each group from `at` on, (G,), -1 for none: full, and none of its groups waits."""
    waits = np.zeros(len(left), dtype=np.bool_)
    early = at < reach * (1.0 - _CLOSE)
    waits[limits.ravel().compress(early.ravel())] = True
    binds = ~waits & (left - carried <= _CLOSE * left + _DUST_W)
    binds[-1] = False
    holder = np.full(len(at), -1, dtype=np.int64)
    for row, soon in zip(limits, early, strict=True):
        np.copyto(holder, row, where=binds[row] & ~soon)
    return holder


def _carried(limits: Index, watts: Array, count: int) -> Array:
    """Return the sums of `watts` (K, G) at each limit, (count,)."""
    return np.asarray(np.bincount(limits.ravel(), weights=watts.ravel(), minlength=count), dtype=np.float64)
