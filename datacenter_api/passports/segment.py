"""The records of one import as a Parquet file, sorted by place: a group of rows is a rack, or a few small ones."""

from bisect import bisect_right
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


class Segment:
    """A file that never changes: its footer is read once.  Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path, memory_map=True)
        meta = self._file.metadata
        at = self._file.schema_arrow.get_field_index(PLACE)
        groups = (meta.row_group(n).column(at).statistics for n in range(meta.num_row_groups))
        self._first, self._last = zip(*((g.min, g.max) for g in groups), strict=True)

    def below(self, place: str) -> pa.Table:
        """Return the records at a place and below it."""
        begin = max(0, bisect_right(self._first, place) - 1)
        groups = [n for n in range(begin, len(self._first)) if self._first[n] < f"{place}0" and self._last[n] >= place]
        table = self._file.read_row_groups(groups)  # 0 follows /
        places = table.column(PLACE)
        inside = pc.or_(pc.equal(places, place), pc.starts_with(places, f"{place}/"))
        kept = table if pc.all(inside).as_py() else table.filter(inside)
        return kept if len(groups) == 1 else compact(kept)


def write_segment(records: pa.Table, path: Path) -> None:
    """Write records that are sorted by place.  Raises OSError."""
    racks, _ = codes_of(pc.replace_substring_regex(records.column(PLACE), RACK_OF, r"\1"))
    ends = [*(np.flatnonzero(np.diff(racks)) + 1).tolist(), len(racks)]
    begin = 0
    coded = [field.name for field in records.schema if pa.types.is_dictionary(field.type)]
    # LZ4 and no dictionary of what differs from row to row: read in half of the time that zstd takes.
    with pq.ParquetWriter(path, records.schema, compression="lz4", use_dictionary=coded) as writer:
        for end in ends:
            if end - begin >= GROUP_ROWS or end == len(racks):
                writer.write_table(compact(records.slice(begin, end - begin)))
                begin = end


def compact(table: pa.Table) -> pa.Table:
    """Return a table whose dictionaries hold only its own values: those of a file are as large as the whole file's."""

    def own(column: pa.ChunkedArray) -> pa.Array:
        whole = column.combine_chunks()
        whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
        return whole.dictionary_decode().dictionary_encode() if pa.types.is_dictionary(whole.type) else whole

    return pa.table({name: own(table.column(name)) for name in table.column_names})
