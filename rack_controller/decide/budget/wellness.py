"""Which supplies of a rack give something, from what is read of them.  Pure.

Supplies are read every few seconds, shelves every second: since all of them share one load, a shelf that gives less
than the others has fewer supplies left.  Or it only shares less well: what sets supplies apart is a share of their
rating and does not shrink with the load, so that at a third of it a shelf may give a seventh less and lack nothing.
"""

from dataclasses import dataclass

import numpy as np

from rack_controller.decide.supply.wiring import Array, Index, Mask, RackWiring

LEAST_LOAD = 0.05  # of its rating, below which shares say nothing
GIVES_W = 1.0
FEWER_S = 4.0  # so long a shelf gives less before supplies count as lost: a ramp of the load is shorter
LASTS_S = 2.5  # every shelf is read anew within that
STEADY = 0.02
ROUNDING = 0.5  # of a supply: sharing is not exact, and shelves are read at moments of their own


@dataclass(frozen=True, slots=True)
class Wellness:
    """`since` (S,): from when on a shelf gives less than its supplies should, s, infinite while it does not.
    `meter`: W that the rack's shelves gave when they were last alike, and since when."""

    since: Array
    meter: float = np.nan
    steady_since: float = np.inf

    @classmethod
    def unknown(cls, wiring: RackWiring) -> "Wellness":
        """Return what is known at first."""
        return cls(np.full(len(wiring.shelves), np.inf))


def judge_supplies(
    before: Wellness, wiring: RackWiring, shelves: Array, supplies: Array, now: float
) -> tuple[Wellness, Mask, float]:
    """Return what to remember, which supplies are taken to be well, (P,), and a meter of the rack, W, NaN where the
    shelves were read at moments too different to be added up.

    shelves (S,), supplies (P,): W of DC that each gives, NaN unknown.  A shelf that gives nothing beside others that do
    is out at once.  One that gives less than it should may only have been read before a step of the load: it counts
    when that lasts, and is more than sharing explains unless the shelf has supplies that cannot be read beside others
    that can.  What nobody knows anything bad of is well.
    """
    well = wiring.all_well
    given = np.bincount(wiring.shelf, weights=wiring.supply_max, minlength=len(wiring.shelves))
    loads = np.divide(shelves, given, out=np.full(len(shelves), np.nan), where=given > 0)
    most = float(np.nanmax(loads)) if np.isfinite(loads).any() else np.nan
    fewer = np.zeros(len(shelves), dtype=np.int64)
    unread = _unread(wiring, supplies)
    if most > LEAST_LOAD:
        well[supplies < GIVES_W] = False
        well[(shelves < GIVES_W)[wiring.shelf]] = False
        fewer = _fewer(wiring, loads, well, unread)
    since = np.where(fewer > 0, np.minimum(before.since, now), np.inf)
    for s in np.flatnonzero(now - since >= FEWER_S).tolist():
        here = np.flatnonzero((wiring.shelf == s) & well)
        well[here[np.argsort(~unread[here], kind="stable")][: fewer[s]]] = False
    total = float(shelves.sum())
    alike = abs(total - before.meter) <= STEADY * before.meter
    steady = before.steady_since if alike else now
    after = Wellness(since, before.meter if alike else total, steady)
    return after, well, total if now - steady >= LASTS_S else np.nan


def _unread(wiring: RackWiring, supplies: Array) -> Mask:
    """Return which supplies, (P,), cannot be read while others of their shelf can."""
    known = np.isfinite(supplies)
    some = np.bincount(wiring.shelf, weights=known, minlength=len(wiring.shelves)) > 0
    return np.asarray(~known & some[wiring.shelf])


def _fewer(wiring: RackWiring, loads: Array, well: Mask, unread: Mask) -> Index:
    """Return how many supplies less than are `well` each shelf seems to have, (S,), by its load, a share of its
    rating."""
    count, present, silent = (
        np.bincount(wiring.shelf, weights=each, minlength=len(loads)) for each in (wiring.all_well, well, well & unread)
    )
    most = float(np.nanmax(loads))
    gives = np.floor(count * np.nan_to_num(loads, nan=np.inf, posinf=np.inf) / most + ROUNDING)
    less = np.maximum(present - np.minimum(gives, present), 0.0)
    beyond = most - loads > wiring.supply.sharing
    return np.where(beyond, less, np.minimum(less, silent)).astype(np.int64)
