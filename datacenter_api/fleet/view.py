"""All numbers of one rack at one instant, with their true age and how far each can be trusted.  Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datacenter_api.fleet.columns import Columns
from datacenter_api.fleet.record import RackRecord
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.frame import AGE_STEP, OLDEST_AGE, UNKNOWN_COUNTER

STALE_AFTER = 3.0
"""A reading older than this many periods of its class is stale (DESIGN §5)."""

QUALITY_WORDS: dict[int, str] = {int(q): q.name.lower() for q in Quality}


@dataclass(frozen=True, slots=True)
class RackView:
    """Arrays are in line order (gauges, then counters).  `values` NaN: unknown; `ages` in s, inf: older than 655 s."""

    columns: Columns
    values: NDArray[np.float64]
    ages: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def number(self, place: Place | str, quantity: Quantity) -> tuple[float | None, str]:
        """Return a value (None: unknown) and its quality word; `absent` when the rack has no such series."""
        line = self.columns.index.get((Place(place), quantity))
        return (None, "absent") if line is None else (self.value(line), self.word(line))

    def value(self, line: int) -> float | None:
        """Return one line's value as people write it (7 significant digits of a float32), None when unknown."""
        number = float(self.values[line])
        if number != number:
            return None
        return float(f"{number:.7g}") if line < len(self.columns.table.gauges) else int(number)

    def word(self, line: int) -> str:
        """Return one line's quality word."""
        return QUALITY_WORDS.get(int(self.quality[line]), "missing")

    def age(self, line: int) -> float | None:
        """Return one line's age in s, None when it is older than a frame can say."""
        age = float(self.ages[line])
        return None if np.isinf(age) else round(age, 2)


def view_of(record: RackRecord, now: Seconds) -> RackView | None:
    """Return the rack as it is at `now`, None while no table explains its frame.

    The age of a reading is its age in the frame plus the time since the frame was said, so that a silent controller
    ages everything; whatever is then older than three periods of its class turns stale.
    """
    frame, columns = record.frame, record.columns
    if frame is None or columns is None or not record.readable:
        return None
    since = max(0.0, now - record.received)
    ages = np.where(frame.ages == OLDEST_AGE, np.inf, frame.ages * AGE_STEP + since)
    counters = np.where(frame.counters == UNKNOWN_COUNTER, np.nan, frame.counters.astype(np.float64))
    values = np.concatenate((frame.gauges.astype(np.float64), counters))
    # A number nobody can date is not shown as if it were one.
    values[np.isinf(ages)] = np.nan
    unknown = ~np.isfinite(values)  # infinite is no reading either, and no JSON
    values[unknown] = np.nan
    quality = frame.quality.copy()
    quality[unknown & (quality == Quality.GOOD)] = Quality.MISSING
    quality[~unknown & (quality == Quality.GOOD) & (ages > STALE_AFTER * columns.period)] = Quality.STALE
    return RackView(columns, values, ages, quality)
