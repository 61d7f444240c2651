"""Heat of breakers: spent above the load for hours, paid back below it, and never lent twice."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.breakers import BreakerHeat, step_breakers
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.supply.heat import HEAT_TRIP, SPENT, Pole, Warmth, borrowed, lasts, reserve_left, warmed
from rack_controller.decide.supply.usable import Redundancy, Spending, poles_of, usable
from rack_controller.decide.supply.wiring import wiring_of

POLE = Pole("feed a phase 1", 100_000.0, 80_000.0, 1.0)
POLES = {POLE.name: POLE}


def after(warmth: Warmth, load: float, seconds: float, steps: int = 10) -> Warmth:
    for _ in range(steps):
        warmth = warmed(warmth, POLES, load, warmth.at + seconds / steps)
    return warmth


def cool() -> Warmth:
    return Warmth({POLE.name: POLE.settled}, at=0.0)


def test_what_is_over_nominal_is_spent_and_paid_back() -> None:
    spent = after(cool(), 110_000.0, 60.0)
    left = reserve_left(POLE, spent.heat[POLE.name])
    assert 0.0 < left < 0.75
    assert spent.over[POLE.name] == pytest.approx(60.0)
    back = after(spent, 60_000.0, 600.0)
    assert reserve_left(POLE, back.heat[POLE.name]) == 1.0
    assert 60.0 < back.over[POLE.name] < 200.0  # it stays over nominal until it has cooled: its own window


def test_a_peak_of_a_tenth_of_a_second_costs_next_to_nothing() -> None:
    peak = after(cool(), 130_000.0, 0.1, steps=1)
    assert reserve_left(POLE, peak.heat[POLE.name]) > 0.995


def test_a_controller_that_begins_takes_the_reserve_as_spent() -> None:
    begun = warmed(Warmth(), POLES, 70_000.0, 100.0)
    assert reserve_left(POLE, begun.heat[POLE.name]) == 0.0
    assert lasts(POLE, begun.heat[POLE.name], 110_000.0) == 0.0
    assert lasts(POLE, begun.heat[POLE.name], 90_000.0) == inf


def test_what_carries_nothing_any_more_cools() -> None:
    assert warmed(cool(), {}, 90_000.0, 330.0).heat[POLE.name] == pytest.approx(POLE.settled * np.exp(-2.0))


@given(st.floats(0.2, 1.6), st.floats(0.3, 2.0), st.floats(1.0, 200.0))
def test_it_is_the_plants_own_curve_and_lasts_as_long_as_it_says(start: float, load: float, seconds: float) -> None:
    begin = BreakerHeat(np.array([start**2 * 0.5]), np.array([False]))
    plant = step_breakers(begin, np.array([load]), np.array([1.0]), seconds)
    pole = Pole("x", 1.0, 0.8, 1.0)
    heat = float(begin.heat[0])
    warm = warmed(Warmth({"x": heat}, at=0.0), {"x": pole}, load, seconds)
    assert warm.heat["x"] == pytest.approx(float(plant.heat[0]))
    time = lasts(pole, heat, load)
    if 0.0 < time < inf:
        assert warmed(Warmth({"x": heat}, at=0.0), {"x": pole}, load, time).heat["x"] == pytest.approx(SPENT)


@given(st.floats(0.0, 1.0), st.floats(0.1, 30.0), st.floats(0.0, 1.0))
def test_what_is_lent_never_spends_more_than_its_share(heat: float, seconds: float, share: float) -> None:
    factor = borrowed(POLE, heat, seconds, share)
    assert factor >= 1.0
    begin = max(heat, POLE.settled)
    ended = warmed(Warmth({POLE.name: begin}, at=0.0), POLES, factor * POLE.nominal, seconds).heat[POLE.name]
    most = max(begin, POLE.settled + share * (SPENT - POLE.settled))
    assert factor == 1.0 or ended <= most + 1e-9 < HEAT_TRIP


def test_a_loss_may_spend_heat_only_where_the_policy_says_and_while_it_is_there() -> None:
    wiring = wiring_of(load_generation("vera-rubin-nvl72"))
    plain = usable(wiring, wiring.all_well, Redundancy.N_PLUS_N, Seconds(3.0))
    poles = poles_of(plain)
    assert not any(name in ("feed a", "feed b") for name in poles)  # single poles, where there are several
    cool_ones = {name: pole.settled for name, pole in poles.items()}
    lent = usable(wiring, wiring.all_well, Redundancy.N_PLUS_N, Seconds(3.0), spending=Spending(0.5, cool_ones))
    warm = usable(wiring, wiring.all_well, Redundancy.N_PLUS_N, Seconds(3.0), spending=Spending(0.5))
    breakers = [c for c in _after(lent, "feed a") if c.pole is not None]
    assert all(c.limit > 1.3 * _named(plain, "feed a", c.name).limit for c in breakers)
    assert [c.limit for c in _after(warm, "feed a")] == [c.limit for c in _after(plain, "feed a")]
    assert lent.now.constraints == plain.now.constraints  # only a loss may spend


def _after(may, lost):  # type: ignore[no-untyped-def]
    return next(case for case in may.cases if case.lost == lost).constraints


def _named(may, lost, name):  # type: ignore[no-untyped-def]
    return next(c for c in _after(may, lost) if c.name == name)
