"""Ramp smoothing of a rack's draw with storage: how fast its feed power may move while its load jumps.  Pure.

Iterations are one level for the feed, their mean; storage carries them.  Without hints a start is met by limits (the
load may rise no faster than the feed), and a pause or a stop by a floor (power is burned while the feed comes down), as
far as what may be burned allows; storage takes the rest.  With hints a plan says what the feed draws, seconds before
the load jumps: nothing is held back, nothing burned.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from rack_controller.decide.feed_plan import FeedPlan, PlanClock, step_clock

PATIENCE = 1.1  # a low phase that lasts so many times what belongs to an iteration is a pause
LEARNS = 0.3  # of what a new iteration says of its length
GAIN_PER_S = 0.02  # how fast charge is brought back while a job runs
RESERVE = 0.05  # of storage: kept while a job runs, for iterations are uneven
TRIM = 0.1  # of the swing: bringing charge back moves the feed by no more than that


@dataclass(frozen=True, slots=True)
class SmoothingPolicy:
    """`ramp_w_per_s`: what the feed allows.  `swing_w`: the largest jump of the load.  `burn_share`: of all energy,
    what may be burned to come down slowly.  `storage_j`: how much there is to store in; where that is not said, it is
    never full and never empty."""

    ramp_w_per_s: float
    swing_w: float
    burn_share: float = 0.02
    storage_j: float = np.inf

    @property
    def window_s(self) -> float:
        """Return how long the feed needs for a whole swing."""
        return self.swing_w / self.ramp_w_per_s

    @property
    def sized(self) -> bool:
        """Return whether storage has a size."""
        return bool(np.isfinite(self.storage_j))


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time that comes again and again, s, 0 while unknown; `odd_s`: the last one that did not fit."""

    s: float = 0.0
    odd_s: float = 0.0

    def after(self, new: float) -> "Length":
        """Return what is known after a new one: one alone that is cut short or drawn out teaches nothing, two do."""
        if self.s and _alike(new, self.s):
            return Length(self.s + LEARNS * (new - self.s))
        return Length(new) if not self.s or (self.odd_s and _alike(new, self.odd_s)) else Length(self.s, new)


def _alike(one: float, other: float) -> bool:
    return 1.0 / PATIENCE < one / other < PATIENCE


@dataclass(frozen=True, slots=True)
class SmoothingState:
    """`feed_w`: what is drawn; `charge_j`: of the storage, against the start; `low_w`, `high_w` of the load.

    `most_w`: what the load is limited to; `burn_w`: what is burned beside it.  `used_j`, `burned_j`: so far.
    Learned: how long an iteration takes, `period`, and is `busy`.  `rose_at`, `fell_at`: its last edges; `runs`: it is
    no pause.  `clock`: where in its plan it is.
    """

    feed_w: float
    charge_j: float
    low_w: float
    high_w: float
    most_w: float = np.inf
    burn_w: float = 0.0
    used_j: float = 0.0
    burned_j: float = 0.0
    period: Length = Length()
    busy: Length = Length()
    rose_at: float = -np.inf
    fell_at: float = -np.inf
    runs: bool = False
    clock: PlanClock = field(default_factory=PlanClock)

    @classmethod
    def at_rest(cls, load_w: float, policy: SmoothingPolicy) -> "SmoothingState":
        """Return a rack whose load has been the same, and low, for long."""
        charge_j = policy.storage_j if policy.sized else 0.0
        return cls(load_w, charge_j, load_w, load_w + policy.swing_w, most_w=load_w)

    def expected(self, policy: SmoothingPolicy, now: float) -> float:
        """Return what the feed is to draw, W, as far as iterations go on as they have been.

        That is the mean of the load over as long as the feed needs for a whole swing, half of it past and half to
        come: so the feed moves evenly through every edge.  Shorter iterations are one level; unknown ones, as high as
        the load.
        """
        if not self.runs:
            return self.low_w
        span, window, period, busy = self.high_w - self.low_w, policy.window_s, self.period.s, self.busy.s
        if not period:
            return self.high_w
        if window > period:
            return self.low_w + span * busy / period
        at = min(busy + now - self.fell_at, period) if self.fell_at > self.rose_at else min(now - self.rose_at, busy)
        return self.low_w + span * (self._done(at + 0.5 * window) - self._done(at - 0.5 * window)) / window

    def ripple(self, policy: SmoothingPolicy) -> float:
        """Return how much of storage iterations go through, J, 0 while they are not known."""
        span, period, busy = self.high_w - self.low_w, self.period.s, self.busy.s
        if not period:
            return 0.0
        return span * busy * (period - busy) / period if policy.window_s > period else 0.25 * span * policy.window_s

    def _done(self, at: float) -> float:
        """Return how long a job is busy from an iteration's start to `at`, s, in iterations all alike."""
        whole, rest = divmod(at, self.period.s)
        return whole * self.busy.s + min(rest, self.busy.s)


