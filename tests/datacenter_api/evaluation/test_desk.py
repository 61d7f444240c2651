"""The desk of evaluations: what counts, what records add, who sees costs, and what it takes to decide."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from support.as_built import RACK, csv_of, part, small_rack
from support.evaluated import NEW, OLD, keep_sheets, six_racks
from support.sealed_runs import flip

from datacenter_api.evaluation.desk import EvaluationDesk
from datacenter_api.evaluation.records import NO_PRICES, NOT_YET
from datacenter_api.passports.desk import PassportDesk
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, TargetUnknown
from rack_controller.prove.evaluate.compare import Verdict
from rack_controller.prove.evaluate.milestones import Milestone, What

DAY = date(2027, 1, 1)
HOUR = 3_600 * 10**9


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[EvaluationDesk]:
    passports = PassportDesk(tmp_path)
    yield EvaluationDesk(tmp_path, passports)
    passports.close()


def test_generations_are_compared_and_the_better_one_is_named(desk: EvaluationDesk) -> None:
    six_racks(desk.state)
    found = desk.comparison()
    (real,) = [c for c in found.contrasts if c.verdict is Verdict.REAL]
    assert (real.criterion, real.first, real.second, real.better) == ("goodput-per-kw", OLD, NEW, NEW)
    assert found.cell("ramp", OLD).why == "its plan does not ask for it"  # type: ignore[union-attr]
    assert [g.racks for g in desk.comparison("rack").groups] == [1] * 6
    assert desk.comparison(racks=["lab1/a/r01/20"]).groups[0].racks == 1
    with pytest.raises(ArgumentsInvalid, match="generation, rack or run"):
        desk.comparison("colour")


def test_an_evaluation_whose_seal_does_not_hold_is_left_out_and_says_so(desk: EvaluationDesk) -> None:
    six_racks(desk.state)
    folder = keep_sheets(desk.state, "ev-2", {"lab1/a/r01/x": (OLD, 500.0)})
    assert desk.comparison().cell("goodput-per-kw", OLD).racks == 4  # type: ignore[union-attr]
    flip(folder / "sheets.jsonl", -40)
    assert desk.comparison().cell("goodput-per-kw", OLD).racks == 3  # type: ignore[union-attr]
    assert [bool(row.fault) for row in desk.kept()] == [False, True]
    with pytest.raises(ArgumentsInvalid, match="does not count"):
        desk.comparison(ids=["ev-2"])
    with pytest.raises(TargetUnknown, match="no evaluation"):
        desk.show("ev-3")
    (folder / "sheets.jsonl").write_bytes(b"no json\n")
    assert "seal does not hold" in desk.kept()[1].fault
    assert desk.show("ev-2").sheets == []


def test_passports_and_milestones_are_laid_on_real_racks_and_costs_on_request(desk: EvaluationDesk) -> None:
    assert desk.passports.take(csv_of(small_rack()), "f.csv", "ada").accepted
    keep_sheets(desk.state, "ev-1", {RACK: (OLD, 100.0), "lab1/a/r01/k09": (NEW, 100.0)})
    for what, hour in ((What.DOCKED, 1), (What.FIRST_JOB, 49), (What.FAILED, 60), (What.REPAIRED, 64)):
        desk.note(Milestone(RACK, what, hour * HOUR, "ada", 0))
    found = desk.comparison(prices=True)
    values = {c.criterion: (c.value, c.low, c.high) for c in found.cells if c.group == OLD}
    assert values["dock-to-first-job"] == (48.0, None, None)
    assert values["time-to-repair"] == (4.0, None, None)
    assert values["cost"] == (2_000.0, 2_000.0, 2_000.0)
    assert values["origin"] == (79.99, 79.99, 80.01)
    bare = {c.criterion: c.why for c in found.cells if c.group == NEW}
    assert (bare["origin"], bare["dock-to-first-job"]) == ("no as-built records", "nobody noted when it was docked")
    hidden = desk.comparison().cell("cost", OLD)
    assert hidden is not None
    assert (hidden.value, hidden.why) == (None, NO_PRICES)
    assert desk.passports.take(csv_of([part(f"{RACK}/u30", cost="50")]), "g.csv", "ada").accepted
    assert desk.passports.take(csv_of([part(f"{RACK}/u31", cost=None)]), "h.csv", "ada").accepted
    more = desk.comparison(prices=True).cell("cost", OLD)
    assert more is not None
    assert (more.low, more.high) == (2_050.0, None), "nothing bounds what one part has cost"


def test_passports_that_are_not_counted_in_time_say_so_and_are_counted_in_the_next_look(desk: EvaluationDesk) -> None:
    assert desk.passports.take(csv_of(small_rack()), "f.csv", "ada").accepted
    keep_sheets(desk.state, "ev-1", {RACK: (OLD, 100.0)})
    hurried = desk.comparison(patience_s=0.0).cell("origin", OLD)
    assert hurried is not None
    assert (hurried.value, hurried.why) == (None, NOT_YET.why)
    assert desk.comparison().cell("origin", OLD).low == 79.99  # type: ignore[union-attr]
    assert desk.comparison(patience_s=0.0).cell("origin", OLD).low == 79.99  # type: ignore[union-attr]


def test_nobody_records_anything_of_virtual_racks(desk: EvaluationDesk) -> None:
    keep_sheets(desk.state, "ev-1", {RACK: (OLD, 100.0)}, rig="virtual")
    assert desk.passports.take(csv_of(small_rack()), "f.csv", "ada").accepted
    assert desk.comparison().cell("origin", OLD).value is None  # type: ignore[union-attr]


def test_rack_days_follow_from_how_racks_differed(desk: EvaluationDesk) -> None:
    assert {row.needed for row in desk.needed(5.0, 4, DAY, DAY)} == {None}, "nothing is known yet"
    six_racks(desk.state)
    rows = {r.criterion: r for r in desk.needed(5.0, 6, DAY + timedelta(days=30), DAY, days_before=3)}
    asked = rows["goodput-per-kw"].needed
    assert asked is not None
    assert asked.effect == pytest.approx(5.508, abs=0.01)
    assert (asked.met, asked.ready_on, asked.rack_days) == (True, DAY + timedelta(days=4), 12)
    few = {r.criterion: r for r in desk.needed(1.0, 2, DAY, DAY)}["goodput-per-kw"].needed
    assert few is not None
    assert (few.met, few.days_each, few.racks > 20) == (False, None, True)
    assert rows["failures"].exposure_days == pytest.approx(299.57, abs=0.01)
    assert "origin" not in rows, "bounds are arithmetic: no number of racks makes them narrower"
    for bad in ((0.0, 4), (5.0, 1)):
        with pytest.raises(ArgumentsInvalid):
            desk.needed(*bad, DAY, DAY)  # type: ignore[arg-type]
