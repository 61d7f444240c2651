"""Ramps: the feed never moves faster than it may, a start waits for it, a stop is burned off, a plan is followed."""

from dataclasses import replace

import numpy as np
import pytest

from rack_controller.decide.feed_plan import FeedPlan
from rack_controller.decide.smoothing import Length, SmoothingPolicy, SmoothingState, step_smoothing

POLICY = SmoothingPolicy(ramp_w_per_s=10_000.0, swing_w=80_000.0)
LOW, HIGH, DT = 45_000.0, 125_000.0, 0.1


def lived(wishes: list[float], plan: FeedPlan | None = None) -> list[SmoothingState]:
    state, seen = SmoothingState.at_rest(LOW, POLICY), []
    for n, wish in enumerate(wishes):
        state = step_smoothing(state, POLICY, wish if plan else min(wish, state.most_w), n * DT, DT, plan)
        seen.append(state)
    return seen


def sized(wishes: list[float], storage_j: float) -> list[SmoothingState]:
    """Return what a rack with so much storage lived through."""
    policy = replace(POLICY, storage_j=storage_j)
    state, seen = SmoothingState.at_rest(LOW, policy), []
    for n, wish in enumerate(wishes):
        state = step_smoothing(state, policy, min(wish, state.most_w), n * DT, DT)
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
    assert min(s.charge_j for s in seen[:40]) > -2_000.0
    assert seen[-1].most_w == np.inf


def test_the_mean_of_iterations_is_learned_and_followed() -> None:
    seen = lived([LOW] * 20 + wave(30))
    assert seen[-1].period.s == pytest.approx(5.0, rel=0.02)
    assert seen[-1].feed_w == pytest.approx(LOW + 0.7 * (HIGH - LOW), rel=0.06)


def test_a_stop_is_burned_off_within_what_may_be_burned_and_storage_takes_the_rest() -> None:
    seen = lived([LOW] * 20 + wave(30) + [LOW] * 600)
    assert 0 < seen[-1].burned_j <= POLICY.burn_share * seen[-1].used_j
    assert seen[-1].feed_w == pytest.approx(LOW, rel=0.02)
    assert abs(seen[-1].charge_j) < 30_000


def test_a_plan_is_followed_without_holding_back_or_burning() -> None:
    feed = np.linspace(LOW, LOW + 40_000.0, 81)
    plan = FeedPlan(DT, feed, np.zeros(81), np.zeros(0), np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.bool_))
    seen = lived([LOW] * 80, plan)
    assert seen[-1].burned_j == 0.0
    assert seen[-1].most_w == np.inf
    assert seen[-1].feed_w > LOW + 20_000


def test_iterations_longer_than_the_feed_needs_are_followed_through_every_edge() -> None:
    seen = lived([LOW] * 20 + wave(8, period=20.0))
    last = [s.feed_w for s in seen[-200:]]
    assert max(last) > HIGH - 2_000.0
    assert min(last) < LOW + 0.3 * (HIGH - LOW)
    at_edges = [s.feed_w for s, n in zip(seen, range(len(seen)), strict=True) if n == 20 + 7 * 200]
    assert at_edges[0] == pytest.approx(0.5 * (LOW + HIGH), abs=10_000.0)  # half of the way lies before the edge
    assert np.ptp([s.charge_j for s in seen[-400:]]) < 200_000.0  # a level alone would need 336 kJ


def test_a_busy_phase_that_is_cut_short_is_a_pause_at_once() -> None:
    seen = lived([LOW] * 20 + wave(6, period=20.0) + [HIGH] * 60 + [LOW] * 20)
    assert not seen[-15].runs


def test_what_storage_holds_after_a_stop_carries_the_next_start() -> None:
    full = lived([LOW] * 20 + wave(12) + [LOW] * 60)[-1]
    assert full.charge_j > 20_000.0
    empty = lived([LOW] * 20)[-1]
    first = {
        name: step_smoothing(state, POLICY, LOW, 1e3, DT).most_w for name, state in (("full", full), ("empty", empty))
    }
    assert first["full"] > first["empty"] + 10_000.0


def test_charge_comes_back_in_a_pause_without_falling_below_zero() -> None:
    seen = lived([LOW] * 20 + wave(12) + [LOW] * 600)
    stop = 20 + 12 * 50
    assert max(s.charge_j for s in seen[stop:]) > 50_000.0
    assert min(s.charge_j for s in seen[stop + 100 :]) > -10_000.0
    assert seen[-1].charge_j == pytest.approx(0.0, abs=2_000.0)


def test_one_odd_length_teaches_nothing_and_two_alike_are_the_new_ones() -> None:
    known = Length().after(5.0).after(5.2)
    assert known.s == pytest.approx(5.06)
    assert known.after(900.0).s == known.s
    assert known.after(900.0).after(5.0).after(20.0).s == pytest.approx(5.04, abs=0.01)
    assert known.after(20.0).after(20.4).s == 20.4


def test_storage_with_a_size_is_never_more_than_empty_and_what_has_no_room_is_burned() -> None:
    seen = sized([LOW] * 600 + wave(30) + [LOW] * 300, 120_000.0)
    charge = np.array([s.charge_j for s in seen])
    assert charge.min() >= -500.0
    assert charge.max() <= 120_000.0 * (1 + 1e-9)
    assert 0 < seen[-1].burned_j <= POLICY.burn_share * seen[-1].used_j


def test_full_storage_carries_a_start_that_an_empty_one_would_hold_back() -> None:
    large, small = (sized([LOW] * 20 + wave(1), size)[22].most_w for size in (200_000.0, 20_000.0))
    assert large > small + 20_000.0


def test_while_iterations_are_not_known_the_feed_is_no_higher_than_it_can_come_down_from() -> None:
    for size in (60_000.0, 150_000.0):
        before = sized([LOW] * 20 + [HIGH] * 200, size)[-1]
        room = size - before.charge_j + POLICY.burn_share * before.used_j
        assert (before.feed_w - LOW) ** 2 / (2 * POLICY.ramp_w_per_s) <= 1.05 * room
        after = sized([LOW] * 20 + [HIGH] * 200 + [LOW] * 100, size)
        assert max(s.charge_j for s in after) <= 1.02 * size


def test_a_plan_with_storage_of_a_size_holds_back_what_neither_feed_nor_storage_carries() -> None:
    policy = replace(POLICY, storage_j=10_000.0)
    none = np.zeros(0)
    plan = FeedPlan(DT, np.full(81, LOW), np.zeros(81), none, none.astype(np.bool_), none.astype(np.bool_))
    state = replace(SmoothingState.at_rest(LOW, policy), charge_j=plan.spare_j(policy.storage_j), most_w=np.inf)
    for n in range(20):
        state = step_smoothing(state, policy, min(HIGH, state.most_w), n * DT, DT, plan)
    assert state.most_w < LOW + 15_000.0
    assert state.charge_j >= -HIGH * DT
