"""The linear bound: nobody passes it, and it binds when the limit does."""

import pytest

from rack_controller.powerbench.bound import most_training
from rack_controller.powerbench.run import run_once
from rack_controller.powerbench.scenario import Scenario, ServingSpec, TrainingSpec

pytest.importorskip("highspy", reason="needs the extra bench")
SHORT = Scenario(
    schema_version=1,
    name="short",
    title="Two racks",
    generation="gb200-nvl72",
    racks=2,
    seconds=30.0,
    oversubscription=1.5,
    jobs=[
        TrainingSpec(racks=[0], peak_w=1160.0, compute_s=4.0, exchange_s=1.0),
        ServingSpec(racks=[1], peak_w=1160.0, load=0.75, burst=0.2),
    ],
)


def test_the_oracle_comes_near_the_bound_and_does_not_pass_it() -> None:
    bound, oracle = most_training(SHORT, 1), run_once(SHORT, "oracle", 1).training
    assert bound < 0.95
    assert 0.93 * bound <= oracle <= bound * 1.001
