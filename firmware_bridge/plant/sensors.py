"""Sensors as they are: a new value only so often, a mean over a window, a gain that is off and drifts.  Pure.

Board sensors of GPUs show a new value every 100 ms, on newer boards a mean of one second; rack meters every second
(power.md §2.2, §4.1).
"""

import numpy as np

from firmware_bridge.plant.design import Array


class SensorBank:
    """N sensors of one kind; `shown` (N,) is what they say, NaN before the first value, as of `taken_at` (s)."""

    def __init__(
        self, count: int, every_s: float, window_s: float, gain: Array | None = None, drift: float = 0.0
    ) -> None:
        """`gain` (N,): what they say of 1.0; `drift`: how much more they are off after an hour, each to its side."""
        self._every, self._window = every_s, window_s
        self._gain = np.ones(count) if gain is None else gain
        self._drift = np.sign(self._gain - 1.0) * drift / 3600.0
        self._mean: Array | None = None
        self.shown: Array = np.full(count, np.nan)
        self.taken_at = -np.inf

    def look(self, now: float, values: Array, dt: float) -> bool:
        """Take in what is true now, `dt` s after the last look; return whether there is a new value."""
        if self._mean is None or self._window <= 0.0:
            self._mean = values
        else:
            self._mean = self._mean + (values - self._mean) * -np.expm1(-dt / self._window)
        if now - self.taken_at < self._every - 1e-9:
            return False
        self.shown, self.taken_at = self._mean * (self._gain + self._drift * now), now
        return True
