"""Isolated is the whole rack with every shelf's output off, once all trays are off and cool; else it says why not."""

from typing import Any

import pytest
from support.interlocked import RACK, InterlockedRack, planned

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, CommandRefused, PreconditionFailed
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place, leaf_of
from firmware_bridge.vocabulary.power import PowerAction, PowerDepth
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.plan_power import PowerWish, plan_power
from rack_controller.decide.switch import Switch
from rack_controller.model.lease import Direction
from rack_controller.model.operation import Plan, Verb

HOSTS = (TrayKind.COMPUTE, TrayKind.SWITCH)
BOTH = frozenset({PowerAction.ON, PowerAction.FORCE_OFF})


def isolated(rack: InterlockedRack, target: str = RACK, generation: str = "gb200-nvl72", **more: Any) -> Plan:
    trays = rack.layout.trays
    switches = {Place(t.place): Switch(join_place(Place(t.place), "bmc")) for t in trays if t.kind in HOSTS}
    shelves = [Place(t.place) for t in trays if t.kind == TrayKind.POWER_SHELF]
    outputs = {s: Switch(join_place(s, "pmc"), more.get("offers", BOTH)) for s in shelves}
    for fixed in more.get("fixed", ()):
        del outputs[rack.place(fixed)]
    wish = PowerWish(Verb.OFF, Place(target), depth=PowerDepth.ISOLATED)
    sequence = load_generation(generation).sequence
    said = (wish, rack.layout, sequence, switches, rack.snapshot())
    return plan_power(*said, outputs=outputs, busy=more.get("busy", ""))


def test_hosts_then_switches_then_heat_then_every_shelf_at_once() -> None:
    plan = isolated(InterlockedRack())
    assert [s.name for s in plan.stages] == ["compute", "switch", "cooled", "isolated"]
    last = plan.stages[-1]
    assert sorted(leaf_of(Place(s.tray)) for s in last.steps) == [f"u{n:02}" for n in (6, 7, 8, 9, 39, 40, 41, 42)]
    assert {(s.goal, s.direction, s.depth) for s in last.steps} == {("off", Direction.NEUTRAL, PowerDepth.ISOLATED)}
    checks = {c.name: c for c in last.before}
    assert set(checks) == {"off", "gpus", "switch_chips"}, "coolant has flowed on in the stage before"
    assert len(checks["off"].places) == 27
    assert (last.width, last.stops) == (8, True)


def test_a_rack_that_is_off_already_waits_for_its_heat_unless_coolant_stands() -> None:
    rack = InterlockedRack()
    rack.switch(False, [Place(t.place) for t in rack.layout.trays if t.kind in HOSTS])
    (only,) = isolated(rack).stages
    assert {c.name: c.steady_s for c in only.before}["flow"] == 120.0
    rack.set("u01", Quantity.FLOW, 0.0)
    (only,) = isolated(rack).stages
    assert {c.name for c in only.before} == {"off", "gpus", "switch_chips"}


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"target": f"{RACK}/u12"}, ArgumentsInvalid, "no tray of it is isolated alone"),
        ({"fixed": ["u07", "u40"]}, ArgumentsInvalid, "u07, u40 offers no way to switch its output off"),
        ({"offers": frozenset({PowerAction.ON})}, ArgumentsInvalid, "cannot be isolated: u06, u07"),
        ({"busy": "k01-3 (on k01) is under way"}, PreconditionFailed, "k01-3"),
    ],
)
def test_what_cannot_be_isolated_says_so_and_what_to_do(
    more: dict[str, Any], kind: type[CommandRefused], said: str
) -> None:
    with pytest.raises(kind, match=said) as refused:
        isolated(InterlockedRack(), **more)
    assert refused.value.advice


def test_batteries_on_the_bus_make_it_no_isolation() -> None:
    rack = InterlockedRack(layout=planned("orv3-hpr-nvl36x2"))
    with pytest.raises(ArgumentsInvalid, match="the batteries in u09, u11, u13 go on feeding its busbar"):
        isolated(rack, generation="orv3-hpr-nvl36x2")
