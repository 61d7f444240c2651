"""One cycle of the budget on live racks: what was read, made into what `step_budget` sees, and back.  Pure.

Live devices are read one by one and late, some cannot be told anything now, and people and interlocks keep limits of
their own below the budget's.  Nothing here makes a charge smaller than what was read back.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from rack_controller.decide.budget.bounds import Written
from rack_controller.decide.budget.claims import Claims
from rack_controller.decide.budget.control import BudgetState, step_budget
from rack_controller.decide.budget.design import Array, BudgetDecision, BudgetDesign, BudgetPolicy, Mask, Seen
from rack_controller.decide.budget.law import LawState
from rack_controller.decide.budget.requests import requests
from rack_controller.decide.budget.resume import adopted, dark, deaf, forgotten, unsent, whole_watts
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import Row, RowKind
from rack_controller.model.power_policy import Mode, PowerPolicy

UNREAD_S = 15.0  # a device that has not said by then what it keeps is told all the same
RELEARN = 0.01  # share of what a rack's GPUs may draw, by whose change its law is learned anew
NEVER = -1.0


@dataclass(frozen=True, slots=True)
class LiveSight:
    """See `run/budget/side.py`: `power`, `read`, `ceiling` W with NaN, `seen`, `able`, `began`, `free`, all (N,);
    `meters` (R,) W of AC, NaN unknown; `rows` the limits in force.  What is not `free` waits for a cycle.  `extra` (R,)
    W of AC that batteries may charge with: charged, and nothing is learned from a meter meanwhile.  `off` (N,): was
    shed and is seen off: not charged, until it is told to come back or is seen on.  `top` (N,) W: what ramps let each
    have for now, infinite where they say nothing."""

    now: float
    rows: tuple[Row, ...]
    power: Array
    read: Array
    seen: Mask
    ceiling: Array
    able: Mask
    began: Mask
    meters: Array
    free: Mask | None = None
    extra: Array | None = None
    off: Mask | None = None
    top: Array | None = None


@dataclass(frozen=True, slots=True)
class LiveState:
    """`met` (N,): whose limit was read back at least once, or waited for long enough; `most` (N,) W and `off` (N,) as
    of last."""

    budget: BudgetState
    met: Mask
    most: Array
    since: float
    raised_at: float = -np.inf
    off: Mask | None = None
    traded_at: float = -np.inf


@dataclass(frozen=True, slots=True)
class LiveDecision:
    """`writes` (N,) whole W, NaN for nothing; `raised` (N,) which of them go up; `told`, `holds`, `wanted`, `most`
    (N,) W; `limits` (C,) W as they were kept; `step` what the cycle said; `lacking` (C,) W: the part of its shortfall
    that is certain, see `_certain`."""

    writes: Array
    raised: Mask
    told: Array
    holds: Array
    wanted: Array
    most: Array
    limits: Array
    step: BudgetDecision
    lacking: Array
    rows: tuple[Row, ...] = field(default=())


def begin(roster: Roster, claims: Claims, now: float) -> LiveState:
    """Return the state of a controller that has read nothing yet: every device is charged its most."""
    design = design_of(roster, claims, roster.most, ())
    return LiveState(BudgetState.new(design), np.zeros(len(roster.places), dtype=np.bool_), roster.most.copy(), now)


def design_of(
    roster: Roster, claims: Claims, most: Array, rows: tuple[Row, ...], top: Array | None = None
) -> BudgetDesign:
    """Return the design of a cycle in which devices get at most `most` (N,) W, and for now `top` (N,), never below the
    least that they can be set to."""
    least = np.minimum(claims.least, most)
    feeds = np.vstack([row.share for row in rows]) if rows else np.zeros((1, len(roster.racks)))
    return BudgetDesign(
        rack=roster.rack,
        claim=claims.claim,
        idle=np.minimum(roster.idle, most),
        floor=np.minimum(claims.floor, most),
        least=least,
        most=most,
        priority=claims.priority,
        weight=claims.weight,
        together=claims.together,
        feeds=feeds,
        law=roster.law,
        top=None if top is None else np.maximum(np.minimum(top, most), least),
    )


def step_live(
    state: LiveState, roster: Roster, claims: Claims, policy: PowerPolicy, sight: LiveSight
) -> tuple[LiveState, LiveDecision]:
    """Return the next state and what to write now.  In shadow what would be written counts as if it had landed."""
    shadow = policy.mode is Mode.SHADOW
    off = np.zeros_like(sight.able) if sight.off is None else sight.off
    most = np.where(off, 0.0, np.fmin(claims.ceiling, sight.ceiling))
    design = design_of(roster, claims, most, sight.rows, sight.top)
    budget = _relearned(state, roster, most)
    met = state.met | np.isfinite(sight.read) | (sight.now - state.since > UNREAD_S)
    able = np.asarray((shadow | (sight.able & met)) & ~off)
    written = _known(budget.written, state, roster, sight, able, off, shadow=shadow)
    raises = sight.now - state.raised_at >= policy.raise_ms / 1e3 - 1e-6
    trades = raises and sight.now - state.traded_at >= policy.trade_ms / 1e3 - 1e-6
    terms = terms_of(policy, raises=raises, trades=trades)
    limits = _limits(design, policy, sight.rows)
    seen = Seen(
        now=sight.now,
        limits=limits,
        power=np.where(off, 0.0, sight.power),
        power_at=sight.now,
        caps=np.where(off, np.nan, written.newest if shadow else sight.read),
        caps_at=sight.now,
        meters=sight.meters if sight.extra is None else np.where(sight.extra > 0.0, np.nan, sight.meters),
        extra=sight.extra,
        own=own_limits(design.feeds, limits, sight.rows),
    )
    after, decision = step_budget(replace(budget, written=written), design, terms, seen)
    lacking = _certain(after, design, policy, seen, decision.shortfall, sight.rows)
    stale = ~sight.seen & (decision.writes > written.newest)
    waits = np.zeros_like(stale) if sight.free is None or shadow else ~sight.free
    sent = np.isfinite(decision.writes) & able & ~stale & ~waits
    withheld = np.isfinite(decision.writes) & ~sent  # of all others what was read back stands
    kept = whole_watts(unsent(after.written, written, withheld), sent)
    writes = np.where(sent, kept.newest, np.nan)
    raised = np.asarray(sent & (kept.newest > written.newest))
    after = replace(after, written=kept)
    wanted = requests(after.asked, design, terms)
    following = LiveState(
        *(after, met, most, state.since, sight.now if raised.any() else state.raised_at, off),
        traded_at=sight.now if trades and sent.any() else state.traded_at,
    )
    return following, LiveDecision(
        writes, raised, kept.newest, kept.holds, wanted, most, limits, decision, lacking, sight.rows
    )


def _known(
    written: Written, state: LiveState, roster: Roster, sight: LiveSight, able: Mask, off: Mask, *, shadow: bool
) -> Written:
    """Return the bound with what was found of devices besides their limits: begun anew, out of reach, off."""
    written = adopted(written, ~state.met & np.isfinite(sight.read), sight.read)
    if state.off is not None:
        written = forgotten(written, state.off & ~off, roster.most)
    if not shadow:
        written = deaf(forgotten(written, sight.began, roster.most), ~able)
    return dark(written, off)


def terms_of(policy: PowerPolicy, *, raises: bool, trades: bool) -> BudgetPolicy:
    """Return how a cycle is run that may raise limits, and may lower some for others' sake."""
    return BudgetPolicy(
        doubt=policy.doubt,
        reserve=policy.reserve,
        stale_s=1.0 if raises else NEVER,
        rewrite_s=policy.stale.rewrite_s,
        settle_s=0.0,
        smallest_change_w=policy.step_w,
        band=policy.band,
        trades=trades,
    )


