"""Would more racks fit: at full load, at a lower common level, or not even at rest; and a rack's law by its ratings."""

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Watts
from firmware_bridge.vocabulary.upstream import SupplyNode, Upstream
from rack_controller.decide.budget.roster import roster_of
from rack_controller.decide.supply.law import law_of
from rack_controller.decide.supply.whatif import hall_with
from rack_controller.decide.supply.whatif import what_if as answered
from rack_controller.model.power_policy import PowerBudget, PowerPolicy
from rack_controller.model.power_view import WhatIf

GB200 = load_generation("gb200-nvl72")
K01 = Place("s/h/r1/k01")
NODES = {K01: {"a": "way-a", "b": "way-b"}}
ROSTER = roster_of([(K01, GB200)], NODES)


def upstream(each_kw: float) -> Upstream:
    nodes = (SupplyNode("way-a", Watts(each_kw * 1e3)), SupplyNode("way-b", Watts(each_kw * 1e3)))
    return Upstream(nodes, {place: dict(feeds) for place, feeds in NODES.items()})


def what_if(*asked: object) -> WhatIf:
    return answered(hall_with(*asked))  # type: ignore[arg-type]


def test_a_law_comes_to_what_the_trays_are_rated_for() -> None:
    law = law_of(GB200)
    full = float(law.drawn(np.array([72 * 1200.0]))[0]) * GB200.supply.efficiency
    assert full == pytest.approx(18 * (600 + 2 * 300 + 4 * 1200) + 9 * (100 + 2 * 200))
    rest = float(law.drawn(np.array([72 * 145.0]))[0]) * GB200.supply.efficiency
    assert rest == pytest.approx(18 * (600 + 2 * 60 + 4 * 145) + 9 * (100 + 2 * 80))


def test_racks_fit_when_the_node_that_is_left_carries_all_of_them() -> None:
    found = what_if(ROSTER, upstream(400), PowerPolicy(), K01, 2)
    assert (found.fits, found.level) == (True, 1.0)
    assert found.limits[0].needed_w == pytest.approx(3 * found.full_w)


def test_what_does_not_fit_says_at_which_common_level_it_would() -> None:
    found = what_if(ROSTER, upstream(300), PowerPolicy(), K01, 2)
    assert not found.fits
    assert 0.0 < found.level < 1.0
    assert 3 * found.granted_w == pytest.approx(300_000, rel=1e-3)
    assert found.binding.startswith("way-")
    assert what_if(ROSTER, upstream(60), PowerPolicy(), K01, 2).level < 0


def test_budgets_cover_what_is_like_the_racks_they_cover() -> None:
    policy = PowerPolicy(budgets=[PowerBudget("row", ["r1/*"], 200)])
    found = what_if(ROSTER, Upstream(), policy, K01, 1)
    assert (found.fits, found.binding) == (False, "row")
    assert what_if(ROSTER, Upstream(), PowerPolicy(), K01, 200).limits == []


@pytest.mark.parametrize(("like", "more"), [(Place("s/h/r1/k09"), 1), (K01, -1), (K01, 201)])
def test_racks_that_are_none_are_refused(like: Place, more: int) -> None:
    with pytest.raises(ValueError, match="expected a rack of the site"):
        what_if(ROSTER, upstream(400), PowerPolicy(), like, more)
