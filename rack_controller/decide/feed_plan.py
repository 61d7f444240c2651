"""What a scheduler that knows a job plans for a feed, and where in that plan a job really is.  Pure.

Jobs keep no clock: iterations are uneven, hints a little early or late.  So the plan's time stands still at an edge of
the load that it expects and nobody has seen yet, and jumps to an edge that comes early.
"""

from dataclasses import dataclass, replace

import numpy as np

from rack_controller.decide.budget.design import Array, Mask


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """What the feed is to draw, W, the mean over each `every_s` s from 0 on, and what storage holds when
    each begins, J against the first.

    `edges` (E,): when the load is expected to jump, s, `rises` (E,): upwards; none: the plan goes by the clock alone.
    `hinted` (E,): it starts or goes on then, whatever its iterations do.  An edge may be `slack_s` early or late.
    """

    every_s: float
    feed_w: Array
    charge_j: Array
    edges: Array
    rises: Mask
    hinted: Mask
    slack_s: float = 1.0

    def spare_j(self, storage_j: float) -> float:
        """Return what a storage is to hold, J, where the plan says 0, so that as much is spare above it as below."""
        low, high = float(self.charge_j.min()), float(self.charge_j.max())
        return 0.5 * (storage_j - (high - low)) - low

    def at(self, now: float) -> tuple[float, float]:
        """Return feed and charge at a moment; the last ones hold on."""
        times = self.every_s * np.arange(len(self.feed_w))
        feed_w = float(np.interp(now - 0.5 * self.every_s, times, self.feed_w))
        return feed_w, float(np.interp(now, times, self.charge_j))


@dataclass(frozen=True, slots=True)
class PlanClock:
    """By how much a job is behind its plan, s: its iterations, `late_s`, and what was hinted, `hints_late_s`.

    `passed`: how many of its edges lie behind; `due_at`: since when the next one is; `busy`: as the job was seen.
    """

    late_s: float = 0.0
    hints_late_s: float = 0.0
    passed: int = 0
    due_at: float = np.inf
    busy: bool = False

    def time(self, plan: FeedPlan, now: float) -> float:
        """Return what the plan's time is: as late as the kind of edge that comes next."""
        hinted = self.passed == len(plan.edges) or bool(plan.hinted[self.passed])
        return now - (self.hints_late_s if hinted else self.late_s)


def step_clock(clock: PlanClock, plan: FeedPlan, busy: bool, now: float) -> PlanClock:
    """Return the clock of a job that computes (`busy`) or not at a moment."""
    if busy != clock.busy:
        clock = replace(clock, busy=busy)
        near = np.arange(max(clock.passed - 2, 0), min(clock.passed + 3, len(plan.edges)))
        off = np.abs(now - np.where(plan.hinted[near], clock.hints_late_s, clock.late_s) - plan.edges[near])
        off[(plan.rises[near] != busy) | (plan.hinted[near] & (near < clock.passed))] = np.inf
        if len(near) and off.min() <= plan.slack_s:
            return _seen(clock, plan, int(near[np.argmin(off)]), now)
    if clock.passed == len(plan.edges) or clock.time(plan, now) < plan.edges[clock.passed]:
        return clock
    due_at = min(clock.due_at, now)
    if bool(plan.rises[clock.passed]) == busy or now - due_at > plan.slack_s:
        return replace(clock, passed=clock.passed + 1, due_at=np.inf)
    return replace(_seen(clock, plan, clock.passed, now), passed=clock.passed, due_at=due_at)


def _seen(clock: PlanClock, plan: FeedPlan, edge: int, now: float) -> PlanClock:
    """Return the clock of a job that is at an edge of its plan now."""
    late, hinted = now - float(plan.edges[edge]), bool(plan.hinted[edge])
    return PlanClock(
        late_s=clock.late_s if hinted and edge else late,
        hints_late_s=late if hinted else clock.hints_late_s,
        passed=edge + 1,
        busy=clock.busy,
    )
