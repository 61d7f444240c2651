"""What the floor measured, out of a file: records (torque, ground bond, …) and readings that instruments logged.

CSV has a heading (`kind,place,tester,calibrated_until,on` and columns of numbers); JSON is `{"schema":
"rackwright.floor/1", "records": [{…, "numbers": {…}}]}`.  A record's `kind` is a check and its `on` a day; a reading's
`kind` is a series (`tray.flow`), its `on` a moment (`2026-11-30T16:02:01Z`), its number `value`.  All rows are taken or
none, every fault in one report.  A record whose tester's calibration has run out is the judge's finding; a reading of
such an instrument is refused, for nobody judges a single one.  Pure.
"""

import csv
import datetime
import io
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from rack_controller.prove.accept.evidence import FloorRecord
from rack_controller.prove.complaints import Complaints

SCHEMA = "rackwright.floor/1"
COLUMNS = ("kind", "place", "tester", "calibrated_until", "on")
MOST_ROWS, MOST_BYTES, MOST_TEXT = 100_000, 32 * 1024 * 1024, 120
FIRST_DAY = datetime.date(2000, 1, 1)
AHEAD = datetime.timedelta(seconds=30)
"""How far an instrument's clock may be ahead of ours."""
_FORMULA = re.compile(r"^[=+@\t\r]|^-(?![0-9.])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of check: where it is measured, and between what its numbers can be at all.

    `facts`: its numbers are what the part is, and count as told by it (`memory_gib` of a GPU).  `texts`: what is no
    number, and the regular expression that it must match.
    """

    title: str
    at: list[str]
    source: str
    numbers: dict[str, tuple[float, float]] = {}
    texts: dict[str, str] = {}
    facts: bool = False

    @property
    def told(self) -> tuple[str, ...]:
        """Return the names of all that a record of it says."""
        return (*self.numbers, *self.texts)


class Instrument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One series that instruments of a floor log, and between what a reading can be at all."""

    title: str
    unit: str
    range: tuple[float, float]
    source: str


class Checks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of checks and instruments."""

    schema_version: Literal[1]
    checks: dict[str, Check]
    instruments: dict[str, Instrument] = {}

    @property
    def facts(self) -> frozenset[str]:
        """Return the names of all facts that records tell."""
        return frozenset(name for check in self.checks.values() if check.facts for name in check.told)


class LoggedReading(msgspec.Struct, frozen=True):
    """One reading of an instrument on the floor: series, place, s since 1970, value in the series' unit, and tester."""

    series: str
    place: str
    unix_s: float
    value: float
    tester: str
    calibrated_until: str


@dataclass(slots=True)
class Handed:
    """What a file holds: records by check, readings by series."""

    records: list[FloorRecord] = field(default_factory=list)
    readings: list[LoggedReading] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records) + len(self.readings)


@dataclass(frozen=True, slots=True)
class Known:
    """What a rack has, and when it is: `kind_of` a place (empty: there is none), checks and instruments, `now`."""

    kind_of: Callable[[str], str]
    checks: Checks
    now: datetime.datetime
    rack: str = ""


def read_floor(data: bytes, known: Known, complaints: Complaints) -> Handed:
    """Return what a file holds; nothing when anything is wrong with it, and the complaints say what, row by row."""
    rows = list(_rows(data, complaints))
    found = Handed()
    seen: dict[tuple[str, str, object], int] = {}
    for number, row in rows:
        before = len(complaints)
        one = _one(number, row, known, complaints)
        if one is None or len(complaints) > before:
            continue
        logged = isinstance(one, LoggedReading)
        key = (one.series, one.place, one.unix_s) if isinstance(one, LoggedReading) else (one.kind, one.place, one.on)
        if key in seen:
            what = "series, place and moment" if logged else "check, place and day"
            complaints.add(number, "place", f"row {seen[key]} is of the same {what}", one.place, kind=f"same {what}")
        seen.setdefault(key, number)
        if isinstance(one, LoggedReading):
            found.readings.append(one)
        else:
            found.records.append(one)
    return Handed() if len(complaints) else found


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
        wrong = [name for name in COLUMNS if heading.count(name) != 1]
        for name in wrong:
            complaints.add(0, name, "the heading must have this column once: `rackwright accept floor form` prints one")
        if wrong:
            return
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


def _one(
    number: int, row: Mapping[str, Any], known: Known, complaints: Complaints
) -> FloorRecord | LoggedReading | None:
    said = {name: _text(number, name, row.get(name), complaints) for name in COLUMNS}
    check, instrument = known.checks.checks.get(said["kind"]), known.checks.instruments.get(said["kind"])
    if check is None and instrument is None:
        what = "no check or series is called so: `rackwright accept floor form` prints what is wanted"
        complaints.add(number, "kind", what, said["kind"], kind="no such check")
        return None
    place = said["place"].removeprefix(known.rack + "/") if known.rack else said["place"]
    place = "rack" if known.rack and place == known.rack else place
    at = [said["kind"].partition(".")[0]] if check is None else check.at
    if known.kind_of(place) not in at:
        complaints.add(
            number, "place", f"it is measured at {', '.join(at)} of the rack", said["place"], kind="not measured there"
        )
    wanted = {"value": instrument.range} if instrument is not None else check.numbers if check is not None else {}
    numbers = {name: _number(number, name, row.get(name), bounds, complaints) for name, bounds in wanted.items()}
    texts = {} if check is None else _texts(number, row, check, complaints)
    _others(number, row, said["kind"], {*numbers, *texts}, known, complaints)
    until = _day(number, "calibrated_until", said["calibrated_until"], complaints)
    if instrument is not None:
        moment = _moment(number, said["on"], until, known.now, complaints)
        return LoggedReading(said["kind"], place, moment, numbers["value"], said["tester"], said["calibrated_until"])
    on = _day(number, "on", said["on"], complaints)
    if on is not None and on > known.now.date():
        complaints.add(number, "on", "a day that has not come yet", said["on"])
    return FloorRecord(said["kind"], place, numbers, said["tester"], said["calibrated_until"], said["on"], texts)


def _texts(number: int, row: Mapping[str, Any], check: Check, complaints: Complaints) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, pattern in check.texts.items():
        text = found[name] = _text(number, name, row.get(name), complaints)
        if text and not re.fullmatch(pattern, text):
            complaints.add(number, name, f"expected a text like {pattern}", text)
    return found


def _others(
    number: int,
    row: Mapping[str, Any],
    kind: str,
    own: Collection[str],
    known: Known,
    complaints: Complaints,
) -> None:
    """Complain of what a row says beside what is its own; an empty cell of another check's number says nothing."""
    others = {"value", *(n for c in known.checks.checks.values() for n in c.told)}
    for name, value in row.items():
        if name in COLUMNS or name in own or (name in others and value in ("", None)):
            continue
        complaints.add(number, str(name), f"{kind} has no such number", value, kind="no such number")


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


def _moment(
    number: int, text: str, until: datetime.date | None, now: datetime.datetime, complaints: Complaints
) -> float:
    """Return a moment in s since 1970.  One without a zone, to come, or after the calibration's end is a fault."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        if text:
            complaints.add(number, "on", "expected a moment with its zone, as 2026-11-30T16:02:01Z", text)
        return math.nan
    if moment > now + AHEAD:
        complaints.add(number, "on", "a moment that has not come yet: see the instrument's clock", text)
    elif moment.date() < FIRST_DAY:
        complaints.add(number, "on", f"a day before {FIRST_DAY}", text)
    if until is not None and moment.date() > until:
        complaints.add(number, "calibrated_until", "the instrument's calibration had run out", str(until))
    return moment.timestamp()


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
