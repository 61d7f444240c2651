"""Plans from the shipped sequences: order, bounds, what is left out, what is refused, and what is different later."""

from dataclasses import replace

import msgspec
import pytest
from support.snapshots import RACK, snapshot

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, CommandRefused, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerDepth
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from rack_controller.decide.plan_power import PowerWish, parse_target, plan_power
from rack_controller.decide.switch import Switch
from rack_controller.decide.usable_now import UsableNow
from rack_controller.model.layout import Layout, make_layout
from rack_controller.model.lease import Direction
from rack_controller.model.operation import Manner, Plan, Verb, diff_plans
from rack_controller.model.snapshot import Snapshot

Q = Quantity

NAMES = ("gb200-nvl72", "gb300-nvl72", "orv3-hpr-nvl36x2", "vera-rubin-nvl72")
GENERATIONS = {name: load_generation(name) for name in NAMES}
SWITCHED = (TrayKind.COMPUTE, TrayKind.SWITCH)


def layout_of(name: str) -> Layout:
    generation = GENERATIONS[name]
    endpoints = tuple(
        SiteEndpoint(join_place(RACK, slot.name, spec.name), "127.0.0.1", 443, enabled=spec.enabled)
        for slot in generation.slots
        for spec in slot.tray.endpoints
    )
    return make_layout(SiteRack(RACK, name, armed=True), generation, endpoints)


def planned(
    wish: PowerWish,
    name: str = "gb200-nvl72",
    seen: Snapshot | None = None,
    *offered: PowerAction,
    kept: dict[str, str] | None = None,
    usable: UsableNow | None = None,
) -> Plan:
    offers = frozenset(offered)
    layout = layout_of(name)
    switches = {
        Place(t.place): Switch(join_place(Place(t.place), "bmc"), offers) for t in layout.trays if t.kind in SWITCHED
    }
    now = seen or all_are(name, 0.0)
    return plan_power(wish, layout, GENERATIONS[name].sequence, switches, now, kept_off(kept), usable)


def kept_off(kept: dict[str, str] | None) -> dict[Place, str]:
    return {Place(f"{RACK}/{slot}"): why for slot, why in (kept or {}).items()}


def all_are(name: str, state: float | None, *others: str) -> Snapshot:
    trays = [s.name for s in GENERATIONS[name].slots if s.tray.kind in SWITCHED]
    opposite = None if state is None else 1.0 - state
    return snapshot({(t, Q.POWER_STATE): opposite if t in others else state for t in trays})


def order(plan: Plan) -> list[str]:
    return [f"{stage.name} {len(stage.steps)}" for stage in plan.stages]


def on(target: str = "", **more: object) -> PowerWish:
    return replace(PowerWish(Verb.ON, Place(f"{RACK}/{target}" if target else RACK)), **more)  # type: ignore[arg-type]


def test_a_rack_comes_on_in_the_documented_order() -> None:
    plan = planned(on())
    assert order(plan) == ["shelves 0", "coolant 0", "switch 9", "compute 18"]
    gate1, gate2 = plan.stages[2].after, plan.stages[3].after
    assert [c.name for c in gate1] == ["up", "nvos", "healthy", "fabric_manager"]
    assert len(gate1[0].places) == len(gate1[1].places) == 9
    assert [len(c.places) for c in gate2] == [72, 72]
    assert all(s.direction is Direction.ENERGISED and s.charge_w > 0 for s in plan.steps)


@pytest.mark.parametrize("name", NAMES)
def test_every_generation_has_an_order_and_its_sum_fits(name: str) -> None:
    plan = planned(on(), name)
    assert [s.name for s in plan.stages if s.steps] == ["switch", "compute"]
    assert sum(plan.charges.values()) + sum(s.inrush_w for s in plan.stages[-1].steps[: plan.stages[-1].width]) <= (
        plan.usable_w
    )
    off = planned(PowerWish(Verb.OFF, RACK), name, all_are(name, 1.0))
    assert [s.name for s in off.stages] == ["compute", "switch", "cooled"]
    assert all(s.direction is Direction.SAFE for s in off.steps)
    assert off.stages[-1].after[0].steady_s >= 120


def test_a_plan_says_what_the_power_budget_lets_the_rack_use_and_by_what() -> None:
    plan = planned(on(), usable=UsableNow(125_712.34, "feed b if feed a is lost"))
    assert (plan.usable_w, plan.usable_by) == (125_712.3, "feed b if feed a is lost")
    assert planned(on()).usable_by == ""


