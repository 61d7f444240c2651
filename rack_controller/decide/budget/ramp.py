"""Ramps on live racks, by limits alone: how fast what is granted may rise, and when jobs come down before they pause.

A meter sees a jump when it is over, so a ramp is kept like every limit: in the sum of what is granted.  What may be
granted lies a little above what racks have drawn of late and rises with the ramp.  Nobody can make a GPU draw more than
it wants, so a feed that falls is only slowed down where somebody said beforehand when a job pauses: its limits come
down evenly before that, and go up evenly after it.  Pure.
Shapes: N GPUs, R racks.  W of AC at the feeds, s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rack_controller.decide.budget.control import BudgetState, charged_racks
from rack_controller.decide.budget.design import Array, BudgetDesign, BudgetPolicy, Mask
from rack_controller.decide.budget.roster import Roster
from rack_controller.model.power_hint import JobHint
from rack_controller.model.power_policy import Ramp

BLIND_S = 3.0  # from what is drawn to what may be drawn because of it: reading, deciding and writing
SLACK = 0.05  # of a load: what a limit has to lie above it so that it holds nobody who goes on as before
STEP_W = 500.0  # a ceiling that comes down by less moves no limit
AHEAD_S = 2.0  # limits are down before a pause begins: writes take their time
LONGER = 1.1  # than a period: a low phase of an iteration is no pause before that


@dataclass(frozen=True, slots=True)
class RampState:
    """`ceiling_w`: what may be asked for at most; `past`: loads of late that none behind them has reached, (s, W);
    `at`: when it was last looked.  `left`: which share of its swing each job that pauses could use then."""

    ceiling_w: float = np.inf
    past: tuple[tuple[float, float], ...] = ()
    at: float = -np.inf
    left: Mapping[str, float] = field(default_factory=dict)

    @property
    def level_w(self) -> float:
        """Return the highest load of late."""
        return self.past[0][1] if self.past else 0.0


def step_ramp(state: RampState, ramp: Ramp, load_w: float, least_w: float, pause_s: float, now: float) -> RampState:
    """Return the state `now`: a load that was not as high as this for `pause_s` may rise with the ramp from here.

    `load_w`: the most that the racks can be drawing; `least_w`: what they can be asked for whatever limits say.
    """
    recent = [(at, watts) for at, watts in state.past if now - at <= pause_s and watts > load_w]
    past = (*recent, (now, load_w))
    up_w_s = ramp.up_kw_s * 1e3
    wanted = max(past[0][1] * (1.0 + SLACK) + up_w_s * BLIND_S + edge_w(ramp, ramp.up_kw_s), least_w)
    ceiling = state.ceiling_w
    if not np.isfinite(ceiling) or wanted < ceiling - STEP_W:
        ceiling = wanted
    elif wanted > ceiling:
        ceiling = max(min(wanted, ceiling + up_w_s * max(now - state.at, 0.0)), least_w)
    return RampState(ceiling, past, now, state.left)


def edge_w(ramp: Ramp, rate_kw_s: float) -> float:
    """Return what may come or go at once, W, since storage carries it until the feed has got there at its ramp.

    Half of the storage: nobody tells how full it is, and it has to give as well as to take.
    """
    return float(np.sqrt(2.0 * rate_kw_s * 1e3 * 0.5 * ramp.storage_kj * 1e3))


def edge_needs_kj(edge: float, rate_kw_s: float) -> float:
    """Return how much storage an edge of so many W needs, kJ."""
    return edge * edge / (2.0 * rate_kw_s * 1e3) / 1e3


def pause_after(ramp: Ramp, hints: Sequence[JobHint], unix_ns: int) -> float:
    """Return how long a low phase is no pause, s: longer than the iterations of every job that runs."""
    return max([ramp.pause_s, *(LONGER * hint.period_s for hint in hints if hint.runs(unix_ns))])


@dataclass(frozen=True, slots=True)
class Fall:
    """A pause or a stop that was said: `in_s` from now on (negative: since), `for_s` long; `stop`: for good."""

    job: str
    in_s: float
    for_s: float
    stop: bool = False


def falls_of(ramp: Ramp, hint: JobHint, unix_ns: int) -> list[Fall]:
    """Return when a job pauses.  What lies far behind is harmless: its limits are up again.

    Whether a job that should have stopped has done so nobody knows: it is let go again like one that has paused.
    """
    found = [Fall(hint.job, (at - unix_ns) / 1e9, takes) for at, takes in hint.checkpoints]
    if hint.stop_unix_ns:
        found.append(Fall(hint.job, (hint.stop_unix_ns - unix_ns) / 1e9, ramp.pause_s, stop=True))
    return found


def share_left(ramp: Ramp, falls: Sequence[Fall], swing_w: float, edge_share: float) -> float:
    """Return which share of a swing (from rest to the most) a job may use now, 0 to 1.

    `swing_w`: what all jobs under the ramp may swing by, so that together they keep it; `edge_share`: what of a swing
    may go at once.
    """
    down_s, up_s = (max(swing_w, 1.0) / (rate * 1e3) for rate in (ramp.down_kw_s, ramp.up_kw_s))
    left = 1.0
    for fall in falls:
        before, after = fall.in_s - AHEAD_S, -fall.in_s - fall.for_s
        left = min(left, edge_share + (before / down_s if before > 0 else after / up_s if after > 0 else 0.0))
    return min(max(left, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class RampSight:
    """What ramps are judged by.  `loads`, `least` (R,): what racks draw at most, what floors come to; `blind` (R,):
    what is charged for GPUs that nobody can see or tell anything, beyond that; W of AC."""

    loads: Array
    least: Array
    blind: Array


def sight_of(
    state: BudgetState, design: BudgetDesign, policy: BudgetPolicy, power: Array, lost: Mask, now: float
) -> RampSight:
    """Return what racks draw, by their GPUs' `power` (N,) W, NaN unknown; `lost` (N,): nobody knows what they keep, or
    can tell them anything.  Those may draw their most, and cost nobody else what he had."""
    drawn = np.where(np.isfinite(power), power, state.written.holds)
    slope = (1.0 + design.law.follow) / design.law.efficiency
    unruled = lost | state.written.stuck(now, policy.rewrite_s)
    beyond = np.where(unruled, np.maximum(design.most - drawn, 0.0), 0.0)
    least = charged_racks(state, design, policy, np.maximum(design.floor, design.idle)) * (1.0 + SLACK)
    return RampSight(charged_racks(state, design, policy, drawn), least, slope * design.per_rack(beyond))


@dataclass(frozen=True, slots=True)
class RampLook:
    """One ramp now: `state`; `share` (R,) of the racks that it is for; `load_w`, `ceiling_w`, `blind_w`; `tops` (N,) W
    that pauses leave to each GPU, infinite where none is near; `falls` that are still to come; `rest_w`: what falls at
    once when all of them pause, because GPUs cannot be set to less."""

    ramp: Ramp
    state: RampState
    share: Array
    load_w: float
    blind_w: float
    tops: Array
    falls: tuple[Fall, ...] = ()
    rest_w: float = 0.0

    @property
    def ceiling_w(self) -> float:
        """Return what may be asked for, with what nobody can see or lower."""
        return self.state.ceiling_w + self.blind_w


@dataclass(frozen=True, slots=True)
class JobAt:
    """A job that somebody has said something of: its `hint`, and which GPUs are its, (N,)."""

    hint: JobHint
    mine: Mask = field(repr=False)


def look_ramp(
    before: RampState,
    ramp: Ramp,
    share: Array,
    roster: Roster,
    seen: RampSight,
    jobs: Sequence[JobAt],
    now: float,
    unix_ns: int,
) -> RampLook:
    """Return a ramp one cycle later."""
    inside = share[roster.rack] > 0.0
    jobs = [job for job in jobs if (job.mine & inside).any()]
    hints = [job.hint for job in jobs]
    load = float(share @ seen.loads)
    state = step_ramp(before, ramp, load, float(share @ seen.least), pause_after(ramp, hints, unix_ns), now)
    passed = max(now - before.at, 0.0) if np.isfinite(before.at) else 0.0
    tops, falls, rest, left = _tops(ramp, inside, roster, jobs, unix_ns, before.left, passed)
    state = replace(state, left=left)
    return RampLook(ramp, state, share, load, float(share @ seen.blind), tops, falls, rest)


def _tops(
    ramp: Ramp,
    inside: Mask,
    roster: Roster,
    jobs: Sequence[JobAt],
    unix_ns: int,
    before: Mapping[str, float],
    passed_s: float,
) -> tuple[Array, tuple[Fall, ...], float, dict[str, float]]:
    """Return what pauses leave to each GPU, (N,) W, the pauses to come, what falls at once in the end, W, and which
    share is left to each job: a pause that was said too late is no reason to come down faster."""
    tops = np.full(len(roster.places), np.inf)
    slope = ((1.0 + roster.law.follow) / roster.law.efficiency)[roster.rack]
    swings = [np.where(job.mine & inside, slope * (roster.most - roster.idle), 0.0) for job in jobs]
    falls = [falls_of(ramp, job.hint, unix_ns) for job in jobs]
    swing = sum(float(each.sum()) for each, coming in zip(swings, falls, strict=True) if coming)
    edge_share = edge_w(ramp, ramp.down_kw_s) / max(swing, 1.0)
    rest, lefts = 0.0, dict[str, float]()
    for job, coming in zip(jobs, falls, strict=True):
        slowest = before.get(job.hint.job, 1.0) - passed_s * ramp.down_kw_s * 1e3 / max(swing, 1.0)
        left = min(max(share_left(ramp, coming, swing, edge_share), slowest), 1.0)
        mine = job.mine & inside
        if coming:
            rest += float((slope * (roster.floor - roster.idle))[mine].sum())
        if left < 1.0:
            lefts[job.hint.job] = left
            tops = np.where(mine, roster.idle + left * (roster.most - roster.idle), tops)
    ahead = sorted((fall for each in falls for fall in each if fall.in_s > 0.0), key=lambda fall: fall.in_s)
    return tops, tuple(ahead), rest, lefts


def unsent_w(roster: Roster, share: Array, step_w: float) -> float:
    """Return what changes that are too small to be sent may add up to under a limit, W: a ramp has it on top."""
    each = np.bincount(roster.rack, minlength=len(roster.racks)) * step_w
    return float(share @ (each * (1.0 + roster.law.follow) / roster.law.efficiency))


def steepest(meters: Sequence[tuple[float, float]], over_s: float) -> tuple[float | None, float | None]:
    """Return how fast metered power rose and fell at most, W/s, over `over_s` s or a little more; None: not seen.

    `meters`: (s, W), in order.
    """
    rose: float | None = None
    fell: float | None = None
    first = 0
    for at, watts in meters:
        while first + 1 < len(meters) and at - meters[first + 1][0] >= over_s:
            first += 1
        since = at - meters[first][0]
        if since < over_s:
            continue
        rate = (watts - meters[first][1]) / since
        rose, fell = max(rose or 0.0, rate), max(fell or 0.0, -rate)
    return rose, fell
