"""Two roads to one device: limits told over Redfish, and limits granted in band that end by themselves.  Pure.

A device enforces the lowest of its limits.  So in band can only lower what Redfish allows: whatever becomes of agent,
bus and grant, no device has more than what it was told out of band, and all raises are decided on that alone
(`live.py`).  In band makes a decrease hold sooner, and known sooner.
"""

from dataclasses import dataclass, replace

import numpy as np

from rack_controller.decide.budget.claims import Claims
from rack_controller.decide.budget.control import charged_at
from rack_controller.decide.budget.design import Array, BudgetPolicy, Index, Mask
from rack_controller.decide.budget.live import LiveDecision, LiveState, design_of
from rack_controller.decide.budget.roster import Roster

DEPTH = 24  # grants remembered for each device; the oldest is merged into the one after it, upwards


@dataclass(frozen=True, slots=True)
class InBandSight:
    """`read` (N,): what drivers keep and enforce, W, NaN unknown, as of the grant `number` (N,).  `live` (N,): whose
    agent said that of late of a grant of this controller."""

    read: Array
    number: Index
    live: Mask

    @classmethod
    def nothing(cls, count: int) -> "InBandSight":
        """Return a sight of devices that nobody is heard of."""
        return cls(np.full(count, np.nan), np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.bool_))


@dataclass(frozen=True, slots=True)
class Granted:
    """`caps` W and `numbers`: the last DEPTH grants, newest first, (DEPTH, N).  `holds`: the most that in-band limits
    can be now, (N,) W, infinite where nobody says that any is kept."""

    caps: Array
    numbers: Index
    holds: Array

    @classmethod
    def nothing(cls, count: int) -> "Granted":
        """Return devices that were granted nothing."""
        return cls(np.zeros((DEPTH, count)), np.zeros((DEPTH, count), dtype=np.int64), np.full(count, np.inf))


def to_grant(alone: LiveDecision, least: Array) -> Array:
    """Return what to grant, (N,) whole W: what was told over Redfish, and at once what was decided to be lower and
    waits for a controller that is still busy.  `least` (N,) W can be set."""
    decided = np.floor(alone.step.writes + 1e-6)
    return np.maximum(np.fmin(alone.told, decided), least)


def granted(before: Granted, watts: Array, numbers: Index) -> Granted:
    """Return the in-band bound after grants of `watts` (N,), NaN for none, were sent with their `numbers` (N,)."""
    sent = np.isfinite(watts)
    if not sent.any():
        return before
    caps, seen = before.caps.copy(), before.numbers.copy()
    new = sent & (watts != caps[0])
    oldest = np.maximum(caps[-1, new], caps[-2, new])
    caps[1:, new], seen[1:, new] = before.caps[:-1, new], before.numbers[:-1, new]
    caps[-1, new] = oldest
    caps[0, sent], seen[0, sent] = watts[sent], numbers[sent]
    return Granted(caps, seen, np.where(sent, np.maximum(before.holds, watts), before.holds))


def heard(before: Granted, sight: InBandSight) -> Granted:
    """Return the in-band bound after agents said what they keep: that, or the most of what was granted since.

    An agent refuses what is older than what it keeps, so what was granted before is over.
    """
    waiting = np.where(before.numbers > sight.number[None, :], before.caps, 0.0).max(axis=0)
    known = sight.live & np.isfinite(sight.read)
    return replace(before, holds=np.where(known, np.fmax(sight.read, waiting), np.inf))


def in_force(alone: Array, in_band: Granted) -> Array:
    """Return the most that each device can have now, (N,) W: the lower of both roads' bounds; `alone`, what Redfish
    lets it have."""
    return np.minimum(alone, in_band.holds)


def with_in_band(
    state: LiveState,
    roster: Roster,
    claims: Claims,
    decision: LiveDecision,
    doubt: float,
    holds: Array,
) -> LiveDecision:
    """Return the decision with what can be in force now, `holds` (N,) W, and what every limit can be asked for by it.

    Nothing of what was decided changes.
    """
    if not (holds < decision.holds).any() or not decision.rows:
        return decision
    design, terms = design_of(roster, claims, decision.most, decision.rows), BudgetPolicy(doubt=doubt)
    alone, now = (charged_at(state.budget, design, terms, watts) for watts in (decision.holds, holds))
    charged = decision.step.charged - np.maximum(alone - now, 0.0)
    return replace(decision, holds=holds, step=replace(decision.step, charged=charged))
