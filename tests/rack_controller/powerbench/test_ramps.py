"""Storage for ramp limits: the linear program is a bound, hints come near it, and nothing moves faster than it may."""

import numpy as np
import pytest

from rack_controller.powerbench.linear import least
from rack_controller.powerbench.ramps import (
    CASES,
    MOST_LOST,
    RampCase,
    hinted_plan,
    least_storage,
    load_of,
    smoothed,
    storage_told,
    storage_untold,
)

pytest.importorskip("highspy", reason="needs the extra bench")
CASE = RampCase(5.0, 2_000.0)


def test_a_small_program_has_its_known_optimum() -> None:
    x = least(np.array([-1.0, -2.0]), np.zeros(2), np.full(2, 3.0), [({0: 1.0, 1: 1.0}, -np.inf, 4.0)])
    assert x == pytest.approx([1.0, 3.0])


def test_foresight_is_the_bound_hints_come_near_and_without_them_it_takes_at_most_three_times() -> None:
    load = load_of(CASE, seed=2)
    bound = least_storage(CASE, load)
    told, without = smoothed(CASE, load, hinted_plan(CASE, off_s=0.5)), smoothed(CASE, load)
    assert bound.storage_j <= 1.001 * min(told.storage_j, without.storage_j)
    assert told.storage_j <= 1.5 * bound.storage_j
    assert without.storage_j <= 3.0 * bound.storage_j
    assert without.burned <= 0.02
    for score in (bound, told, without):
        assert score.steepest_w_per_s <= CASE.ramp_w_per_s * (1 + 1e-6)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.period_s:g} s at {c.ramp_w_per_s / 1e3:g} kW/s")
def test_without_hints_no_wave_takes_much_more_than_twice_the_bound(case: RampCase) -> None:
    installed = storage_untold(case)
    for seed in (3, 4):
        load = load_of(case, seed=seed)
        score = smoothed(case, load, None, installed)
        assert max(installed, score.storage_j) <= 2.2 * least_storage(case, load).storage_j
        assert score.burned <= 0.02
        assert score.lost <= 1.5 * MOST_LOST
        assert score.steepest_w_per_s <= case.ramp_w_per_s * (1 + 1e-6)


@pytest.mark.parametrize("off_s", [0.5, -0.5])
@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.period_s:g} s at {c.ramp_w_per_s / 1e3:g} kW/s")
def test_with_hints_that_are_half_a_second_off_waves_stay_near_the_bound(case: RampCase, off_s: float) -> None:
    load, plan = load_of(case, seed=1), hinted_plan(case, off_s)
    installed = storage_told(plan)
    score = smoothed(case, load, plan, installed)
    assert max(installed, score.storage_j) <= 1.25 * least_storage(case, load).storage_j
    assert score.burned <= 0.02
    assert score.lost <= 0.02
    assert score.steepest_w_per_s <= case.ramp_w_per_s * (1 + 1e-6)


def test_storage_for_a_rack_whose_waves_are_other_ones_keeps_too() -> None:
    case = RampCase(3.0, 5_000.0, duty=0.5, uneven=0.05, pause_s=140.0, pause_for_s=25.0)
    load, plan = load_of(case, seed=9), hinted_plan(case, 0.4)
    bound = least_storage(case, load).storage_j
    told = smoothed(case, load, plan, storage_told(plan))
    assert max(storage_told(plan), told.storage_j) <= 1.5 * bound
    untold = smoothed(case, load, None, storage_untold(case))
    assert max(storage_untold(case), untold.storage_j) <= 3.0 * bound
    assert max(told.burned, untold.burned) <= 0.02
