"""A part swap rewrites the passport: the old part and all in it leave, the new one brings its own records.  Pure."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rack_controller.prove.fields import KIND, PART, PLACE, SERIAL
from rack_controller.prove.fit import PartSwap


def apply_change(current: pa.Table, change: PartSwap, spares: pa.Table) -> pa.Table:
    """Return the records of a rack after a swap.

    `spares` are the records of the new part and of all that is in it, at the place where it was kept; none when nobody
    has handed any in: then the part is known by its serial number alone, and counts against every claim.
    """
    inside = pc.or_(
        pc.equal(current.column(PLACE), change.place), pc.starts_with(current.column(PLACE), f"{change.place}/")
    )
    leaving = current.filter(inside)
    kept = current.filter(pc.invert(inside))
    arriving = _rooted(spares, change) if spares.num_rows else _bare(leaving, change, current.schema)
    both = pa.concat_tables([kept, arriving], promote_options="default").unify_dictionaries().combine_chunks()
    return both.take(pc.sort_indices(both, [(PLACE, "ascending")]))


def _rooted(spares: pa.Table, change: PartSwap) -> pa.Table:
    serials = pc.utf8_upper(spares.column(SERIAL))
    at = np.flatnonzero(pc.equal(serials, change.new.upper()).fill_null(False).to_numpy())
    root = spares.column(PLACE)[int(at[0])].as_py() if len(at) else ""
    places = [change.place + place[len(root) :] for place in spares.column(PLACE).to_pylist()]
    return spares.set_column(spares.column_names.index(PLACE), PLACE, pa.array(places, pa.string()))


def _bare(leaving: pa.Table, change: PartSwap, schema: pa.Schema) -> pa.Table:
    """Return what is known of parts without records: places and kinds stay as planned, nothing else."""
    rows = leaving.select([PLACE, KIND]).to_pydict() if leaving.num_rows else {PLACE: [change.place], KIND: ["unknown"]}
    count = len(rows[PLACE])
    unknown = ["unknown"] * count
    columns = {PLACE: rows[PLACE], KIND: rows[KIND], PART: unknown}
    columns[SERIAL] = [change.new if place == change.place else None for place in rows[PLACE]]
    return pa.table(
        {name: pa.array(values, pa.string()).cast(schema.field(name).type) for name, values in columns.items()}
    )
