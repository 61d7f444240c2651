"""`op` and `power`: what a line says, what a plan shows, and that Ctrl-C ends the watching only."""

import json
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import typer
from support.kill_story import KINDS, plan_of

from datacenter_api.cli import op
from datacenter_api.cli.group import carry_out_many
from datacenter_api.cli.output import Output
from firmware_bridge.vocabulary.errors import ConfigurationError, TargetUnknown
from rack_controller.model.operation import Operation, OperationState, StepProgress, StepState, Wait

PLAN = plan_of(next(k for k in KINDS if k.name == "on plain"))


def shown(**more: object) -> dict[str, Any]:
    base = Operation("k07-3", PLAN, "ada", "", 0, state=OperationState.RUNNING)
    row: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(base, **more))
    return row


class Scripted:
    """A connection that gives one answer after the other."""

    def __init__(self, *answers: dict[str, Any] | BaseException) -> None:
        self._answers: Iterator[dict[str, Any] | BaseException] = iter(answers)
        self.asked: list[str] = []

    def get(self, path: str, **_query: Any) -> Any:
        self.asked.append(path)
        answer = next(self._answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def post(self, _path: str, _body: Any) -> Any:
        return {"result": {}}


def follow(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any] | BaseException) -> int:
    monkeypatch.setattr(time, "sleep", lambda _s: None)
    return op.follow(Scripted(*answers[1:]), answers[0])  # type: ignore[arg-type]


def test_a_line_says_what_is_waited_for_or_how_it_ended() -> None:
    waiting = shown(wait=Wait("coolant flow: 3 of 4", 1_000_000_000, 61_000_000_000))
    assert op.waiting(waiting).startswith("coolant flow: 3 of 4 (since ")
    assert ", until " in op.waiting(waiting)
    assert op.waiting(shown(state=OperationState.DONE, summary="2 of 2")) == "2 of 2"


def test_steps_stand_with_how_far_they_are() -> None:
    steps = op.steps_of(shown(steps={PLAN.steps[0].id: StepProgress(StepState.HELD, why="silent")}))
    assert [(s["state"], s["why"]) for s in steps] == [("held", "silent"), ("waiting", "")]


def test_a_plan_is_written_stage_by_stage(capsys: pytest.CaptureFixture[str]) -> None:
    op.tell_plan(msgspec.to_builtins(msgspec.structs.replace(PLAN, already=["a/b/c/k07/u13"])))
    said = capsys.readouterr().out
    assert "1. on: k07/u11, k07/u12, 2 at a time" in said
    assert "as wanted already: k07/u13" in said
    op.tell_plan(msgspec.to_builtins(msgspec.structs.replace(PLAN, stages=[], unswitched=["a/b/c/k07/u14"])))
    assert "nothing can switch: k07/u14\nnothing to do" in capsys.readouterr().out
    wide = msgspec.structs.replace(PLAN.stages[0], width=18)
    left_out = {"a/b/c/k07/u14": "latch k07-l1: Leak at u14"}
    op.tell_plan(msgspec.to_builtins(msgspec.structs.replace(PLAN, stages=[wide], left_out=left_out)))
    said = capsys.readouterr().out
    assert "1. on: k07/u11, k07/u12, 2 at a time" in said  # no more than there are
    assert "k07/u14 is left out: latch k07-l1: Leak at u14" in said


def test_watching_ends_with_the_operation_and_tells_each_change_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running = shown(wait=Wait("u11 is being switched", 0))
    assert follow(monkeypatch, running, running, shown(state=OperationState.DONE, summary="2 of 2")) == 0
    assert capsys.readouterr().out.count("u11 is being switched") == 1
    part = msgspec.structs.replace(PLAN, left_out={"a/b/c/k07/u14": "latch k07-l1"})
    assert follow(monkeypatch, shown(state=OperationState.DONE, plan=part)) == op.FAILED
    part = msgspec.structs.replace(PLAN, unswitched=["a/b/c/k07/u14"])
    assert follow(monkeypatch, shown(state=OperationState.DONE, plan=part)) == op.FAILED
    assert follow(monkeypatch, shown(state=OperationState.FAILED)) == op.FAILED
    assert follow(monkeypatch, shown(state=OperationState.HELD)) == op.HELD


def test_ctrl_c_ends_the_watching_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(monkeypatch, shown(), KeyboardInterrupt()) == 0
    assert "k07-3 goes on by itself" in capsys.readouterr().err


def test_a_document_of_a_plan_stands_alone_while_its_operation_is_followed(capsys: pytest.CaptureFixture[str]) -> None:
    made = {"operation": "k07-3", "plan": msgspec.to_builtins(PLAN)}
    for shape in (Output.TABLE, Output.JSON, Output.NAME):
        link: Any = Scripted(shown(state=OperationState.DONE, summary="2 of 2"))
        with pytest.raises(typer.Exit) as ended:
            op.carry_out(link, "k07", "k07", made, (False, False, True, False), shape, "", ask=False)
        told = capsys.readouterr()
        assert ended.value.exit_code == 0
        assert "k07-3 done: 2 of 2\n" in (told.out if shape.is_table else told.err)
        if shape is Output.JSON:
            assert json.loads(told.out)["operation"] == "k07-3"
        if shape is Output.NAME:
            assert told.out == "k07-3\n"


def test_a_plan_that_is_only_shown_has_no_name_to_print(capsys: pytest.CaptureFixture[str]) -> None:
    made = {"operation": "", "plan": msgspec.to_builtins(PLAN)}
    link: Any = Scripted()
    with pytest.raises(ConfigurationError, match="no name to print") as refused:
        op.carry_out(link, "k07", "k07", made, (True, False, False, False), Output.NAME, "", ask=False)
    assert "--plan keeps it" in refused.value.advice
    with pytest.raises(ConfigurationError, match="no name to print"):
        carry_out_many(link, [], lambda _: made, "k07", (True, False, False, False), Output.NAME, "")
    assert capsys.readouterr().out == ""
    op.carry_out(link, "k07", "k07", made, (True, False, False, False), Output.TABLE, "", ask=False)
    assert "1. on: k07/u11" in capsys.readouterr().out


def test_an_operation_names_its_rack() -> None:
    assert op.rack_of_id("k07-12") == "k07"
    for odd in ("k07", "k07-x", "-3-"):
        with pytest.raises(TargetUnknown, match="is no operation"):
            op.rack_of_id(odd)
