"""The file that a plan wants of the floor: every row that it judges, refused while empty, enough once filled in."""

import csv
import datetime
import io

import pytest
from support.scripted_rack import parts

from rack_controller.acceptance.floor import read_checks
from rack_controller.acceptance.plans import plan_path, read_plan
from rack_controller.acceptance.preview import form
from rack_controller.prove.accept.evidence import Evidence
from rack_controller.prove.accept.floor import Known, read_floor
from rack_controller.prove.accept.judge import judge_step
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.complaints import Complaints

NOW = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)
NUMBERS = {
    "nm": 12,
    "mohm": 30,
    "volts": 50,
    "begin_kpa": 700,
    "end_kpa": 699,
    "begin_c": 21,
    "end_c": 21,
    "minutes": 30,
}


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def taken(data: bytes) -> tuple[int, Complaints]:
    complaints = Complaints()
    handed = read_floor(data, Known(parts().kind_of, read_checks(), NOW), complaints)
    return len(handed), complaints


def test_an_empty_form_is_refused_row_by_row() -> None:
    data = form("gb200-nvl72", "L11", [], plan=plan_path("gb200-nvl72", name="short"))
    count, complaints = taken(data)
    assert count == 0
    assert {"tester", "on", "nm", "volts"} <= {f.field for f in complaints.shown}
    assert len(complaints) > len(rows(data)) > 300


def test_a_filled_form_holds_all_that_the_plan_judges_of_the_floor() -> None:
    found, checks, rack = rows(form("gb200-nvl72", "L11", [])), read_checks(), parts()
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, found[0].keys(), lineterminator="\n")
    writer.writeheader()
    for row in found:
        check = checks.checks[row["kind"]]
        said = {n: NUMBERS.get(n, low + 1) for n, (low, _) in check.numbers.items()}
        said |= dict.fromkeys(check.texts, rack.peer(row["place"]) or "28.42")
        writer.writerow({**row, "tester": "t1", "calibrated_until": "2027-01-01", "on": "2026-11-20", **said})
    complaints = Complaints()
    handed = read_floor(out.getvalue().encode(), Known(rack.kind_of, checks, NOW), complaints)
    assert [f.what for f in complaints.shown] == []
    plan, _ = read_plan(plan_path("gb200-nvl72"))
    told = {r.place: {**r.numbers, **r.texts} for r in handed.records if checks.checks[r.kind].facts}
    evidence = Evidence("k01", facts=told, records=tuple(handed.records))
    steps = {s.id: s for s in plan.steps}
    assert {m.outcome for m in judge_step(steps["floor_records"], plan, evidence, rack)} == {Outcome.PASS}
    cables = next(m for m in judge_step(steps["links"], plan, evidence, rack) if m.id == "cables")
    assert (cables.outcome, cables.judged) == (Outcome.PASS, 1296)
    wrong = {**told, "u19/acp1": {"neighbour": "u11/gpu1"}}
    cables = next(m for m in judge_step(steps["links"], plan, Evidence("k01", facts=wrong), rack) if m.id == "cables")
    assert [f.place for f in cables.findings] == ["u19/acp1"]


@pytest.mark.parametrize(("text", "good"), [("u11/gpu0", True), ("GPU 0", False), ("=u11/gpu0", False), ("", False)])
def test_a_far_end_is_a_place_and_nothing_else(text: str, good: bool) -> None:
    head = "kind,place,tester,calibrated_until,on,neighbour\n"
    count, complaints = taken(f"{head}nvlink_cabling,u19/acp1,nmx,2027-01-01,2026-11-20,{text}\n".encode())
    assert (count == 1, len(complaints) == 0) == (good, good)


def test_what_instruments_are_to_log_is_a_form_of_its_own() -> None:
    found = rows(form("gb200-nvl72", "L11", [], readings=True))
    assert {"tray.flow", "rack.voltage"} <= {r["kind"] for r in found}
    assert [r["place"] for r in found if r["kind"] == "tray.flow"] == list(parts().of("tray"))
    assert set(found[0]) == {"kind", "place", "tester", "calibrated_until", "on", "value"}
