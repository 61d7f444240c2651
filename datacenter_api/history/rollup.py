"""Minutes out of points, and buckets out of either: mean, least, most and count.  Pure."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from datacenter_api.history.sheet import Block, Sheet, Stretch, Times, as_floats

MINUTE_MS = 60_000


def minutes_of(block: Block) -> tuple[Sheet, ...]:
    """Return the minutes of a block: `mean`, `min`, `max` (NaN: nothing known) and `count` per series and minute."""
    return tuple(_minutes(sheet) for sheet in block.sheets if len(sheet.times_ms))


def _minutes(sheet: Sheet) -> Sheet:
    name = "value" if "value" in sheet.columns else "counter"
    values = as_floats(sheet.columns[name])
    minute = sheet.times_ms // MINUTE_MS
    starts = np.flatnonzero(np.concatenate(([True], minute[1:] != minute[:-1])))
    known = ~np.isnan(values)
    count = np.add.reduceat(known, starts, axis=1, dtype=np.int32)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.add.reduceat(np.where(known, values, 0.0), starts, axis=1) / count
    if name == "value":
        mean = mean.astype(np.float32).astype(np.float64)  # no more digits than the points had: they cost disk
    none = count == 0
    least = np.minimum.reduceat(np.where(known, values, np.inf), starts, axis=1)
    most = np.maximum.reduceat(np.where(known, values, -np.inf), starts, axis=1)
    least[none] = most[none] = np.nan
    columns: dict[str, NDArray[np.generic]] = {"mean": mean, "min": least, "max": most, "count": count}
    return Sheet(sheet.series, minute[starts] * MINUTE_MS, columns)


def gather(stretches: Iterable[Stretch], from_ms: int, step_ms: int, buckets: int) -> Stretch:
    """Put stretches into `buckets` of `step_ms` from `from_ms` on; what lies outside is left out.

    Each stretch must hold other frames than the rest: counts add up.
    """
    total, count = np.zeros(buckets), np.zeros(buckets, dtype=np.int64)
    least, most = np.full(buckets, np.inf), np.full(buckets, -np.inf)
    for one in stretches:
        at = (one.times_ms - from_ms) // step_ms
        inside = (at >= 0) & (at < buckets) & (one.count > 0)
        at = at[inside]
        if not len(at):
            continue
        total += np.bincount(at, weights=one.mean[inside] * one.count[inside], minlength=buckets)
        count += np.bincount(at, weights=one.count[inside], minlength=buckets).astype(np.int64)
        np.minimum.at(least, at, one.least[inside])
        np.maximum.at(most, at, one.most[inside])
    none = count == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / count
    least[none] = most[none] = np.nan
    return Stretch(bucket_times(from_ms, step_ms, buckets), mean, least, most, count)


def bucket_times(from_ms: int, step_ms: int, buckets: int) -> Times:
    """Return the begin of each bucket, Unix ms."""
    return from_ms + step_ms * np.arange(buckets, dtype=np.int64)
