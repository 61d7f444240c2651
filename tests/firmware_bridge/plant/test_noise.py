"""Noise that has no dice: spread as it should be, the same for ever, and another one for every seed and moment."""

import numpy as np
import pytest

from firmware_bridge.plant.noise import CUT, made, normal, one


def test_numbers_are_spread_normally_and_are_the_same_for_ever() -> None:
    drawn = normal("a rack tray.flow", 7, 20_000)
    assert abs(drawn.mean()) < 0.03
    assert abs(drawn.std() - 1.0) < 0.03
    assert 3.0 < np.abs(drawn).max() < 6.0
    assert np.array_equal(drawn, normal("a rack tray.flow", 7, 20_000))


def test_seeds_and_moments_have_nothing_to_do_with_each_other() -> None:
    drawn = [normal(seed, moment, 5_000) for seed in ("k01", "k02") for moment in (0, 1, 2)]
    between = np.abs(np.corrcoef(drawn) - np.eye(len(drawn)))
    assert between.max() < 0.06


def test_how_an_instrument_was_made_is_cut_where_it_was_sorted_out() -> None:
    off = made("k01 tray.flow gain", 0.005, 20_000)
    assert np.abs(off).max() == CUT * 0.005


def test_one_number_is_the_first_of_many() -> None:
    for moment in range(50):
        assert one("k01 loop.flow", moment) == pytest.approx(normal("k01 loop.flow", moment, 1)[0], abs=1e-12)
