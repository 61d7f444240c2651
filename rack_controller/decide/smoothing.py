"""Ramp smoothing of a rack's draw with storage: how fast its feed power may move while its load jumps.  Pure.

Iterations are one level for the feed, their mean; storage carries them.  Without hints a start is met by limits (the
load may rise no faster than the feed), and a pause or a stop by a floor (power is burned while the feed comes down), as
far as what may be burned allows; storage takes the rest.  With hints a plan says what the feed draws, seconds before
the load jumps: nothing is held back, nothing burned.
"""

from dataclasses import dataclass, replace

import numpy as np

from rack_controller.decide.budget.design import Array

PATIENCE = 1.1  # a low phase that lasts so many times what belongs to an iteration is a pause
LEARNS = 0.3  # of what a new iteration says of its length
TRIM = 0.1  # of the swing: bringing charge back moves the feed by no more than that


@dataclass(frozen=True, slots=True)
class SmoothingPolicy:
    """`ramp_w_per_s`: what the feed allows.  `swing_w`: the largest jump of the load.  `gain_per_s`: how fast charge is
    brought back.  `duty`: an iteration's busy share until it has been learned.  `burn_share`: of all energy, what may
    be burned to come down slowly."""

    ramp_w_per_s: float
    swing_w: float
    gain_per_s: float = 0.02
    duty: float = 0.75
    burn_share: float = 0.02


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """What the feed is to draw, W, and what storage holds then, J against the start, every `every_s` s from 0 on."""

    every_s: float
    feed_w: Array
    charge_j: Array

    def at(self, now: float) -> tuple[float, float]:
        """Return feed and charge at a moment; the last ones hold on."""
        times = self.every_s * np.arange(len(self.feed_w))
        return float(np.interp(now, times, self.feed_w)), float(np.interp(now, times, self.charge_j))


@dataclass(frozen=True, slots=True)
class SmoothingState:
    """`feed_w`: what is drawn; `charge_j`: of the storage, against the start; `low_w`, `high_w` of the load.

    `most_w`: what the load is limited to; `burn_w`: what is burned beside it.  `used_j`, `burned_j`: so far.
    Learned: an iteration's `period_s` and `busy_s`.  `rose_at`, `fell_at`: its last edges; `runs`: it is no pause.
    """

    feed_w: float
    charge_j: float
    low_w: float
    high_w: float
    most_w: float = np.inf
    burn_w: float = 0.0
    used_j: float = 0.0
    burned_j: float = 0.0
    period_s: float = 0.0
    busy_s: float = 0.0
    rose_at: float = -np.inf
    fell_at: float = -np.inf
    runs: bool = False

    @classmethod
    def at_rest(cls, load_w: float, policy: SmoothingPolicy) -> "SmoothingState":
        """Return a rack whose load has been the same, and low, for long."""
        return cls(load_w, 0.0, load_w, load_w + policy.swing_w, most_w=load_w)

    def mean(self, policy: SmoothingPolicy) -> float:
        """Return the mean load of an iteration, W."""
        share = self.busy_s / self.period_s if self.period_s else policy.duty
        return self.low_w + share * (self.high_w - self.low_w)


def step_smoothing(
    state: SmoothingState, policy: SmoothingPolicy, load_w: float, now: float, dt: float, plan: FeedPlan | None = None
) -> SmoothingState:
    """Return the rack `dt` s later: its feed draws `feed_w`, storage gives or takes what the load differs by.

    `load_w` is what the load draws now, within `most_w`; it is above the middle when the job computes.
    """
    busy = load_w > state.low_w + 0.5 * (min(state.most_w, state.high_w) - state.low_w) + 1.0
    state = _look(state, busy, now)
    if plan is not None:
        wanted, aim = plan.at(now + dt)
    else:
        wanted, aim = (state.mean(policy) if state.runs else state.low_w), 0.0
    back = TRIM * policy.swing_w
    level, wanted = wanted, wanted + min(max(policy.gain_per_s * (aim - state.charge_j), -back), back)
    most = policy.ramp_w_per_s * dt
    feed = state.feed_w + min(max(wanted - state.feed_w, -most), most)
    burn = 0.0
    if plan is None and not state.runs:
        spare = max(policy.burn_share * state.used_j - state.burned_j, 0.0) / dt
        burn = min(max(feed - load_w - most, 0.0), spare)
    starts = plan is None and feed < level - back - most
    return replace(
        state,
        feed_w=feed,
        charge_j=state.charge_j + (feed - load_w - burn) * dt,
        most_w=max(feed, state.low_w) + most if starts or (plan is None and not state.runs) else np.inf,
        burn_w=burn,
        used_j=state.used_j + feed * dt,
        burned_j=state.burned_j + burn * dt,
    )


def _look(state: SmoothingState, busy: bool, now: float) -> SmoothingState:
    """Take in what the load does: an edge, or a low phase that is too long to belong to an iteration."""
    if busy and state.rose_at <= state.fell_at:
        period = _mixed(state.period_s, now - state.rose_at) if state.runs else state.period_s
        return replace(state, rose_at=now, runs=True, period_s=period)
    if not busy and state.rose_at > state.fell_at:
        return replace(state, fell_at=now, busy_s=_mixed(state.busy_s, now - state.rose_at))
    usual = state.period_s - state.busy_s if state.period_s else state.busy_s
    if state.runs and not busy and now - state.fell_at > PATIENCE * usual + 0.1:
        return replace(state, runs=False)
    return state


def _mixed(learned: float, new: float) -> float:
    """Return what is known of a length after a new one; one that is cut short or drawn out teaches nothing."""
    if not learned:
        return new
    return learned + LEARNS * (new - learned) if 1.0 / PATIENCE < new / learned < PATIENCE else learned
