"""Batteries that are not full are a load that no limit holds."""

import numpy as np
import pytest

from rack_controller.decide.budget.batteries import charging


@pytest.mark.parametrize(
    ("power", "level", "charged"),
    [
        (0.0, 100.0, 0.0),
        (0.0, 40.0, 3_300.0),
        (20_000.0, 99.9, 0.0),  # delivers, and is not known to have lost any charge
        (20_000.0, 80.0, 3_300.0),  # delivers: it will charge as soon as it need not
        (np.nan, np.nan, 3_300.0),  # unknown counts as not full
        (-5_000.0, 60.0, 5_000.0),  # what is read comes before what is assumed
        (-800.0, 99.8, 800.0),
    ],
)
def test_what_is_not_full_is_charged_with_what_it_may_take(power: float, level: float, charged: float) -> None:
    assert charging(np.array([power]), np.array([level]), np.array([33_000.0])) == pytest.approx([charged])
