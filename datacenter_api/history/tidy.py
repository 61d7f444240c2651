"""Keeps history within its time and its disk: folds a day's minutes into one file, unlinks what is too old or too much.

Oldest first, points before minutes.  Blocking; called from a worker thread.
"""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray

from datacenter_api.history import files
from datacenter_api.history.archive import Archive
from datacenter_api.history.files import DAY_S, Kind, Part
from datacenter_api.history.parquet import (
    MINUTES_COLUMNS,
    Columns,
    SegmentBroken,
    SegmentIndex,
    SegmentWriter,
    read_range,
)
from datacenter_api.history.settings import HistorySettings
from datacenter_api.history.sheet import Times

log = logging.getLogger(__name__)

FOLD_AFTER_S = 3_600
"""A day is folded when it has been over for so long: late frames have come by then."""

TABLE_KEPT_S = 3_600
"""A series table is kept for so long whatever is written under it: the stream may still hold frames of it."""


def tidy(archive: Archive, settings: HistorySettings, now_s: float) -> None:
    """Fold days that are over, then unlink what is past its time or above the budget.  Raises OSError."""
    for rack in archive.racks:
        for begin in _days_to_fold(archive, rack, now_s):
            fold_day(archive, rack, begin)
    _expire(archive, Kind.SECONDS, now_s - settings.seconds_kept_s)
    _expire(archive, Kind.MINUTES, now_s - settings.minutes_kept_s)
    keep_budget(archive, settings.budget_bytes)


def forget_tables(archive: Archive, needed: Mapping[str, Collection[int]], now_s: float) -> None:
    """Unlink series tables that no point was written under any more.  Raises OSError.

    `needed` holds, by rack, the tables of today and of frames that wait; a rack that is not in it keeps all of its own.
    """
    for (rack, table_id), path in archive.weigh_tables().items():
        if rack not in needed or table_id in needed[rack] or now_s - path.stat().st_mtime < TABLE_KEPT_S:
            continue
        if not archive.uses_table(rack, table_id):
            log.info("no point of %s needs table %016x any more", rack, table_id)
            path.unlink(missing_ok=True)
    archive.weigh_tables()


def keep_budget(archive: Archive, budget_bytes: int) -> None:
    """Unlink the oldest points, and when none are left the oldest minutes, until all fits with the series tables."""
    points, minutes = archive.all_parts(Kind.SECONDS), archive.all_parts(Kind.MINUTES)
    total = archive.table_bytes + sum(part.size for part in points) + sum(part.size for part in minutes)
    window: tuple[str, int] | None = None
    for part in [*points, *minutes]:
        # The parts of one window go together: a question takes points or minutes of a window, not some of each.
        if total <= budget_bytes and (part.rack, part.start_s) != window:
            return
        window = part.rack, part.start_s
        log.info("history is over its budget: deleting %s of %s", part.name, part.rack)
        archive.drop(part)
        total -= part.size


def fold_day(archive: Archive, rack: str, begin_s: int) -> None:
    """Put the minutes of a day into one file.  Killed in between, either the parts or the file count, never both."""
    parts = archive.parts(rack, Kind.MINUTES, begin_s, begin_s + DAY_S)
    folded = archive.folded(rack, begin_s, begin_s + DAY_S)
    fresh = [p for p in parts if not p.whole_day and p.name not in folded]
    if fresh:
        sources = {p.name: i for p in parts if (p.whole_day or p in fresh) and (i := archive.index(p)) is not None}
        held = sorted({*folded, *(p.name for p in fresh if p.name in sources)})
        path = files.day_path(archive.root, rack, begin_s)
        facts = {"kind": Kind.MINUTES, "rack": rack, "start": begin_s, "span_s": DAY_S, "held": held}

        def write(sink: IO[bytes]) -> None:
            _write_day(archive, [*sources.values()], SegmentWriter(sink, MINUTES_COLUMNS, facts))

        try:
            size = files.write_whole(path, write)
        except SegmentBroken as err:  # the next turn does without it
            for part in parts:
                if part.path == err.path:
                    archive.lose(part, err.why)
            return
        day = Part(path, rack, Kind.MINUTES, begin_s, DAY_S, -1, size)
        archive.forget_index(path)
        archive.enter(day)
        folded = set(held)
    for part in parts:
        if not part.whole_day and part.name in folded:
            archive.drop(part)


def _days_to_fold(archive: Archive, rack: str, now_s: float) -> list[int]:
    over = now_s - DAY_S - FOLD_AFTER_S
    days = {p.start_s // DAY_S * DAY_S for p in archive.parts(rack, Kind.MINUTES) if not p.whole_day}
    return sorted(begin for begin in days if begin <= over)


def _expire(archive: Archive, kind: Kind, before_s: float) -> None:
    for part in archive.all_parts(kind):
        if part.end_s <= before_s:
            archive.drop(part)


def _write_day(archive: Archive, sources: Sequence[SegmentIndex], writer: SegmentWriter) -> None:
    """Write one sheet per list of series and sheet of it: parts under one table fall together."""
    by_list: dict[str, list[SegmentIndex]] = {}
    for index in sources:
        by_list.setdefault(index.series_id, []).append(index)
    for alike in by_list.values():
        series, first = archive.series(alike[0]), 0
        for number, sheet in enumerate(alike[0].sheets):
            keys = series[first : first + sheet.series]
            times = np.unique(np.concatenate([index.sheets[number].times_ms for index in alike]))
            for part in writer.begin(keys, times):
                writer.add(keys[part], times, _folded(alike, number, part.start, len(keys[part]), times))
            first += sheet.series
    writer.close()


def _folded(alike: Sequence[SegmentIndex], sheet: int, first: int, count: int, times: Times) -> Columns:
    shape = (count, len(times))
    total, known = np.zeros(shape), np.zeros(shape, dtype=np.int32)
    least, most = np.full(shape, np.inf), np.full(shape, -np.inf)
    for at, columns in _minutes(alike, sheet, first, count, times):
        seen = columns["count"].astype(np.int32)
        total[:, at] += np.nan_to_num(columns["mean"].astype(np.float64)) * seen
        known[:, at] += seen
        least[:, at] = np.fmin(least[:, at], columns["min"].astype(np.float64))
        most[:, at] = np.fmax(most[:, at], columns["max"].astype(np.float64))
    none = known == 0
    least[none] = most[none] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (total / known).astype(np.float32).astype(np.float64)
    return {"mean": mean, "min": least, "max": most, "count": known}


def _minutes(
    alike: Sequence[SegmentIndex], sheet: int, first: int, count: int, times: Times
) -> Iterator[tuple[NDArray[np.intp], Columns]]:
    for index in alike:
        yield (
            np.searchsorted(times, index.sheets[sheet].times_ms),
            read_range(index, sheet, first, count, [*MINUTES_COLUMNS]),
        )
