"""Groups side by side: each rack once, like with like, nothing filled in; and the tables as files."""

import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.vocabulary.errors import FileInvalid
from firmware_bridge.wire.located_yaml import parse
from rack_controller.prove.evaluate.as_csv import differences_csv, values_csv
from rack_controller.prove.evaluate.compare import Verdict, compare, grouped
from rack_controller.prove.evaluate.criteria import (
    SPAN_OF,
    CriterionSpec,
    EvaluationPlan,
    EvaluationStep,
    Stretch,
    Way,
    evaluation_plan_of,
)
from rack_controller.prove.evaluate.milestones import Milestone, What, dock_to_job, time_to_repair
from rack_controller.prove.evaluate.sheet import Seen, Sheet

WORK = CriterionSpec("work", "Work", "TFLOP/s", "higher", Way.WORK_PER_KW, "a test")
FAILS = CriterionSpec("fails", "Failures", "1/rack-day", "lower", Way.FAILURES, "a test")
ORIGIN = CriterionSpec("origin", "Origin", "%", "higher", Way.ORIGIN, "a test")
PLAN = EvaluationPlan(1, "plan", "Plan", [EvaluationStep("s", "S", [Stretch("full", 1.0)])], [WORK, FAILS, ORIGIN])
HOUR = 3_600 * 10**9


def sheet(rack: str, generation: str, *, rig: str = "live", **seen: Seen) -> Sheet:
    return Sheet(rack, generation, rig, "ev-1", "ab", 1, 2.0, seen)


def racks(generation: str, values: list[float], under: str = "a") -> list[Sheet]:
    return [sheet(f"{generation}/{n}", generation, work=Seen(v, under=under)) for n, v in enumerate(values)]


def test_a_real_difference_is_told_with_its_interval_and_the_better_group() -> None:
    found = compare(PLAN, {"old": racks("old", [10.0, 10.2, 9.8]), "new": racks("new", [12.0, 12.1, 11.9])})
    (contrast,) = [c for c in found.contrasts if c.criterion == "work"]
    assert (contrast.verdict, contrast.better, contrast.difference) == (Verdict.REAL, "new", pytest.approx(2.0))
    assert contrast.low is not None
    assert contrast.low > 1.0
    same = compare(PLAN, {"a": racks("a", [10.0, 12.0, 14.0]), "b": racks("b", [11.0, 12.5, 13.0])})
    assert [c.verdict for c in same.contrasts if c.criterion == "work"] == [Verdict.NOT_SHOWN]


USABLE = CriterionSpec("usable", "Usable GPUs", "GPUs", "higher", Way.USABLE, "a test", faults=2)


def counted(values: list[float], most: float | None) -> list[Sheet]:
    return [sheet(f"g/{n}", "g", usable=Seen(v, under="a", most=most)) for n, v in enumerate(values)]


def test_an_interval_holds_nothing_that_cannot_be() -> None:
    plan = msgspec.structs.replace(PLAN, criteria=[USABLE])
    groups = {"a": counted([0.0, 18.0, 72.0], 72.0), "b": counted([36.0, 72.0, 72.0], 72.0)}
    found = compare(plan, groups)
    ends = [(c.low, c.high) for c in found.cells]
    assert ends[0] == (0.0, 72.0), "Student's would go from -64 to 124"
    assert ends[1][0] is not None
    assert 0.0 < ends[1][0] < 36.0, "an end that can be stays what it was"
    assert ends[1][1] == 72.0
    (contrast,) = found.contrasts
    assert contrast.high == 72.0
    (before,) = compare(plan, {"a": counted([0.0, 18.0, 72.0], None)}).cells
    assert (before.low, before.high is not None and before.high > 72.0) == (0.0, True), "sheets of before tell no most"


def test_every_way_has_a_span_and_a_share_of_what_is_planned_may_be_overdrawn() -> None:
    assert SPAN_OF.keys() == set(Way)
    headroom = msgspec.structs.replace(WORK, id="work", way=Way.HEADROOM)
    plan = msgspec.structs.replace(PLAN, criteria=[headroom])
    (cell,) = compare(plan, {"g": racks("g", [0.2, 0.9, -0.3])}).cells
    assert cell.low is not None
    assert cell.low < -0.3
    assert cell.high == 1.0


