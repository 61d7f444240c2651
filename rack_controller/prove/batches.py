"""What parts have in common, said once: work order, currency, basis of cost and every process step.  Pure.

A batch is one combination of these that parts of a rack have, however many they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rack_controller.prove.columns import Codes, codes_of
from rack_controller.prove.fields import BASIS, CURRENCY, STEP_COLUMN, WORK_ORDER
from rack_controller.prove.json_texts import escaped
from rack_controller.prove.row_texts import RowTexts

PARTS = "parts"
"""How many parts of the rack are of a batch."""
_MOST_KEYS = 2**62


@dataclass(frozen=True, slots=True)
class Batches:
    """Which batch each row is of (-1: nothing is known), how many rows each has, and what is known of each.

    `columns`: name, code per batch (-1: unknown) and distinct values of every column that is told of by batch.
    """

    of_row: Codes
    rows: NDArray[np.int64]
    columns: tuple[tuple[str, Codes, list[str]], ...]

    def put_into(self, text: RowTexts) -> None:
        r"""Write each batch as a JSON object within a JSON text: `{\"parts\":2,\"work_order\":\"W1\"}`."""
        text.same(f'{{\\"{PARTS}\\":')
        text.coded(self.rows, list(map(str, range(int(self.rows.max(initial=0)) + 1))))
        for name, codes, values in self.columns:
            lead, once = f',\\"{name}\\":\\"', escaped(values)
            twice = values if once is values else escaped(once)
            text.coded(codes, [f'{lead}{value}\\"' for value in twice])
        text.same("}")


def is_common(name: str) -> bool:
    """Return whether a column of records is told of by batch."""
    return name in (WORK_ORDER, BASIS, CURRENCY) or STEP_COLUMN.fullmatch(name) is not None


def batches_of(table: pa.Table) -> Batches:
    """Return the batches of a rack's records, in the order in which a row is first of each."""
    coded = [(name, *codes_of(table.column(name))) for name in table.column_names if is_common(name)]
    of_row, first = _distinct([(codes, len(values)) for _, codes, values in coded], table.num_rows)
    columns = tuple((name, codes[first], values) for name, codes, values in coded)
    known = np.zeros(len(first), np.bool_)
    for _, codes, _ in columns:
        known |= codes >= 0
    if not known.all():  # one combination at most: that of rows of which nothing is known
        of_row = np.where(known, np.cumsum(known) - 1, -1)[of_row]
        columns = tuple((name, codes[known], values) for name, codes, values in columns)
    rows = np.bincount(of_row + 1, minlength=int(known.sum()) + 1)[1:]
    return Batches(of_row, rows, columns)


def _distinct(columns: Sequence[tuple[Codes, int]], rows: int) -> tuple[Codes, NDArray[np.int64]]:
    """Return per row which combination of codes it has, and the first row of each, in order.

    `columns`: codes from -1 on, and how many values there are.
    """
    key, size = np.zeros(rows, np.int64), 1
    for codes, values in columns:
        if size * (values + 1) >= _MOST_KEYS:
            key = _ranked(key)
            size = int(key.max(initial=0)) + 1
        key *= values + 1
        key += codes
        key += 1
        size *= values + 1
    of_row = _ranked(key)
    first = np.empty(int(of_row.max(initial=-1)) + 1, np.int64)
    first[of_row[::-1]] = np.arange(rows - 1, -1, -1)
    return of_row, first


def _ranked(key: NDArray[np.int64]) -> Codes:
    """Return keys as numbers from 0 on, in the order in which each comes first."""
    return np.array(pa.array(key).dictionary_encode().indices.to_numpy(), np.int64)
