"""Ten thousand seeds of the simulation, each judged after every event."""

import pytest
from support.simulation.world import live

SEEDS = 10_000


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_ten_thousand_seeds() -> None:
    broken = {seed: run.violations[0] for seed in range(SEEDS) if (run := live(seed)).violations}
    assert broken == {}
