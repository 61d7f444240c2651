"""Bytes of a factory's file become a table of texts, one part a row.  Judges no value; refuses what is no table.  Pure.

CSV has a heading of column names; JSON is `{"schema": "rackwright.as-built/1", "parts": [{…, "steps": [{…}]}]}`.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv

from rack_controller.prove.complaints import Complaints
from rack_controller.prove.fields import PART_COLUMNS, PLACE, PROCESSES, REQUIRED, SERIAL, STEP_COLUMN, STEP_FIELDS

SCHEMA = "rackwright.as-built/1"
MOST_ROWS = 1_000_000
MOST_BYTES = 512 * 1024 * 1024
MOST_JSON_BYTES = 64 * 1024 * 1024
_BLOCK = 8 << 20
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"
_NO_TEXT = {
    b"PK\x03\x04": "a workbook or an archive, no text: save the sheet as CSV in UTF-8",
    b"\xd0\xcf\x11\xe0": "an old workbook, no text: save the sheet as CSV in UTF-8",
    b"\x1f\x8b": "it is compressed: hand in what is in it",
}
_OTHER_MARKS = {";": "';'", "\t": "tabs", "|": "'|'"}
_LINES = re.compile(rb"\r\n|\n|\r")
_SOMETHING = re.compile(rb"\S")


def read_as_built(data: bytes, complaints: Complaints) -> pa.Table | None:
    """Return the rows of a file, as texts; None when it cannot be read as a table at all, and the complaints say why.

    A row that has too many or too few cells is left out and complained of; one with nothing in any cell is no row.
    """
    if len(data) > MOST_BYTES:
        complaints.add(0, "file", f"more than {MOST_BYTES >> 20} MiB: split it")
        return None
    body = _as_text(data, complaints)
    if body is None:
        return None
    begin = _SOMETHING.search(body)
    if begin is None:
        complaints.add(0, "file", "it is empty")
        return None
    table = _json(body, complaints) if begin[0] in (b"{", b"[") else _csv(body, complaints)
    if table is not None and table.num_rows > MOST_ROWS:
        complaints.add(0, "file", f"{table.num_rows} rows, more than {MOST_ROWS}: split it")
        return None
    return table


def _as_text(data: bytes, complaints: Complaints) -> bytes | None:
    """Return a file's bytes as UTF-8, None where they are no text at all.

    Rows with other bytes are complained of, and read as Windows writes western letters, so that what else is wrong
    with them comes in the same report.
    """
    for mark, what in _NO_TEXT.items():
        if data.startswith(mark):
            complaints.add(0, "encoding", what)
            return None
    if data[:2] in _WIDE or data[:4096].count(0) * 8 > len(data[:4096]):
        complaints.add(0, "encoding", "not UTF-8 but two bytes a character (UTF-16): save it as UTF-8")
        return None
    body = data.removeprefix(_BOM)
    if body.isascii():
        return body
    try:
        body.decode()
    except UnicodeDecodeError:
        return _mended(body, complaints)
    return body


def _mended(body: bytes, complaints: Complaints) -> bytes | None:
    lines, number, quotes = _LINES.split(body), 0, 0
    for at, line in enumerate(lines):
        try:
            line.decode()
        except UnicodeDecodeError as err:
            bad = f"byte 0x{line[err.start]:02x} at column {err.start + 1} is not UTF-8: save the file as UTF-8"
            text = line.decode("cp1252", "replace")
            complaints.add(number, "encoding", bad, text, kind="bytes that are not UTF-8")
            if at == 0:
                return None  # nobody can tell which columns it has
            lines[at] = text.encode()
        quotes += line.count(b'"')
        number += quotes % 2 == 0  # a line's end within quotation marks ends no row
    return b"\n".join(lines)


def _csv(body: bytes, complaints: Complaints) -> pa.Table | None:
    end = _LINES.search(body)
    first = body[: end.start() if end else None].decode()
    for mark, said in _OTHER_MARKS.items():
        if mark in first and "," not in first:
            complaints.add(0, "file", f"cells are parted by {said}: save it with ','")
            return None
    names = [name.strip().strip('"') for name in first.split(",")]
    if not _know_columns(names, complaints):
        return None
    if end is None or _SOMETHING.search(body, end.end()) is None:
        complaints.add(0, "file", "it has no rows")
        return None

    def ragged(row: pyarrow.csv.InvalidRow) -> str:
        number = (row.number or 1) - 1
        said = f"{row.actual_columns} cells, the heading has {row.expected_columns}"
        if row.text.count('"') % 2:
            said += ": a quotation mark is not closed, and takes what follows with it"
        complaints.add_left_out(number, "row", said, row.text, "wrong number of cells")
        return "skip"

    # `place` and `serial` differ from row to row: a dictionary of them would only cost.
    text = pa.dictionary(pa.int32(), pa.string())
    types = {name: pa.string() if name in (PLACE, SERIAL) else text for name in names}
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(body),
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=names, skip_rows=1),
            parse_options=pyarrow.csv.ParseOptions(
                invalid_row_handler=ragged, newlines_in_values=b'"' in body, ignore_empty_lines=False
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
            ),
        ).unify_dictionaries()
    except pa.ArrowInvalid as err:
        complaints.add(0, "file", f"it cannot be read as CSV: {str(err).splitlines()[0]}")
        return None
    return _without_empty(table, complaints)


def _without_empty(table: pa.Table, complaints: Complaints) -> pa.Table:
    """Return the table without rows that have nothing in any cell, as spreadsheets leave them at an end."""
    if not table.column(PLACE).null_count:
        return table
    empty = np.all([column.is_null().to_numpy() for column in table.columns], axis=0)
    if not empty.any():
        return table
    complaints.leave_out(np.flatnonzero(empty))
    return table.filter(pa.array(~empty))


def _know_columns(names: Sequence[str], complaints: Complaints) -> bool:
    before = len(complaints)
    for name, times in Counter(names).items():
        if times > 1:
            complaints.add(0, name or "(no name)", "the heading has this column more than once")
        elif name not in PART_COLUMNS and not STEP_COLUMN.fullmatch(name):
            said = f"no such column: one of {', '.join(PART_COLUMNS)}, or PROCESS_{{{','.join(STEP_FIELDS)}}}"
            complaints.add(0, name or "(no name)", said, kind="no such column")
    for name in REQUIRED:
        if name not in names:
            complaints.add(0, name, "the heading lacks this column")
    return len(complaints) == before


def _json(body: bytes, complaints: Complaints) -> pa.Table | None:
    if len(body) > MOST_JSON_BYTES:
        complaints.add(0, "file", f"more than {MOST_JSON_BYTES >> 20} MiB of JSON: split it, or write it as CSV")
        return None
    try:
        document = msgspec.json.decode(body)
        _look_for_twin_names(body, complaints)
    except (msgspec.DecodeError, RecursionError) as err:
        complaints.add(0, "file", f"it cannot be read as JSON: {err}")
        return None
    if (
        not isinstance(document, dict)
        or document.get("schema") != SCHEMA
        or not isinstance(document.get("parts"), list)
    ):
        complaints.add(0, "schema", f"expected an object with schema {SCHEMA!r} and a list of parts")
        return None
    rows = []
    for number, part in enumerate(document["parts"], 1):
        if isinstance(part, Mapping):
            rows.append(_flat(number, part, complaints))
        else:
            complaints.add_left_out(number, "part", "expected an object", str(part), "expected an object")
    names = [name for name in PART_COLUMNS if name in REQUIRED or any(name in row for row in rows)]
    names += sorted({name for row in rows for name in row} - set(names))
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})


def _look_for_twin_names(body: bytes, complaints: Complaints) -> None:
    """Complain of names that stand twice in one object: a reader would keep the last and say nothing."""

    def look(pairs: list[tuple[str, object]]) -> None:
        times = Counter(name for name, _ in pairs)
        if len(times) < len(pairs):
            near = next((value for name, value in pairs if name == PLACE), "")
            for name in (name for name, n in times.items() if n > 1):
                complaints.add(0, name, "stands more than once in one object", near)

    json.loads(body, object_pairs_hook=look)


def _flat(number: int, part: Mapping[str, object], complaints: Complaints) -> dict[str, str]:
    """Return one part of a JSON document as a row of the table."""
    row: dict[str, str] = {}
    for name, value in part.items():
        if name == "steps":
            row |= _steps(number, value, complaints)
        elif name not in PART_COLUMNS:
            complaints.add(number, str(name), "no such field")
        else:
            _put(row, number, name, value, complaints)
    return row


def _steps(number: int, steps: object, complaints: Complaints) -> dict[str, str]:
    row: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for step in steps if isinstance(steps, list) else [steps]:
        process = step.get("process") if isinstance(step, Mapping) else None
        if not isinstance(step, Mapping) or process not in PROCESSES:
            said = f"expected objects with a process, one of {', '.join(PROCESSES)}"
            complaints.add(number, "steps", said, step if process is None else process)
            continue
        seen[process] += 1
        name = process if seen[process] == 1 else f"{process}{seen[process]}"
        for field, value in step.items():
            if field == "process":
                continue
            if STEP_COLUMN.fullmatch(f"{name}_{field}") is None:
                complaints.add(number, f"{name}_{field}", "no such field of a step, or too many steps of one process")
            else:
                _put(row, number, f"{name}_{field}", value, complaints)
    return row


def _put(row: dict[str, str], number: int, name: str, value: object, complaints: Complaints) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        complaints.add(number, name, "expected a text or a number")
        return
    row[name] = str(value)
