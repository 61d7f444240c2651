"""Factory's files: what is good becomes columns, what is bad is told row by row, and nothing is kept of a bad file."""

import json

import pytest
from support.as_built import RACK, csv_of, judged, part, small_rack, step

from rack_controller.prove.complaints import MOST_SHOWN


def faults(data: bytes, **more: str) -> list[str]:
    table, complaints = judged(data, **more)
    assert (table is None) == (len(complaints) > 0)
    return [str(c) for c in complaints.shown]


def one(**cells: str) -> list[str]:
    return faults(csv_of([{**part(f"{RACK}/u01/psu0") | step("assembly", "US-TX"), **cells}]))


def test_a_good_file_becomes_records_with_exact_money() -> None:
    rows = small_rack()
    rows[1]["cost"] = "600.0125"
    table, complaints = judged(csv_of(rows))
    assert table is not None
    assert len(complaints) == 0
    assert table.column("cost").to_pylist() == [None, 6_000_125, 4_000_000, 6_000_000, 4_000_000]
    assert table.column_names[:4] == ["place", "kind", "part", "serial"]
    assert "wafer_place" not in table.column_names, "what nobody states is no column"


def test_places_may_begin_in_a_rack_that_is_named_once() -> None:
    table, _ = judged(csv_of([part("u01/psu0"), part(f"{RACK}/u02")]), rack=RACK)
    assert table is not None
    assert table.column("place").to_pylist() == [f"{RACK}/u01/psu0", f"{RACK}/u02"]


def test_json_says_the_same_as_csv_and_has_steps_as_a_list() -> None:
    steps = [
        {"process": "test", "place": "US-TX", "date": "2026-05-06", "evidence": "declared"},
        {"process": "test", "place": "US-WI", "date": "2026-05-07", "evidence": "declared"},
    ]
    parts = [{"place": f"{RACK}/u01", "kind": "psu", "part": "P", "serial": "S", "cost": 12.5, "currency": "USD"}]
    parts[0] |= {"cost_basis": "purchase", "steps": steps}
    table, complaints = judged(json.dumps({"schema": "rackwright.as-built/1", "parts": parts}).encode())
    assert [str(c) for c in complaints.shown] == []
    assert table is not None
    assert table.column("cost").to_pylist() == [125_000]
    assert table.column("test2_place").to_pylist() == ["US-WI"]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"place": ""}, "place: missing"),
        ({"place": "K01/U1"}, "place: expected site/hall/row/rack"),
        ({"place": "a/b/c"}, "place: expected site/hall/row/rack"),
        ({"kind": "Power Supply"}, "kind: expected a lower-case word"),
        ({"serial": "", "lot": ""}, "serial: neither a serial number nor a lot"),
        ({"serial": "=HYPERLINK(1)"}, "serial: begins like a spreadsheet's formula"),
        ({"supplier": "@SUM(A1)"}, "supplier: begins like a spreadsheet's formula"),
        ({"part": "P\x07"}, "part: has control characters"),
        ({"supplier": "x" * 201}, "supplier: longer than 200 characters"),
        ({"cost": "12,50"}, "cost: expected an amount"),
        ({"cost": "1e999"}, "cost: expected an amount"),
        ({"cost": "NaN"}, "cost: expected an amount"),
        ({"cost": "0.00001"}, "cost: expected an amount"),
        ({"currency": "USX"}, "currency: no ISO 4217 currency"),
        ({"currency": ""}, "currency: a cost without its currency"),
        ({"cost_basis": ""}, "cost_basis: a cost without its basis"),
        ({"cost_basis": "guess"}, "cost_basis: one of purchase"),
        ({"cost_most": "99"}, "cost_most: less than the cost"),
        ({"assembly_place": ""}, "assembly_place: missing: say 'unknown'"),
        ({"assembly_place": "Texas"}, "assembly_place: neither a site nor"),
        ({"assembly_place": "UK"}, "assembly_place: neither a site nor"),
        ({"assembly_date": "2026-02-30"}, "assembly_date: impossible: expected a day"),
        ({"assembly_date": "31.03.2026"}, "assembly_date: impossible: expected a day"),
        ({"assembly_date": "2026-12-01"}, "assembly_date: impossible: it lies in the future"),
        ({"assembly_date": "1970-01-01"}, "assembly_date: impossible: before 2000"),
        ({"assembly_evidence": "sure"}, "assembly_evidence: one of declared"),
        ({"assembly_evidence": ""}, "assembly_evidence: missing"),
        ({"assembly_reference": ""}, "assembly_evidence: says that there is a document"),
        (step("wafer", "TW", "2026-05-05"), "assembly_date: impossible: before an earlier process"),
    ],
)
def test_a_bad_cell_is_told_with_its_row(cells: dict[str, str], said: str) -> None:
    told = one(**cells)
    assert any(said in text and text.startswith("row 1, ") for text in told), told


