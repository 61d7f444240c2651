"""The text of many rows, put together at once from fragments that repeat.  Pure; knows no format.

A fragment is written once, however many rows have it: rows only say which ones they have, one after the other.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rack_controller.prove.columns import Codes


class RowTexts:
    """Texts of `rows` rows that grow piece by piece, each piece in all rows at once."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._every = np.arange(rows)
        self._written: list[str] = []
        self._arrays: list[pa.Array] = []
        self._picked: list[tuple[Codes | int, int, int]] = []  # code, its first fragment, of which array (-1: written)

    def same(self, text: str) -> None:
        """Put one text into every row."""
        if self._picked and isinstance(self._picked[-1][0], int):
            self._written[-1] += text
            return
        self._picked.append((0, len(self._written), -1))
        self._written.append(text)

    def coded(self, codes: Codes, written: Sequence[str]) -> None:
        """Put into every row what its code was written as, nothing for -1."""
        if len(written) == 1 and not codes.any():
            self.same(written[0])
            return
        self._picked.append((codes, len(self._written) + 1, -1))
        self._written += ["", *written]

    def each(self, texts: pa.Array, lead: str = "", tail: str = "") -> None:
        """Put into every row its own of so many texts between lead and tail, nothing where it is null."""
        if texts.null_count:
            texts, lead, tail = pc.binary_join_element_wise(lead, texts, tail, "").fill_null(""), "", ""
        if lead:
            self.same(lead)
        self._picked.append((self._every, 0, len(self._arrays)))
        self._arrays.append(texts)
        if tail:
            self.same(tail)

    def joined(self) -> pa.StringArray:
        """Return every row's text."""
        width = len(self._picked)
        begins = np.cumsum([len(self._written), *map(len, self._arrays)])
        picked = np.empty((self._rows, width), np.int32)
        for at, (codes, first, array) in enumerate(self._picked):
            picked[:, at] = codes + (first if array < 0 else int(begins[array]))
        fragments = pa.concat_arrays([pa.array(self._written, pa.string()), *self._arrays])
        found = fragments.take(pa.array(picked.reshape(-1)))
        _, offsets, data = found.buffers()
        # The fragments of a row lie side by side: a row's text begins where the first of them does.
        ends = np.frombuffer(offsets, np.int32)[: len(found) + 1 : width].copy()
        return pa.StringArray.from_buffers(self._rows, pa.py_buffer(ends), data)
