"""What is known of a mean or a rate from what was seen: always an interval, or the reason why there is none.  Pure."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from rack_controller.prove.evaluate.tails import chi2_quantile, t_quantile

CONFIDENCE = 0.95


class Interval(msgspec.Struct, frozen=True):
    """An estimate that lies between `low` and `high` with the confidence asked for; None where nothing bounds it.

    `spread` is the standard deviation of what it was made of, None of a single one; `count`: of how many.
    """

    value: float
    low: float | None
    high: float | None
    spread: float | None
    count: int


class Span(NamedTuple):
    """What a quantity can be at all, in its unit: None where nothing bounds it."""

    least: float | None = None
    most: float | None = None

    def less(self, other: "Span") -> "Span":
        """Return what the difference of two quantities can be: this one less the other."""
        return Span(_minus(self.least, other.most), _minus(self.most, other.least))

    def cut(self, value: float, low: float, high: float) -> tuple[float, float]:
        """Return the ends of an interval around `value` without what cannot be.

        What is estimated lies within the span for certain, so the shorter interval holds it exactly as often as the
        whole one does: nothing of the confidence is lost or gained (Mandelkern 2002, Statistical Science 17:149).
        It is never empty, as `value` is in it.
        """
        least = low if self.least is None else max(low, min(self.least, value))
        most = high if self.most is None else min(high, max(self.most, value))
        return least, most


ANYTHING = Span()


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE, span: Span = ANYTHING) -> Interval:
    """Return the mean of some racks' values with Student's interval, cut to `span`; of one rack there is none.

    Racks are the sample, also of counts: the GPUs that one rack loses fall together, by trays and loops, and a binomial
    interval of all of them (Clopper and Pearson 1934) would take them for as many independent trials.
    """
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return Interval(mean, None, None, None, count)
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (count - 1))
    half = t_quantile(0.5 + 0.5 * confidence, count - 1) * spread / math.sqrt(count)
    low, high = span.cut(mean, mean - half, mean + half)
    return Interval(mean, low, high, spread, count)


def rate_interval(events: int, exposure: float, confidence: float = CONFIDENCE) -> Interval:
    """Return events per unit of exposure with the exact interval for a Poisson count (Garwood 1936).

    No event in T is no proof of none: the upper end is then 3.69/T at 95 %.  Raises ValueError for no exposure.
    """
    if exposure <= 0.0 or events < 0:
        raise ValueError(f"{events} events in {exposure}: expected some exposure and no negative count")
    outside = 0.5 * (1.0 - confidence)
    low = 0.5 * chi2_quantile(outside, 2 * events) if events else 0.0
    high = 0.5 * chi2_quantile(1.0 - outside, 2 * events + 2)
    return Interval(events / exposure, low / exposure, high / exposure, None, events)


def exposure_for(rate: float, events: int = 0, confidence: float = CONFIDENCE) -> float:
    """Return how much exposure with so many events shows a rate below `rate`, one-sided: 3.00/rate for none at 95 %."""
    return 0.5 * chi2_quantile(confidence, 2 * events + 2) / rate


def _minus(end: float | None, other: float | None) -> float | None:
    return None if end is None or other is None else end - other