def test_duplicates_name_both_rows() -> None:
    rows = [
        part(f"{RACK}/u01"),
        part(f"{RACK}/u02"),
        part(f"{RACK}/u03", serial="LAB1-A-R01-K01-U01"),
        part(f"{RACK}/u02"),
    ]
    told = faults(csv_of(rows))
    assert any("row 3, serial: duplicate" in t and "row 1" in t for t in told)
    assert any("row 4, place: another part has the same place: row 2" in t for t in told)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        ("place,kind\n".encode("utf-16"), "not UTF-8 but two bytes a character"),
        (b"place,kind,part,serial\nx,y,z,K\xfchler\n", "row 1, encoding: byte 0xfc at column 8 is not UTF-8"),
        (b"place;kind;part;serial\n", "cells are parted by ';'"),
        (b"place,kind,part\n", "file, serial: the heading lacks this column"),
        (b"place,kind,part,serial,colour\n", "file, colour: no such column"),
        (b"place,kind,part,serial,serial\n", "file, serial: the heading has this column more than once"),
        (b"place,kind,part,serial\na/b/c/d,psu,p\n", "row 1, row: 3 cells, the heading has 4"),
        (b'{"schema": "other", "parts": []}', "expected an object with schema"),
        (b'{"schema": "rackwright.as-built/1", "parts": [{"place": {}}]}', "row 1, place: expected a text or a number"),
        (
            b'{"schema": "rackwright.as-built/1", "parts": [{"steps": [{"process": "magic"}]}]}',
            "row 1, steps: expected",
        ),
        (b"{", "it cannot be read as JSON"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(data: bytes, said: str) -> None:
    told = faults(data)
    assert any(said in text for text in told), told


def test_rows_behind_one_that_is_no_row_are_counted_as_they_stand_in_the_file() -> None:
    lines = csv_of([part(f"{RACK}/u{n}", currency="USD" if n < 3 else "X") for n in range(4)]).splitlines(keepends=True)
    told = faults(b"".join([*lines[:2], b"short,row\n", *lines[2:4], b"a,b,c\n", *lines[4:]]))
    assert [t.split(":")[0] for t in told] == ["row 2, row", "row 5, row", "row 6, currency"]


def test_a_file_in_which_every_row_is_wrong_gives_a_bounded_report_that_counts_all() -> None:
    rows = [part(f"{RACK}/u{n}", currency="XXX", serial=f"=S{n}") for n in range(3_000)]
    table, complaints = judged(csv_of(rows))
    assert table is None
    assert len(complaints.shown) == MOST_SHOWN
    assert complaints.counts["currency: no ISO 4217 currency"] == 3_000
    assert len(complaints) >= 6_000


def test_spaces_around_a_part_number_make_no_other_part_of_it() -> None:
    rows = [part(f"{RACK}/u01", serial="S1"), part(f"{RACK}/u02", serial="S1") | {"part": " PSU-1 "}]
    table, complaints = judged(csv_of(rows))
    assert table is None
    assert "duplicate: another row has this part and serial number" in str(complaints.shown[0])