def test_what_was_measured_before_a_design_was_changed_is_another_group() -> None:
    old, new = (msgspec.structs.replace(sheet("k1", "own"), design_sha256=c * 64) for c in "ab")
    sheets = [old, new, sheet("k2", "own"), sheet("k3", "h")]
    assert list(grouped(sheets, "generation")) == [
        "h",
        "own (as it ships)",
        "own (design aaaaaaaa)",
        "own (design bbbbbbbb)",
    ]
    assert list(grouped(sheets, "rack")) == ["k1 (design aaaaaaaa)", "k1 (design bbbbbbbb)", "k2", "k3"]
    assert list(grouped([old, sheet("k3", "h")], "generation")) == ["h", "own"]
    assert list(grouped(sheets, "run")) == ["ev-1"]
    virtual = msgspec.structs.replace(old, rig="virtual")
    assert "own (virtual, design aaaaaaaa)" in grouped([*sheets, virtual], "generation")


def test_a_rack_counts_once_however_often_it_was_measured() -> None:
    often = [sheet("k1", "g", work=Seen(10.0 + d, under="a")) for d in (-0.1, 0.0, 0.1)] * 3
    cell = compare(PLAN, {"g": [*often, *racks("g", [12.0, 14.0])]}).cell("work", "g")
    assert cell is not None
    assert (cell.racks, cell.value) == (3, pytest.approx(12.0))
    assert cell.within == pytest.approx(0.0866, abs=1e-3)
    alone = compare(PLAN, {"g": often}).cell("work", "g")
    assert alone is not None
    assert (alone.low, alone.high) == (None, None), "nine runs of one rack say nothing of other racks"


def test_only_like_is_compared_with_like() -> None:
    found = compare(PLAN, {"a": racks("a", [1.0, 1.1]), "b": racks("b", [9.0, 9.1], under="other")})
    (contrast,) = [c for c in found.contrasts if c.criterion == "work"]
    assert (contrast.verdict, contrast.difference) == (Verdict.NOT_COMPARABLE, None)
    mixed = compare(PLAN, {"a": [*racks("a", [1.0, 1.1]), *racks("x", [9.0], under="other")]}).cell("work", "a")
    assert mixed is not None
    assert (mixed.value, mixed.why) == (
        pytest.approx(1.05),
        "left out: 1 under other stimuli, 1 racks not measured",
    )


def test_what_was_not_measured_has_no_number_anywhere() -> None:
    silent = [sheet("k1", "g", work=Seen(why="nothing measures pump.power"))]
    found = compare(PLAN, {"g": silent, "h": racks("h", [1.0, 2.0])})
    cell = found.cell("work", "g")
    assert cell is not None
    assert (cell.value, cell.low, cell.why) == (None, None, "nothing measures pump.power")
    assert {c.verdict for c in found.contrasts} == {Verdict.NOT_MEASURED}
    assert {c.value for c in found.cells if c.criterion == "fails"} == {None}


def test_failures_are_added_up_over_exposures_and_bounded() -> None:
    some = [sheet(f"k{n}", "g", fails=Seen(0.0, events=0, exposure=10.0, under="a")) for n in range(3)]
    other = [sheet("x", "h", fails=Seen(1.2, events=12, exposure=10.0, under="a"))]
    found = compare(PLAN, {"g": some, "h": other})
    cell = found.cell("fails", "g")
    assert cell is not None
    assert (cell.value, cell.events, cell.exposure, cell.high) == (0.0, 0, 30.0, pytest.approx(3.68888 / 30, rel=1e-4))
    (contrast,) = [c for c in found.contrasts if c.criterion == "fails"]
    assert (contrast.verdict, contrast.better) == (Verdict.REAL, "g")


