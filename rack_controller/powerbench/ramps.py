"""Storage for ramp limits: what our smoothing needs against the least that any could, by a linear program (HiGHS).

One rack between 45 and 125 kW, in iterations of 2, 5 or 20 s, with a start, a checkpoint of 12 s and a stop; its feed
may move by 2 or 10 kW/s.  Needs the extra `bench` for the program.

Storage is installed before a load is known: with hints a tenth more than their plan needs, without as much as even
iterations take in a rehearsal.  What is needed in the end is that, or what a run took beyond it.
"""

from dataclasses import dataclass, replace

import numpy as np

from rack_controller.decide.budget.design import Array
from rack_controller.decide.feed_plan import FeedPlan
from rack_controller.decide.smoothing import SmoothingPolicy, SmoothingState, step_smoothing

LOW_W, HIGH_W = 45_000.0, 125_000.0
START_S, STOP_S, END_S = 60.0, 300.0, 380.0
DT_S = 0.1
COARSE = 5  # steps that the program sees as one
TOLD_MARGIN, UNTOLD_MARGIN = 1.1, 1.05
MOST_LOST = 0.03  # of a job's busy time, that limits may cost in a rehearsal
IDLE_W, EXPONENT = 25_000.0, 0.5  # of the rack without its GPUs' dynamic power; speed follows power (power.md §2.3)


@dataclass(frozen=True, slots=True)
class RampCase:
    """`period_s` of an iteration, `duty` of which is busy, `ramp_w_per_s` that the feed allows.

    `uneven`: how much an iteration's length differs, a third as much its level; the checkpoint is at `pause_s` and
    takes `pause_for_s`.
    """

    period_s: float
    ramp_w_per_s: float
    duty: float = 0.7
    uneven: float = 0.03
    pause_s: float = 180.0
    pause_for_s: float = 12.0


CASES = tuple(RampCase(period, ramp) for period in (2.0, 5.0, 20.0) for ramp in (2_000.0, 10_000.0))


@dataclass(frozen=True, slots=True)
class RampScore:
    """`storage_j`: between the fullest and the emptiest moment.  `steepest_w_per_s`: of the feed.  `burned`: share of
    all energy; `lost_s`: job time that limits cost.  `load`, `feed` (N,): W; `charge` (N,): J."""

    storage_j: float
    steepest_w_per_s: float
    load: Array
    feed: Array
    charge: Array
    burned: float = 0.0
    lost: float = 0.0


def load_of(case: RampCase, seed: int | None = None) -> Array:
    """Return the load, (N,), W; with a seed iterations and levels are uneven."""
    times = np.arange(0.0, END_S, DT_S)
    rng = np.random.default_rng(seed)
    watts, at = np.full(len(times), LOW_W), START_S
    while at < STOP_S:
        length = case.period_s * (1.0 if seed is None else float(rng.normal(1.0, case.uneven)))
        high = HIGH_W * (1.0 if seed is None else float(rng.normal(1.0, case.uneven / 3.0)))
        watts[(times >= at) & (times < at + case.duty * length) & (times < STOP_S)] = high
        at += length
    watts[(times >= case.pause_s) & (times < case.pause_s + case.pause_for_s)] = LOW_W
    return watts


def hinted_plan(case: RampCase, off_s: float = 0.0) -> FeedPlan:
    """Return the plan of a scheduler that knows start, period, checkpoint and stop, and is `off_s` early or late."""
    expected = np.roll(load_of(case), round(off_s / DT_S))
    best = least_storage(case, expected)
    busy = expected > 0.5 * (LOW_W + HIGH_W)
    at = np.flatnonzero(np.diff(busy)) + 1
    pause = 1.2 * (1.0 - case.duty) * case.period_s + 1.0
    hinted = busy[at] & (np.diff(at, prepend=0) * DT_S > pause)
    if case.period_s < (HIGH_W - LOW_W) / case.ramp_w_per_s:  # the feed knows no single iterations
        at, hinted = at[hinted], hinted[hinted]
    slack = max(1.0, 0.5 * case.period_s)
    edges = np.asarray(at * DT_S, dtype=np.float64)
    return FeedPlan(DT_S * COARSE, best.feed, best.charge[:-1] - best.charge[0], edges, busy[at], hinted, slack)


