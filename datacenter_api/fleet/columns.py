"""A series table turned into index arrays once, so that each question costs one numpy expression."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.place import TRAY_PARTS, Place, leaf_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Series
from rack_controller.model.layout import Layout
from rack_controller.model.table import SeriesKey, SeriesTable

DEFAULT_PERIOD_S = 10.0
_COUNTED = re.compile(r"^([a-z_]*[a-z])\d+$")

Lines = NDArray[np.intp]


def component_kind(place: Place) -> str:
    """Return what stands at `place`: `gpu` for `…/gpu2`, `tray` for a tray, `rack` above; other sensors: their slug."""
    depth = place.count("/") + 1
    if depth <= TRAY_PARTS:
        return "tray" if depth == TRAY_PARTS else "rack"
    leaf = leaf_of(place)
    counted = _COUNTED.match(leaf)
    return counted.group(1) if counted else leaf


def tray_name(place: Place) -> str:
    """Return the slot (`u12`) that a place lies in, empty above a tray."""
    parts = place.split("/")
    return parts[TRAY_PARTS - 1] if len(parts) >= TRAY_PARTS else ""


@dataclass(frozen=True, slots=True)
class Columns:
    """`lines` number gauges, then counters, as `ages` and `quality` do in a frame.  `period` is in seconds per line."""

    table: SeriesTable
    series: tuple[Series, ...]
    index: dict[SeriesKey, int]
    period: NDArray[np.float64]
    by_quantity: dict[Quantity, Lines]
    by_kind: dict[tuple[Quantity, str], Lines]
    by_tray: dict[str, Lines]

    @classmethod
    def make(cls, table: SeriesTable, layout: Layout | None) -> "Columns":
        """Lay out the table; periods come from the layout, 10 s where it names no such class."""
        periods = layout.periods_s if layout else {}
        series = table.series
        quantities: dict[Quantity, list[int]] = {}
        kinds: dict[tuple[Quantity, str], list[int]] = {}
        trays: dict[str, list[int]] = {}
        for line, one in enumerate(series):
            quantities.setdefault(one.quantity, []).append(line)
            kinds.setdefault((one.quantity, component_kind(one.place)), []).append(line)
            trays.setdefault(tray_name(one.place), []).append(line)
        return cls(
            table=table,
            series=series,
            index={(s.place, s.quantity): n for n, s in enumerate(series)},
            period=np.array([periods.get(s.reading_class, DEFAULT_PERIOD_S) for s in series], dtype=np.float64),
            by_quantity={q: np.array(lines, dtype=np.intp) for q, lines in quantities.items()},
            by_kind={k: np.array(lines, dtype=np.intp) for k, lines in kinds.items()},
            by_tray={t: np.array(lines, dtype=np.intp) for t, lines in trays.items()},
        )
