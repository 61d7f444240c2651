"""What coolant that is left carries: by pumps that run, by flow and speed, by supply; as a share of what GPUs draw."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.interlocked import InterlockedRack, planned

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.left import CoolantLeft, PumpsLeft, see_pumps
from rack_controller.model.interlock import Act

WATTS = st.floats(0.0, 500_000.0)
CELSIUS = st.floats(-10.0, 110.0)
LEFTS = st.builds(
    CoolantLeft, WATTS | st.just(inf), WATTS, WATTS, st.none() | CELSIUS, CELSIUS, st.none() | st.floats(40.0, 120.0)
)


@given(LEFTS, st.floats(0.0, 20.0))
def test_a_share_is_one_or_is_said_to_be_unknown(left: CoolantLeft, margin: float) -> None:
    share = left.share(margin)
    assert share is None or 0.0 <= share <= 1.0
    if share is None:
        assert left.supply is not None
        assert left.supply > left.nominal + margin


@given(LEFTS, st.floats(0.0, 100_000.0), st.floats(0.0, 40.0))
def test_less_coolant_or_warmer_never_allows_more(left: CoolantLeft, less: float, warmer: float) -> None:
    worse = CoolantLeft(
        max(0.0, left.carries - less),
        left.other,
        left.most,
        None if left.supply is None else left.supply + warmer,
        left.nominal,
        left.slowdown,
    )
    before, after = left.share(), worse.share()
    assert after is None or before is None or after <= before + 1e-9


@given(LEFTS)
def test_gpus_at_their_share_and_the_rest_are_what_the_coolant_carries(left: CoolantLeft) -> None:
    share = left.share()
    if share is not None and left.other <= left.carries:
        assert share * left.most + left.other <= left.carries * (1 + 1e-9) + 1e-6


@pytest.mark.parametrize(
    ("supply", "share"),
    [(30.0, 1.0), (38.0, 1.0), (42.5, 1 - 4.5 / 49), (87.0, 0.0), (95.0, 0.0)],
)
def test_a_warm_supply_leaves_the_part_of_the_lift_that_it_does_not_take(supply: float, share: float) -> None:
    left = CoolantLeft(inf, 0.0, 1.0, supply, 30.0, 87.0)
    assert left.share(8.0) == pytest.approx(share)


def pumps(rack: InterlockedRack, lit: int = 0) -> PumpsLeft:
    (unit,) = [t for t in rack.layout.trays if t.kind == TrayKind.COOLANT_UNIT]
    return see_pumps(rack.snapshot(), unit, lit, unit.coolant_flow_rated_lpm or 0.0)


def test_pumps_that_run_move_their_part_of_what_all_do() -> None:
    rack = InterlockedRack()
    rack.set("u01/pump1", Quantity.HEALTH, 2)
    rack.set("u01", Quantity.FLOW, 80.0)
    assert pumps(rack) == PumpsLeft(1, 2, 125.0)


def test_what_flows_is_proven_whatever_the_ratings_say() -> None:
    rack = InterlockedRack()
    rack.set("u01/pump1", Quantity.HEALTH, 2)
    rack.set("u01", Quantity.FLOW, 140.0)
    assert pumps(rack).moves == 140.0


def test_flow_and_speed_of_those_that_run_show_how_much_more_they_can() -> None:
    rack = InterlockedRack()
    rack.set("u01/pump1", Quantity.HEALTH, 2)
    rack.set("u01/pump0", Quantity.PUMP_SPEED, 60.0)
    rack.set("u01/pump1", Quantity.PUMP_SPEED, 0.0)
    rack.set("u01", Quantity.FLOW, 58.5)
    assert pumps(rack).moves == pytest.approx(97.5)
    rack.set("u01/pump0", Quantity.PUMP_SPEED, 10.0)
    assert pumps(rack).moves == 125.0, "so slow a pump tells nothing"


def test_a_unit_that_only_says_that_a_pump_failed_is_asked_how_many_turn() -> None:
    rack = InterlockedRack(layout=planned("orv3-hpr-nvl36x2"))
    rack.set("u01", Quantity.FLOW, 40.0)
    for n in range(4):
        rack.forget(f"u01/pump{n}")
    assert pumps(rack, lit=1) == PumpsLeft(3, 4, 82.5)
    for n in range(4):
        rack.set(f"u01/pump{n}", Quantity.ROTATION, 0.0 if n < 2 else 5_800.0)
    assert pumps(rack, lit=1) == PumpsLeft(2, 4, 55.0)


def drawing(gpu_w: float, other_w: float) -> InterlockedRack:
    """Return a rack whose GPUs draw `gpu_w` each, and all the rest `other_w` together."""
    rack = InterlockedRack()
    gpus = [f"{t.place.split('/')[4]}/gpu{n}" for t in rack.layout.trays for n in range(4) if t.kind == "compute"]
    for gpu in gpus:
        rack.set(gpu, Quantity.POWER, gpu_w)
    shelves = [t.place.split("/")[4] for t in rack.layout.trays if t.kind == TrayKind.POWER_SHELF]
    for shelf in shelves:
        rack.set(shelf, Quantity.POWER, (gpu_w * len(gpus) + other_w) / len(shelves))
    return rack


def test_a_lost_pump_caps_to_what_the_other_one_cools() -> None:
    """97.5 L/min carry 62.9 kW at 10 K; 26.1 kW are not of GPUs, so 36.8 kW are left for 72 GPUs of 1.2 kW."""
    rack = drawing(1_200.0, 26_100.0)
    rack.tick(5)
    rack.set("u01/pump1", Quantity.HEALTH, 2)
    rack.set("u01/pump0", Quantity.PUMP_SPEED, 100.0)
    rack.set("u01", Quantity.FLOW, 97.5)
    rack.tick(12)
    (cap,) = [o for o in rack.ordered(Act.CAP) if o.cause == "coolant.no_spare_pump"]
    assert cap.share == pytest.approx(36_787.5 / 86_400.0)
    assert (cap.follows, cap.why) == (True, "pumps left carry 62.9 kW, 26.1 kW of it not of GPUs")
    assert not rack.ordered(Act.FORCE_OFF)


def test_the_cap_follows_a_second_pump_back() -> None:
    rack = drawing(1_200.0, 26_100.0)
    rack.set("u01/pump1", Quantity.HEALTH, 2)
    rack.set("u01", Quantity.FLOW, 100.0)
    rack.tick(25)
    rack.set("u01", Quantity.FLOW, 150.0)
    rack.tick(11)
    shares = [o.share for o in rack.ordered(Act.CAP) if o.cause == "coolant.no_spare_pump"]
    assert len(shares) == 3
    assert shares[0] == shares[1]
    assert shares[2] is not None
    assert shares[0] is not None
    assert shares[2] > shares[0]


def test_a_warm_supply_without_a_slowdown_that_is_known_caps_to_what_the_row_says() -> None:
    rack = InterlockedRack()
    rack.set("u01", Quantity.TEMPERATURE_SUPPLY, 45.0)
    rack.tick(12)
    assert [o.share for o in rack.ordered(Act.CAP)] == [0.8]


def test_a_warm_supply_caps_by_the_chip_that_slows_down_first() -> None:
    rack = InterlockedRack()
    rack.set("u01", Quantity.TEMPERATURE_SUPPLY, 45.0)
    rack.set("u12/gpu0", Quantity.TEMPERATURE_CORE, 57.0)
    rack.set("u13/gpu0", Quantity.TEMPERATURE_CORE, 60.0)
    rack.tick(12)
    assert [o.share for o in rack.ordered(Act.CAP)] == [pytest.approx((87.0 - 45.0) / (87.0 - 38.0))]