def smoothed(case: RampCase, load: Array, plan: FeedPlan | None = None, storage_j: float = np.inf) -> RampScore:
    """Return how our smoothing did with a load that limits may hold back, and a storage of so many J."""
    policy = SmoothingPolicy(case.ramp_w_per_s, HIGH_W - LOW_W, storage_j=storage_j)
    state = SmoothingState.at_rest(LOW_W, policy)
    if plan is not None:  # a scheduler that knows the start lets the feed be where the plan begins
        feed_w, charge_j = plan.at(0.0)
        at_first = charge_j + plan.spare_j(storage_j) if policy.sized else 0.0
        state = replace(state, feed_w=feed_w, charge_j=at_first, most_w=np.inf)
    drawn, feed, charge, lost = np.empty(len(load)), np.empty(len(load)), np.empty(len(load)), 0.0
    begun = state.charge_j
    for n, watts in enumerate(load.tolist()):
        drawn[n] = min(watts, state.most_w)
        lost += DT_S * (1.0 - ((drawn[n] - IDLE_W) / (watts - IDLE_W)) ** EXPONENT)
        state = step_smoothing(state, policy, float(drawn[n]), n * DT_S, DT_S, plan)
        feed[n], charge[n] = state.feed_w, state.charge_j
    steepest = float(np.abs(np.diff(feed)).max() / DT_S)
    busy_s = max(DT_S * float((load > 0.5 * (LOW_W + HIGH_W)).sum()), DT_S)
    storage = float(np.ptp(np.append(charge, begun)))
    return RampScore(storage, steepest, drawn, feed, charge, state.burned_j / state.used_j, lost / busy_s)


def storage_told(plan: FeedPlan) -> float:
    """Return what is installed where hints are given, J."""
    return TOLD_MARGIN * float(np.ptp(plan.charge_j))


def storage_untold(case: RampCase) -> float:
    """Return what is installed where none are, J: the least with which even iterations keep within all that they may.

    That is storage itself, what may be burned and what limits may cost.
    """
    load, policy = load_of(case), SmoothingPolicy(case.ramp_w_per_s, HIGH_W - LOW_W)
    low, high = 0.0, 0.5 * policy.swing_w * policy.window_s
    for _ in range(10):
        middle = 0.5 * (low + high)
        score = smoothed(case, load, None, middle)
        kept = score.storage_j <= 1.005 * middle and score.burned <= policy.burn_share and score.lost <= MOST_LOST
        low, high = (low, middle) if kept else (middle, high)
    return UNTOLD_MARGIN * high


def least_storage(case: RampCase, load: Array, coarse: int = COARSE) -> RampScore:
    """Return the least storage that foresight needs: min S with 0 ≤ E ≤ S, |g'| ≤ ramp, E in the end as at first."""
    from rack_controller.powerbench.linear import least

    dt = DT_S * coarse
    mean = load[: len(load) // coarse * coarse].reshape(-1, coarse).mean(axis=1)
    n = len(mean)
    # Unknown: feed (n), energy (n + 1), S.  In kW and kJ.
    size, energy = 2 * n + 2, n
    rows: list[tuple[dict[int, float], float, float]] = []
    for k in range(n):
        rows.append(({energy + k + 1: 1.0, energy + k: -1.0, k: -dt}, -mean[k] / 1e3 * dt, -mean[k] / 1e3 * dt))
        if k:
            most = case.ramp_w_per_s / 1e3 * dt
            rows.append(({k: 1.0, k - 1: -1.0}, -most, most))
    rows.extend(({size - 1: 1.0, energy + k: -1.0}, 0.0, np.inf) for k in range(n + 1))
    rows.append(({energy + n: 1.0, energy: -1.0}, 0.0, np.inf))
    cost = np.zeros(size)
    cost[-1] = 1.0
    solution = least(cost, np.zeros(size), np.full(size, np.inf), rows)
    feed = solution[:n] * 1e3
    steepest = float(np.abs(np.diff(feed)).max() / dt)
    return RampScore(float(solution[-1]) * 1e3, steepest, mean, feed, solution[energy : energy + n + 1] * 1e3)
