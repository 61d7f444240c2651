"""Which series of a table are kept together and how often: one lane per reading class and kind.  Pure.

A frame comes once a second and repeats what was read before.  A lane keeps every `stride`-th frame, chosen by the
frame's own sequence number: the choice depends on nothing else, so any order, repeat or restart keeps the same points.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.quantities import ReadingClass, SeriesKind
from rack_controller.model.table import SeriesKey, SeriesTable

FRAME_PERIOD_S = 1.0
_DEFAULT_PERIOD_S = 10.0


@dataclass(frozen=True, slots=True)
class Lane:
    """`columns` index a frame's gauges (or counters), `lines` its quality; both in the order of `series`.

    `stride` is in frames.  `on_change`: at the end only the moments are kept at which something differed.
    """

    reading_class: ReadingClass
    kind: SeriesKind
    series: tuple[SeriesKey, ...]
    columns: NDArray[np.intp]
    lines: NDArray[np.intp]
    stride: int
    on_change: bool


def lanes_of(table: SeriesTable, periods_s: Mapping[str, float]) -> tuple[Lane, ...]:
    """Sort a table's series into lanes; periods come from the rack's generation, 10 s where it names none."""
    lanes = []
    for kind, series, first in (
        (SeriesKind.GAUGE, table.gauges, 0),
        (SeriesKind.COUNTER, table.counters, len(table.gauges)),
    ):
        for reading_class in ReadingClass:
            columns = np.array([n for n, s in enumerate(series) if s.reading_class is reading_class], dtype=np.intp)
            if not len(columns):
                continue
            static = reading_class is ReadingClass.STATIC
            period = _DEFAULT_PERIOD_S if static else periods_s.get(reading_class, _DEFAULT_PERIOD_S)
            keys = tuple((series[n].place, series[n].quantity) for n in columns)
            stride = max(1, round(period / FRAME_PERIOD_S))
            lanes.append(Lane(reading_class, kind, keys, columns, columns + first, stride, static))
    return tuple(lanes)
