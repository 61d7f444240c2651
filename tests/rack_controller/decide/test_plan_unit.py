"""A coolant unit stands only while nothing it cools is on or hot; two persons may say otherwise, a leak may not."""

from typing import Any

import msgspec
import pytest
from support.interlocked import RACK, InterlockedRack
from support.interlocked import planned as design

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, CommandRefused, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place, leaf_of
from firmware_bridge.vocabulary.power import PowerAction
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.sequence import Sequence
from rack_controller.decide.checks import judge_check
from rack_controller.decide.plan_power import PowerWish, plan_power
from rack_controller.decide.plan_unit import UnitWish, plan_unit, why_not_approved, why_not_now
from rack_controller.decide.switch import Switch
from rack_controller.model.lease import Direction, Facet
from rack_controller.model.operation import Operation, Plan, Verb, diff_plans

SEQUENCE = load_generation("gb200-nvl72").sequence
U01 = Place(f"{RACK}/u01")
ALL = frozenset({PowerAction.ON, PowerAction.FORCE_OFF, PowerAction.FORCE_RESTART})
STILLS = (Verb.COOLANT_STOP, Verb.COOLANT_CYCLE)
HOUR_NS = 3_600_000_000_000


def cold(generation: str = "gb200-nvl72") -> InterlockedRack:
    """Return a rack whose trays are all off, and whose coolant flows."""
    rack = InterlockedRack(layout=design(generation))
    rack.switch(False, [Place(t.place) for t in rack.layout.trays if t.kind in (TrayKind.COMPUTE, TrayKind.SWITCH)])
    return rack


def planned(rack: InterlockedRack, verb: Verb = Verb.COOLANT_STOP, **more: Any) -> Plan:
    assert SEQUENCE is not None
    switch = Switch(join_place(U01, "bmc"), more.pop("offers", ALL))
    sequence, starting = more.pop("sequence", SEQUENCE), more.pop("starting", ())
    wish = UnitWish(verb, more.pop("unit", U01), **more)
    return plan_unit(wish, rack.layout, sequence, switch, rack.snapshot(), starting)


def plan_off(rack: InterlockedRack, sequence: Sequence) -> Plan:
    """Return the plan that switches a rack off whose first compute tray is on."""
    on = next(t for t in rack.layout.trays if t.kind == TrayKind.COMPUTE)
    rack.switch(True, [Place(on.place)])
    switch = Switch(join_place(Place(on.place), "bmc"), ALL | {PowerAction.GRACEFUL_OFF})
    return plan_power(PowerWish(Verb.OFF, RACK), rack.layout, sequence, {Place(on.place): switch}, rack.snapshot())


@pytest.mark.parametrize("verb", STILLS)
def test_a_cold_rack_may_do_without_once_that_has_lasted(verb: Verb) -> None:
    (stage,) = planned(cold(), verb).stages
    (step,) = stage.steps
    assert (step.endpoint, step.facet, step.direction) == (join_place(U01, "bmc"), Facet.COOLING, Direction.NEUTRAL)
    checks = {c.name: c for c in stage.before}
    assert len(checks["off"].places) == 27
    assert checks["flow"].steady_s == 120.0
    assert checks["gpus"].over_supply_k == 10.0
    assert [c.name for c in stage.after] == (["flow"] if verb is Verb.COOLANT_CYCLE else [])


@pytest.mark.parametrize("verb", STILLS)
def test_every_tray_that_is_on_silent_hot_or_about_to_start_is_named(verb: Verb) -> None:
    rack = cold()
    rack.switch(True, [rack.place("u12"), rack.place("u14")])
    rack.set("u20", Quantity.POWER_STATE, None)
    rack.set("u11/gpu2", Quantity.TEMPERATURE, 44.0)
    with pytest.raises(PreconditionFailed) as refused:
        planned(rack, verb, starting=[rack.place("u15")])
    said = str(refused.value)
    for part in (
        "u12, u14 is on",
        "u20 does not say that it is off",
        "u15 may come on at any moment",
        "u11 GPUs near supply temperature: gpu2",
        "over supply, at most 10",
        "--despite-heat",
    ):
        assert part in said, said


@pytest.mark.parametrize("generation", ["gb200-nvl72", "orv3-hpr-nvl36x2", "vera-rubin-nvl72"])
@pytest.mark.parametrize("chip", ["mgx_nvswitch_1_temp_0", "nvos_asic2"])
def test_a_warm_switch_chip_keeps_its_rack_from_being_cool(generation: str, chip: str) -> None:
    rack = cold(generation)
    sequence = load_generation(generation).sequence
    assert sequence is not None
    tray = Place(next(t.place for t in rack.layout.trays if t.kind == TrayKind.SWITCH))
    supply = rack.layout.coolant_supply_nominal_c
    rack.set(join_place(tray, chip), Quantity.TEMPERATURE, supply + 10.0)
    assert planned(rack, sequence=sequence).stages
    rack.set(join_place(tray, chip), Quantity.TEMPERATURE, supply + 11.0)
    with pytest.raises(
        PreconditionFailed, match=f"{leaf_of(tray)} switch chips near supply temperature: {chip} 11.0 K"
    ):
        planned(rack, sequence=sequence)
    after = [c for c in plan_off(rack, sequence).stages[-1].after if c.name == "switch_chips"]
    assert [judge_check(c, rack.snapshot(), {}).holds for c in after] == [False]


def test_what_is_not_known_of_the_loop_is_not_cool() -> None:
    rack = cold()
    rack.set("u01", Quantity.FLOW, 3.0)
    with pytest.raises(PreconditionFailed, match=r"u01 coolant flow: 3 L/min, at least 29"):
        planned(rack)
    rack = cold()
    rack.set("u11/gpu0", Quantity.TEMPERATURE, 31.0)
    rack.set("u01", Quantity.TEMPERATURE_SUPPLY, None)
    with pytest.raises(PreconditionFailed, match="supply temperature is not known"):
        planned(rack)


