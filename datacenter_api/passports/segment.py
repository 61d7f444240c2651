"""The records of one import as an Arrow file, sorted by place: a group of rows is a rack, or a few small ones.

Columns of texts that repeat have one dictionary for the whole file.  Older imports are Parquet files, and are read.
"""

import json
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rack_controller.prove.columns import codes_of
from rack_controller.prove.fields import PLACE

RACK_OF = r"^((?:[^/]+/){3}[^/]+)(?:/.*)?$"
GROUP_ROWS = 2_048
"""A group ends at the end of a rack, once it has so many rows."""
SUFFIXES = (ARROW, PARQUET) = (".arrow", ".parquet")
_GROUPS = b"rackwright.groups"
"""First and last place of every group, as JSON in the metadata of the schema."""
_MANY = 4
"""A dictionary of a file with more values than this part of a group's rows is made anew for the group."""


class Segment:
    """A file that never changes: what says where its groups begin is read once.

    It and `read_columns` raise OSError, and pyarrow.ArrowException for a file that is cut.
    """

    def __init__(self, path: Path) -> None:
        self._parquet = pq.ParquetFile(path, memory_map=True) if path.suffix == PARQUET else None
        if self._parquet is not None:
            meta = self._parquet.metadata
            at = self._parquet.schema_arrow.get_field_index(PLACE)
            found = (meta.row_group(n).column(at).statistics for n in range(meta.num_row_groups))
            places = [(g.min, g.max) for g in found]
        else:
            self._arrow = pa.ipc.open_file(pa.memory_map(str(path)), options=_one_thread())
            places = json.loads(self._arrow.schema.metadata[_GROUPS])
        self._first, self._last = zip(*places, strict=True)

    def below(self, place: str) -> pa.Table:
        """Return the records at a place and below it."""
        begin = max(0, bisect_right(self._first, place) - 1)
        # 0 follows /
        groups = [n for n in range(begin, len(self._first)) if self._first[n] < f"{place}0" and self._last[n] >= place]
        table = self._groups(groups)
        kept = table
        if not all(at.startswith(f"{place}/") for n in groups for at in (self._first[n], self._last[n])):
            places = table.column(PLACE)
            inside = pc.or_(pc.equal(places, place), pc.starts_with(places, f"{place}/"))
            kept = table if pc.all(inside).as_py() else table.filter(inside)
        return _compact(kept)

    def _groups(self, groups: Sequence[int]) -> pa.Table:
        if self._parquet is not None:
            return self._parquet.read_row_groups(groups, use_threads=False)
        batches = [self._arrow.get_batch(n) for n in groups]
        return pa.Table.from_batches(batches, self._arrow.schema).replace_schema_metadata(None)


def write_segment(records: pa.Table, path: Path) -> dict[str, int]:
    """Write records that are sorted by place as an Arrow file, and return each rack's rows.  Raises OSError."""
    whole = records.combine_chunks()
    racks, names = codes_of(pc.replace_substring_regex(whole.column(PLACE), RACK_OF, r"\1"))
    begins = [0]
    for end in (np.flatnonzero(np.diff(racks)) + 1).tolist():
        if end - begins[-1] >= GROUP_ROWS:
            begins.append(end)
    ends = [*begins[1:], whole.num_rows]
    places = whole.column(PLACE)
    groups = [(places[b].as_py(), places[e - 1].as_py()) for b, e in zip(begins, ends, strict=True)]
    whole = whole.replace_schema_metadata({_GROUPS: json.dumps(groups)})
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, whole.schema, options=options) as writer:
        for begin, end in zip(begins, ends, strict=True):
            writer.write_table(whole.slice(begin, end - begin))
    return dict(zip(names, np.bincount(racks, minlength=len(names)).tolist(), strict=True))


def read_columns(path: Path, names: Sequence[str]) -> pa.Table:
    """Return some columns of all records of a file, as texts."""
    if path.suffix == PARQUET:
        table = pq.read_table(path, columns=list(names))
    else:
        with pa.memory_map(str(path)) as file:
            schema = pa.ipc.open_file(file).schema
            fields = sorted(schema.get_field_index(name) for name in names)
            table = pa.ipc.open_file(file, options=_one_thread(fields)).read_all()
    return pa.table({name: table.column(name).cast(pa.string()) for name in names})


def _one_thread(fields: Sequence[int] | None = None) -> pa.ipc.IpcReadOptions:
    return pa.ipc.IpcReadOptions(use_threads=False, included_fields=fields)


def _compact(table: pa.Table) -> pa.Table:
    """Return a table whose dictionaries are not much longer than it is."""
    for at, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            column = table.column(at)
            if column.num_chunks != 1:
                table = table.set_column(at, field, column.cast(pa.string()).combine_chunks().dictionary_encode())
            elif len(values := column.chunk(0).dictionary) * _MANY > len(column):
                used = column.chunk(0).indices.dictionary_encode()
                own = pa.DictionaryArray.from_arrays(used.indices, values.take(used.dictionary))
                table = table.set_column(at, field, own)
    return table
