"""Records as CSV, in the columns in which they are handed in, one part a line.  Pure.

No cell of it is a formula: a serial number that a device told may begin like one.
"""

import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from rack_controller.prove.cyclonedx import Document
from rack_controller.prove.fields import COST, COST_MOST, CURRENCY, FORMULA, PLACE, plain

SHARES = {COST: "cost_share_per_billion", COST_MOST: "cost_most_share_per_billion"}
"""What columns of money are called where costs were taken out: nobody is to read a share as a price."""


def as_csv(table: pa.Table, *, redacted: bool = False) -> Document:
    """Return a heading and one line a part.  With `redacted` costs are shares per billion, as `redact` gives them."""
    for name in () if redacted else (COST, COST_MOST):
        if name in table.column_names:
            amounts = [None if v is None else plain(v) for v in table.column(name).to_pylist()]
            table = table.set_column(table.column_names.index(name), name, pa.array(amounts, pa.string()))
    texts = _texts(table)
    if redacted:
        texts = texts.drop_columns([n for n in (CURRENCY,) if n in texts.column_names])
        texts = texts.rename_columns([SHARES.get(name, name) for name in texts.column_names])
    out = io.BytesIO()
    pyarrow.csv.write_csv(
        texts, out, pyarrow.csv.WriteOptions(include_header=True, quoting_style="needed", quoting_header="none")
    )
    lines = [line + b"\n" for line in out.getvalue().split(b"\n")[:-1]]
    return Document(lines, ["heading", *table.column(PLACE).to_pylist()])


def _texts(table: pa.Table) -> pa.Table:
    return pa.table({n: _plain(table.column(n).cast(pa.string())) for n in table.column_names})


def _plain(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.match_substring_regex(texts, FORMULA), pc.binary_join_element_wise("'", texts, ""), texts)