def test_off_asks_first_and_the_switches_wait_for_the_hosts() -> None:
    plan = planned(PowerWish(Verb.OFF, RACK), seen=all_are("gb200-nvl72", 1.0))
    assert [a.action for a in plan.steps[0].acts] == [PowerAction.GRACEFUL_OFF, PowerAction.FORCE_OFF]
    assert len(plan.stages[1].before[0].places) == 18
    forced = planned(PowerWish(Verb.OFF, RACK, manner=Manner.FORCE), seen=all_are("gb200-nvl72", 1.0))
    assert {a.action for s in forced.steps for a in s.acts} == {PowerAction.FORCE_OFF}
    gentle = planned(PowerWish(Verb.OFF, RACK, manner=Manner.GRACEFUL), seen=all_are("gb200-nvl72", 1.0))
    assert {a.action for s in gentle.steps for a in s.acts} == {PowerAction.GRACEFUL_OFF}


def test_one_tray_keeps_the_gates_it_stands_on() -> None:
    plan = planned(on("u12"))
    assert order(plan) == ["shelves 0", "coolant 0", "switch 0", "compute 1"]
    assert [len(c.places) for c in plan.stages[-1].after] == [4, 4]
    assert order(planned(PowerWish(Verb.OFF, Place(f"{RACK}/u12")), seen=all_are("gb200-nvl72", 1.0))) == ["compute 1"]
    cycle = planned(PowerWish(Verb.CYCLE, Place(f"{RACK}/u12")), seen=all_are("gb200-nvl72", 1.0))
    assert [(s.goal, s.needs) for s in cycle.steps] == [("off", ""), ("on", cycle.steps[0].id)]
    switches = planned(on(kind=TrayKind.SWITCH))
    assert order(switches) == ["shelves 0", "coolant 0", "switch 9"]


def test_trays_that_are_as_wanted_are_left_alone() -> None:
    plan = planned(on(), seen=all_are("gb200-nvl72", 0.0, "u11", "u12"))
    assert plan.already == [f"{RACK}/u11", f"{RACK}/u12"]
    assert len(plan.steps) == 25
    done = planned(on(), seen=all_are("gb200-nvl72", 1.0))
    assert (done.stages, len(done.already)) == ([], 27)
    assert len(planned(on(), seen=all_are("gb200-nvl72", None)).steps) == 27  # not known: switched


def test_switch_trays_do_not_go_off_under_running_hosts() -> None:
    for wish in (PowerWish(Verb.OFF, Place(f"{RACK}/u19")), PowerWish(Verb.CYCLE, RACK, TrayKind.SWITCH)):
        with pytest.raises(PreconditionFailed, match="compute trays off: 0 of 18"):
            planned(wish, seen=all_are(NAMES[0], 1.0))
    hosts = [s.name for s in GENERATIONS[NAMES[0]].slots_of(TrayKind.COMPUTE)]
    assert order(planned(PowerWish(Verb.OFF, Place(f"{RACK}/u19")), seen=all_are(NAMES[0], 1.0, *hosts))) == [
        "switch 1"
    ]


def test_deeper_comes_after_off() -> None:
    plan = planned(PowerWish(Verb.OFF, Place(f"{RACK}/u12"), depth=PowerDepth.AUX_OFF), seen=all_are(NAMES[0], 1.0))
    host, aux = plan.steps
    assert (aux.needs, aux.depth) == (host.id, PowerDepth.AUX_OFF)
    assert [a.action for a in aux.acts] == [PowerAction.AUX_OFF]


def test_only_what_a_tray_offers_is_planned() -> None:
    off = PowerWish(Verb.OFF, Place(f"{RACK}/u12"))
    seen = all_are(NAMES[0], 1.0)
    forced = planned(off, NAMES[0], seen, PowerAction.FORCE_OFF)
    assert [a.action for a in forced.steps[0].acts] == [PowerAction.FORCE_OFF]
    with pytest.raises(ArgumentsInvalid, match="u12 does not offer graceful_off or force_off"):
        planned(off, NAMES[0], seen, PowerAction.ON)


@pytest.mark.parametrize(
    ("wish", "error", "match"),
    [
        (on("u99"), TargetUnknown, "no rack or tray"),
        (on("u06"), TargetUnknown, "no power shelf there can be switched"),
        (on(kind=TrayKind.COOLANT_UNIT), TargetUnknown, "no coolant unit there"),
        (on(depth=PowerDepth.AUX_OFF), ArgumentsInvalid, "knows no depth"),
        (PowerWish(Verb.OFF, RACK, depth=PowerDepth.ISOLATED), ArgumentsInvalid, "offers no way to switch its output"),
    ],
)
def test_what_cannot_be_is_refused(wish: PowerWish, error: type[CommandRefused], match: str) -> None:
    with pytest.raises(error, match=match):
        planned(wish)


def test_a_rack_without_an_order_or_a_reading_is_not_planned() -> None:
    layout = layout_of(NAMES[0])
    with pytest.raises(PreconditionFailed, match="in which order"):
        plan_power(on(), layout, None, {}, all_are(NAMES[0], 0.0))
    no_switch = plan_power(on(), layout, GENERATIONS[NAMES[0]].sequence, {}, all_are(NAMES[0], 0.0))
    assert (no_switch.steps, len(no_switch.unswitched)) == ([], 27)
    with pytest.raises(PreconditionFailed, match="not been read"):
        plan_power(on(), layout, GENERATIONS[NAMES[0]].sequence, {}, None)


