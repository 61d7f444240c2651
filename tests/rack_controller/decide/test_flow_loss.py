"""Coolant lost on the plant, 5 % of its flow or none left: no GPU above 95 °C, and the order of the table; and a rack
that loses none while its load comes at once."""

import pytest

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.interlock import Act
from tests.support.flow_loss import FlowLoss
from tests.support.interlocked import InterlockedRack

MOST_C = 95.0


@pytest.mark.parametrize("share", [0.05, 0.0])
def test_the_sequence_at_full_load(share: float) -> None:
    lost = FlowLoss(share).run(30)
    assert lost.hottest <= MOST_C
    assert lost.at(Act.CAP) <= 1.0
    assert 5.0 <= lost.at(Act.GRACEFUL_OFF) <= 7.0
    assert lost.at(Act.GRACEFUL_OFF) < lost.at(Act.FORCE_OFF) < 30.0, "the margin is gone before the time is"
    assert lost.on() == 0, "switch trays too"
    assert [standing.cause for standing in lost.rack.standings.values() if standing.tripped_at] >= ["flow.lost"]


def test_hosts_that_never_end_and_caps_that_nobody_carries_out() -> None:
    lost = FlowLoss(0.0, ends_after=None, caps=False).run(30)
    assert lost.hottest <= MOST_C
    assert lost.on() == 0


def test_a_rack_that_idles_gives_its_hosts_the_time_to_end() -> None:
    lost = FlowLoss(0.05, load=0.1, ends_after=None).run(36)
    assert lost.hottest <= MOST_C
    assert 30.0 <= lost.at(Act.FORCE_OFF) <= 31.0
    assert lost.on() == 0


def test_a_load_that_comes_at_once_is_no_loss_of_flow() -> None:
    """Pumps need seconds to follow, and their flow is read once a second; metal needs longer to warm up."""
    stepped = FlowLoss(1.0, load=0.1, every=0.1).want(1.0).run(60)
    assert stepped.state.tray_power.sum() > 100_000, "it was a step to full load"
    assert stepped.done == []


def test_a_load_that_goes_at_once_is_no_loss_of_flow() -> None:
    """Pumps slow down with the load, and are faster than metal that still has to be cooled."""
    stepped = FlowLoss(1.0, every=0.1).want(0.0).run(60)
    assert stepped.state.tray_power.sum() < 40_000, "it was a step to rest"
    assert stepped.done == []


def test_coolant_that_is_lost_while_the_load_comes_is_a_loss() -> None:
    lost = FlowLoss(0.0, load=0.1, every=0.1).want(1.0).run(30)
    assert lost.at(Act.CAP) <= 1.5, "pumps run down in seconds, and their flow is read once a second"
    assert lost.hottest <= MOST_C
    assert lost.on() == 0


@pytest.mark.parametrize("flow", [50.0, 60.0])
def test_a_load_that_comes_and_goes_needs_the_flow_of_its_mean(flow: float) -> None:
    """Three seconds of 100 kW and one of 30, as training has it: 83 kW need 128 L/min, half of it is too little."""
    rack = InterlockedRack()
    shelves = [t.place for t in rack.layout.trays if t.kind == TrayKind.POWER_SHELF]
    rack.set("u01", Quantity.FLOW, rack.layout.coolant_flow_rated_lpm)

    def train(seconds: int) -> None:
        for second in range(seconds):
            for shelf in shelves:
                rack.set(shelf, Quantity.POWER, (30_000 if second % 4 == 3 else 100_000) / len(shelves))
            rack.tick(1)

    train(40)
    assert rack.orders == []
    rack.set("u01", Quantity.FLOW, flow)
    train(4)
    assert [o.cause for o in rack.orders if o.act is Act.CAP] == ["flow.low"]
