"""The highest good value of every gauge of a rack since the API first heard of it, with the time it was taken at.

It counts what was heard as good and nothing else; it starts anew with the API and with a reset.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datacenter_api.fleet.columns import Columns
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import UnixNanoseconds
from rack_controller.model.frame import AGE_STEP, Frame

_STEP_NS = round(AGE_STEP * 1e9)


class Peak(NamedTuple):
    """The highest value of one line since `since_ns`, and when it was read."""

    value: float
    at_ns: int
    since_ns: int


@dataclass(slots=True)
class Peaks:
    """One entry per gauge of `columns`.  `most` is -inf where nothing good was heard yet; times in Unix ns."""

    columns: Columns
    most: NDArray[np.float32]
    at_ns: NDArray[np.int64]
    since_ns: NDArray[np.int64]

    @classmethod
    def make(cls, columns: Columns, now_ns: UnixNanoseconds, before: "Peaks | None" = None) -> "Peaks":
        """Start at `now_ns`; what `before` knew of the same series is kept."""
        gauges = columns.table.gauges
        made = cls(
            columns,
            np.full(len(gauges), -np.inf, dtype=np.float32),
            np.zeros(len(gauges), dtype=np.int64),
            np.full(len(gauges), now_ns, dtype=np.int64),
        )
        known = before.columns.table.gauge_index if before is not None else {}
        for line, series in enumerate(gauges):
            held = known.get((series.place, series.quantity))
            if held is not None and before is not None:
                made.most[line], made.at_ns[line] = before.most[held], before.at_ns[held]
                made.since_ns[line] = before.since_ns[held]
        return made

    def hear(self, frame: Frame) -> None:
        """Take a frame of this table; one of another table says nothing of these lines."""
        count = len(self.most)
        if frame.table_id != self.columns.table.table_id or len(frame.gauges) != count:
            return
        # NaN compares as false: what is unknown is no peak.
        higher = (frame.gauges > self.most) & (frame.quality[:count] == Quality.GOOD) & np.isfinite(frame.gauges)
        self.most[higher] = frame.gauges[higher]
        self.at_ns[higher] = frame.unix_ns - frame.ages[:count][higher].astype(np.int64) * _STEP_NS

    def of(self, line: int) -> Peak | None:
        """Return the peak of a gauge, None for a counter and where nothing good was heard."""
        if line >= len(self.most) or not np.isfinite(self.most[line]):
            return None
        return Peak(float(f"{self.most[line]:.7g}"), int(self.at_ns[line]), int(self.since_ns[line]))

    def reset(self, lines: Iterable[int], now_ns: UnixNanoseconds) -> None:
        """Forget the peaks of some lines and start them anew."""
        chosen = np.array([n for n in lines if n < len(self.most)], dtype=np.intp)
        self.most[chosen], self.at_ns[chosen], self.since_ns[chosen] = -np.inf, 0, now_ns
