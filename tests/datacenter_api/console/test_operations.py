"""Operations on the console: a rack's list, one as a timeline; what failed is told by shape and word."""

import msgspec
import pytest
from support.kill_story import KINDS, RACK, plan_of

from datacenter_api.console.operations import (
    STATES,
    STEPS,
    OperationSight,
    OperationsState,
    draw_operation,
    draw_operations,
    ended,
)
from rack_controller.model.operation import (
    Operation,
    OperationState,
    PlannedCheck,
    StepProgress,
    StepState,
    Wait,
    row_of,
)

NS = 1_000_000_000
PLAN = plan_of(next(k for k in KINDS if k.name == "on plain"))
U11, U12 = (step.id for step in PLAN.steps)


def operation(**more: object) -> Operation:
    base = Operation("k07-3", PLAN, "ada", "<b>new</b>", 3600 * NS, approved_by="eve", state=OperationState.RUNNING)
    return msgspec.structs.replace(base, **more)


def test_a_rack_lists_its_operations_with_what_they_wait_for() -> None:
    waiting = operation(wait=Wait("coolant flow: 50 L/min, at least 90", 3605 * NS, 3725 * NS))
    drawn = draw_operations(OperationsState((row_of(waiting),)))
    assert 'href="/console/operation/k07-3"' in drawn
    assert "▶ running" in drawn
    assert "coolant flow: 50 L/min, at least 90" in drawn
    assert "since 01:00:05, until 01:02:05" in drawn
    assert "on k07, 0 of 2" in drawn


def test_a_timeline_shows_stages_steps_and_why() -> None:
    steps = {
        U11: StepProgress(StepState.DONE, 0, 3610 * NS, "seen on"),
        U12: StepProgress(StepState.HELD, 0, 3611 * NS, "it does not <answer>"),
    }
    check = PlannedCheck("up", "switch trays on", [])
    plan = msgspec.structs.replace(
        PLAN,
        stages=[msgspec.structs.replace(PLAN.stages[0], after=[check])],
        already=[f"{RACK}/u13"],
        unswitched=[f"{RACK}/u14"],
        left_out={f"{RACK}/u15": "latch k07-l1: <Leak>"},
    )
    held = operation(state=OperationState.HELD, steps=steps, plan=plan, summary="1 of 2; u12: held")
    drawn = draw_operation("k07-3", OperationSight(held))
    assert "◆ held" in drawn
    assert "● done" in drawn
    assert "it does not &lt;answer&gt;" in drawn
    assert "&lt;b&gt;new&lt;/b&gt;" in drawn
    assert "after: switch trays on" in drawn
    assert "As wanted before: u13" in drawn
    assert "Nothing can switch: u14" in drawn
    assert "u15 is left out: latch k07-l1: &lt;Leak&gt;" in drawn
    assert "approved by eve" in drawn
    assert "not approved yet" in draw_operation("k07-3", OperationSight(operation(approved_by="")))


def test_what_is_not_known_says_so() -> None:
    assert "Asking the controller" in draw_operations(None)
    assert "Not known: no bus" in draw_operations(OperationsState(error="no bus"))
    assert "None yet" in draw_operations(OperationsState())
    assert "Asking the controller" in draw_operation("k07-3", None)
    assert "Not known: gone" in draw_operation("k07-3", OperationSight(None, "gone"))


@pytest.mark.parametrize("state", OperationState)
def test_every_state_has_a_shape_and_a_word(state: OperationState) -> None:
    assert STATES[state][1].split()[1] == state
    assert ended([row_of(operation(state=state))]) is (state in ("done", "failed", "cancelled", "planned"))
    assert all(text.split()[1] == step for step, text in STEPS.items())
