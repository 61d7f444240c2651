"""What a value is worth at its age.  Pure and batched: one call per rack and tick."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.axes import ABSENT_PERIODS, STALE_PERIODS

SHORTEST_FORGETTING = Seconds(30.0)


@dataclass(frozen=True, slots=True)
class Judged:
    """Quality per series, and where the value must be forgotten (turned into unknown)."""

    quality: NDArray[np.uint8]
    forget: NDArray[np.bool_]


def judge_ages(
    taken_at: NDArray[np.float64], quality: NDArray[np.uint8], periods: NDArray[np.float64], now: Seconds
) -> Judged:
    """Call a value stale after three periods of its class, and forget it after ten (at least 30 s).

    A decision may still look at a stale value and say so; a forgotten one is unknown, so nothing lives on for ever.
    """
    age = np.nan_to_num(now - taken_at, nan=np.inf)
    stale = age > STALE_PERIODS * periods
    forget = age > np.maximum(ABSENT_PERIODS * periods, SHORTEST_FORGETTING)
    judged = np.where(stale & (quality == Quality.GOOD), np.uint8(Quality.STALE), quality)
    judged = np.where(forget, np.uint8(Quality.MISSING), judged)
    return Judged(judged.astype(np.uint8), forget)
