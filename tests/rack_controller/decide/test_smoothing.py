"""Ramps: the feed never moves faster than it may, a start waits for it, a stop is burned off, a plan is followed."""

import numpy as np
import pytest

from rack_controller.decide.smoothing import FeedPlan, SmoothingPolicy, SmoothingState, step_smoothing

POLICY = SmoothingPolicy(ramp_w_per_s=10_000.0, swing_w=80_000.0)
LOW, HIGH, DT = 45_000.0, 125_000.0, 0.1


def lived(wishes: list[float], plan: FeedPlan | None = None) -> list[SmoothingState]:
    state, seen = SmoothingState.at_rest(LOW, POLICY), []
    for n, wish in enumerate(wishes):
        state = step_smoothing(state, POLICY, wish if plan else min(wish, state.most_w), n * DT, DT, plan)
        seen.append(state)
    return seen


def wave(iterations: int, period: float = 5.0) -> list[float]:
    steps = round(period / DT)
    return ([HIGH] * round(0.7 * steps) + [LOW] * (steps - round(0.7 * steps))) * iterations


def test_the_feed_never_moves_faster_than_it_may() -> None:
    seen = lived([LOW] * 20 + wave(12) + [LOW] * 300)
    feed = np.array([s.feed_w for s in seen])
    assert np.abs(np.diff(feed)).max() <= POLICY.ramp_w_per_s * DT * (1 + 1e-9)


def test_a_start_is_held_back_by_limits_until_the_feed_is_there_and_free_after() -> None:
    seen = lived([LOW] * 20 + wave(8))
    assert seen[25].most_w < LOW + 10_000.0
    assert seen[-1].most_w == np.inf


def test_the_mean_of_iterations_is_learned_and_followed() -> None:
    seen = lived([LOW] * 20 + wave(30))
    assert seen[-1].period_s == pytest.approx(5.0, rel=0.02)
    assert seen[-1].feed_w == pytest.approx(LOW + 0.7 * (HIGH - LOW), rel=0.06)


def test_a_stop_is_burned_off_within_what_may_be_burned_and_storage_takes_the_rest() -> None:
    seen = lived([LOW] * 20 + wave(30) + [LOW] * 600)
    assert 0 < seen[-1].burned_j <= POLICY.burn_share * seen[-1].used_j
    assert seen[-1].feed_w == pytest.approx(LOW, rel=0.02)
    assert abs(seen[-1].charge_j) < 30_000


def test_a_plan_is_followed_without_holding_back_or_burning() -> None:
    feed = np.linspace(LOW, LOW + 40_000.0, 81)
    plan = FeedPlan(DT, feed, np.zeros(81))
    seen = lived([LOW] * 80, plan)
    assert seen[-1].burned_j == 0.0
    assert seen[-1].most_w == np.inf
    assert seen[-1].feed_w > LOW + 20_000
