"""Bad files of a factory on the whole road, by REST and by the command line: each fault by row, in one report, and
nothing half kept."""

import asyncio
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
