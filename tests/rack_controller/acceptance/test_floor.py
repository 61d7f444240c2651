"""What the floor hands in out of files: whole or not at all, every fault by its row, found again by check and time."""

import datetime
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.floor import FLOOR, facts_of, noted, read_checks, records_of, take_floor
from rack_controller.acceptance.floor_log import FloorLogs, on_times
from rack_controller.prove.accept.evidence import Evidence
from rack_controller.prove.accept.floor import COLUMNS, SCHEMA, Known, read_floor
from rack_controller.prove.accept.judge import judge
from rack_controller.prove.accept.parts import Parts, parts_of
from rack_controller.prove.accept.plan import MeasureSpec, Rule
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.complaints import Complaints

RACK = "tx1/a/r03/k07"
HEADING = "kind,place,tester,calibrated_until,on,nm,mohm,volts"
TORQUE = "torque,u06,wrench-1,2027-05-31,2026-11-20,12.1,,"


@pytest.fixture(scope="module")
def parts() -> Parts:
    generation = load_generation("gb200-nvl72")
    return parts_of(generation, design_of(generation))


def known(parts: Parts) -> Known:
    return Known(parts.kind_of, read_checks(), datetime.datetime(2026, 11, 30, 16, tzinfo=datetime.UTC), RACK)


def faults_of(parts: Parts, *rows: str, heading: str = HEADING) -> list[str]:
    complaints = Complaints()
    assert len(read_floor("\n".join([heading, *rows]).encode(), known(parts), complaints)) == 0
    return [str(c) for c in complaints.shown]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("torque,u99,wrench-1,2027-05-31,2026-11-20,12.1,,", "row 2, place: it is measured at shelf"),
        ("torque,u11/gpu0,wrench-1,2027-05-31,2026-11-20,12.1,,", "row 2, place: it is measured at shelf"),
        ("smell,u06,nose,2027-05-31,2026-11-20,12.1,,", "row 2, kind: no check or series is called so"),
        ("torque,u07,,2027-05-31,2026-11-20,12.1,,", "row 2, tester: it is missing"),
        ("torque,u07,w,2027-02-30,2026-11-20,12.1,,", "row 2, calibrated_until: expected a day"),
        ("torque,u07,w,2027-05-31,2026-12-24,12.1,,", "row 2, on: a day that has not come yet"),
        ("torque,u07,w,2027-05-31,2026-11-20,=1+1,,", "row 2, nm: expected a number"),
        ("torque,u07,w,2027-05-31,2026-11-20,nan,,", "row 2, nm: expected a number"),
        ("torque,u07,w,2027-05-31,2026-11-20,1210,,", "row 2, nm: expected 0 to 200"),
        ("torque,u07,w,2027-05-31,2026-11-20,12.1,30,", "row 2, mohm: torque has no such number"),
        ("torque,u07,=HYPERLINK(),2027-05-31,2026-11-20,12.1,,", "row 2, tester: begins like a spreadsheet"),
        ("torque,u07,w,2027-05-31,2026-11-20,12.1", "row 2, row: 6 cells, the heading has 8"),
        (TORQUE, "row 2, place: row 1 is of the same check, place and day"),
    ],
)
def test_a_bad_row_is_told_by_its_number_and_nothing_is_taken(parts: Parts, row: str, says: str) -> None:
    assert any(says in fault for fault in faults_of(parts, TORQUE, row)), faults_of(parts, TORQUE, row)


def test_wrong_files_are_told_as_such(parts: Parts) -> None:
    for data, says in (
        (b"", "it is empty"),
        ("k;p\nü".encode("latin-1"), "is not UTF-8"),
        (b"kind;place;tester\n", "parted by ';'"),
        (b'{"records": []}', "expected {"),
        (b'{"schema": ', "cannot be read as JSON"),
        (b"kind,place\ntorque,u06\n", "the heading must have this column once"),
    ):
        complaints = Complaints()
        assert len(read_floor(data, known(parts), complaints)) == 0
        assert any(says in str(c) for c in complaints.shown), (says, complaints.shown)
        assert all(c.row == 0 or "UTF-8" in str(c) for c in complaints.shown), "a wrong file is no hundred wrong rows"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.lists(st.text(max_size=12), max_size=9))
def test_no_bytes_raise(parts: Parts, data: bytes, cells: list[str]) -> None:
    read_floor(data, known(parts), Complaints())
    read_floor((HEADING + "\n" + ",".join(cells)).encode("utf-8", "replace"), known(parts), Complaints())


def test_json_and_csv_give_the_same_records_and_the_newest_is_kept(tmp_path: Path) -> None:
    row = dict(zip(COLUMNS, TORQUE.split(","), strict=False))
    document = {"schema": SCHEMA, "records": [{**row, "place": f"{RACK}/u06", "numbers": {"nm": 12.1}}]}
    taken, complaints = take_floor(tmp_path, RACK, json.dumps(document).encode(), "floor.json", "ada", "gb200-nvl72")
    assert (taken.records, taken.readings, len(complaints)) == (1, 0, 0)
    (first,) = records_of(tmp_path, RACK)
    assert (first.place, first.numbers) == ("u06", {"nm": 12.1})
    later = TORQUE.replace("2026-11-20", "2026-11-25").replace("12.1", "11.9")
    older = TORQUE.replace("2026-11-20", "2026-11-01").replace("12.1", "3")
    for line in (later, older):
        take_floor(tmp_path, RACK, f"{HEADING}\n{line}\n".encode(), "floor.csv", "bob", "gb200-nvl72")
    (kept,) = noted(tmp_path, RACK)
    assert (kept.numbers, kept.actor, kept.on) == ({"nm": 11.9}, "bob", "2026-11-25")
    bad = f"{HEADING}\n{TORQUE}\ntorque,u99,w,2027-01-01,2026-11-20,1,,\n".encode()
    taken, complaints = take_floor(tmp_path, RACK, bad, "bad.csv", "bob", "gb200-nvl72")
    assert (taken.records, len(complaints)) == (0, 1)
    assert noted(tmp_path, RACK) == [kept]
    with pytest.raises(ConfigurationError, match="nobody knows of what design"):
        take_floor(tmp_path, "k99", bad, "bad.csv", "bob")


