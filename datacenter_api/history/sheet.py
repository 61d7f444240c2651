"""Numbers of many series at the same times, as they go into a segment and come out of it.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.quantities import SPECS, SeriesKind
from rack_controller.model.table import SeriesKey

Times = NDArray[np.int64]
FrameId = tuple[int, int]
"""A frame's sequence number and Unix ns: what tells two frames of a rack apart."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """`columns[name][s, t]` belongs to `series[s]` at `times_ms[t]` (Unix ms, rising).

    Floats: NaN is unknown.  int64: the smallest is unknown.
    """

    series: tuple[SeriesKey, ...]
    times_ms: Times
    columns: dict[str, NDArray[np.generic]]

    @property
    def points(self) -> int:
        """Return how many points the sheet holds, unknown ones too."""
        return len(self.series) * len(self.times_ms)


@dataclass(frozen=True, slots=True)
class Block:
    """Everything a rack said in one window under one series table.  `start_s` is the window's begin, Unix s."""

    rack: str
    start_s: int
    window_s: int
    table_id: int
    frames: tuple[FrameId, ...]
    sheets: tuple[Sheet, ...]

    @property
    def points(self) -> int:
        """Return how many points the block holds."""
        return sum(sheet.points for sheet in self.sheets)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Parts of one series: `times_ms` with mean, least, most (NaN: unknown) and count of what is behind each."""

    times_ms: Times
    mean: NDArray[np.float64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    count: NDArray[np.int64]

    def without(self, spans_ms: Sequence[tuple[int, int]]) -> "Stretch":
        """Return the stretch less what lies in any of the spans."""
        kept = np.ones(len(self.times_ms), dtype=np.bool_)
        for begin, end in spans_ms:
            kept[np.searchsorted(self.times_ms, begin) : np.searchsorted(self.times_ms, end)] = False
        if kept.all():
            return self
        return Stretch(self.times_ms[kept], self.mean[kept], self.least[kept], self.most[kept], self.count[kept])


def points_stretch(times_ms: Times, values: NDArray[np.float64]) -> Stretch:
    """Return single values as a stretch: each stands for itself, unknown for none."""
    return Stretch(times_ms, values, values, values, (~np.isnan(values)).astype(np.int64))


def as_floats(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return a column as float64 with NaN for unknown; a counter above 2^53 loses its last bits here, not on disk."""
    floats = values.astype(np.float64)
    if values.dtype == np.int64:
        floats[values == np.iinfo(np.int64).min] = np.nan
    return floats


def column_of(key: SeriesKey) -> str:
    """Return in which column of a segment the points of a series stand."""
    return "counter" if SPECS[key[1]].kind is SeriesKind.COUNTER else "value"
