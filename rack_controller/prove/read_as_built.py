"""Bytes of a factory's file become a table of texts, one part a row.  Judges no value; refuses what is no table.  Pure.

CSV has a heading of column names; JSON is `{"schema": "rackwright.as-built/1", "parts": [{…, "steps": [{…}]}]}`.
"""

import io
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import pyarrow as pa
import pyarrow.csv

from rack_controller.prove.complaints import Complaints
from rack_controller.prove.fields import PART_COLUMNS, PLACE, PROCESSES, REQUIRED, SERIAL, STEP_COLUMN, STEP_FIELDS

SCHEMA = "rackwright.as-built/1"
MOST_ROWS = 1_000_000
MOST_BYTES = 512 * 1024 * 1024
MOST_JSON_BYTES = 64 * 1024 * 1024
_BLOCK = 16 << 20
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"


def read_as_built(data: bytes, complaints: Complaints) -> pa.Table | None:
    """Return the rows of a file, as texts; None when it cannot be read as a table at all, and the complaints say why.

    A row that has too many or too few cells is left out and complained of.
    """
    if len(data) > MOST_BYTES:
        complaints.add(0, "file", f"more than {MOST_BYTES >> 20} MiB: split it")
        return None
    if not _is_text(data, complaints):
        return None
    body = data.removeprefix(_BOM)
    if not body.strip():
        complaints.add(0, "file", "it is empty")
        return None
    table = _json(body, complaints) if body.lstrip()[:1] == b"{" else _csv(body, complaints)
    if table is not None and table.num_rows > MOST_ROWS:
        complaints.add(0, "file", f"{table.num_rows} rows, more than {MOST_ROWS}: split it")
        return None
    return table


def _is_text(data: bytes, complaints: Complaints) -> bool:
    if data[:2] in _WIDE or b"\x00" in data[:4096]:
        complaints.add(0, "encoding", "not UTF-8 but two bytes a character (UTF-16): save it as UTF-8")
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        for number, line in enumerate(data.split(b"\n")):
            try:
                line.decode()
            except UnicodeDecodeError as err:
                bad = f"byte 0x{line[err.start]:02x} at column {err.start + 1} is not UTF-8: save the file as UTF-8"
                complaints.add(number, "encoding", bad, line.decode("latin-1"), kind="bytes that are not UTF-8")
        return False
    return True


def _csv(body: bytes, complaints: Complaints) -> pa.Table | None:
    first = body.split(b"\n", 1)[0].decode().strip("\r")
    if ";" in first and "," not in first:
        complaints.add(0, "file", "cells are parted by ';': save it with ','")
        return None
    names = [name.strip().strip('"') for name in first.split(",")]
    if not _know_columns(names, complaints):
        return None

    def ragged(row: pyarrow.csv.InvalidRow) -> str:
        said = f"{row.actual_columns} cells, the heading has {row.expected_columns}"
        complaints.add_left_out((row.number or 1) - 1, "row", said, row.text, "wrong number of cells")
        return "skip"

    # `place` and `serial` differ from row to row: a dictionary of them would only cost.
    text = pa.dictionary(pa.int32(), pa.string())
    types = {name: pa.string() if name in (PLACE, SERIAL) else text for name in names}
    try:
        return pyarrow.csv.read_csv(
            io.BytesIO(body),
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=names, skip_rows=1),
            parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=ragged, newlines_in_values=b'"' in body),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
            ),
        ).unify_dictionaries()
    except pa.ArrowInvalid as err:
        complaints.add(0, "file", f"it cannot be read as CSV: {str(err).splitlines()[0]}")
        return None


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
    except msgspec.DecodeError as err:
        complaints.add(0, "file", f"it cannot be read as JSON: {err}")
        return None
    if (
        not isinstance(document, dict)
        or document.get("schema") != SCHEMA
        or not isinstance(document.get("parts"), list)
    ):
        complaints.add(0, "schema", f"expected an object with schema {SCHEMA!r} and a list of parts")
        return None
    rows = [_flat(number, part, complaints) for number, part in enumerate(document["parts"], 1)]
    if len(complaints):
        return None
    names = [name for name in PART_COLUMNS if name in REQUIRED or any(name in row for row in rows)]
    names += sorted({name for row in rows for name in row} - set(names))
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})


def _flat(number: int, part: object, complaints: Complaints) -> dict[str, str]:
    """Return one part of a JSON document as a row of the table."""
    if not isinstance(part, Mapping):
        complaints.add(number, "part", "expected an object")
        return {}
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
            complaints.add(number, "steps", f"expected objects with a process, one of {', '.join(PROCESSES)}", process)
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
