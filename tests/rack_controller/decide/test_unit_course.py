"""Flow outlives heat: whatever trays do meanwhile, a stop begins only when all have been off and cool for long."""

import random

import pytest
from support.interlocked import RACK, InterlockedRack

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.power import PowerAction
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.plan_unit import UnitWish, plan_unit
from rack_controller.decide.steps import Course, World, advance
from rack_controller.decide.switch import Switch
from rack_controller.model.operation import Operation, OperationState, Verb

U01 = Place(f"{RACK}/u01")
HOSTS = (TrayKind.COMPUTE, TrayKind.SWITCH)
TICK_S = 10.0


@pytest.mark.parametrize("seed", range(4))
def test_a_stop_never_begins_while_something_is_on_hot_or_silent_nor_too_soon(seed: int) -> None:
    sequence = load_generation("gb200-nvl72").sequence
    assert sequence is not None
    rng, rack = random.Random(seed), InterlockedRack()
    trays = [Place(t.place) for t in rack.layout.trays if t.kind in HOSTS]
    rack.switch(False, trays)
    switch = Switch(join_place(U01, "bmc"), frozenset({PowerAction.FORCE_OFF}))
    plan = plan_unit(UnitWish(Verb.COOLANT_STOP, U01), rack.layout, sequence, switch, rack.snapshot())
    course = Course(Operation("k01-1", plan, "ada", "", 0, state=OperationState.RUNNING))
    calm_since, begun_at = rack.now, None
    for _ in range(80):
        disturbed, kind = False, ""
        if rng.random() < 0.08:
            tray, kind = rng.choice(trays), rng.choice(("on", "silent", "hot", "slow"))
            disturbed = True
            if kind == "slow":
                rack.set("u01", Quantity.FLOW, 10.0)
            elif kind == "hot":
                rack.set("u11/gpu0", Quantity.TEMPERATURE, 60.0)
            else:
                rack.set(tray, Quantity.POWER_STATE, 1.0 if kind == "on" else None)
        else:
            rack.switch(False, trays)
            rack.set("u11/gpu0", Quantity.TEMPERATURE, 31.0)
            rack.set("u01", Quantity.FLOW, rack.layout.coolant_flow_rated_lpm)
        calm_since = rack.now + TICK_S if disturbed and kind != "hot" else calm_since
        course = advance(course, World(rack.snapshot()), Seconds(rack.now), int(rack.now * 1e9))
        if course.begin:
            begun_at = rack.now
            assert not disturbed
            break
        rack.now += TICK_S
    assert begun_at is not None or course.operation.over, "it begins in the end, or gives up in time"
    if begun_at is not None:
        assert begun_at - calm_since >= 120.0, "coolant flowed on over the heat"
