"""Plans as files: shorter ones keep the steps and limits of the whole one, and what is wrong is refused by its line."""

from pathlib import Path

import pytest
from support.scripted_rack import parts

from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from rack_controller.acceptance.drive import planned_seconds
from rack_controller.acceptance.plans import plan_names, plan_path, read_plan, whole_plan
from rack_controller.acceptance.preview import preview

HEAD = "schema_version: 1\nname: mine\ntitle: Mine\nextends: gb200-nvl72\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "acceptance.yaml"
    path.write_text(HEAD + text)
    return path


def test_the_short_plan_has_steps_and_limits_of_the_whole_one_and_takes_minutes() -> None:
    assert plan_names("gb200-nvl72") == ["short"]
    whole, _ = read_plan(plan_path("gb200-nvl72"))
    short, _ = read_plan(plan_path("gb200-nvl72", name="short"))
    limits = {(s.id, m.id): (m.least, m.most, m.within, m.share) for s in whole.steps for m in s.measures}
    for step in short.steps:
        assert step.measures, step.id
        assert step.retest == 0
        for m in step.measures:
            assert (m.least, m.most, m.within, m.share) == limits[step.id, m.id]
    assert sum(planned_seconds(s, parts()) for s in short.steps) < 90
    assert sum(planned_seconds(s, parts()) for s in whole.steps) > 3600
    assert short.stop == whole.stop
    assert (whole.accepts, short.accepts) == (True, False)


def test_only_keeps_the_order_and_asks_for_nothing_that_is_left_out(tmp_path: Path) -> None:
    plan, _ = read_plan(written(tmp_path, "only: [pumps, leak_watch]\n"))
    assert [(s.id, s.after) for s in plan.steps] == [("leak_watch", []), ("pumps", [])]


@pytest.mark.parametrize(
    ("text", "accepts"),
    [("", True), ("only: [pumps]\n", False), ("only: [pumps]\naccepts: true\n", True), ("accepts: false\n", False)],
)
def test_some_steps_of_a_plan_are_a_look_unless_somebody_answers_for_them(text: str, accepts: bool) -> None:
    plan, whole = whole_plan(HEAD + text, "plan.yaml")
    assert plan.accepts is accepts
    assert whole_plan(whole, "kept.yaml")[0].accepts is accepts, "so does the whole text that a run keeps"


def test_a_wrong_baseline_is_told_with_the_file_that_it_stands_in(tmp_path: Path) -> None:
    path = written(tmp_path, "baseline: {source: '', firmware: {gpu: '1'}}\n")
    with pytest.raises(FileInvalid, match="expected who wants these versions") as caught:
        read_plan(path)
    assert caught.value.file == str(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("only: [nothing]\n", "only[0]: expected a step of that plan"),
        ("only: []\n", "only: expected a list"),
        ("sweep: {nothing: []}\n", "sweep.nothing: expected a step"),
        ("sweep: [power]\n", "sweep: expected a list of phases by step"),
        ("sweep: {power: [nothing]}\n", "expected a phase of this step"),
    ],
)
def test_a_wrong_plan_is_refused_by_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(FileInvalid) as caught:
        read_plan(written(tmp_path, text))
    assert says in str(caught.value)


def test_a_plan_that_no_generation_has_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        plan_path("gb200-nvl72", name="long")
    assert "short" in str(caught.value)


def test_a_rack_without_a_baseline_is_told_before_a_run_that_nothing_holds_its_firmware() -> None:
    found = preview("gb200-nvl72", "L10", reads=[])
    assert ("firmware", "versions", "baseline") in {(u.step, u.measure, u.what) for u in found.untold}


def test_what_takes_racks_together_is_told_before_a_run_of_one_that_it_can_only_be_an_error() -> None:
    told = {(u.step, u.measure) for u in preview("gb200-nvl72", "L12", reads=[]).untold if "other racks" in u.what}
    assert {("cluster_clock", "clock"), ("cluster_load", "limit"), ("cluster_load", "together")} <= told
    assert not {step for step, _ in told} - {"cluster_clock", "cluster_load"}