def test_an_expired_calibration_is_a_finding_of_the_place(parts: Parts) -> None:
    complaints = Complaints()
    rows = [f"torque,{shelf},w,2027-05-31,2026-11-20,12.1,," for shelf in parts.of("shelf")]
    rows[2] = rows[2].replace("2027-05-31", "2026-11-19")
    records = read_floor("\n".join([HEADING, *rows]).encode(), known(parts), complaints).records
    assert len(complaints) == 0
    measure = MeasureSpec("t", "t", "torque", Rule.RECORD, "a test", field="nm", least=10, most=14, only="shelf")
    found = judge(measure, Evidence("k", records=tuple(records)), parts)
    assert found.outcome is Outcome.FAIL
    assert [f.place for f in found.findings] == [parts.of("shelf")[2]]
    assert "calibrated until 2026-11-19" in found.findings[0].text


LOG = "kind,place,tester,calibrated_until,on,value"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("tray.flow,u06,meter-7,2027-05-31,2026-11-30T15:00:00Z,9.1", "place: it is measured at tray"),
        ("tray.flow,u11,meter-7,2027-05-31,2026-11-30,9.1", "on: expected a moment with its zone"),
        ("tray.flow,u11,meter-7,2027-05-31,2026-11-30T15:00:00,9.1", "on: expected a moment with its zone"),
        ("tray.flow,u11,meter-7,2027-05-31,2026-11-30T16:01:00Z,9.1", "on: a moment that has not come yet"),
        ("tray.flow,u11,meter-7,2026-11-29,2026-11-30T15:00:00Z,9.1", "calibration had run out"),
        ("tray.flow,u11,meter-7,2027-05-31,2026-11-30T15:00:00Z,910", "value: expected -50 to 200"),
        ("tray.smell,u11,meter-7,2027-05-31,2026-11-30T15:00:00Z,1", "kind: no check or series is called so"),
    ],
)
def test_a_bad_reading_is_told_by_its_row(parts: Parts, row: str, says: str) -> None:
    good = "tray.flow,u11,meter-7,2027-05-31,2026-11-30T14:59:00Z,9.3"
    told = faults_of(parts, good, row, heading=LOG)
    assert any(f.startswith("row 2, ") and says in f for f in told), told


def test_logged_readings_are_kept_by_file_and_found_by_time(tmp_path: Path) -> None:
    rows = [f"tray.flow,u11,meter-7,2027-05-31,2026-11-20T10:00:{s:02d}+00:00,{9 + s / 100}" for s in range(0, 50, 10)]
    rows.append("tray.flow,u12,meter-8,2027-05-31,2026-11-20T11:00:30+01:00,8.8")
    data = "\n".join([LOG, *rows]).encode()
    for _ in range(2):  # handed in twice, it counts once
        taken, complaints = take_floor(tmp_path, RACK, data, "log.csv", "tom", "gb200-nvl72")
        assert (taken.readings, taken.records, len(complaints)) == (6, 0, 0)
    logs = FloorLogs(tmp_path / "acceptance" / FLOOR, RACK)
    at = datetime.datetime(2026, 11, 20, 10, tzinfo=datetime.UTC).timestamp()
    found, used = logs.during(at + 5, at + 30, {"tray.flow", "switch.flow"})
    assert {p: list(v) for p, (_, v) in found["tray.flow"].items()} == {"u11": [9.1, 9.2, 9.3], "u12": [8.8]}
    assert {(u.tester, u.readings, u.actor, u.file) for u in used} == {
        ("meter-7", 3, "tom", "log.csv"),
        ("meter-8", 1, "tom", "log.csv"),
    }
    assert logs.during(at + 60, at + 90, {"tray.flow"}) == ({}, [])
    assert noted(tmp_path, RACK) == []


def test_a_reading_holds_for_a_while_and_not_for_ever() -> None:
    column = (np.array([0.0, 1.0, 2.0, 20.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    values = on_times({"a": column}, ("a", "b"), np.array([-1.0, 0.5, 4.9, 6.0, 20.0]), 3.0)
    assert np.isnan(values[:, 1]).all()
    assert values[:, 0][[1, 2, 4]].tolist() == [1.0, 3.0, 4.0]
    assert np.isnan(values[:, 0][[0, 3]]).all()


def test_a_moment_that_was_told_in_seconds_since_1970_is_the_row_s_own() -> None:
    began, rows = 1_796_122_730.8055336, np.arange(0.1, 3000.0, 30.1)  # both ways round the last digits are lost
    column = ((began + rows) - began, np.arange(100.0))
    assert on_times({"a": column}, ("a",), rows, 3.0)[:, 0].tolist() == list(range(100))


def test_records_tell_facts_of_parts(tmp_path: Path) -> None:
    data = b"kind,place,tester,calibrated_until,on,memory_gib,pcie_width,pcie_generation\n"
    data += b"gpu_inventory,u11/gpu0,burn-in 4,2027-05-31,2026-11-20,186,16,6\n"
    take_floor(tmp_path, RACK, data, "inventory.csv", "tom", "gb200-nvl72")
    told = facts_of(records_of(tmp_path, RACK), read_checks())
    assert told == {"u11/gpu0": {"memory_gib": 186.0, "pcie_width": 16.0, "pcie_generation": 6.0}}
