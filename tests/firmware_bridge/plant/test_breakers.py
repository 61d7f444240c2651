import numpy as np
import pytest

from firmware_bridge.plant.breakers import BreakerHeat, step_breakers

RATING = np.array([1000.0])


def trips_after(load: float) -> float:
    breaker = BreakerHeat.settled(np.array([900.0]), RATING)
    for n in range(20_000):
        breaker = step_breakers(breaker, np.array([load]), RATING, 0.1)
        if breaker.tripped[0]:
            return n * 0.1
    return float("inf")


@pytest.mark.parametrize(("load", "low", "high"), [(1100.0, 900, 1100), (1400.0, 60, 80), (1000.0, 1e9, np.inf)])
def test_the_recalled_points_of_a_rack_breaker(load: float, low: float, high: float) -> None:
    """+10 % about 17 min, +40 % about 60-70 s, the rating for ever (power.md §2.1, §4.1)."""
    assert low <= trips_after(load) <= high


def test_a_tripped_breaker_stays_so_when_the_load_is_gone() -> None:
    breaker = step_breakers(BreakerHeat.settled(np.array([1200.0]), RATING), np.array([0.0]), RATING, 1e6)
    assert breaker.tripped[0]
    assert breaker.heat[0] < 1e-9