def test_shares_with_bounds_are_apart_only_where_they_do_not_overlap() -> None:
    def of(low: float, high: float | None) -> list[Sheet]:
        return [sheet("k", "g", origin=Seen(low, low=low, high=high, under="r"))]

    apart = compare(PLAN, {"a": of(40, 50), "b": of(60, 70)}).contrasts[-1]
    assert (apart.verdict, apart.better, apart.low, apart.high) == (Verdict.REAL, "b", 10, 30)
    assert compare(PLAN, {"a": of(40, 65), "b": of(60, 70)}).contrasts[-1].verdict is Verdict.NOT_SHOWN
    assert compare(PLAN, {"a": of(40, None), "b": of(60, 70)}).contrasts[-1].verdict is Verdict.NOT_SHOWN


def test_virtual_racks_stand_apart_from_real_ones_of_their_generation() -> None:
    sheets = [*racks("g", [1.0]), sheet("v", "g", rig="virtual"), sheet("w", "h", rig="virtual")]
    assert list(grouped(sheets, "generation")) == ["g (live)", "g (virtual)", "h"]
    with pytest.raises(ValueError, match="generation, rack or run"):
        grouped(sheets, "colour")


@given(st.lists(st.floats(0.5, 2.0), min_size=2, max_size=6), st.integers(2, 6))
def test_the_same_racks_twice_are_never_told_apart(values: list[float], groups: int) -> None:
    found = compare(PLAN, {f"g{n}": racks(f"g{n}", values) for n in range(groups)})
    assert {c.verdict for c in found.contrasts if c.criterion == "work"} == {Verdict.NOT_SHOWN}
    assert found.tests == groups * (groups - 1) // 2


def test_tables_as_csv_hold_every_cell_and_no_formula() -> None:
    bad = msgspec.structs.replace(PLAN, criteria=[msgspec.structs.replace(WORK, title="=1+1")])
    found = compare(bad, {"+g": racks("g", [1.0, 2.0]), "h": [sheet("k", "h")]})
    rows = list(csv.DictReader(io.StringIO(values_csv(found))))
    assert [(r["group"], r["value"], r["title"]) for r in rows] == [("'+g", "1.5", "'=1+1"), ("h", "", "'=1+1")]
    (line,) = csv.DictReader(io.StringIO(differences_csv(found)))
    assert (line["verdict"], line["p"]) == ("not_measured", "")


def test_hours_follow_from_moments_and_open_ends_are_not_measured() -> None:
    def at(what: What, hour: int) -> Milestone:
        return Milestone("k1", what, hour * HOUR, "ada", 0)

    assert dock_to_job([at(What.DOCKED, 1), at(What.FIRST_JOB, 49)]).value == 48.0
    assert dock_to_job([at(What.FIRST_JOB, 49)]).value is None
    assert dock_to_job([at(What.DOCKED, 50), at(What.FIRST_JOB, 49)]).value is None
    done = [at(What.FAILED, 1), at(What.REPAIRED, 5), at(What.FAILED, 9), at(What.REPAIRED, 11), at(What.FAILED, 12)]
    assert (time_to_repair(done).value, time_to_repair(done).detail) == (3.0, "2 repairs")
    assert time_to_repair([at(What.FAILED, 1)]).value is None


GOOD = """
schema_version: 1
name: short
title: Short
steps: [{id: s, title: S, stretches: [{name: full, load: 1.0, for_s: 4}]}]
criteria:
  - {id: heat, title: Heat, unit: K, better: higher, way: margin, source: x,
     step: s, stretch: full, of: gpu.temperature, limit: 85, loaded: full}
"""


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ("stretch: full, of", "stretch: none, of", "expected a stretch of that step"),
        ("step: s, stretch", "step: t, stretch", "expected a step of this plan"),
        ("limit: 85, ", "", "margin needs it"),
        ("source: x", 'source: " "', "expected who says so"),
        ("way: margin", "way: guess", "guess"),
        ("load: 1.0", "load: 2.0", "<= 1"),
        ("id: heat", "id: Heat", "pattern|match"),
        ("better: higher", "better: more", "more"),
    ],
)
def test_a_wrong_plan_is_refused_where_it_is_wrong(was: str, becomes: str, complaint: str) -> None:
    assert evaluation_plan_of(parse(GOOD, "plan.yaml")).criterion("heat") is not None
    with pytest.raises(FileInvalid, match=complaint) as caught:
        evaluation_plan_of(parse(GOOD.replace(was, becomes), "plan.yaml"))
    assert "plan.yaml" in str(caught.value)
