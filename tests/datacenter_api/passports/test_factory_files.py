"""Bad files of a factory on the whole road, by REST and by the command line: each fault by row, in one report, and
nothing half kept."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from support.api import Api
from support.as_built import RACK, csv_of, part, small_rack, step

from datacenter_api.cli import passport
from datacenter_api.cli.main import run

V1 = "/api/v1/passports"
OTHER = "lab1/a/r01/k02"


def rack_with(at: int = 3, **cells: str) -> bytes:
    """Return a good rack's file in which one row has other cells."""
    rows = small_rack()
    rows[at] |= cells
    return csv_of(rows)


def twins() -> bytes:
    return csv_of([*small_rack(), part(f"{RACK}/u31", serial="SAME"), part(f"{RACK}/u32", serial="SAME")])


BAD: dict[str, tuple[bytes, str]] = {
    "latin-1 letters": (csv_of(small_rack()).replace(b"Maker", "Maker Süd".encode("latin-1")), "encoding"),
    "two bytes a character": (csv_of(small_rack()).decode().encode("utf-16"), "UTF-16"),
    "two bytes a character without a mark": (csv_of(small_rack()).decode().encode("utf-16-le"), "UTF-16"),
    "duplicate serial numbers": (twins(), "duplicate: another row has this part and serial number"),
    "duplicate places": (csv_of([*small_rack(), part(f"{RACK}/u01")]), "another part has the same place"),
    "a day that is none": (rack_with(**step("assembly", "US-WI", "2026-02-30")), "impossible: expected a day"),
    "a day to come": (rack_with(**step("assembly", "US-WI", "2999-01-01")), "impossible: it lies in the future"),
    "days in the wrong order": (
        rack_with(**step("board", "US-WI", "2026-06-02"), **step("assembly", "US-WI", "2026-06-01")),
        "before an earlier process",
    ),
    "a missing place": (rack_with(place=""), "place: missing"),
    "a missing place of a step": (rack_with(assembly_place=""), "assembly_place: missing"),
    "a place that nobody knows": (rack_with(assembly_place="Atlantis"), "neither a site nor"),
    "an unknown currency": (rack_with(currency="ZZZ"), "no ISO 4217 currency"),
    "a formula": (rack_with(supplier="=cmd|' /C calc'!A0"), "begins like a spreadsheet's formula"),
    "a formula behind a space": (rack_with(part=" @SUM(1+1)"), "begins like a spreadsheet's formula"),
    "a formula as a serial number": (rack_with(serial="+1"), "begins like a spreadsheet's formula"),
    "more than a million rows": (
        b"place,kind,part,serial\n" + b"a/b/c/d,k,p,s\n" * 1_000_001,
        "1000001 rows, more than 1000000: split it",
    ),
    "cells that are not there": (csv_of(small_rack()) + b"lab1/a/r01/k01/u40,psu\n", "2 cells, the heading has"),
    "a bad part in JSON": (
        json.dumps({"schema": "rackwright.as-built/1", "parts": [{"place": RACK, "kind": 7, "part": ["x"]}]}).encode(),
        "expected a text or a number",
    ),
    "a character of no bits": (csv_of(small_rack()).replace(b"Maker", b"Ma\0ker", 1), "has control characters"),
    "characters that nobody sees": (rack_with(serial="S\u200b1"), "some that nobody sees"),
    "a workbook": (b"PK\x03\x04" + bytes(64), "save the sheet as CSV"),
    "a compressed file": (gzip.compress(csv_of(small_rack())), "it is compressed"),
    "cells that tabs part": (csv_of(small_rack()).replace(b",", b"\t"), "cells are parted by tabs"),
    "a heading alone": (csv_of(small_rack()).split(b"\n")[0], "it has no rows"),
    "a column twice": (csv_of(small_rack()).replace(b"supplier", b"lot", 1), "has this column more than once"),
    "a quotation mark that is not closed": (
        csv_of(small_rack()).replace(b"Maker", b'"Maker', 1),
        "a quotation mark is not closed",
    ),
    "a cost below nothing": (rack_with(cost="-5"), "not negative"),
    "a cost with separators": (rack_with(cost="1_000"), "no separators"),
    "a cost in other digits": (rack_with(cost="١٢"), "expected an amount"),
    "a week as a day": (rack_with(assembly_date="2026-W01-1"), "impossible: expected a day"),
    "a part of a country that is none": (rack_with(assembly_place="US-"), "neither a site nor"),
    "a wide formula": (rack_with(supplier="＝1+1"), "begins like a spreadsheet's formula"),
    "a serial number that stands for nothing": (rack_with(serial="N/A"), "leave it empty"),
    "a serial number that a spreadsheet shortened": (rack_with(serial="1.23E+12"), "make its column text"),
    "a list in JSON": (b"[1, 2]", "expected an object with schema"),
    "JSON without end of depth": (
        b'{"schema": "rackwright.as-built/1", "parts": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "cannot be read as JSON",
    ),
    "a name twice in JSON": (
        b'{"schema": "rackwright.as-built/1", "parts": [{"place": "lab1/a/r01/k01", "kind": "a", "kind": "b"}]}',
        "stands more than once in one object",
    ),
    "JSON that ends": (b'{"schema": "rackwright.as-built/1", "parts": [', "cannot be read as JSON"),
}


def kept_in(state: Path) -> list[Path]:
    return [*state.glob("passports/*.parquet"), *state.glob("passports/*.new")]


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_file_is_refused_whole_over_rest(api: Api, state: Path, name: str) -> None:
    data, said = BAD[name]
    async with api.client() as client:
        report = (await client.post(f"{V1}/imports", content=data)).json()
        assert (report["accepted"], report["import_id"]) == (False, None)
        assert report["faulty"] >= 1
        told = [f"{f['row']} {f['field']}: {f['what']}" for f in report["faults"]]
        assert any(said in text for text in told), told
        assert (await client.get(V1)).json() == []
        assert (await client.get(f"{V1}/imports")).json() == []
    assert kept_in(state) == []
    assert api.services.store.audited(1)[0]["outcome"] == "refused"


