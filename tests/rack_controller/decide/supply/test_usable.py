"""What a rack may use: figures of the seeded generations by hand, and what must hold whatever is lost."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.supply import Loss, Redundancy, RideThrough, Supply, TwoFeeds
from firmware_bridge.vocabulary.units import Celsius, Seconds
from rack_controller.decide.supply.usable import stepped_inlet, usable
from rack_controller.decide.supply.wiring import RackWiring, wiring_of

GB200 = wiring_of(load_generation("gb200-nvl72"))
GB300 = wiring_of(load_generation("gb300-nvl72"))
ORV3 = wiring_of(load_generation("orv3-hpr-nvl36x2"))
UNEVEN = 1.05


def without_feed(wiring: RackWiring, feed: str) -> np.ndarray:
    return np.asarray(~(wiring.drawing(wiring.all_well) & np.array([f.name == feed for f in wiring.feeds])).any(axis=1))


def test_a_rack_of_eight_shelves_lives_through_a_feed_with_four_of_them() -> None:
    found = usable(GB200, GB200.all_well)
    assert found.wanted is Redundancy.N_PLUS_N
    # A branch of 60 A carries 34.2 kW, which with 96.6 % efficiency is a shelf's 33 kW: shares are 5 % uneven.
    assert found.watts == pytest.approx(4 * 33_000 / UNEVEN, rel=1e-3)
    assert found.binding.lost in ("feed a", "feed b")
    assert found.under(Redundancy.N_PLUS_1).standing == pytest.approx(7 * 33_000 / UNEVEN, rel=1e-3)
    assert found.under(Redundancy.N_PLUS_1).loss is Loss.SHELF
    assert found.now.standing == pytest.approx(8 * 33_000 / UNEVEN, rel=1e-3)


def test_what_is_left_after_a_feed_is_protected_against_the_next_loss_but_not_against_the_last_feed() -> None:
    left = without_feed(GB300, "a")
    found = usable(GB300, left)
    assert found.now.standing == pytest.approx(3 * 33_000 / UNEVEN, rel=1e-3)
    assert found.watts == pytest.approx(2 * 33_000 / UNEVEN, rel=1e-3)
    assert usable(GB300, left).dark == ("feed b",)
    assert usable(GB300, np.zeros_like(left)).watts == 0.0


def test_hardware_counts_when_it_carries_for_as_long_as_software_needs() -> None:
    quick, slow = (usable(ORV3, ORV3.all_well, needs=Seconds(s)) for s in (3.0, 120.0))
    after = next(c for c in slow.cases if c.loss is Loss.SHELF)
    assert slow.watts == pytest.approx(after.binding.usable)
    assert quick.watts > slow.watts
    assert quick.watts <= quick.now.standing
    no_ride = replace(ORV3, supply=replace(ORV3.supply, rides=(RideThrough(Loss.PSU, "pulse", 1.5, Seconds(0.02)),)))
    assert usable(no_ride, ORV3.all_well, needs=Seconds(3.0)).watts == pytest.approx(slow.watts)


def test_the_smallest_constraint_is_named() -> None:
    feeds = tuple(replace(f, breaker=100.0) for f in GB200.feeds)
    found = usable(replace(GB200, feeds=feeds), GB200.all_well, Redundancy.N)
    assert found.binding.binding.name.startswith("feed ")
    # 100 A at 239.6 V, 80 % of it for hours; each feed carries half of the load, 5 % uneven.
    watts = 3 * 100 * 415 / 3**0.5 * 0.8 * 0.99
    assert found.watts == pytest.approx(watts * 0.966 / (0.5 * UNEVEN))
    rated = tuple(replace(f, breaker=100.0, continuous=1.0) for f in GB200.feeds)
    assert usable(replace(GB200, feeds=rated), GB200.all_well, Redundancy.N).watts == pytest.approx(found.watts / 0.8)


def test_one_phase_binds_where_supplies_lie_unevenly_on_them() -> None:
    left = GB200.all_well
    left[GB200.phase == 2] = False  # 32 of 48 supplies, on two phases
    feeds = tuple(replace(f, breaker=200.0) for f in GB200.feeds)
    found = usable(replace(GB200, feeds=feeds), left, Redundancy.N)
    assert " phase " in found.binding.binding.name


def test_a_warm_shelf_gives_less_and_so_does_the_rack() -> None:
    cool = usable(GB200, GB200.all_well, Redundancy.N, inlet=np.full(8, np.nan))
    warm = usable(GB200, GB200.all_well, Redundancy.N, inlet=np.array([55.0, *[25.0] * 7]))
    assert warm.watts == pytest.approx(0.8 * cool.watts, rel=1e-3)
    hot = usable(GB200, GB200.all_well, Redundancy.N, inlet=np.full(8, 120.0))
    assert hot.watts == 0.0


def test_a_shelf_that_switches_over_draws_all_from_the_feed_that_is_left() -> None:
    generation = load_generation("orv3-hpr-nvl36x2")
    moved = wiring_of(replace(generation, supply=replace(generation.supply, two_feeds=TwoFeeds.TRANSFER)))
    feed = next(c for c in usable(moved, moved.all_well).cases if c.loss is Loss.FEED)
    half = next(c for c in usable(ORV3, ORV3.all_well).cases if c.loss is Loss.FEED)
    assert feed.binding.usable > half.binding.usable


@given(st.data())
def test_nothing_that_fails_makes_more_usable(data: st.DataObject) -> None:
    wiring = data.draw(st.sampled_from([GB300, ORV3]))
    well = np.array(data.draw(st.lists(st.booleans(), min_size=len(wiring.names), max_size=len(wiring.names))))
    inlet = np.array(data.draw(st.lists(st.floats(0, 90), min_size=len(wiring.shelves), max_size=len(wiring.shelves))))
    found = usable(wiring, well, inlet=inlet)
    assert 0.0 <= found.watts <= usable(wiring, wiring.all_well).now.standing + 1e-6
    assert found.under(Redundancy.N_PLUS_N).standing <= found.under(Redundancy.N_PLUS_1).standing
    assert found.under(Redundancy.N_PLUS_1).standing <= found.now.standing
    assert found.now.standing <= wiring.supply_max[well].sum() + 1e-6
    for constraint in found.now.constraints:  # at what may be drawn, nothing carries more than it holds
        drawn = found.watts / (wiring.supply.efficiency if constraint.ac else 1.0)
        assert drawn * constraint.carries <= constraint.limit * (1 + 1e-9)


def test_a_design_that_says_nothing_of_its_supply_has_no_breakers() -> None:
    plain = replace(load_generation("gb200-nvl72"), feeds=(), supply=Supply(derate_from=Celsius(1000.0)))
    wiring = wiring_of(plain)
    found = usable(wiring, wiring.all_well)
    assert {c.name.split()[0] for c in found.now.constraints} == {"supplies", "busbar", "shelf"}
    assert found.watts == pytest.approx(7 * 33_000)


def test_a_design_without_shelves_is_held_by_its_busbar_alone() -> None:
    generation = load_generation("gb200-nvl72")
    slots = tuple(s for s in generation.slots if s.tray.name != "shelf")
    wiring = wiring_of(replace(generation, slots=slots))
    found = usable(wiring, wiring.all_well)
    assert (found.watts, found.binding.binding.name) == (264_000, "busbar")
    assert usable(wiring, wiring.all_well).dark == ()


def test_an_inlet_between_two_steps_counts_as_one_of_them() -> None:
    held, seen = None, []
    for noise in (0.4, 0.6, 0.45, 0.55, 0.7):
        held = stepped_inlet(held, np.array([46.0 + noise, np.nan]))
        seen.append(float(held[0]))
    assert seen == [46.0] * 5
    assert stepped_inlet(held, np.array([46.8, 50.2])).tolist() == [47.0, 50.0]
    assert np.isnan(stepped_inlet(np.array([46.0]), np.array([np.nan]))[0])
