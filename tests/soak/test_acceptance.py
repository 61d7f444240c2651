"""Every planted fault is found at every part that it is about, with seeds that the bench does not use."""

import pytest

from rack_controller.acceptance.virtual.batch import accept_virtually, missed
from rack_controller.acceptance.virtual.recipe import read_planted

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]
GENERATION, BATCH = "gb200-nvl72", 26


@pytest.mark.parametrize("seed", [101, 102])
def test_no_planted_fault_is_missed(seed: int) -> None:
    faults = read_planted().faults
    not_found: list[str] = []
    for first in range(0, len(faults), BATCH):
        some = faults[first : first + BATCH]
        done = accept_virtually(GENERATION, len(some), seed=seed + first, faults=some)
        not_found += [f.id for f, steps in zip(some, done, strict=True) if missed(f, steps)]
    assert not_found == []


def test_healthy_racks_pass() -> None:
    done = accept_virtually(GENERATION, 30, seed=103)
    assert [(n, s.id, f.text) for n, steps in enumerate(done) for s in steps for f in s.findings] == []