class Road:
    """The command line's connection, straight to the application."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def send_file(self, path: str, data: bytes, **asked: Any) -> Any:
        async def sent() -> Any:
            async with self.api.client() as client:
                return (await client.post(path, content=data, params={k: v for k, v in asked.items() if v})).json()

        return asyncio.run(sent())


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_whole_by_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], api: Api, name: str
) -> None:
    data, said = BAD[name]
    monkeypatch.setattr(passport, "connect", lambda *_: Road(api))
    (tmp_path / "f.csv").write_bytes(data)
    assert run(["passport", "import", str(tmp_path / "f.csv")]) == 2
    shown = capsys.readouterr()
    assert said.partition(": ")[2] in shown.out
    assert "nothing was kept" in shown.err
    assert kept_in(api.services.state) == []


async def test_every_row_of_a_bad_file_is_told_with_its_number(api: Api) -> None:
    rows = small_rack()
    rows[1] |= {"currency": "ZZZ"}
    rows[2] |= {"serial": "=1"}
    rows[4] |= {"assembly_date": "2026-13-01"}
    async with api.client() as client:
        report = (await client.post(f"{V1}/imports", content=csv_of(rows))).json()
    assert {(f["row"], f["field"]) for f in report["faults"]} == {
        (2, "currency"),
        (3, "serial"),
        (5, "assembly_date"),
    }


async def test_a_serial_number_that_another_file_has_is_refused_with_its_place(api: Api) -> None:
    async with api.client() as client:
        assert (await client.post(f"{V1}/imports", content=csv_of(small_rack()))).json()["accepted"]
        again = part(f"{OTHER}/u01/psu0", serial=part(f"{RACK}/u01/psu0")["serial"])
        report = (await client.post(f"{V1}/imports", content=csv_of([again]))).json()
        assert "recorded already at lab1/a/r01/k01/u01/psu0" in report["faults"][0]["what"]
        assert [r["rack"] for r in (await client.get(V1)).json()] == [RACK]


async def test_rows_are_told_where_they_stand_though_lines_between_are_empty(api: Api) -> None:
    heading, first, second, third, *rest = csv_of(small_rack()).decode().split("\n")
    lines = [heading, "", first, "x,y", "," * heading.count(","), second.replace("Maker", "=M", 1), "", *rest, third]
    lines[-1] = lines[-1].replace("purchase", "guess")
    async with api.client() as client:
        report = (await client.post(f"{V1}/imports", content="\r".join(lines).encode())).json()
    assert {(f["row"], f["field"]) for f in report["faults"]} == {(3, "row"), (5, "supplier"), (10, "cost_basis")}


async def test_bytes_of_another_encoding_hide_no_other_fault(api: Api) -> None:
    rows = small_rack()
    rows[1] |= {"supplier": "Süd"}
    rows[3] |= {"currency": "ZZZ"}
    async with api.client() as client:
        report = (await client.post(f"{V1}/imports", content=csv_of(rows).decode().encode("latin-1"))).json()
    assert {(f["row"], f["field"]) for f in report["faults"]} == {(2, "encoding"), (4, "currency")}


async def test_a_wrong_type_in_json_hides_no_other_fault(api: Api) -> None:
    good = {"place": f"{RACK}/u01", "kind": "psu", "part": "P", "serial": "S"}
    bad = [{**good, "cost": []}, None, {**good, "place": f"{RACK}/u02", "serial": "=1"}]
    document = {"schema": "rackwright.as-built/1", "parts": bad}
    async with api.client() as client:
        report = (await client.post(f"{V1}/imports", content=json.dumps(document).encode())).json()
    assert {(f["row"], f["field"]) for f in report["faults"]} == {(1, "cost"), (2, "part"), (3, "serial")}


async def test_every_duplicate_of_what_is_recorded_is_counted(api: Api) -> None:
    def of(rack: str) -> bytes:
        return csv_of([part(f"{rack}/u{n // 40:02d}/c{n % 40}", serial=f"S{n}") for n in range(1_200)])

    async with api.client() as client:
        assert (await client.post(f"{V1}/imports", content=of(RACK))).json()["accepted"]
        report = (await client.post(f"{V1}/imports", content=of(OTHER))).json()
    assert (report["faulty"], len(report["faults"])) == (1_200, 1_000)


async def test_the_same_bytes_again_say_so_where_they_would_not_count_any_more(api: Api) -> None:
    first, second = csv_of(small_rack()), rack_with(lot="L2")
    async with api.client() as client:

        async def hand_in(data: bytes, **asked: Any) -> Any:
            return (await client.post(f"{V1}/imports", content=data, params=asked)).json()

        assert (await hand_in(first))["accepted"]
        assert (await hand_in(first))["already"]
        assert (await hand_in(second, replace=True))["accepted"]
        again = await hand_in(first, replace=True)
        assert (again["accepted"], again["faults"][0]["what"].partition(": ")[0]) == (
            False,
            "the same bytes are import 1, and import 2 came after it",
        )
        assert (await hand_in(first + b"\n", replace=True))["accepted"]
        lots = csv_of([part("u12", serial="")])
        assert (await hand_in(lots, rack=OTHER))["accepted"]
        twin = await hand_in(lots, rack="lab1/a/r01/k03")
        assert "of lab1/a/r01/k02" in twin["faults"][0]["what"]