def test_a_start_asks_nothing_of_the_trays_and_waits_for_flow() -> None:
    rack = cold()
    rack.set("u01", Quantity.FLOW, 0.0)
    rack.switch(True, [rack.place("u12")])
    (stage,) = planned(rack, Verb.COOLANT_START).stages
    assert (stage.before, [c.name for c in stage.after]) == ([], ["flow"])


@pytest.mark.parametrize("verb", [Verb.COOLANT_START, Verb.COOLANT_CYCLE])
def test_nobody_overrules_a_leak(verb: Verb) -> None:
    for despite in (False, True):
        with pytest.raises(PreconditionFailed, match="no coolant is to flow: latch k01-l1"):
            planned(cold(), verb, wet="latch k01-l1: Leak at u12", despite=despite)
    assert planned(cold(), wet="latch k01-l1: Leak at u12").stages, "a leak is no reason to let it flow"


def test_two_persons_may_overrule_heat_and_what_they_saw_is_kept() -> None:
    rack = cold()
    assert planned(rack, despite=True).despite == {}, "nothing to overrule"
    rack.switch(True, [rack.place("u12")])
    plan = planned(rack, despite=True)
    assert (plan.despite, plan.stages[0].before) == ({rack.place("u12"): "is on"}, [])
    rack.switch(True, [rack.place("u14")])
    assert diff_plans(plan, planned(rack, despite=True)) == ["u14 too: is on"]
    operation = Operation("k01-1", plan, "ada", "a burst pipe", HOUR_NS)
    assert "another person must approve it" in str(why_not_approved(operation, "ada", HOUR_NS))
    assert why_not_approved(operation, "ben", 2 * HOUR_NS) is None
    assert "more than an hour ago" in str(why_not_approved(operation, "ben", 2 * HOUR_NS + 1))


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"unit": Place(f"{RACK}/u12")}, TargetUnknown, "u12 is no coolant unit"),
        ({"offers": frozenset()}, ArgumentsInvalid, "cannot be stopped: it offers no way"),
        ({"busy": "k01-3 (on u07) is under way"}, PreconditionFailed, "k01-3"),
    ],
)
def test_what_is_refused_besides(more: dict[str, Any], kind: type[CommandRefused], said: str) -> None:
    with pytest.raises(kind, match=said):
        planned(cold(), **more)


def test_a_sequence_that_does_not_say_when_a_rack_is_cool_stops_nothing() -> None:
    assert SEQUENCE is not None
    bare = msgspec.structs.replace(SEQUENCE, power_off=[s for s in SEQUENCE.power_off if s.of])
    with pytest.raises(PreconditionFailed, match="does not say when a rack is cool"):
        planned(cold(), sequence=bare)


def test_racks_on_the_same_loop_are_cooled_by_it_too() -> None:
    assert SEQUENCE is not None
    rack, other = cold(), msgspec.structs.replace(cold().layout, rack="lab1/a/r01/k02")
    trays = [msgspec.structs.replace(t, place=t.place.replace("/k01/", "/k02/")) for t in other.trays]
    other = msgspec.structs.replace(other, trays=trays)
    switch, wish = Switch(U01, ALL), UnitWish(Verb.COOLANT_STOP, U01)
    with pytest.raises(PreconditionFailed, match="k02 was not read yet"):
        plan_unit(wish, rack.layout, SEQUENCE, switch, rack.snapshot(), beside=[(other, None)])
    rack.switch(True, [rack.place("u12")])
    with pytest.raises(PreconditionFailed, match=r"k01/u12 is on; k02/u11, k02/u12"):
        plan_unit(wish, rack.layout, SEQUENCE, switch, rack.snapshot(), beside=[(other, rack.snapshot())])


def test_what_came_since_the_approval_is_looked_at_again_before_the_request() -> None:
    assert SEQUENCE is not None
    rack = cold()
    plans = {verb: planned(rack, verb) for verb in (*STILLS, Verb.COOLANT_START)}

    def why(plan: Plan, **more: Any) -> str:
        assert SEQUENCE is not None
        return why_not_now(plan, SEQUENCE, [(rack.layout, rack.snapshot())], **more)

    leak = "latch k01-l1: Leak"
    assert [why(plan) for plan in plans.values()] == ["", "", ""]
    assert why(plans[Verb.COOLANT_STOP], wet=leak) == "", "a leak is a reason to stop"
    for verb in (Verb.COOLANT_START, Verb.COOLANT_CYCLE):
        assert why(plans[verb], wet=leak) == f"no coolant is to flow: {leak}"
    rack.set("u01", Quantity.FLOW, None)
    assert why(plans[Verb.COOLANT_STOP]) == "", "a unit that was silent for a moment need not begin anew"
    assert "u12 may come on" in why(plans[Verb.COOLANT_STOP], starting=[rack.place("u12")])
    rack.switch(True, [rack.place("u12")])
    for verb in STILLS:
        assert "while trays that it cools are on or hot: u12 is on" in why(plans[verb])
    signed = [msgspec.structs.replace(plans[verb], despite={rack.place("u12"): "is on"}) for verb in STILLS]
    assert [why(plan) for plan in signed] == [""] * len(signed), "two persons said so"
    rack.switch(True, [rack.place("u14")])
    for plan in signed:
        assert why(plan).endswith("on or hot: u14 is on"), "nobody said so of the tray that came on since"
    assert why(plans[Verb.COOLANT_START]) == ""
    assert "was not read yet" in why_not_now(plans[Verb.COOLANT_STOP], SEQUENCE, [(rack.layout, None)])
