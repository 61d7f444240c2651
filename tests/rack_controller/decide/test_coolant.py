"""Coolant targets: what a wish and an interlock come to, what is refused, and what is never turned down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.interlocked import RACK, InterlockedRack, seeded_policy

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, CommandRefused, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.set_points import Settable
from rack_controller.decide.coolant import (
    CoolantWish,
    LoopNow,
    decide_coolant,
    decide_raise,
    higher_only,
    holds_coolant,
)
from rack_controller.decide.interlock import Order
from rack_controller.model.interlock import Act
from rack_controller.model.limit import SetPoint

UNIT, OTHER = Place(f"{RACK}/u05"), Place(f"{RACK}/u06")
FLOW, SUPPLY = Place(f"{UNIT}/flow_target"), Place(f"{UNIT}/supply_target")
POINTS = {
    FLOW: Settable(FLOW, 36.0, 110.0, quantity=Quantity.FLOW),
    SUPPLY: Settable(SUPPLY, 18.0, 45.0, quantity=Quantity.TEMPERATURE_SUPPLY),
}
PLENTY = LoopNow(need=10.0)


def wish(what: str, value: float, unit: Place = UNIT) -> CoolantWish:
    return CoolantWish(unit, what, value)


@pytest.mark.parametrize(
    ("wanted", "shown", "now", "kind", "said"),
    [
        (wish("flow", 120), 60.0, PLENTY, ArgumentsInvalid, "the device allows 36 to 110 L/min"),
        (wish("flow", 0), 60.0, PLENTY, ArgumentsInvalid, "the device allows 36 to 110 L/min"),
        (wish("pressure", 50), None, PLENTY, TargetUnknown, "it lets flow, supply be set"),
        (wish("flow", 50, OTHER), None, PLENTY, TargetUnknown, "it lets nothing be set"),
        (wish("system_stop", 1), None, PLENTY, ArgumentsInvalid, "one of flow, supply"),
        (wish("flow", 50), 60.0, LoopNow(10.0, held="flow is low"), PreconditionFailed, "not turned down: flow is low"),
        (wish("supply", 25), 30.0, LoopNow(10.0, held="damp"), PreconditionFailed, "not turned down: damp"),
        (wish("flow", 50), 60.0, LoopNow(90.0), PreconditionFailed, "50 L/min would be left"),
        (wish("flow", 50), 60.0, LoopNow(90.0, others=30.0), PreconditionFailed, "80 L/min would be left"),
        (wish("flow", 50), 60.0, LoopNow(None), PreconditionFailed, "nobody knows how much flow"),
        (wish("flow", 50), 60.0, LoopNow(10.0, others=None), PreconditionFailed, "nobody knows how much flow"),
        (wish("flow", 50), None, LoopNow(90.0), PreconditionFailed, "needs 90"),
    ],
)
def test_a_target_is_refused_with_what_to_do(
    wanted: CoolantWish, shown: float | None, now: LoopNow, kind: type[CommandRefused], said: str
) -> None:
    with pytest.raises(kind) as refused:
        decide_coolant(wanted, POINTS, shown, now)
    assert said in f"{refused.value.what} {refused.value.advice}"


def test_up_is_always_possible_within_the_range_and_down_as_far_as_the_heat_allows() -> None:
    held = LoopNow(200.0, held="flow is low")
    assert decide_coolant(wish("flow", 110), POINTS, 60.0, held) is POINTS[FLOW]
    assert decide_coolant(wish("supply", 31), POINTS, 30.0, held) is POINTS[SUPPLY]
    assert decide_coolant(wish("flow", 60.04), POINTS, 60.0, held) is POINTS[FLOW]
    assert decide_coolant(wish("flow", 50), POINTS, 60.0, LoopNow(80.0, others=30.0)) is POINTS[FLOW]


@given(st.floats(0.01, 1.0), st.floats(0.1, 50.0), st.none() | st.floats(18.0, 45.0))
def test_an_interlock_stays_within_the_range_and_never_turns_down(
    share: float, by_k: float, shown: float | None
) -> None:
    flow = decide_raise(Order(Act.RAISE_FLOW, "c", RACK, (UNIT,), "", share), POINTS, {})
    assert set(flow) == {FLOW}
    assert 36.0 <= flow[FLOW] <= 110.0
    seen = {} if shown is None else {SUPPLY: shown}
    warm = decide_raise(Order(Act.RAISE_SUPPLY, "c", RACK, (UNIT,), "", by_k=by_k), POINTS, seen)
    assert set(warm) == set(seen)
    assert all(shown is not None and shown <= value <= 45.0 for value in warm.values())
    assert decide_raise(Order(Act.RAISE_FLOW, "c", RACK, (OTHER,), "", share), POINTS, seen) == {}


def test_of_two_causes_the_higher_flow_counts_and_what_is_higher_already_is_left() -> None:
    wanted = {FLOW: SetPoint(FLOW, "e", 100.0, "ada", 0, quantity=Quantity.FLOW)}
    assert higher_only({FLOW: 90.0}, wanted, {FLOW: 50.0}) == {}
    assert higher_only({FLOW: 110.0}, wanted, {}) == {FLOW: 110.0}
    assert higher_only({FLOW: 90.0}, {}, {FLOW: 95.0}) == {}
    assert higher_only({FLOW: 90.0}, {}, {}) == {FLOW: 90.0}
    assert higher_only({FLOW: 90.0}, {}, {FLOW: 90.0}) == {FLOW: 90.0}


def test_a_row_that_turned_coolant_up_keeps_it_up_while_it_stands_and_blocks_a_cold_start() -> None:
    rack, policy = InterlockedRack(), seeded_policy()
    rack.tick(1)
    assert holds_coolant(rack.standings.values(), policy, Quantity.FLOW) == ""
    rack.set("u01/pump0", Quantity.HEALTH, 2)
    rack.tick(11)
    (raised,) = rack.ordered("raise_flow")
    assert (raised.targets, raised.share) == ((rack.place("u01"),), 1.0)
    assert "No spare pump at k01: 1 of" in holds_coolant(rack.standings.values(), policy, Quantity.FLOW)
    assert holds_coolant(rack.standings.values(), policy, Quantity.TEMPERATURE_SUPPLY) == "", "colder is no less flow"
    assert not [o for o in rack.orders if o.act.endswith("_off")]
    rack.set("u01/pump0", Quantity.HEALTH, 0)
    rack.tick(1)
    assert holds_coolant(rack.standings.values(), policy, Quantity.FLOW) == ""