def test_what_must_stay_off_is_left_out_with_its_reason_and_no_gate_asks_for_it() -> None:
    kept = {"u12": "latch k07-l1: Leak at u12", "u13": "under maintenance: locked by bob"}
    plan = planned(on(), kept=kept)
    assert order(plan) == ["shelves 0", "coolant 0", "switch 9", "compute 16"]
    assert plan.left_out == kept_off(kept)
    assert [len(c.places) for c in plan.stages[-1].after] == [64, 64]
    assert len(planned(PowerWish(Verb.OFF, RACK), seen=all_are(NAMES[0], 1.0), kept=kept).steps) == 27  # off: always
    on_already = planned(on(), seen=all_are(NAMES[0], 0.0, "u12"), kept=kept)
    assert list(on_already.left_out) == [f"{RACK}/u13"]
    assert "u12 is left out now: latch k07-l1: Leak at u12" in diff_plans(planned(on()), plan)
    later = planned(on(), kept={**kept, "u13": "under maintenance: locked by bob, 1.9 h left"})
    assert diff_plans(plan, later) == []
    switches = planned(on(kind=TrayKind.SWITCH), kept={"u19": "latch"})
    assert (order(switches)[-1], len(switches.stages[-1].after[0].places)) == ("switch 8", 8)


@pytest.mark.parametrize(
    ("wish", "kept", "match"),
    [
        (on("u12"), {"u12": "latch k07-l1: Leak"}, "u12, which must stay off: latch k07-l1: Leak"),
        (
            on(kind=TrayKind.COMPUTE),
            {f"u{n:02d}": "emergency" for n in range(1, 49)},
            "u11, .*stay off: emergency: see",
        ),
        (on(), {"u19": "latch k07-l2: Leak"}, "Compute trays need u19, which must stay off: latch k07-l2"),
        (PowerWish(Verb.CYCLE, Place(f"{RACK}/u12")), {"u12": "locked by bob"}, "stay off: locked by bob"),
        # it is on and nobody switches it off: no switch tray may go off under it
        (PowerWish(Verb.CYCLE, RACK), {"u12": "locked by bob"}, r"compute trays off: 0 of 1 \(u12 on\); u12"),
    ],
)
def test_a_plan_that_what_must_stay_off_makes_vain_is_refused(
    wish: PowerWish, kept: dict[str, str], match: str
) -> None:
    with pytest.raises(PreconditionFailed, match=match) as refused:
        planned(wish, seen=all_are(NAMES[0], 1.0) if wish.verb is Verb.CYCLE else None, kept=kept)
    assert refused.value.exit_code == 5


def test_a_plan_is_the_same_until_the_rack_is_not() -> None:
    plan = planned(on())
    assert diff_plans(plan, planned(on())) == []
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
    later = diff_plans(plan, planned(on(), seen=all_are(NAMES[0], 0.0, "u11")))
    assert "no longer compute/u11/on" in later
    assert "u11 is as wanted by now" in later
    assert tray_of(Place(plan.steps[0].endpoint)) == plan.steps[0].tray


def test_some_trays_go_in_the_order_of_the_whole_rack_and_behind_its_gates() -> None:
    plan = planned(on(slots=("u19", "u12", "u14")))
    assert order(plan) == ["shelves 0", "coolant 0", "switch 1", "compute 2"]
    assert [leaf_of(Place(s.tray)) for s in plan.steps] == ["u19", "u12", "u14"]
    assert plan.target == f"{RACK} u19,u12,u14"
    off = planned(on(verb=Verb.OFF, slots=("u12", "u14")), "gb200-nvl72", all_are("gb200-nvl72", 1.0))
    assert order(off) == ["compute 2"], "coolant is no question while others run"


@pytest.mark.parametrize(
    ("slots", "kind", "said"),
    [
        (("u12", "u99"), None, "has no u99"),
        (("u12", "u06"), None, "u06: no power shelf there can be switched"),
        (("u19",), TrayKind.COMPUTE, "no compute there can be switched"),
    ],
)
def test_a_group_with_a_tray_that_cannot_be_switched_is_refused(
    slots: tuple[str, ...], kind: TrayKind | None, said: str
) -> None:
    with pytest.raises(TargetUnknown, match=said):
        planned(on(slots=slots, kind=kind))


@pytest.mark.parametrize(
    "wish",
    [
        on(),
        on("u12"),
        on(kind=TrayKind.COMPUTE),
        on(slots=("u12", "u14")),
        on(kind=TrayKind.SWITCH, slots=("u19", "u20")),
    ],
)
def test_a_plans_target_says_what_was_wished_for(wish: PowerWish) -> None:
    assert parse_target(wish.words) == (wish.target, wish.kind, wish.slots)
    assert parse_target(planned(wish).target) == (wish.target, wish.kind, wish.slots)
