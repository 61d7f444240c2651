from dataclasses import replace

import numpy as np
import pytest
from support.budget import hall, sight

from rack_controller.decide.budget.design import BudgetPolicy
from rack_controller.decide.budget.law import MARGIN, SIGHTS, LawState, learn, trust

POLICY = BudgetPolicy(doubt=0.10)


def learned(true_factor: float, gpus_w: float) -> LawState:
    design = hall(racks=1, gpus=4)
    state = LawState.new(1)
    power = np.full(4, gpus_w)
    total = design.per_rack(power)
    meter = total + true_factor * (design.law.drawn(total) - total)
    for n in range(SIGHTS + 1):
        state = learn(state, design, sight(design, power=power, meters=meter, now=float(n)), 0.1)
    return state


def test_a_law_is_doubted_until_the_meter_has_been_read() -> None:
    design = hall(racks=1, gpus=4)
    assert trust(LawState.new(1), design, POLICY, np.array([4000.0])) == pytest.approx([1.10])


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.07, 1.3])
def test_what_the_meter_says_is_believed_even_beyond_the_doubt(factor: float) -> None:
    design = hall(racks=1, gpus=4)
    state = learned(factor, 1000.0)
    assert trust(state, design, POLICY, design.per_rack(np.full(4, 1000.0)))[0] == pytest.approx(
        factor + MARGIN, abs=2e-3
    )


def test_a_load_that_was_never_seen_is_charged_more_the_farther_it_lies() -> None:
    design = hall(racks=1, gpus=4)
    state = learned(0.95, 500.0)
    charged = [float(trust(state, design, POLICY, np.array([4 * w]))[0]) for w in (500.0, 800.0, 1190.0)]
    assert charged == sorted(charged)
    assert charged[0] < charged[2] <= 1.10 + MARGIN


def test_a_jump_of_the_load_teaches_nothing() -> None:
    design = hall(racks=1, gpus=4)
    state = LawState.new(1)
    for n, watts in enumerate((400.0, 900.0) * 6):
        state = learn(state, design, sight(design, power=np.full(4, watts), meters=np.array([9e9]), now=float(n)), 0.1)
    assert state.sights.sum() == 0


def test_an_unknown_meter_or_device_teaches_nothing() -> None:
    design = hall(racks=1, gpus=4)
    good = sight(design, power=np.full(4, 800.0), meters=np.array([np.nan]))
    bad = replace(good, power=np.array([800.0, 800.0, 800.0, np.nan]), meters=np.array([4000.0]))
    state = LawState.new(1)
    for seen in (good, good, bad, bad):
        state = learn(state, design, seen, 0.1)
    assert state.sights.sum() == 0
