"""One rack's running window under one table, in memory.  Takes each frame once; knows no disk and no bus."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datacenter_api.history.lanes import Lane
from datacenter_api.history.sheet import Block, FrameId, Sheet, Stretch, as_floats, points_stretch
from firmware_bridge.vocabulary.quantities import SeriesKind
from firmware_bridge.vocabulary.reading import Quality
from rack_controller.model.frame import UNKNOWN_COUNTER, Frame
from rack_controller.model.table import SeriesKey, SeriesTable

_NS_PER_MS = 1_000_000
Row = tuple[int, NDArray[np.generic], NDArray[np.uint8]]


@dataclass
class Ring:
    """Frames of the window that begins at `start_s` (Unix s), taken apart into lanes."""

    rack: str
    start_s: int
    window_s: int
    table: SeriesTable
    lanes: tuple[Lane, ...]
    frames: set[FrameId] = field(default_factory=set)
    _rows: list[list[Row]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rows = [[] for _ in self.lanes]

    def add(self, frame: Frame) -> bool:
        """Take a frame; False when it was taken before.  Raises ValueError when its size does not fit the table."""
        if len(frame.gauges) != len(self.table.gauges) or len(frame.counters) != len(self.table.counters):
            raise ValueError(f"frame {frame.sequence} has not the size of table {frame.table_id}")
        identity = (frame.sequence, int(frame.unix_ns))
        if identity in self.frames:
            return False
        self.frames.add(identity)
        for lane, rows in zip(self.lanes, self._rows, strict=True):
            if frame.sequence % lane.stride == 0:
                source = frame.gauges if lane.kind is SeriesKind.GAUGE else frame.counters
                rows.append((int(frame.unix_ns), source[lane.columns], frame.quality[lane.lines]))
        return True

    def block(self) -> Block:
        """Return what is there so far, ordered by time."""
        sheets = [_sheet(lane, rows) for lane, rows in zip(self.lanes, self._rows, strict=True) if rows]
        return Block(
            self.rack, self.start_s, self.window_s, self.table.table_id, tuple(sorted(self.frames)), tuple(sheets)
        )

    def stretch(self, key: SeriesKey) -> Stretch | None:
        """Return one series' points so far, None when this table has no such series."""
        for lane, rows in zip(self.lanes, self._rows, strict=True):
            if key in lane.series and rows:
                at = lane.series.index(key)
                ordered = sorted(rows, key=_time)
                values, _quality = _cleaned(
                    np.array([row[1][at] for row in ordered]), np.array([row[2][at] for row in ordered])
                )
                return points_stretch(_milliseconds(ordered), as_floats(values))
        return None


def _sheet(lane: Lane, rows: list[Row]) -> Sheet:
    ordered = sorted(rows, key=_time)
    values = np.array([row[1] for row in ordered])
    quality = np.array([row[2] for row in ordered])
    times = _milliseconds(ordered)
    if lane.on_change:
        kept = _changes(values, quality)
        values, quality, times = values[kept], quality[kept], times[kept]
    values, quality = _cleaned(np.ascontiguousarray(values.T), np.ascontiguousarray(quality.T))
    name = "value" if lane.kind is SeriesKind.GAUGE else "counter"
    return Sheet(lane.series, times, {name: values, "quality": quality})


def _cleaned(values: NDArray[np.generic], quality: NDArray[np.uint8]) -> tuple[NDArray[np.generic], NDArray[np.uint8]]:
    """Leave only good values: a stale one was kept when it was fresh, a flagged one its own device disowns."""
    cleaned, verdict = values.copy(), quality.copy()
    bad = verdict != Quality.GOOD
    if cleaned.dtype == np.int64:
        verdict[(cleaned == UNKNOWN_COUNTER) & ~bad] = Quality.MISSING
        cleaned[bad] = UNKNOWN_COUNTER
    else:
        verdict[np.isnan(cleaned) & ~bad] = Quality.MISSING
        cleaned[bad] = np.nan
    return cleaned, verdict


def _changes(values: NDArray[np.generic], quality: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return at which times any series differs from the time before; the first counts as a change."""
    same = (values[1:] == values[:-1]) | ((values[1:] != values[1:]) & (values[:-1] != values[:-1]))
    moved = ~(same & (quality[1:] == quality[:-1])).all(axis=1)
    return np.concatenate((np.ones(1, dtype=np.bool_), moved))


def _time(row: Row) -> int:
    return row[0]


def _milliseconds(rows: list[Row]) -> NDArray[np.int64]:
    return np.array([row[0] for row in rows], dtype=np.int64) // _NS_PER_MS
