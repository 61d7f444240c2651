"""As-built records as a factory writes them, and everything that they are judged by."""

import csv
import io
from datetime import date
from functools import cache
from typing import Any

import pyarrow as pa

from rack_controller.origin_files import OriginFiles, load_origin_files
from rack_controller.prove.check_as_built import check_as_built, in_order
from rack_controller.prove.complaints import Complaints
from rack_controller.prove.read_as_built import read_as_built

RACK = "lab1/a/r01/k01"
TODAY = date(2026, 11, 29)
_STEP = ("place", "date", "firm", "evidence", "reference")


def step(process: str, place: str, day: str = "2026-05-04", evidence: str = "attested") -> dict[str, str]:
    """Return the cells of one process step."""
    proof = "" if evidence == "declared" else f"COC-{process}"
    return {f"{process}_{f}": v for f, v in zip(_STEP, (place, day, "Maker", evidence, proof), strict=True)}


def part(place: str, kind: str = "psu", cost: str | None = "100", **more: str) -> dict[str, str]:
    """Return one row; its serial number comes from its place."""
    serial = place.replace("/", "-").upper()
    row = {
        "place": place,
        "kind": kind,
        "part": f"{kind.upper()}-1",
        "serial": serial,
        "lot": "L1",
        "supplier": "Maker",
    }
    money = {} if cost is None else {"cost": cost, "currency": "USD", "cost_basis": "purchase"}
    return {**row, **money, **more}


def small_rack() -> list[dict[str, str]]:
    """A rack with two trays and what is in them: by cost 1,600 of 2,000 assembled in the US."""
    return [
        part(RACK, "rack", None, serial="RACK-1") | step("integration", "houston-tx", "2026-06-01"),
        part(f"{RACK}/u01", "power_shelf", "600") | step("assembly", "US-TX"),
        part(f"{RACK}/u01/psu0", "psu", "400") | step("board", "US-TX") | step("assembly", "foxconn-va"),
        part(f"{RACK}/u12", "compute_tray", "600") | step("board", "US-WI") | step("assembly", "mount-pleasant-wi"),
        part(f"{RACK}/u12/cable0", "cable", "400") | step("assembly", "MX"),
    ]


def csv_of(rows: list[dict[str, str]]) -> bytes:
    """Return rows as the CSV of a factory."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


@cache
def files() -> OriginFiles:
    """The seeds' rules, sites and codes."""
    return load_origin_files()


def judged(data: bytes, **more: Any) -> tuple[pa.Table | None, Complaints]:
    """Read and judge a file."""
    complaints = Complaints()
    texts = read_as_built(data, complaints)
    table = None if texts is None else check_as_built(texts, files().known(TODAY), complaints, **more)
    return table, complaints


def records(rows: list[dict[str, str]]) -> pa.Table:
    """Return rows as records, by place; a fault fails the test."""
    table, complaints = judged(csv_of(rows))
    assert table is not None, [str(c) for c in complaints.shown]
    return in_order(table)
