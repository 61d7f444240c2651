"""Segments as Parquet files: the one module that knows pyarrow.  Writes sheets, reads footers, finds one series' pages.

pyarrow is imported at the first segment, not at the API's start.
"""

import base64
import hashlib
import json
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from datacenter_api.history.pages import Page, decode_page, walk_pages
from datacenter_api.history.sheet import FrameId, Sheet, Times
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.table import SeriesKey

META = b"rackwright"
VERSION = 1
SECONDS_COLUMNS: dict[str, str] = {"value": "<f4", "counter": "<i8"}
MINUTES_COLUMNS: dict[str, str] = {"mean": "<f8", "min": "<f8", "max": "<f8", "count": "<i4"}
_ROWS_PER_GROUP = 38_400
_PAGE_BYTES = 32 * 1024
_LEVEL = 1
_NAMES = ("place", "quantity")
_KINDS = {**SECONDS_COLUMNS, **MINUTES_COLUMNS}
Columns = dict[str, NDArray[np.generic]]


class SegmentBroken(Exception):
    """The file is not a whole segment: truncated, overwritten, or written by something else.  Stays in this package."""

    def __init__(self, path: Path, why: object) -> None:
        super().__init__(f"{path.name}: {why}")
        self.path, self.why = path, str(why)


@dataclass(frozen=True, slots=True)
class SheetIndex:
    """Where one sheet lies: `chunks[column][group]` is offset and size of a column chunk."""

    series: int
    per_group: int
    times_ms: Times
    chunks: dict[str, list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    """A segment's footer, kept small.  `frames` is [n, 2]: sequence and Unix ns; `held` are the parts of a merged file.

    `series_id` names the list of series: files with the same list have the same one.
    """

    path: Path
    series_id: str
    frames: NDArray[np.int64]
    held: tuple[str, ...]
    sheets: tuple[SheetIndex, ...]
    first_group: tuple[int, ...]
    table_id: str = ""
    pages: dict[tuple[int, str, int], list[Page]] = field(default_factory=dict)


class SegmentWriter:
    """Writes one file, sheet by sheet, into an open binary file.  `columns` is SECONDS_COLUMNS or MINUTES_COLUMNS."""

    def __init__(self, sink: IO[bytes], columns: dict[str, str], facts: dict[str, Any]) -> None:
        pa, pq = _arrow()
        self._pa, self._columns, self._facts = pa, columns, facts
        self._extra = "quality" if columns is SECONDS_COLUMNS else None
        self._schema = pa.schema(self._fields())
        self._sheets: list[dict[str, Any]] = []
        self._names = hashlib.sha256()
        encodings = dict.fromkeys(columns, "BYTE_STREAM_SPLIT") | {"time": "DELTA_BINARY_PACKED"}
        self._writer = pq.ParquetWriter(
            sink,
            self._schema,
            compression="zstd",
            compression_level=_LEVEL,
            use_dictionary=[*_NAMES, *([self._extra] if self._extra else [])],
            column_encoding=encodings,
            write_statistics=[*_NAMES, "time"],
            data_page_size=_PAGE_BYTES,
            data_page_version="1.0",
            store_schema=False,
        )

    def write(self, sheet: Sheet) -> None:
        """Append a sheet; its series stay together and in order."""
        for part in self.begin(sheet.series, sheet.times_ms):
            self.add(sheet.series[part], sheet.times_ms, {name: c[part] for name, c in sheet.columns.items()})

    def begin(self, series: Sequence[SeriesKey], times_ms: Times) -> list[slice]:
        """Announce a sheet; return which series each following `add` must bring."""
        per_group = max(1, _ROWS_PER_GROUP // max(1, len(times_ms)))
        self._names.update(b"sheet\n")
        for place, quantity in series:
            self._names.update(f"{place} {quantity}\n".encode())
        self._sheets.append({"series": len(series), "per_group": per_group, "times": _packed(times_ms)})
        return [slice(first, first + per_group) for first in range(0, len(series), per_group)]

    def add(self, series: Sequence[SeriesKey], times_ms: Times, columns: Columns) -> None:
        """Write one row group."""
        self._writer.write_table(self._table(series, times_ms, columns), row_group_size=_ROWS_PER_GROUP)

    def close(self) -> None:
        """Write the footer."""
        facts = {"version": VERSION, **self._facts, "series_id": self._names.hexdigest()[:16], "sheets": self._sheets}
        self._writer.add_key_value_metadata({META: json.dumps(facts)})
        self._writer.close()

    def _fields(self) -> list[Any]:
        pa = self._pa
        kinds = {"<f4": pa.float32(), "<f8": pa.float64(), "<i8": pa.int64(), "<i4": pa.int32()}
        names = [pa.field(name, pa.dictionary(pa.int32(), pa.string()), nullable=False) for name in _NAMES]
        time = pa.field("time", pa.timestamp("ms", tz="UTC"), nullable=False)
        values = [pa.field(name, kinds[kind]) for name, kind in self._columns.items()]
        extra = [pa.field(self._extra, pa.uint8(), nullable=False)] if self._extra else []
        return [*names, time, *values, *extra]

    def _table(self, series: Sequence[SeriesKey], times: Times, columns: Columns) -> Any:
        pa, rows = self._pa, len(times)
        arrays = [self._repeated([str(key[at]) for key in series], rows) for at in (0, 1)]
        arrays.append(pa.array(np.tile(times, len(series)), pa.timestamp("ms", tz="UTC")))
        for name in self._columns:
            flat = columns[name].reshape(-1) if name in columns else None
            if flat is None:
                arrays.append(pa.nulls(rows * len(series), self._schema.field(name).type))
            else:
                unknown = _unknown(flat)
                arrays.append(pa.array(flat, self._schema.field(name).type, mask=unknown if unknown.any() else None))
        if self._extra:
            arrays.append(pa.array(columns[self._extra].reshape(-1), pa.uint8()))
        return pa.Table.from_arrays(arrays, schema=self._schema)

    def _repeated(self, words: list[str], rows: int) -> Any:
        coded = self._pa.array(words).dictionary_encode()
        codes = np.repeat(coded.indices.to_numpy(), rows)
        return self._pa.DictionaryArray.from_arrays(self._pa.array(codes), coded.dictionary)


def read_index(path: Path) -> SegmentIndex:
    """Read a segment's footer.  Raises SegmentBroken, or FileNotFoundError when it is gone."""
    pa, pq = _arrow()
    try:
        footer = pq.read_metadata(path)
        facts = json.loads(footer.metadata[META])
        if facts["version"] != VERSION:
            raise ValueError(f"version {facts['version']}, expected {VERSION}")
        columns = {footer.schema.column(n).name: n for n in range(footer.num_columns)}
        sheets, firsts, group = [], [], 0
        for sheet in facts["sheets"]:
            groups = range(group, group + -(-sheet["series"] // sheet["per_group"]))
            chunks = {
                name: [_chunk(footer.row_group(g).column(columns[name])) for g in groups]
                for name in (SECONDS_COLUMNS if "value" in columns else MINUTES_COLUMNS)
            }
            sheets.append(SheetIndex(sheet["series"], sheet["per_group"], _unpacked(sheet["times"]), chunks))
            firsts.append(group)
            group = groups.stop
        frames = _unpacked(facts["frames"]).reshape(-1, 2) if "frames" in facts else np.empty((0, 2), dtype=np.int64)
        held = tuple(facts.get("held", ()))
        table_id = str(facts.get("table_id", ""))
        return SegmentIndex(path, facts["series_id"], frames, held, tuple(sheets), tuple(firsts), table_id)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, zlib.error) as err:
        _raise_if_of_system(err)
        raise SegmentBroken(path, err) from err


def read_names(index: SegmentIndex) -> list[SeriesKey]:
    """Return the series in the file's order, over all sheets.  Raises SegmentBroken."""
    pa, pq = _arrow()
    names: list[SeriesKey] = []
    try:
        with pq.ParquetFile(index.path, read_dictionary=list(_NAMES)) as file:
            for sheet, first in zip(index.sheets, index.first_group, strict=True):
                for group in range(-(-sheet.series // sheet.per_group)):
                    table = file.read_row_group(first + group, columns=list(_NAMES), use_threads=False)
                    picked = table.take(np.arange(0, table.num_rows, len(sheet.times_ms)))
                    for place, quantity in zip(*(picked[name].to_pylist() for name in _NAMES), strict=True):
                        names.append((Place(place), Quantity(quantity)))
    except (pa.ArrowException, OSError, ValueError) as err:
        _raise_if_of_system(err)
        raise SegmentBroken(index.path, err) from err
    return names


def read_series(index: SegmentIndex, number: int, columns: Sequence[str]) -> tuple[Times, Columns]:
    """Return the times of the series with this number, and its values in time order by column name.

    Raises SegmentBroken, or FileNotFoundError.
    """
    sheet = 0
    while number >= index.sheets[sheet].series:
        number -= index.sheets[sheet].series
        sheet += 1
    found = read_range(index, sheet, number, 1, columns)
    return index.sheets[sheet].times_ms, {name: values[0] for name, values in found.items()}


def read_range(index: SegmentIndex, sheet: int, first: int, count: int, columns: Sequence[str]) -> Columns:
    """Return `count` series of a sheet from its `first` on, as arrays `[series, time]` by column name.

    Raises SegmentBroken, or FileNotFoundError.
    """
    times, per_group = len(index.sheets[sheet].times_ms), index.sheets[sheet].per_group
    handle = os.open(index.path, os.O_RDONLY)
    try:
        found: Columns = {}
        for name in columns:
            dtype, parts, at = np.dtype(_KINDS[name]), [], first
            while at < first + count:
                group, row = divmod(at, per_group)
                taken = min(first + count - at, per_group - row)
                pages = _pages(index, handle, (sheet, name, group), (row + taken) * times)
                parts.append(_rows(handle, pages, row * times, taken * times, dtype))
                at += taken
            found[name] = (parts[0] if len(parts) == 1 else np.concatenate(parts)).reshape(count, times)
        return found
    except (ValueError, LookupError, struct.error) as err:
        raise SegmentBroken(index.path, err) from err
    finally:
        os.close(handle)


def _pages(index: SegmentIndex, handle: int, where: tuple[int, str, int], last_row: int) -> list[Page]:
    known = index.pages.get(where, [])
    if not known or known[-1].first + known[-1].rows < last_row:
        sheet, name, group = where
        offset, size = index.sheets[sheet].chunks[name][group]
        known = list(known)  # another thread may be reading
        walk_pages(lambda count, at: os.pread(handle, count, at), offset, offset + size, known, last_row)
        index.pages[where] = known
    return known


def _rows(handle: int, pages: list[Page], first: int, rows: int, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    parts = []
    for page in pages:
        if page.first < first + rows and page.first + page.rows > first:
            wanted = max(0, first - page.first), min(page.rows, first + rows - page.first)
            parts.append(decode_page(os.pread(handle, page.stored, page.offset), page, *wanted, dtype, _decompress))
    found = np.concatenate(parts) if len(parts) != 1 else parts[0]
    if len(found) != rows:
        raise ValueError(f"expected {rows} values, found {len(found)}")
    return found


def _decompress(body: bytes, size: int) -> bytes:
    pa, _pq = _arrow()
    try:
        plain: bytes = _zstd().decompress(body, size, asbytes=True)
    except (pa.ArrowException, OSError) as err:
        raise ValueError(str(err)) from err
    return plain


@cache
def _zstd() -> Any:
    return _arrow()[0].Codec("zstd")


def _chunk(column: Any) -> tuple[int, int]:
    if column.has_dictionary_page:
        raise ValueError("a value column has a dictionary")
    return int(column.data_page_offset), int(column.total_compressed_size)


def give_back_memory() -> None:
    """Hand memory that writing took back to the system."""
    _arrow()[0].default_memory_pool().release_unused()


@cache
def _arrow() -> tuple[Any, Any]:
    # Arrow's own allocator keeps what a segment took for ever: 46 MiB instead of 5, measured.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pa, pq


def _raise_if_of_system(err: Exception) -> None:
    """pyarrow says OSError for broken bytes too; one with a number comes from the system, and the file may be whole."""
    if isinstance(err, OSError) and err.errno is not None:
        raise err


def _unknown(values: NDArray[Any]) -> NDArray[np.bool_]:
    unknown: NDArray[np.bool_] = np.isnan(values) if values.dtype.kind == "f" else values == np.iinfo(values.dtype).min
    return unknown


def _packed(numbers: NDArray[np.int64]) -> str:
    steps = np.diff(numbers, axis=0, prepend=numbers[:1] * 0) if len(numbers) else numbers
    return base64.b64encode(zlib.compress(steps.astype("<i8").tobytes())).decode()


def _unpacked(text: str) -> NDArray[np.int64]:
    return np.cumsum(np.frombuffer(zlib.decompress(base64.b64decode(text)), "<i8"))


def pack_frames(frames: Sequence[FrameId]) -> str:
    """Return frame identities as text for a segment's footer."""
    return _packed(np.array(frames, dtype=np.int64).reshape(-1))


def write_segment(sink: IO[bytes], columns: dict[str, str], sheets: Iterable[Sheet], facts: dict[str, Any]) -> None:
    """Write a whole segment into an open binary file."""
    writer = SegmentWriter(sink, columns, facts)
    for sheet in sheets:
        writer.write(sheet)
    writer.close()
    give_back_memory()
