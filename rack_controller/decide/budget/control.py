"""One cycle of the power budget: allocate first, grant second.  Pure: state and sight in, state and decision out.

Safety lies in the sum of what can be in force, not in feedback: every device is charged the highest limit that it can
still hold, with the power of CPUs, switches and losses that this will cause.  Measurements only say who gets what is
left.  Lower limits are sent at once; higher ones as far as the charge leaves room, and never on old sights.
"""

from dataclasses import dataclass, replace

import numpy as np

from rack_controller.decide.budget.bounds import Written, read_back, sent
from rack_controller.decide.budget.design import Array, BudgetDecision, BudgetDesign, BudgetPolicy, Index, Mask, Seen
from rack_controller.decide.budget.fill import fill
from rack_controller.decide.budget.law import LawState, learn, trust, unlearned
from rack_controller.decide.budget.promises import Floors, kept_floors
from rack_controller.decide.budget.requests import RequestState, requests, watch

_CLOSE_S = 1e-6
LOST = 0.02  # of a rack's own limit, by whose loss it has other supplies, and other losses in them


@dataclass(frozen=True, slots=True)
class BudgetState:
    """What one cycle leaves for the next.  `own` (R,): the least limit of each rack alone, W."""

    asked: RequestState
    law: LawState
    written: Written
    power_at: float = -np.inf
    caps_at: float = -np.inf
    own: Array | None = None

    @classmethod
    def new(cls, design: BudgetDesign) -> "BudgetState":
        """Return the state of a controller that has just started and believes nothing."""
        return cls(RequestState.new(design), LawState.new(design.racks), Written.nothing(design.most))


@dataclass(frozen=True, slots=True)
class _Charge:
    """Feed power of each rack as `fixed + slope * gpus`, (R,); what the limits carry of it, by `feeds`."""

    fixed: Array
    slope: Array

    def racks(self, gpus: Array) -> Array:
        return np.asarray(self.fixed + self.slope * gpus)


@dataclass(frozen=True, slots=True)
class _Share:
    """What everybody is to have: `targets` (N,), and how the limits held it (BudgetDecision)."""

    targets: Array
    floors: Floors
    level: Array
    bound_by: Index


def step_budget(
    state: BudgetState, design: BudgetDesign, policy: BudgetPolicy, seen: Seen
) -> tuple[BudgetState, BudgetDecision]:
    """Return the next state and what to write now."""
    state = _look(state, design, policy, seen)
    anyhow = 0.0 if seen.extra is None else design.feeds @ seen.extra
    limits = seen.limits * (1.0 - policy.reserve) - anyhow
    wanted = np.minimum(requests(state.asked, design, policy), _top(design))
    stuck = state.written.stuck(seen.now, policy.rewrite_s)
    charge = _charge(state, design, policy, state.written.holds)
    targets = _allocate(state.written, design, wanted, limits, charge, stuck).targets
    # The law is trusted less at a load that was never seen: what would be granted is charged as what it would become.
    charge = _charge(state, design, policy, np.maximum(state.written.holds, targets))
    lands = _landing(state, design, policy, limits, charge, targets)
    share = _allocate(state.written, design, wanted, limits, lands, stuck)
    fresh = max(seen.now - state.power_at, seen.now - state.caps_at) <= policy.stale_s
    writes = _grant(state.written, design, policy, seen.now, limits, charge, share.targets, fresh=fresh)
    written = sent(state.written, writes, seen.now)
    charged = design.feeds @ charge.racks(design.per_rack(written.holds)) + anyhow
    kept = share.floors
    short = np.maximum(-kept.slack, 0.0)
    return replace(state, written=written), BudgetDecision(
        writes, charged, short, share.level, share.bound_by, kept.slack, kept.watts, kept.level, kept.unkept
    )


