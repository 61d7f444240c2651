"""Records of the floor out of a file: torque, ground bond, polarity, pressure decay, each with tester and calibration.

CSV has a heading (`kind,place,tester,calibrated_until,on` and columns of numbers); JSON is `{"schema":
"rackwright.floor/1", "records": [{…, "numbers": {…}}]}`.  All rows are taken or none, every fault in one report.  An
expired calibration is no fault of a row: it is the judge's finding.  Pure.
"""

import csv
import datetime
import io
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from rack_controller.prove.accept.evidence import FloorRecord
from rack_controller.prove.complaints import Complaints

SCHEMA = "rackwright.floor/1"
COLUMNS = ("kind", "place", "tester", "calibrated_until", "on")
MOST_ROWS, MOST_BYTES, MOST_TEXT = 100_000, 32 * 1024 * 1024, 120
FIRST_DAY = datetime.date(2000, 1, 1)
_FORMULA = re.compile(r"^[=+@\t\r]|^-(?![0-9.])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of check: where it is measured, and between what its numbers can be at all."""

    title: str
    at: list[str]
    numbers: dict[str, tuple[float, float]]
    source: str


class Checks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of checks."""

    schema_version: Literal[1]
    checks: dict[str, Check]


@dataclass(frozen=True, slots=True)
class Known:
    """What a rack has, and what day it is: `kind_of` a place (empty: there is none), the checks, `today`."""

    kind_of: Callable[[str], str]
    checks: Mapping[str, Check]
    today: datetime.date
    rack: str = ""


def read_floor(data: bytes, known: Known, complaints: Complaints) -> list[FloorRecord]:
    """Return the records of a file; none when anything is wrong with it, and the complaints say what, row by row."""
    rows = list(_rows(data, complaints))
    found: list[FloorRecord] = []
    seen: dict[tuple[str, str, str], int] = {}
    for number, row in rows:
        before = len(complaints)
        record = _record(number, row, known, complaints)
        if record is None or len(complaints) > before:
            continue
        key = (record.kind, record.place, record.on)
        if key in seen:
            complaints.add(number, "place", f"row {seen[key]} is of the same check, place and day", record.place)
        seen.setdefault(key, number)
        found.append(record)
    return [] if len(complaints) else found


def _rows(data: bytes, complaints: Complaints) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if len(data) > MOST_BYTES:
        complaints.add(0, "file", f"more than {MOST_BYTES >> 20} MiB: split it")
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = data[: err.start].count(b"\n")
        complaints.add(line, "encoding", f"byte 0x{data[err.start]:02x} is not UTF-8: save the file as UTF-8")
        return
    if not text.strip():
        complaints.add(0, "file", "it is empty")
        return
    yield from _json(text, complaints) if text.lstrip().startswith("{") else _csv(text, complaints)


def _json(text: str, complaints: Complaints) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        document = msgspec.json.decode(text)
    except msgspec.DecodeError as err:
        complaints.add(0, "file", f"it cannot be read as JSON: {err}")
        return
    rows = document.get("records") if isinstance(document, dict) and document.get("schema") == SCHEMA else None
    if not isinstance(rows, list):
        complaints.add(0, "file", f'expected {{"schema": "{SCHEMA}", "records": [...]}}')
        return
    for number, row in enumerate(rows[:MOST_ROWS], 1):
        if isinstance(row, dict) and isinstance(row.get("numbers", {}), dict):
            yield number, {**{k: v for k, v in row.items() if k != "numbers"}, **row.get("numbers", {})}
        else:
            complaints.add(number, "row", "expected an object with kind, place, tester and numbers")
    if len(rows) > MOST_ROWS:
        complaints.add(0, "file", f"more than {MOST_ROWS} rows: split it")


def _csv(text: str, complaints: Complaints) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        heading = [name.strip() for name in next(reader)]
        if len(heading) == 1 and ";" in heading[0]:
            complaints.add(0, "file", "cells are parted by ';': save it with ','")
            return
        for name in COLUMNS:
            if heading.count(name) != 1:
                complaints.add(0, name, "the heading must have this column once")
        for number, cells in enumerate(reader, 1):
            if number > MOST_ROWS:
                complaints.add(0, "file", f"more than {MOST_ROWS} rows: split it")
                return
            if len(cells) == len(heading):
                yield number, dict(zip(heading, cells, strict=True))
            elif cells:
                complaints.add(number, "row", f"{len(cells)} cells, the heading has {len(heading)}")
    except csv.Error as err:
        complaints.add(0, "file", f"it cannot be read as CSV: {err}")


def _record(number: int, row: Mapping[str, Any], known: Known, complaints: Complaints) -> FloorRecord | None:
    said = {name: _text(number, name, row.get(name), complaints) for name in COLUMNS}
    check = known.checks.get(said["kind"])
    if check is None:
        complaints.add(number, "kind", f"one of {', '.join(known.checks)}", said["kind"], kind="no such check")
        return None
    place = said["place"].removeprefix(known.rack + "/") if known.rack else said["place"]
    place = "rack" if known.rack and place == known.rack else place
    if known.kind_of(place) not in check.at:
        what = f"it is measured at {', '.join(check.at)} of the rack"
        complaints.add(number, "place", what, said["place"], kind="not measured there")
    on = _day(number, "on", said["on"], complaints)
    _day(number, "calibrated_until", said["calibrated_until"], complaints)
    if on is not None and on > known.today:
        complaints.add(number, "on", "a day that has not come yet", said["on"])
    numbers = {name: _number(number, name, row.get(name), bounds, complaints) for name, bounds in check.numbers.items()}
    others = {n for c in known.checks.values() for n in c.numbers}
    for name, value in row.items():
        if name in COLUMNS or name in numbers or (name in others and value in ("", None)):
            continue
        complaints.add(number, str(name), f"{said['kind']} has no such number", value, kind="no such number")
    return FloorRecord(said["kind"], place, numbers, said["tester"], said["calibrated_until"], said["on"])


def _text(number: int, name: str, value: object, complaints: Complaints) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        complaints.add(number, name, "it is missing", value or "")
    elif len(text) > MOST_TEXT or _CONTROL.search(text):
        complaints.add(number, name, f"expected at most {MOST_TEXT} printable characters", text)
    elif _FORMULA.search(text):
        complaints.add(number, name, "begins like a spreadsheet's formula: write it without = + - @", text)
    return text


def _day(number: int, name: str, text: str, complaints: Complaints) -> datetime.date | None:
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        if text:
            complaints.add(number, name, "expected a day as 2026-11-30", text)
        return None
    if day < FIRST_DAY:
        complaints.add(number, name, f"a day before {FIRST_DAY}", text)
    return day


def _number(number: int, name: str, value: object, bounds: tuple[float, float], complaints: Complaints) -> float:
    try:
        found = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        complaints.add(number, name, "expected a number", "" if value is None else value)
    elif not bounds[0] <= found <= bounds[1]:
        complaints.add(number, name, f"expected {bounds[0]:g} to {bounds[1]:g}", value, kind="out of what it can be")
    return found
