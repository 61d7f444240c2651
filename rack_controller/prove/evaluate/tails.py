"""Tails of the distributions that intervals and tests need, without another library.  Pure.

Incomplete beta and gamma functions by their continued fractions and series (Abramowitz and Stegun, 26.5.8, 6.5.29 and
6.5.31), quantiles by halving; tests hold them against published tables.
"""

import math
from collections.abc import Callable
from statistics import NormalDist

_TINY, _CLOSE, _MOST_TERMS = 1e-300, 1e-15, 20_000
_NORMAL = NormalDist()


def normal_quantile(share: float) -> float:
    """Return the value below which a standard normal lies with probability `share`."""
    return _NORMAL.inv_cdf(share)


def t_below(t: float, freedom: float) -> float:
    """Return the probability that Student's t of so many degrees of freedom lies below `t`."""
    if t * t < freedom:  # near the middle the tail is nearly all: its complement is exact
        return 0.5 + math.copysign(0.5 * beta_share(0.5, 0.5 * freedom, t * t / (freedom + t * t)), t)
    tail = 0.5 * beta_share(0.5 * freedom, 0.5, freedom / (freedom + t * t))
    return tail if t < 0.0 else 1.0 - tail


def t_quantile(share: float, freedom: float) -> float:
    """Return the value below which Student's t lies with probability `share`."""
    if share < 0.5:
        return -t_quantile(1.0 - share, freedom)
    low, high = 0.0, 1.0
    while t_below(high, freedom) < share:
        low, high = high, high * 2.0
    found = 0.5 * (low + high)
    for _ in range(100):
        over = t_below(found, freedom) - share
        low, high = (low, found) if over > 0.0 else (found, high)
        nearer = found - over / _t_density(found, freedom)
        nearer = nearer if low < nearer < high else 0.5 * (low + high)  # Newton's step, or halved
        if abs(nearer - found) <= _CLOSE * max(found, 1.0):
            break
        found = nearer
    return found


def _t_density(t: float, freedom: float) -> float:
    scale = math.lgamma(0.5 * (freedom + 1.0)) - math.lgamma(0.5 * freedom) - 0.5 * math.log(freedom * math.pi)
    return math.exp(scale - 0.5 * (freedom + 1.0) * math.log1p(t * t / freedom))


def chi2_below(value: float, freedom: float) -> float:
    """Return the probability that chi-squared of so many degrees of freedom lies below `value`."""
    return gamma_share(0.5 * freedom, 0.5 * value)


def chi2_quantile(share: float, freedom: float) -> float:
    """Return the value below which chi-squared lies with probability `share`."""
    high = max(freedom, 1.0)
    while chi2_below(high, freedom) < share:
        high *= 2.0
    return _halved(lambda x: chi2_below(x, freedom) - share, 0.0, high)


def beta_share(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b)."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_share(b, a, 1.0 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x) - math.log(a)
    )
    c, d = 1.0, 1.0 / _off_zero(1.0 - (a + b) * x / (a + 1.0))
    found = d
    for m in range(1, _MOST_TERMS):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 / _off_zero(1.0 + numerator * d)
            c = _off_zero(1.0 + numerator / c)
            found *= c * d
        if abs(c * d - 1.0) < _CLOSE:
            break
    return front * found


def gamma_share(a: float, x: float) -> float:
    """Return the regularised lower incomplete gamma function P(a, x)."""
    if x <= 0.0:
        return 0.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        for n in range(1, _MOST_TERMS):
            term *= x / (a + n)
            total += term
            if term < total * _CLOSE:
                break
        return front * total
    b, c = x + 1.0 - a, 1.0 / _TINY
    d = 1.0 / b
    found = d
    for n in range(1, _MOST_TERMS):
        numerator = -n * (n - a)
        b += 2.0
        d = 1.0 / _off_zero(numerator * d + b)
        c = _off_zero(b + numerator / c)
        found *= c * d
        if abs(c * d - 1.0) < _CLOSE:
            break
    return 1.0 - front * found


def _off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _halved(rises: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if rises(middle) < 0.0 else (low, middle)
    return 0.5 * (low + high)