def _certain(
    state: BudgetState,
    design: BudgetDesign,
    policy: PowerPolicy,
    seen: Seen,
    shortfall: Array,
    rows: tuple[Row, ...],
) -> Array:
    """Return the part of a shortfall, (C,) W, that is there whatever becomes of devices that nobody can tell anything.

    They are charged the most that they may draw; here they count with their floor, so that a controller of a tray that
    starts anew, or answers late, costs nobody else its tray.
    """
    stuck, least = state.written.stuck(seen.now, policy.stale.rewrite_s), design.least
    surplus = np.where(stuck, np.maximum(state.written.holds - (design.floor if least is None else least), 0.0), 0.0)
    slope = (1.0 + design.law.follow) / design.law.efficiency
    lacks = np.maximum(shortfall - design.feeds @ (slope * design.per_rack(surplus)), 0.0)
    ramps = np.array([row.kind is RowKind.RAMP for row in rows] or [False])
    return np.where(ramps, 0.0, lacks)  # nobody is switched off for how fast a load may rise


def own_limits(feeds: Array, limits: Array, rows: tuple[Row, ...]) -> Array:
    """Return what each rack's own supplies carry, (R,), W, infinite where no row says it."""
    mine = np.array([row.kind is RowKind.RACK for row in rows] or [False])
    each = np.where(mine[:, None] & (feeds > 0.0), limits[:, None] / np.where(feeds > 0.0, feeds, 1.0), np.inf)
    return np.asarray(each.min(axis=0))


def _limits(design: BudgetDesign, policy: PowerPolicy, rows: tuple[Row, ...]) -> Array:
    """Return the limits, (C,) W, less what decreases that are too small to be sent may add up to."""
    if not rows:
        return np.full(1, np.inf)
    law = design.law
    unsent_w = design.per_rack(np.full(len(design.most), policy.step_w)) * (1.0 + law.follow) / law.efficiency
    watts = np.array([row.watts for row in rows])
    return np.maximum(watts - design.feeds @ unsent_w, 0.0)


def _relearned(state: LiveState, roster: Roster, most: Array) -> BudgetState:
    """Return the budget's state, its law unlearned where GPUs may now draw another amount: loads are counted in parts
    of that."""
    count = len(roster.racks)
    before = np.bincount(roster.rack, weights=state.most, minlength=count)
    now = np.bincount(roster.rack, weights=most, minlength=count)
    if not (np.abs(now - before) > RELEARN * np.maximum(before, 1.0)).any():
        return state.budget
    return replace(state.budget, law=LawState.new(count))
