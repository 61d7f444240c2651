"""As-built records as columns: which there are, and how a column of text is looked at value by value.  Pure.

A table holds one part a row.  Text columns are dictionary-encoded but for `place` and `serial`, which differ from row
to row; empty is null, which means unknown.  `cost` and `cost_most` are int64 in 1/10,000 of their currency.
Step columns are `PROCESS_FIELD` (`wafer_place`), a repeated step `PROCESS2_FIELD`; processes come in their order.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]
_INTEGERS = {8: np.int8, 16: np.int16, 32: np.int32, 64: np.int64}


def codes_of(column: pa.ChunkedArray | pa.Array) -> tuple[Codes, list[str]]:
    """Return a text column as indices into its distinct values; -1 where it is null."""
    codes, values = numbered(column)
    return codes, values.to_pylist()


def numbered(column: pa.ChunkedArray | pa.Array) -> tuple[Codes, pa.Array]:
    """Return a column as indices into its distinct values, -1 where it is null; the values stay Arrow's."""
    array = _one(column) if isinstance(column, pa.ChunkedArray) else column
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    indices, where = encoded.indices, slice(encoded.offset, encoded.offset + len(encoded))
    known, raw = indices.buffers()
    codes = np.frombuffer(raw, _INTEGERS[indices.type.bit_width])[where].astype(np.int64)
    if indices.null_count:
        codes[np.unpackbits(np.frombuffer(known, np.uint8), bitorder="little")[where] == 0] = -1
    return codes, encoded.dictionary


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a text column as one array of texts."""
    array = _one(column)
    return array if pa.types.is_string(array.type) else array.cast(pa.string())


def _one(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # pyarrow keeps an empty column chunked
        array = array.chunk(0) if array.num_chunks else pa.array([], pa.string())
    return array


def texts_of(column: pa.ChunkedArray) -> list[str | None]:
    """Return a text column row by row.  Values of a dictionary that are asked for one by one take fifty times as long.

    Raises ArrowInvalid for a column that is none of text.
    """
    return list(column.cast(pa.string()).to_pylist())


def is_plain(texts: pa.Array) -> bool:
    """Return whether texts are of printable ASCII alone: looked for in all of them at once."""
    raw = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    return not len(raw) or bool(ord(" ") <= raw.min() and raw.max() <= ord("~"))


def spread(codes: Codes, of_value: NDArray[np.generic], of_null: object) -> NDArray[np.generic]:
    """Return per row what is known per distinct value."""
    table = np.append(of_value, np.asarray([of_null], dtype=of_value.dtype))
    return table[codes]


def judged(values: Iterable[str], say: Callable[[str], str]) -> list[str]:
    """Return what is wrong with each distinct value, empty where nothing is."""
    return [say(value) for value in values]


def column(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a column, all unknown where the table has none of that name."""
    at = table.schema.get_field_index(name)
    if at >= 0:
        return table.column(at)
    return pa.chunked_array([pa.nulls(table.num_rows, pa.string())])


def numbers(table: pa.Table, name: str) -> tuple[NDArray[np.int64], Mask]:
    """Return a column of money and where it is known."""
    if table.schema.get_field_index(name) < 0:
        return np.zeros(table.num_rows, np.int64), np.zeros(table.num_rows, np.bool_)
    found = table.column(name)
    known = found.is_valid().to_numpy()
    return found.fill_null(0).to_numpy(), known