def _look(state: BudgetState, design: BudgetDesign, policy: BudgetPolicy, seen: Seen) -> BudgetState:
    """Take in what is newer than the last sight."""
    own = _own(design, seen.limits) if seen.own is None else seen.own
    if state.own is not None and len(state.own) == len(own):
        state = replace(state, law=unlearned(state.law, own < (1.0 - LOST) * state.own))
    state = replace(state, own=own)
    if seen.caps_at > state.caps_at:
        settled = seen.now - seen.caps_at >= policy.settle_s - _CLOSE_S
        state = replace(
            state, written=read_back(state.written, seen.caps, design.most, settled=settled), caps_at=seen.caps_at
        )
    if seen.power_at > state.power_at:
        dt = min(seen.power_at - state.power_at, 1.0)
        asked = watch(state.asked, design, policy, seen, dt)
        seen = seen if seen.extra is None else replace(seen, meters=seen.meters - seen.extra)
        state = replace(state, asked=asked, law=learn(state.law, design, seen, dt), power_at=seen.power_at)
    return state


def _own(design: BudgetDesign, limits: Array) -> Array:
    """Return the least of the limits that carry one rack alone, (R,), W, infinite where there is none."""
    own, carries = np.full(design.racks, np.inf), design.feeds > 0.0
    alone = np.flatnonzero(carries.sum(axis=1) == 1)
    rack = carries[alone].argmax(axis=1)
    np.minimum.at(own, rack, limits[alone] / design.feeds[alone, rack])
    return own


def _charge(state: BudgetState, design: BudgetDesign, policy: BudgetPolicy, granted: Array) -> _Charge:
    """Return how racks are charged around a load of `granted` (N,) W."""
    law = design.law
    factor = trust(state.law, design, policy, design.per_rack(granted))
    return _Charge(factor * law.base / law.efficiency, 1.0 + factor * ((1.0 + law.follow) / law.efficiency - 1.0))


def _landing(
    state: BudgetState, design: BudgetDesign, policy: BudgetPolicy, limits: Array, charge: _Charge, targets: Array
) -> _Charge:
    """Return how racks are charged once `targets` (N,) W have landed.

    Where a limit is passed everybody comes down, perhaps to a load that was never seen, of which the law is trusted
    less: charged as before, a second decrease would have to follow the first.
    """
    if not (design.feeds @ charge.racks(design.per_rack(state.written.holds)) > limits).any():
        return charge
    there = _charge(state, design, policy, targets)
    return _Charge(np.maximum(charge.fixed, there.fixed), np.maximum(charge.slope, there.slope))


def _allocate(
    written: Written, design: BudgetDesign, wanted: Array, limits: Array, charge: _Charge, stuck: Mask
) -> _Share:
    """Share the limits: floors, as far as they fit, then requests by priority, then what is left to whoever may still
    grow.

    A device that does not follow is a load like any other: what it can draw is taken from the rest, and what it was
    told last it is told again.
    """
    promised, least = (np.where(stuck, written.holds, w) for w in _floors(design, wanted))
    kept = kept_floors(
        promised,
        least,
        design.claim,
        lambda watts: limits - design.feeds @ charge.racks(design.per_rack(watts)),
        lambda spans: _slopes(design, charge, spans),
        design.weight,
        design.priority,
    )
    floors, slack = kept.watts, kept.slack
    spans = np.where(stuck, 0.0, np.maximum(wanted - floors, 0.0))
    level, bound_by = fill(slack, _slopes(design, charge, spans), design.weight, design.priority)
    targets = floors + level[design.claim] * spans
    left = limits - design.feeds @ charge.racks(design.per_rack(targets))
    more = np.where(stuck | (bound_by[design.claim] >= 0), 0.0, _top(design) - targets)
    spare, _ = fill(left, _slopes(design, charge, more), design.weight, design.priority)
    targets = np.where(stuck, np.minimum(written.newest, design.most), targets + spare[design.claim] * more)
    return _Share(targets, kept, level, bound_by)


def _top(design: BudgetDesign) -> Array:
    """Return what every device may be granted now, W, (N,)."""
    return design.most if design.top is None else np.minimum(design.top, design.most)


def _floors(design: BudgetDesign, wanted: Array) -> tuple[Array, Array]:
    """Return what every device is promised, and the least that it gets where that does not fit, W, (N,)."""
    promised = np.minimum(_in_step(design, wanted, design.floor), _top(design))
    return promised, promised if design.least is None else np.minimum(promised, _in_step(design, wanted, design.least))


