"""Axes: which range to show, where round numbers lie in it, and how they are written.  Pure."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

_KILO_FROM = 2_000.0
_KILO = {"W": "kW", "J": "kJ", "Hz": "kHz"}
# The least range an axis shows, in its unit: the noise of a steady value must not look like a storm.
_LEAST_RANGE = {"W": 50.0, "°C": 2.0, "K": 2.0, "L/min": 2.0, "kPa": 5.0, "V": 0.2, "A": 2.0, "%": 4.0, "RPM": 200.0}
_TIME_STEPS_S = (60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of numbers with round ticks.  Shown numbers are divided by `divisor` and carry `unit`."""

    low: float
    high: float
    ticks: tuple[float, ...]
    unit: str
    divisor: float
    digits: int

    def share(self, value: float) -> float:
        """Return how far up a value lies, 0 at `low`, 1 at `high`."""
        return (value - self.low) / (self.high - self.low)

    def text(self, value: float, finer: int = 0) -> str:
        """Return a number as it is written on this axis, without its unit."""
        return f"{value / self.divisor + 0.0:,.{self.digits + finer}f}".replace(",", " ").replace("-", "−")


def make_axis(least: float, most: float, unit: str) -> Axis:
    """Return an axis that holds `least` to `most` with some room, and three to five ticks."""
    span = max(most - least, _LEAST_RANGE.get(unit, 0.0), abs(most) * 0.01, 1e-6)
    middle = (least + most) / 2
    low, high = middle - span * 0.56, middle + span * 0.56
    if least >= 0 > low:
        low, high = 0.0, span * 1.12
    step = _round_up(span / 4.5)
    ticks = [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
    kilo = unit in _KILO and max(abs(low), abs(high)) >= _KILO_FROM
    divisor = 1_000.0 if kilo else 1.0
    digits = max(0, -math.floor(math.log10(step / divisor) + 1e-9))
    return Axis(low, high, tuple(ticks), _KILO[unit] if kilo else unit, divisor, digits)


def time_ticks(from_s: float, to_s: float, most: int = 5) -> list[tuple[float, str]]:
    """Return round moments (Unix s) within a span and their UTC times of day."""
    step = next((s for s in _TIME_STEPS_S if (to_s - from_s) / s <= most), _TIME_STEPS_S[-1])
    first = math.ceil(from_s / step)
    moments = [n * step for n in range(first, math.floor(to_s / step) + 1)]
    return [(at, f"{datetime.fromtimestamp(at, UTC):%H:%M}") for at in moments]


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(n * power for n in (1.0, 2.0, 5.0, 10.0) if n * power >= value * 0.999)
