"""What is wrong with rows of a factory's file: gathered to one bounded report, never raised one by one.  Pure."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.text import scrub

MOST_SHOWN = 1_000
MOST_VALUE = 80


class Complaint(msgspec.Struct, frozen=True):
    """One fault.  `row` counts from 1 without the heading (0: the file itself), `field` is a column's name."""

    row: int
    field: str
    what: str
    value: str = ""

    def __str__(self) -> str:
        where = f"row {self.row}" if self.row else "file"
        value = f" ({self.value!r})" if self.value else ""
        return f"{where}, {self.field}: {self.what}{value}"


class Complaints:
    """All that is wrong with one file.  Every fault is counted, the first `MOST_SHOWN` are told in full."""

    def __init__(self) -> None:
        self._shown: list[Complaint] = []
        self._counts: Counter[str] = Counter()
        self._shifts: list[int] = []  # of each row that was left out, the row of the table that follows it

    def __len__(self) -> int:
        return sum(self._counts.values())

    @property
    def shown(self) -> list[Complaint]:
        """The first faults, by row."""
        return sorted(self._shown, key=lambda c: (c.row, c.field))

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each kind of fault was found."""
        return dict(self._counts)

    def add(self, row: int, field: str, what: str, value: object = "", *, kind: str = "") -> None:
        """Note one fault of a row of the table (0: of the file); `kind` counts those whose words differ by row."""
        self._note(self.row_in_file(row) if row else 0, field, what, value, kind)

    def add_left_out(self, row: int, field: str, what: str, value: str, kind: str) -> None:
        """Note a row of the file that is no part of the table: those behind it keep their places in the file."""
        self._note(row, field, what, value, kind)
        self._shifts.append(row - len(self._shifts))

    def leave_out(self, rows: NDArray[np.int64]) -> None:
        """Note rows of the table (indices from 0) that are taken out of it without a fault: nothing is in them."""
        gone = [row + n for n, row in enumerate(self._shifts)]
        gone = sorted([*gone, *(self.row_in_file(row + 1) for row in rows.tolist())])
        self._shifts = [row - n for n, row in enumerate(gone)]

    def row_in_file(self, row: int) -> int:
        """Return where a row of the table stands in the file: rows that were left out lie between."""
        return row + bisect_right(self._shifts, row)

    def add_rows(self, rows: NDArray[np.int64], field: str, what: str, values: Sequence[object] = ()) -> None:
        """Note the same fault of many rows of the table (indices from 0); `values` are those of the first of them."""
        self._counts[f"{field}: {what}"] += len(rows)
        for at, index in enumerate(rows[: max(0, MOST_SHOWN - len(self._shown))].tolist()):
            value = values[at] if at < len(values) else None
            self._shown.append(Complaint(self.row_in_file(index + 1), field, what, scrub(value, MOST_VALUE)))

    def _note(self, row: int, field: str, what: str, value: object, kind: str) -> None:
        self._counts[f"{field}: {kind or what}"] += 1
        if len(self._shown) < MOST_SHOWN:
            self._shown.append(Complaint(row, field, what, scrub(str(value), MOST_VALUE)))
