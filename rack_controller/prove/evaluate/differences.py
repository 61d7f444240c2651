"""Which differences between two groups of racks are real, given how racks of one group differ.  Pure.

Means by Welch's test; counts by the exact test of two Poisson rates, given their sum; groups without any spread by how
many ways there are to divide the same racks.  All of a table's tests are corrected together (Holm 1979).
"""

import math
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from rack_controller.prove.evaluate.intervals import ANYTHING, CONFIDENCE, Span, mean_interval
from rack_controller.prove.evaluate.tails import t_below, t_quantile


class How(StrEnum):
    """By what a difference was judged."""

    WELCH = "welch"
    EXACT_COUNTS = "exact_counts"
    DIVISIONS = "divisions"
    BOUNDS = "bounds"
    NONE = "none"


class Difference(msgspec.Struct, frozen=True):
    """The second group less the first, in the unit of what is compared.

    `low` and `high` hold it with the confidence asked for, None where nothing bounds it.  `chance`: how likely a
    difference as large is without any being there (p); None where no test can be made.
    """

    value: float
    low: float | None
    high: float | None
    chance: float | None
    how: How
    why: str = ""


def of_means(
    first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE, span: Span = ANYTHING
) -> Difference:
    """Return the difference of two means (Welch 1947, Satterthwaite's degrees of freedom).

    Its interval is cut to `span`, what the difference can be at all; its chance is not touched by that.
    """
    a, b = mean_interval(first), mean_interval(second)
    value = b.value - a.value
    if a.spread is None or b.spread is None:
        return Difference(value, None, None, None, How.NONE, "one rack of a group says nothing of the spread of racks")
    parts = [a.spread**2 / a.count, b.spread**2 / b.count]
    error = math.sqrt(sum(parts))
    if error <= 1e-12 * max(abs(a.value), abs(b.value), 1e-300):
        return _without_spread(value, a.count, b.count)
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (a.count - 1) + parts[1] ** 2 / (b.count - 1))
    half = t_quantile(0.5 + 0.5 * confidence, freedom) * error
    chance = 2.0 * t_below(-abs(value) / error, freedom)
    low, high = span.cut(value, value - half, value + half)
    return Difference(value, low, high, min(chance, 1.0), How.WELCH)


def of_rates(first: tuple[int, float], second: tuple[int, float]) -> Difference:
    """Return the difference of two rates, each `(events, exposure)`, by the exact conditional test (Przyborowski 1940).

    Given their sum, the second group's events are binomial; divisions that are no likelier are added up.
    """
    (a, over_a), (b, over_b) = first, second
    share = over_b / (over_a + over_b)
    weights = [_binomial(a + b, k, share) for k in range(a + b + 1)]
    chance = min(math.fsum(math.exp(w) for w in weights if w <= weights[b] + 1e-7), 1.0)
    return Difference(b / over_b - a / over_a, None, None, chance, How.EXACT_COUNTS)


def of_bounds(first: tuple[float, float | None], second: tuple[float, float | None]) -> Difference:
    """Return the difference of two values of which only bounds are known: it is there where they do not overlap."""
    (low_a, high_a), (low_b, high_b) = first, second
    low = None if high_a is None else low_b - high_a
    high = None if high_b is None else high_b - low_a
    apart = (low is not None and low > 0.0) or (high is not None and high < 0.0)
    return Difference(low_b - low_a, low, high, 0.0 if apart else 1.0, How.BOUNDS)


def corrected(chances: Sequence[float]) -> list[float]:
    """Return chances corrected for how many there are (Holm 1979): their family errs at most as often as one would."""
    count = len(chances)
    order = sorted(range(count), key=lambda n: chances[n])
    found, worst = [0.0] * count, 0.0
    for rank, n in enumerate(order):
        worst = max(worst, min((count - rank) * chances[n], 1.0))
        found[n] = worst
    return found


def _without_spread(value: float, first: int, second: int) -> Difference:
    if value == 0.0:
        return Difference(0.0, 0.0, 0.0, 1.0, How.DIVISIONS)
    ways = math.comb(first + second, first)
    return Difference(value, value, value, min((2.0 if first == second else 1.0) / ways, 1.0), How.DIVISIONS)


def _binomial(n: int, k: int, share: float) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return ways + k * math.log(share) + (n - k) * math.log1p(-share)
