"""Snapshots for tests of decisions, made from a few readings."""

import numpy as np

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.table import make_table

Q = Quantity

RACK = Place("tx1/a/r03/k07")


def snapshot(values: dict[tuple[str, Q], float | None], tick: int = 1) -> Snapshot:
    """Return a snapshot of these readings; None is one that is not known."""
    table = make_table(RACK, [Series(Place(f"{RACK}/{p}"), q, ReadingClass.SAFETY) for p, q in values])
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
