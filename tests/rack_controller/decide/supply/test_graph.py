"""Limits above the racks: who carries what when a node is lost, and which limits can bind at all."""

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds, Watts
from firmware_bridge.vocabulary.upstream import Sources, SupplyNode, Upstream
from rack_controller.decide.supply.graph import FedRack, GraphLimit, graph_limits, node_shares
from rack_controller.decide.supply.wiring import wiring_of

GB200 = wiring_of(load_generation("gb200-nvl72"))
UNEVEN = 1.05
HALL = (
    SupplyNode("utility", Watts(600_000)),
    SupplyNode("ups-a", Watts(300_000), ("utility",), overload=1.33, overload_for=Seconds(10)),
    SupplyNode("ups-b", Watts(290_000), ("utility",)),
)


def racks(count: int = 2) -> list[FedRack]:
    nodes = {"a": "ups-a", "b": "ups-b"}
    return [FedRack(Place(f"s/h/r/k{n}"), GB200, GB200.all_well, nodes) for n in range(count)]


def find(limits: list[GraphLimit], node: str, lost: str = "") -> GraphLimit:
    return next(limit for limit in limits if (limit.node, limit.lost) == (node, lost))


def test_the_node_that_is_left_carries_all_of_its_racks() -> None:
    (limit,) = graph_limits(Upstream(HALL), racks())  # the other UPS and the utility are implied by this one
    assert (limit.node, limit.lost, limit.watts) == ("ups-b", "ups-a", 290_000)
    assert limit.share == pytest.approx([1.0, 1.0])


def test_an_overload_counts_when_it_lasts_as_long_as_software_needs() -> None:
    larger = SupplyNode("ups-b", Watts(900_000), ("utility",))
    (limit,) = graph_limits(Upstream((HALL[0], HALL[1], larger)), racks(), Seconds(3.0))
    assert (limit.name, limit.watts) == ("ups-a after ups-b is lost", pytest.approx(1.33 * 300_000))
    (short,) = graph_limits(Upstream((HALL[0], HALL[1], larger)), racks(), Seconds(11.0))
    assert short.watts == 300_000


def test_what_a_breakers_heat_lends_counts_after_a_loss_only_and_beside_what_was_stated_the_larger_does() -> None:
    roomy = (HALL[0], HALL[1], SupplyNode("ups-b", Watts(900_000), ("utility",)))
    (limit,) = graph_limits(Upstream(roomy), racks(), Seconds(11.0), {"ups-a": 1.2, "utility": 1.4})
    assert (limit.name, limit.watts) == ("ups-a after ups-b is lost", pytest.approx(360_000))
    (stated,) = graph_limits(Upstream(roomy), racks(), Seconds(3.0), {"ups-a": 1.2})
    assert stated.watts == pytest.approx(399_000)


def test_each_node_carries_its_share_of_every_rack() -> None:
    shares = node_shares(Upstream(HALL), racks())
    assert shares["ups-a"] == pytest.approx([0.5 * UNEVEN] * 2)
    assert shares["utility"] == pytest.approx([UNEVEN] * 2)


def test_a_rack_that_lost_its_own_feed_lies_on_the_other_node() -> None:
    dead = ~GB200.drawing(GB200.all_well)[:, 0]
    hall = [FedRack(Place("s/h/r/k0"), GB200, dead, {"a": "ups-a", "b": "ups-b"}), *racks(1)]
    roomy = (HALL[0], HALL[1], SupplyNode("ups-b", Watts(500_000), ("utility",)))
    limits = {(limit.node, limit.lost): limit.share for limit in graph_limits(Upstream(roomy), hall)}
    assert limits["ups-b", "ups-a"] == pytest.approx([1.0, 1.0])
    assert limits["ups-a", "ups-b"] == pytest.approx([0.0, 1.0])


def test_a_transfer_switch_draws_from_its_first_source_and_parallel_ones_share() -> None:
    nodes = (
        SupplyNode("one", Watts(100_000)),
        SupplyNode("two", Watts(100_000)),
        SupplyNode("sts", Watts(1e6), ("one", "two"), Sources.FIRST),
        SupplyNode("board", Watts(1e6), ("one", "two")),
    )
    fed = [FedRack(Place("s/h/r/k0"), GB200, GB200.all_well, {"a": "sts", "b": "board"})]
    limits = graph_limits(Upstream(nodes), fed)
    # sts and board carry half each, 5 % uneven; of one's, the board takes half.
    share = 0.5 * UNEVEN
    assert find(limits, "two", "one").share == pytest.approx([2 * share])
    assert all(np.isfinite(limit.share).all() for limit in limits)


def test_without_a_graph_nothing_is_limited() -> None:
    assert graph_limits(Upstream(), racks()) == []