def _in_step(design: BudgetDesign, wanted: Array, floor: Array) -> Array:
    """Return floors, W, (N,), with one share of what they ask for to those that work in step."""
    span = np.maximum(wanted - design.idle, 1e-9)
    share = np.clip((floor - design.idle) / span, 0.0, 1.0)
    joint = np.zeros(len(design.weight))
    np.maximum.at(joint, design.claim, share)
    return np.where(design.together[design.claim], design.idle + joint[design.claim] * span, floor)


def _slopes(design: BudgetDesign, charge: _Charge, spans: Array) -> Array:
    """Return what every limit carries more when a claim gets all of its devices' `spans` (N,), (C, J), W."""
    claims = len(design.weight)
    flat = np.bincount(design.rack * claims + design.claim, weights=spans, minlength=design.racks * claims)
    return np.asarray(design.feeds @ (charge.slope[:, None] * flat.reshape(design.racks, claims)))


def _grant(
    written: Written,
    design: BudgetDesign,
    policy: BudgetPolicy,
    now: float,
    limits: Array,
    charge: _Charge,
    targets: Array,
    *,
    fresh: bool,
) -> Array:
    """Return what to write: decreases at once, increases within the room that the charge leaves.

    Where every limit is kept as it is, watts only change hands: that waits until it is worth it (`band`).
    """
    told, holds = written.newest, written.holds
    worth = _worth(design, policy, told, targets, limits, charge, holds, fresh=fresh)
    lower = worth & (targets < told - policy.smallest_change_w)
    after = np.where(lower, targets, told)
    if fresh:
        bound = np.maximum(after, holds)
        rise = np.maximum(targets - bound, 0.0)
        room = limits - design.feeds @ charge.racks(design.per_rack(bound))
        share, _ = fill(room, _slopes(design, charge, rise), design.weight, np.zeros_like(design.priority))
        higher = np.minimum(bound, targets) + share[design.claim] * rise
        after = np.where(~lower & worth & (higher > told + policy.smallest_change_w), higher, after)
    overdue = (now - written.waits_since >= policy.rewrite_s) & (now - written.times[0] >= policy.rewrite_s / 2.0)
    return np.where((np.abs(after - told) > 1e-9) | overdue, after, np.nan)


def charged_racks(state: BudgetState, design: BudgetDesign, policy: BudgetPolicy, holds: Array) -> Array:
    """Return the most that every rack, (R,), can draw while devices can have `holds` (N,) W."""
    return _charge(state, design, policy, holds).racks(design.per_rack(holds))


def charged_at(state: BudgetState, design: BudgetDesign, policy: BudgetPolicy, holds: Array) -> Array:
    """Return the most that every limit, (C,), can be asked for while devices can have `holds` (N,) W."""
    return np.asarray(design.feeds @ charged_racks(state, design, policy, holds))


def _worth(
    design: BudgetDesign,
    policy: BudgetPolicy,
    told: Array,
    targets: Array,
    limits: Array,
    charge: _Charge,
    holds: Array,
    *,
    fresh: bool,
) -> Mask:
    """Return whose limit is worth a write, (N,): under a limit that is passed everybody's, who may have less than it
    was told, else who is off by the band when others may get what it gives; devices that work in step change
    together."""
    if policy.band <= 0.0:
        return np.ones(len(told), dtype=np.bool_)
    passed = design.feeds @ charge.racks(design.per_rack(np.maximum(told, holds))) > limits
    pressed = np.any(design.feeds[passed] > 0.0, axis=0)[design.rack]
    moves = (np.abs(targets - told) > policy.band * told) & (policy.trades | (targets > told))
    let_go = (targets >= design.most - policy.smallest_change_w) & (targets > told)  # nobody is held for nothing
    above = told > _top(design) + policy.smallest_change_w
    off = pressed | above | (fresh & (moves | let_go))
    joint = np.zeros(len(design.weight), dtype=np.bool_)
    np.logical_or.at(joint, design.claim, off)
    return np.asarray(off | (design.together & joint)[design.claim])
