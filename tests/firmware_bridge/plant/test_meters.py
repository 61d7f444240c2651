"""What meters beside the loop would find true: flows add up, heat is carried, a leak empties the reservoir."""

import numpy as np

from firmware_bridge.plant.coolant import LIQUID_SHARE
from firmware_bridge.plant.meters import (
    FULL_LEVEL,
    behind_contact,
    dew_points,
    hoses,
    level_after,
    returns,
    strainer,
)


def test_what_flows_through_trays_is_what_flows_through_the_loop() -> None:
    trays, switches = hoses(np.array([195.0, 60.0]), np.array([[2.0, 1.0, 1.0]]), np.full((1, 2), 0.01))
    assert np.allclose(trays.sum(axis=1) + switches.sum(axis=1), [195.0, 60.0])
    assert np.allclose(trays[:, 0], 2.0 * trays[:, 1])


def test_a_hose_carries_its_trays_heat_away() -> None:
    warm = returns(np.array([30.0]), np.array([5000.0]), np.array([8.0]), 3870.0)
    assert np.isclose(8.0 / 60.0 * 3870.0 * (warm[0] - 30.0), LIQUID_SHARE * 5000.0)
    assert np.isfinite(returns(np.array([30.0]), np.array([5000.0]), np.array([0.0]), 3870.0)).all()


def test_contacts_and_strainers_cost_what_goes_through_them() -> None:
    assert np.isclose(behind_contact(np.array([50.0]), np.array([5000.0]), 0.1)[0], 49.99)
    assert strainer(np.array([0.5]), 2.0)[0] == 2.0 * strainer(np.array([0.5]))[0]
    assert np.isnan(dew_points(np.array([25.0, 25.0]), np.array([40.0, 0.0]))).tolist() == [False, True]


def test_a_leak_empties_the_reservoir_and_a_dry_loop_fills_it_up() -> None:
    level, leaks = np.array([FULL_LEVEL, FULL_LEVEL]), np.array([True, False])
    after = level_after(level, leaks, 60.0)
    assert after[0] < FULL_LEVEL - 3.0
    assert after[1] == FULL_LEVEL
    assert level_after(after, leaks, 36_000.0)[0] == 0.0
    assert level_after(after, ~leaks, 36_000.0).tolist() == [FULL_LEVEL, 0.0]
