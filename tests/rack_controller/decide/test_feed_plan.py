"""A plan's clock: it waits for an edge that is late, jumps to one that is early, and gives up what does not come."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rack_controller.decide.feed_plan import FeedPlan, PlanClock, step_clock

EDGES = np.array([10.0, 24.0, 30.0, 44.0, 60.0])
RISES = np.array([True, False, True, False, True])
HINTED = np.array([True, False, False, False, True])
DT = 0.1


def plan(slack_s: float = 3.0) -> FeedPlan:
    return FeedPlan(0.5, np.arange(200.0), np.zeros(200), EDGES, RISES, HINTED, slack_s)


def clocks(edges: list[float], seconds: float, slack_s: float = 3.0) -> list[PlanClock]:
    clock, seen = PlanClock(), []
    for n in range(round(seconds / DT)):
        busy = sum(edge <= n * DT + 1e-9 for edge in edges) % 2 == 1
        clock = step_clock(clock, plan(slack_s), busy, n * DT)
        seen.append(clock)
    return seen


def at(seen: list[PlanClock], now: float) -> float:
    return seen[round(now / DT)].time(plan(), now)


def test_what_comes_as_planned_goes_by_the_clock() -> None:
    seen = clocks(EDGES.tolist(), 70.0)
    assert [at(seen, t) for t in (5.0, 15.0, 40.0, 65.0)] == pytest.approx([5.0, 15.0, 40.0, 65.0], abs=0.11)


def test_time_stands_still_at_an_edge_that_is_late_and_goes_on_from_there() -> None:
    seen = clocks([10.0, 26.0, 32.0], 40.0)
    assert [at(seen, t) for t in (24.5, 25.9, 30.0)] == pytest.approx([24.0, 24.0, 28.0], abs=0.11)


def test_it_jumps_to_an_edge_that_is_early() -> None:
    assert at(clocks([10.0, 22.0], 23.0), 22.5) == pytest.approx(24.5, abs=0.11)


def test_iterations_that_are_late_do_not_make_a_hint_late() -> None:
    seen = clocks([10.0, 26.0, 32.0, 46.0], 60.0)
    assert seen[-1].late_s == pytest.approx(2.0, abs=0.11)
    assert at(seen, 55.0) == pytest.approx(55.0, abs=0.11)


def test_a_hint_that_is_late_is_waited_for_no_longer_than_its_slack() -> None:
    seen = clocks([], 30.0)
    assert at(seen, 12.9) == pytest.approx(10.0, abs=0.11)
    assert seen[round(13.2 / DT)].passed == 1
    assert at(seen, 20.0) > 15.0


def test_a_plan_without_edges_goes_by_the_clock() -> None:
    none = np.zeros(0, dtype=np.bool_)
    bare = FeedPlan(0.5, np.array([1.0, 2.0]), np.array([0.0, 3.0]), np.zeros(0), none, none)
    clock = step_clock(PlanClock(), bare, True, 7.0)
    assert clock.time(bare, 7.0) == 7.0
    assert bare.at(0.5) == pytest.approx((1.5, 3.0))


@given(st.lists(st.floats(0.0, 90.0), max_size=12), st.floats(0.2, 10.0))
def test_a_clock_is_never_held_for_ever(edges: list[float], slack_s: float) -> None:
    seen = clocks(sorted(edges), 150.0, slack_s)
    assert seen[-1].passed == len(EDGES)
    assert all(a.passed <= b.passed + 2 for a, b in pairwise(seen))
