"""Snapshots for tests of decisions, made from a few readings."""

from functools import lru_cache

import numpy as np

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.table import SeriesTable, make_table

Q = Quantity

RACK = Place("tx1/a/r03/k07")


@lru_cache(maxsize=8)
def table_of(keys: tuple[tuple[str, Q], ...]) -> SeriesTable:
    """Return the table of series by path below the rack and quantity."""
    return make_table(RACK, [Series(Place(f"{RACK}/{p}"), q, ReadingClass.SAFETY) for p, q in keys])


def snapshot(values: dict[tuple[str, Q], float | None], tick: int = 1) -> Snapshot:
    """Return a snapshot of these readings; None is one that is not known."""
    table = table_of(tuple(values))
    known = [values[s.place.removeprefix(f"{RACK}/"), s.quantity] for s in table.gauges]
    return Snapshot(
        RACK,
        tick,
        Seconds(float(tick)),
        UnixNanoseconds(tick),
        table,
        np.array([np.nan if v is None else v for v in known]),
        np.array([], dtype=np.int64),
        np.full(len(known), float(tick)),
        np.array([Quality.MISSING if v is None else Quality.GOOD for v in known], dtype=np.uint8),
        {},
    )
