"""Every planted fault is found at every part that it is about, in every design, with seeds that the bench lacks."""

import pytest

from rack_controller.acceptance.virtual.batch import accept_virtually, not_found, planted_for

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]
DESIGNS, BATCH = ("gb200-nvl72", "gb300-nvl72", "vera-rubin-nvl72", "orv3-hpr-nvl36x2"), 26


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("seed", [101, 102])
def test_no_planted_fault_is_missed(design: str, seed: int) -> None:
    assert not_found(design, planted_for(design), seed=seed, at_once=BATCH) == []


@pytest.mark.parametrize("design", DESIGNS)
def test_healthy_racks_pass(design: str) -> None:
    done = accept_virtually(design, 30, seed=103)
    assert [(n, s.id, f.text) for n, steps in enumerate(done) for s in steps for f in s.findings] == []
