"""Which steps begin: width, gap, granted sum, gates, failures; and that no order of events breaks them."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from support.snapshots import RACK, snapshot

from firmware_bridge.vocabulary.power import PowerAction, PowerDepth
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.sequence import Act
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.steps import ACTIVE, Course, World, advance, load_w, put_step
from rack_controller.decide.summary import summarise
from rack_controller.decide.usable_now import UsableNow
from rack_controller.model.lease import Direction
from rack_controller.model.operation import (
    Manner,
    Operation,
    OperationState,
    Plan,
    PlannedCheck,
    PlannedStage,
    Step,
    StepState,
    Verb,
)
from rack_controller.model.snapshot import Snapshot

Q = Quantity

S = StepState
TRAYS = [f"{RACK}/u{n:02d}" for n in range(1, 7)]
GATE = PlannedCheck("flow", "coolant flow", [f"{RACK}/u09"], Q.FLOW, least=90.0, steady_s=10.0)


def step(tray: str, **more: object) -> Step:
    said: dict[str, object] = {"charge_w": 1000.0, "settle_s": 5.0, **more}
    name = tray.rsplit("/", 1)[-1]
    return Step(name, tray, f"{tray}/bmc", "on", [Act(PowerAction.ON, 60.0)], Direction.ENERGISED, **said)  # type: ignore[arg-type]


def operation(*stages: PlannedStage, usable_w: float = 1e6) -> Operation:
    charges = dict.fromkeys(TRAYS, 1000.0)
    plan = Plan(RACK, "g", Verb.ON, RACK, PowerDepth.HOST_OFF, Manner.FORCE, list(stages), [], charges, usable_w, 10.0)
    return Operation("k07-1", plan, "ada", "", 0, state=OperationState.RUNNING)


def stage(**more: object) -> PlannedStage:
    steps = [step(t) for t in TRAYS]
    return PlannedStage(**{"name": "compute", "title": "Compute", "steps": steps, "width": 2, **more})  # type: ignore[arg-type]


def dark() -> Snapshot:
    return snapshot({(t.rsplit("/", 1)[-1], Q.POWER_STATE): 0.0 for t in TRAYS})


def go(course: Course, now: float, world: World | None = None) -> Course:
    return advance(course, world or World(dark()), Seconds(now), int(now * 1e9))


def test_width_and_gap_bound_what_begins() -> None:
    course = go(Course(operation(stage(gap_s=3.0))), 0.0)
    assert course.begin == ("u01",)
    assert go(course, 1.0).begin == ()
    assert "3 s after the one before" in str(go(course, 1.0).operation.wait)
    course = go(course, 3.0)
    assert course.begin == ("u02",)
    assert go(course, 60.0).begin == ()  # two at a time


def test_the_granted_sum_holds_the_next_tray_back() -> None:
    course = go(Course(operation(stage(width=6), usable_w=3500.0)), 0.0)
    assert course.begin == ("u01", "u02", "u03")
    assert "granted sum to 4000 W of 3500 W" in str(course.operation.wait)


def test_what_the_power_budget_says_by_then_comes_before_the_plan_and_names_what_binds() -> None:
    less = World(dark(), usable=UsableNow(2_500.0, "feed b if feed a is lost"))
    course = go(Course(operation(stage(width=6), usable_w=3500.0)), 0.0, less)
    assert course.begin == ("u01", "u02")
    assert "granted sum to 3000 W of 2500 W (feed b if feed a is lost)" in str(course.operation.wait)
    kept = World(dark(), usable=UsableNow(100.0, "feed b", kept=True, granted=90.0))
    course = go(Course(operation(stage(width=6), usable_w=3500.0)), 0.0, kept)
    assert len(course.begin) == 6, "an armed budget makes room by limits, and says what it lacks by the lease"


def test_a_tray_that_is_not_seen_off_is_charged_whole() -> None:
    charges = dict.fromkeys(TRAYS, 1000.0)
    assert load_w(charges, None, {}) == 6000.0
    assert load_w(charges, dark(), {}) == 0.0
    assert load_w(charges, dark(), {TRAYS[0]: 200.0}) == 1200.0
    unknown = snapshot({("u01", Q.POWER_STATE): None, **{(f"u{n:02d}", Q.POWER_STATE): 0.0 for n in range(2, 7)}})
    assert load_w(charges, unknown, {}) == 1000.0
    # what another operation switches on counts here too
    course = go(Course(operation(stage(width=6), usable_w=3500.0)), 0.0, World(dark(), others={TRAYS[5]: 900.0}))
    assert course.begin == ("u01",)


def test_a_gate_must_hold_without_a_break_and_ends_the_operation_when_it_does_not_come() -> None:
    def flowing(rate: float | None) -> World:
        return World(snapshot({("u09", Q.FLOW): rate}))

    course = go(Course(operation(stage(before=[GATE], timeout_s=60.0))), 0.0, flowing(50.0))
    assert course.begin == ()
    assert "50 L/min, at least 90" in str(course.operation.wait)
    course = go(course, 1.0, flowing(100.0))
    assert "for 10 s without a break" in str(course.operation.wait)
    course = go(go(course, 8.0, flowing(None)), 9.0, flowing(100.0))  # broken: it begins anew
    assert go(course, 18.0, flowing(100.0)).begin == ()
    assert go(course, 19.0, flowing(100.0)).begin == ("u01", "u02")
    late = go(go(course, 20.0, flowing(None)), 61.0, flowing(None))
    assert late.operation.state is OperationState.FAILED
    assert "coolant flow" in late.operation.summary


def test_a_tray_that_goes_back_while_it_settles_has_failed() -> None:
    begun = go(Course(operation(stage(width=1))), 0.0)
    settling = Course(put_step(begun.operation, "u01", S.SETTLING, 1), begun.marks)
    settling = go(settling, 1.0, World(None))
    assert settling.operation.progress("u01").state is S.SETTLING
    gone = go(settling, 3.0, World(snapshot({("u01", Q.POWER_STATE): 0.0}, tick=2)))
    assert gone.operation.progress("u01").why == "it was seen on, and is off again"
    assert go(settling, 7.0, World(None)).operation.progress("u01").state is S.DONE


def test_failures_stop_or_go_on_as_the_plan_says_and_are_summed_up() -> None:
    for stops in (True, False):
        more = PlannedStage("next", "Next", [msgspec.structs.replace(step(TRAYS[0]), id="more")])
        course = go(Course(operation(stage(width=6, stops=stops), more)), 0.0)
        done = course.operation
        for tray in TRAYS[:5]:
            done = put_step(done, tray.rsplit("/", 1)[-1], S.DONE, 1)
        done = put_step(done, "u06", S.FAILED, 1, "refuses on, 409, in state powering off")
        after = go(Course(done, course.marks), 1.0)
        assert (after.operation.state is OperationState.FAILED) is stops
        assert after.begin == (() if stops else ("more",))
        if stops:
            assert after.operation.summary.startswith("5 of 7; u06: refuses on, 409, in state powering off")


IN_FABRIC = [
    PlannedCheck("fabric", "GPUs in the fabric", [f"{t}/gpu0" for t in TRAYS], Q.FABRIC_STATE, wanted="completed")
]


def fail(course: Course, *names: str) -> Course:
    operation = course.operation
    for name in names:
        operation = put_step(operation, name, S.FAILED, 1, "locked by bob")
    return Course(operation, course.marks)


def test_an_operation_of_which_every_tray_failed_is_over_at_once() -> None:
    one = stage(steps=[step(TRAYS[0])], stops=False, timeout_s=900.0)
    gate = [msgspec.structs.replace(IN_FABRIC[0], places=IN_FABRIC[0].places[:1])]
    flow = PlannedStage("cooled", "Coolant outlives the heat", after=[GATE])
    course = go(Course(operation(msgspec.structs.replace(one, after=gate), flow)), 0.0)
    over = go(fail(course, "u01"), 1.0).operation
    assert over.state is OperationState.FAILED
    assert over.summary == "0 of 1; u01: locked by bob; Compute: no tray is left to be checked"
    assert over.wait is None


def test_a_gate_counts_only_trays_that_the_operation_still_has() -> None:
    both = [stage(steps=[step(TRAYS[0])], stops=False), stage(steps=[step(t) for t in TRAYS[1:3]], stops=False)]
    both[1] = msgspec.structs.replace(
        both[1], after=[msgspec.structs.replace(IN_FABRIC[0], places=IN_FABRIC[0].places[1:3])], timeout_s=900.0
    )
    begun = go(Course(put_step(operation(*both), "u01", S.DONE, 1)), 0.0)
    assert begun.begin == ("u02", "u03")
    all_failed = go(fail(begun, "u02", "u03"), 11.0).operation
    assert (all_failed.state, all_failed.wait) == (OperationState.FAILED, None)
    assert all_failed.summary.endswith("Compute: no tray is left to be checked")
    half = fail(Course(put_step(begun.operation, "u03", S.DONE, 1), begun.marks), "u02")
    waits = go(half, 11.0)
    assert "GPUs in the fabric: 0 of 1" in str(waits.operation.wait)
    joined = go(waits, 12.0, World(snapshot({("u03/gpu0", Q.FABRIC_STATE): 3.0})))
    assert joined.operation.summary == "2 of 3; u02: locked by bob"


def test_what_stands_on_trays_that_all_failed_does_not_begin() -> None:
    """Switch trays must not go off under hosts only because every host refused to go off."""
    hosts = stage(steps=[step(t) for t in TRAYS[:2]], stops=False)
    off = PlannedCheck("hosts_off", "compute trays off", TRAYS[:2], Q.POWER_STATE, wanted="off")
    switch = PlannedStage("switch", "Switch trays", [step(TRAYS[2])], before=[off], timeout_s=300.0)
    course = go(Course(operation(hosts, switch)), 0.0)
    over = go(fail(course, "u01", "u02"), 1.0)
    assert (over.operation.state, over.begin) == (OperationState.FAILED, ())
    assert "Switch trays: compute trays off: no tray is left that could meet it" in over.operation.summary


def hosts_then_switch() -> Course:
    hosts = stage(steps=[step(t) for t in TRAYS[:2]], stops=False)
    off = PlannedCheck("hosts_off", "compute trays off", TRAYS[:2], Q.POWER_STATE, wanted="off")
    switch = PlannedStage("switch", "Switch trays", [step(TRAYS[2])], before=[off], timeout_s=300.0)
    return go(Course(operation(hosts, switch)), 0.0)


def test_the_fabric_stays_for_a_host_that_did_not_go_off_until_a_person_decides() -> None:
    begun = hosts_then_switch()
    half = fail(Course(put_step(begun.operation, "u02", S.DONE, 1), begun.marks), "u01")
    on = World(snapshot({("u01", Q.POWER_STATE): 1.0, ("u02", Q.POWER_STATE): 0.0}))
    held = go(half, 11.0, on)
    assert (held.operation.state, held.begin) == (OperationState.HELD, ())
    assert "compute trays off: 1 of 2 (u01 on); see to it, then resume, or cancel" in str(held.operation.wait)
    resumed = Course(msgspec.structs.replace(held.operation, state=OperationState.RUNNING, wait=None))
    assert go(resumed, 12.0, on).operation.state is OperationState.HELD
    off = World(snapshot({("u01", Q.POWER_STATE): 0.0, ("u02", Q.POWER_STATE): 0.0}))
    assert go(resumed, 12.0, off).begin == ("u03",)


def test_a_check_that_others_fail_too_is_waited_for_and_not_held() -> None:
    begun = hosts_then_switch()
    half = fail(Course(put_step(begun.operation, "u02", S.DONE, 1), begun.marks), "u01")
    unknown = World(snapshot({("u01", Q.POWER_STATE): 1.0, ("u02", Q.POWER_STATE): None}))
    assert go(half, 11.0, unknown).operation.state is OperationState.RUNNING


def test_coolant_outlives_the_heat_of_a_host_that_did_not_go_off_too() -> None:
    cold = PlannedCheck("gpus", "GPUs cold", [f"{t}/gpu0" for t in TRAYS[:2]], Q.TEMPERATURE, most=40.0)
    hosts = stage(steps=[step(t) for t in TRAYS[:2]], stops=False)
    begun = go(Course(operation(hosts, PlannedStage("cooled", "Coolant", after=[cold], timeout_s=300.0))), 0.0)
    half = fail(Course(put_step(begun.operation, "u02", S.DONE, 1), begun.marks), "u01")
    hot = World(snapshot({("u01/gpu0", Q.TEMPERATURE): 60.0, ("u02/gpu0", Q.TEMPERATURE): 35.0}))
    assert go(half, 11.0, hot).operation.state is OperationState.HELD


def test_held_waits_for_a_person_and_cancelling_for_what_was_begun() -> None:
    course = go(Course(operation(stage(width=6))), 0.0)
    held = course.operation
    for tray in TRAYS:
        held = put_step(held, tray.rsplit("/", 1)[-1], S.HELD, 1, "it does not answer")
    after = go(Course(held, course.marks), 1.0)
    assert after.operation.state is OperationState.HELD
    assert "a person must look at u01, u02, u03, u04 and 2 more" in str(after.operation.wait)

    begun = go(Course(operation(stage(width=1))), 0.0)
    leaving = Course(msgspec.structs.replace(begun.operation, state=OperationState.CANCELLING), begun.marks)
    waiting = go(leaving, 1.0)
    assert (waiting.operation.state, waiting.begin) == (OperationState.CANCELLING, ())
    over = go(Course(put_step(leaving.operation, "u01", S.DONE, 1), leaving.marks), 2.0)
    assert over.operation.state is OperationState.CANCELLED
    assert over.operation.summary == "1 of 6; 5 cancelled"


def test_a_plan_that_nobody_approves_is_forgotten() -> None:
    planned = Course(msgspec.structs.replace(operation(stage()), state=OperationState.PLANNED))
    assert go(planned, 86_000.0).operation is planned.operation
    over = go(planned, 86_500.0).operation
    assert (over.state, over.summary) == (OperationState.CANCELLED, "0 of 6; not approved within 24 h; 6 not begun")


def test_a_step_waits_for_the_one_it_needs() -> None:
    deeper = step(TRAYS[0], needs="u01")
    deeper = msgspec.structs.replace(deeper, id="deeper")
    course = go(Course(operation(stage(steps=[step(TRAYS[0]), deeper]))), 0.0)
    assert course.begin == ("u01",)
    failed = put_step(course.operation, "u01", S.FAILED, 1, "no")
    stopped = go(Course(failed, course.marks), 1.0)
    assert stopped.begin == ()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_happens_the_bounds_hold(data: st.DataObject) -> None:
    width, usable = data.draw(st.integers(1, 6)), data.draw(st.sampled_from([2500.0, 4500.0, 1e6]))
    stops = data.draw(st.booleans())
    course = Course(operation(stage(width=width, stops=stops), usable_w=usable))
    begun: list[str] = []
    now = 0.0
    for _ in range(40):
        course = go(course, now)
        begun += course.begin
        acting = [s for s, p in course.operation.steps.items() if p.state in ACTIVE]
        assert len(acting) <= width
        charged = {s for s, p in course.operation.steps.items() if p.state is not S.WAITING}
        assert len(charged) * 1000.0 <= usable
        assert len(begun) == len(set(begun))
        if course.operation.over or course.operation.state is OperationState.HELD:
            break
        for name in [s for s, p in course.operation.steps.items() if p.state is S.ACTING]:
            end = data.draw(st.sampled_from([S.ACTING, S.SETTLING, S.FAILED, S.HELD, S.DONE]))
            if end is not S.ACTING:
                course = Course(put_step(course.operation, name, end, int(now), "so"), course.marks)
        now += data.draw(st.sampled_from([0.5, 2.0, 6.0]))
    if course.operation.state is OperationState.DONE:
        assert all(p.state is S.DONE for p in course.operation.steps.values())
    assert summarise(course.operation)
