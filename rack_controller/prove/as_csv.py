"""Records as CSV, in the columns in which they are handed in, one part a line.  Pure."""

import io

import pyarrow as pa
import pyarrow.csv

from rack_controller.prove.cyclonedx import Document
from rack_controller.prove.fields import COST, COST_MOST, PLACE, plain


def as_csv(table: pa.Table, *, redacted: bool = False) -> Document:
    """Return a heading and one line a part.  With `redacted` costs are shares per billion, as `redact` gives them."""
    for name in () if redacted else (COST, COST_MOST):
        if name in table.column_names:
            amounts = [None if v is None else plain(v) for v in table.column(name).to_pylist()]
            table = table.set_column(table.column_names.index(name), name, pa.array(amounts, pa.string()))
    out = io.BytesIO()
    pyarrow.csv.write_csv(
        _texts(table), out, pyarrow.csv.WriteOptions(include_header=True, quoting_style="needed", quoting_header="none")
    )
    lines = [line + b"\n" for line in out.getvalue().split(b"\n")[:-1]]
    return Document(lines, ["heading", *table.column(PLACE).to_pylist()])


def _texts(table: pa.Table) -> pa.Table:
    return pa.table({n: table.column(n).cast(pa.string()) for n in table.column_names})