def step_smoothing(
    state: SmoothingState, policy: SmoothingPolicy, load_w: float, now: float, dt: float, plan: FeedPlan | None = None
) -> SmoothingState:
    """Return the rack `dt` s later: its feed draws `feed_w`, storage gives or takes what the load differs by.

    `load_w` is what the load draws now, within `most_w`; it is above the middle when the job computes.
    """
    busy = load_w > state.low_w + 0.5 * (min(state.most_w, state.high_w) - state.low_w) + 1.0
    if plan is not None:
        return _follow(replace(state, clock=step_clock(state.clock, plan, busy, now)), policy, plan, load_w, now, dt)
    state = _look(state, busy, now)
    level, trim, most = state.expected(policy, now), TRIM * policy.swing_w, policy.ramp_w_per_s * dt
    if policy.sized and not state.period.s:  # it may stop at any moment: no higher than it can come down from
        room = max(policy.storage_j - state.charge_j, 0.0) + _may_burn(state, policy)
        level = min(level, state.low_w + _in_time(policy, room))
    off = state.charge_j - _aim(state, policy)
    if state.runs:
        back = min(max(GAIN_PER_S * off, -trim), trim)
    else:  # as far as the feed can still come back from while it brings the rest
        back = float(np.copysign(_in_time(policy, abs(off)), off))
    feed = _ramped(state, policy, level - back, dt)
    over = 0.0 if state.runs else feed - load_w - most  # all of a stop
    after = _moved(state, policy, feed, load_w, over, dt)
    if not state.runs or feed < level - trim - most:
        # What storage holds carries a load above the feed for as long as the feed needs to get there.
        held = max(feed, state.low_w) + most + _in_time(policy, max(after.charge_j, 0.0))
        return replace(after, most_w=held)
    return replace(after, most_w=_carried(after, policy, dt))


def _aim(state: SmoothingState, policy: SmoothingPolicy) -> float:
    """Return what storage is to hold, J: full for a start, near empty for a stop while a job runs."""
    if not policy.sized:
        return 0.0
    if not state.runs:
        return policy.storage_j
    return min(0.5 * state.ripple(policy) + RESERVE * policy.storage_j, 0.5 * policy.storage_j)


def _may_burn(state: SmoothingState, policy: SmoothingPolicy) -> float:
    """Return what may still be burned, J."""
    return max(policy.burn_share * state.used_j - state.burned_j, 0.0)


def _carried(state: SmoothingState, policy: SmoothingPolicy, dt: float) -> float:
    """Return what storage carries for `dt` s, W, with a feed that may be coming down."""
    if not policy.sized:
        return np.inf
    return max(state.feed_w - policy.ramp_w_per_s * dt + max(state.charge_j, 0.0) / dt, state.low_w)


def _follow(
    state: SmoothingState, policy: SmoothingPolicy, plan: FeedPlan, load_w: float, now: float, dt: float
) -> SmoothingState:
    """Return the rack `dt` s later that follows its plan and brings charge back to it as fast as it can swing."""
    planned, aim = plan.at(state.clock.time(plan, now + dt))
    if policy.sized:
        aim += plan.spare_j(policy.storage_j)
    trim = TRIM * policy.swing_w
    back = min(max((state.charge_j - aim) / policy.window_s, -trim), trim)
    after = _moved(state, policy, _ramped(state, policy, planned - back, dt), load_w, 0.0, dt)
    return replace(after, most_w=_carried(after, policy, dt))


def _in_time(policy: SmoothingPolicy, energy_j: float) -> float:
    """Return by how much the feed may be off, W, that goes back at its ramp and needs no more than an energy for it."""
    return float(np.sqrt(2.0 * policy.ramp_w_per_s * energy_j))


def _ramped(state: SmoothingState, policy: SmoothingPolicy, wanted: float, dt: float) -> float:
    most = policy.ramp_w_per_s * dt
    return state.feed_w + min(max(max(wanted, 0.0) - state.feed_w, -most), most)


def _moved(
    state: SmoothingState, policy: SmoothingPolicy, feed: float, load_w: float, over: float, dt: float
) -> SmoothingState:
    """Return the rack `dt` s later, which burns what storage has no room for, or, of unknown size, what is `over`."""
    if policy.sized:
        over = feed - load_w - (policy.storage_j - state.charge_j) / dt
    burn = min(max(over, 0.0), _may_burn(state, policy) / dt)
    return replace(
        state,
        feed_w=feed,
        charge_j=state.charge_j + (feed - load_w - burn) * dt,
        burn_w=burn,
        used_j=state.used_j + feed * dt,
        burned_j=state.burned_j + burn * dt,
    )


def _look(state: SmoothingState, busy: bool, now: float) -> SmoothingState:
    """Take in what the load does: an edge, or a phase that is too short or too long to belong to an iteration."""
    if busy and state.rose_at <= state.fell_at:
        length = now - state.rose_at
        period = state.period.after(length) if np.isfinite(length) else state.period
        return replace(state, period=period, rose_at=now, runs=True)
    if not busy and state.rose_at > state.fell_at:
        length = now - state.rose_at
        goes_on = bool(state.period.s) and length * PATIENCE > state.busy.s
        return replace(state, busy=state.busy.after(length), fell_at=now, runs=goes_on)
    usual = state.period.s - state.busy.s
    if state.runs and not busy and now - state.fell_at > PATIENCE * usual + 0.1:
        return replace(state, runs=False)
    return state
