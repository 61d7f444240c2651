"""A peak is the highest good value that was heard, with its own time; it outlives a new table and ends with a reset."""

import math

import numpy as np

from datacenter_api.fleet.columns import Columns
from datacenter_api.fleet.peaks import Peak, Peaks
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.units import UnixNanoseconds
from rack_controller.model.frame import Frame
from rack_controller.model.table import make_table

RACK = Place("lab1/a/r01/k01")
SECOND = 1_000_000_000
START = UnixNanoseconds(SECOND)


def columns(*names: str) -> Columns:
    lines = [Series(Place(f"{RACK}/u06/{n}"), Quantity.POWER, ReadingClass.POWER) for n in names]
    return Columns.make(make_table(RACK, [*lines, Series(RACK, Quantity.COUNT, ReadingClass.SLOW)]), None)


def frame(known: Columns, second: int, *values: float, quality: int = Quality.GOOD, age: int = 0) -> Frame:
    count = len(values) + 1
    return Frame(
        known.table.table_id,
        second,
        UnixNanoseconds(second * SECOND),
        np.array(values, dtype=np.float32),
        np.array([7], dtype=np.int64),
        np.full(count, age, dtype=np.uint16),
        np.full(count, quality, dtype=np.uint8),
    )


def test_the_highest_good_value_counts_at_the_time_it_was_read() -> None:
    known = columns("psu0")
    peaks = Peaks.make(known, START)
    assert peaks.of(0) is None
    peaks.hear(frame(known, 5, 400.0, age=100))
    peaks.hear(frame(known, 6, 300.0))
    peaks.hear(frame(known, 7, 900.0, quality=Quality.FLAGGED))
    peaks.hear(frame(known, 8, math.nan))
    peaks.hear(frame(known, 9, math.inf))
    assert peaks.of(0) == Peak(400.0, 4 * SECOND, START)


def test_a_counter_has_no_peak_and_another_tables_frame_says_nothing() -> None:
    known, other = columns("psu0"), columns("psu0", "psu1")
    peaks = Peaks.make(known, START)
    peaks.hear(frame(other, 5, 1.0, 2.0))
    assert peaks.of(0) is None
    assert peaks.of(1) is None


def test_peaks_outlive_a_new_table_and_a_reset_starts_anew() -> None:
    known, wider = columns("psu1"), columns("psu0", "psu1")
    peaks = Peaks.make(known, START)
    peaks.hear(frame(known, 5, 400.0))
    moved = Peaks.make(wider, UnixNanoseconds(6 * SECOND), peaks)
    assert [moved.of(0), moved.of(1)] == [None, Peak(400.0, 5 * SECOND, START)]
    moved.reset([1, 2], UnixNanoseconds(7 * SECOND))
    moved.hear(frame(wider, 8, 1.0, 2.0))
    assert moved.of(1) == Peak(2.0, 8 * SECOND, 7 * SECOND)
