"""Finds and decodes single pages of a Parquet column that this package wrote; refuses every other shape.

A day of one series is 144 segments: a general reader spends milliseconds on each, a page costs microseconds.
Source: Apache Parquet format, `PageHeader` in Thrift's compact protocol, data page version 1, BYTE_STREAM_SPLIT.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DATA_PAGE = 0
_HEADER_BYTES = 64
_BYTE_STREAM_SPLIT = 9
_MOST_PAGE_BYTES = 64 * 1024 * 1024  # far above what is written: a broken header must not ask for gigabytes
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
Decompress = Callable[[bytes, int], bytes]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `first` to `first + rows` of a column chunk; the body lies at `offset` of the file."""

    first: int
    rows: int
    offset: int
    stored: int
    size: int


def walk_pages(read: Callable[[int, int], bytes], begin: int, end: int, pages: list[Page], last_row: int) -> None:
    """Append to `pages` what follows them in a column chunk of the bytes `begin` to `end`, up to row `last_row`.

    `read(size, offset)` reads the file.  Raises ValueError for another page kind or encoding, or when the chunk ends.
    """
    at, row = (pages[-1].offset + pages[-1].stored, pages[-1].first + pages[-1].rows) if pages else (begin, 0)
    while row < last_row:
        head = read(_HEADER_BYTES, at)
        try:
            fields, length = _struct(head, 0)
            data = fields[5]
            kind, encoding = fields[1], data[2]
            stored, size, rows = int(fields[3]), int(fields[2]), int(data[1])
        except (IndexError, KeyError, TypeError, struct.error) as err:
            raise ValueError(f"broken page header at byte {at}") from err
        body = at + length
        sane = 0 < stored <= end - body and 0 < size <= _MOST_PAGE_BYTES and 0 < rows <= size * 8
        if kind != _DATA_PAGE or encoding != _BYTE_STREAM_SPLIT or not sane:
            raise ValueError(f"the page at byte {at} is none that this package writes")
        pages.append(Page(row, rows, body, stored, size))
        at, row = body + stored, row + rows


def decode_page(
    body: bytes, page: Page, first: int, last: int, dtype: np.dtype[np.generic], decompress: Decompress
) -> NDArray[np.generic]:
    """Return the values of a page's rows `first` to `last` (exclusive, counted within the page).

    Unknown ones are NaN, or the smallest integer.  Raises ValueError for broken bytes.
    """
    plain = decompress(body, page.size)
    if len(plain) < 4:
        raise ValueError("page without definition levels")
    (levels,) = struct.unpack_from("<I", plain)
    known = _definition_levels(plain[4 : 4 + levels], page.rows)
    width = dtype.itemsize
    count = page.rows if known is None else int(known.sum())
    split = np.frombuffer(plain, np.uint8, offset=4 + levels)
    if len(split) != count * width:
        raise ValueError(f"{count} values of {width} bytes need {count * width} bytes, got {len(split)}")
    begin, end = (first, last) if known is None else (int(known[:first].sum()), int(known[:last].sum()))
    values = np.ascontiguousarray(split.reshape(width, count)[:, begin:end].T).reshape(-1).view(dtype)
    if known is None:
        return values
    spread = np.full(last - first, np.nan if dtype.kind == "f" else -(1 << (8 * width - 1)), dtype=dtype)
    spread[known[first:last]] = values
    return spread


def _definition_levels(data: bytes, rows: int) -> NDArray[np.bool_] | None:
    """Decode the RLE and bit-packed hybrid of width 1; None when every value is known."""
    head, at = _varint(data, 0) if data else (0, 0)
    if not head & 1 and head >> 1 >= rows and data[at] == 1:
        return None
    known = np.zeros(rows, dtype=np.bool_)
    at = row = 0
    while row < rows:
        if at >= len(data):
            raise ValueError("definition levels end early")
        head, at = _varint(data, at)
        if head & 1:
            length = head >> 1
            bits = np.unpackbits(np.frombuffer(data, np.uint8, length, at), bitorder="little")
            taken = min(rows - row, len(bits))
            known[row : row + taken] = bits[:taken]
            at, row = at + length, row + taken
        else:
            taken = min(rows - row, head >> 1)
            known[row : row + taken] = data[at] == 1
            at, row = at + 1, row + taken
        if not taken:
            raise ValueError("empty run in definition levels")
    return known


def _struct(data: bytes, at: int) -> tuple[dict[int, Any], int]:
    """Read one Thrift struct: field number to value, and where it ends."""
    fields: dict[int, Any] = {}
    number = 0
    while True:
        head = data[at]
        at += 1
        kind = head & 0x0F
        if not head:
            return fields, at
        if head >> 4:
            number += head >> 4
        else:
            number, at = _zigzag(data, at)
        fields[number], at = _value(data, at, kind)


def _value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if kind == _BYTE:
        return data[at], at + 1
    if kind in (_I16, _I32, _I64):
        return _zigzag(data, at)
    if kind == _DOUBLE:
        return struct.unpack_from("<d", data, at)[0], at + 8
    if kind == _BINARY:
        length, at = _varint(data, at)
        return data[at : at + length], at + length
    if kind == _STRUCT:
        return _struct(data, at)
    raise ValueError(f"Thrift type {kind} does not stand in a page header")


def _zigzag(data: bytes, at: int) -> tuple[int, int]:
    raw, at = _varint(data, at)
    return (raw >> 1) ^ -(raw & 1), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
