"""How many racks and days it takes to tell a difference apart, and whether a date can be met.  Pure.

Two groups of n racks, each measured for d days: a mean has the variance (between² + within²/d)/n.  More days make the
second term small; the first one only more racks do.
"""

import math
from datetime import date, timedelta

import msgspec

from rack_controller.prove.evaluate.tails import chi2_quantile, t_quantile

POWER = 0.8
ERROR = 0.05
MOST_RACKS, MOST_DAYS = 10_000, 3_650


class Needed(msgspec.Struct, frozen=True):
    """What a comparison of two groups takes: racks of each group, days of each rack, all of them in rack-days.

    `ready_on`: when racks that run beside each other are done; `met`: whether that is no later than the date asked for.
    `shows`: the smallest effect that the racks and days which there are would show; None where no number of days is
    enough for the effect asked for.
    """

    effect: float
    between: float
    within: float | None
    racks: int
    days_each: int | None
    rack_days: int | None
    ready_on: date | None
    met: bool
    shows: float
    why: str


def racks_needed(effect: float, spread: float, error: float = ERROR, power: float = POWER) -> int:
    """Return how many racks each of two groups needs to show `effect` with racks that differ by `spread` (sd).

    n = 2 (t(1-error/2) + t(power))² (spread/effect)² with 2n - 2 degrees of freedom, the smallest n that fits itself.
    """
    if effect <= 0.0:
        raise ValueError("an effect to be shown is above 0")
    low, high = 2, MOST_RACKS
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if shown_by(middle, spread, error, power) <= effect else (middle + 1, high)
    return low


def careful_spread(spread: float, freedom: int, trust: float = 0.8) -> float:
    """Return what a standard deviation seen on a few racks is below with probability `trust`: plans rest on that."""
    return spread * math.sqrt(freedom / chi2_quantile(1.0 - trust, freedom))


def shown_by(racks: int, spread: float, error: float = ERROR, power: float = POWER) -> float:
    """Return the smallest effect that two groups of so many racks show, in the unit of `spread`."""
    if racks < 2:
        return math.inf
    freedom = 2 * racks - 2
    return (t_quantile(1.0 - 0.5 * error, freedom) + t_quantile(power, freedom)) * spread * math.sqrt(2.0 / racks)


def days_needed(
    effect: float, between: float, within: float | None, racks: int, error: float = ERROR, power: float = POWER
) -> int | None:
    """Return for how many days so many racks of each group must be measured; None: no number of days is enough.

    Without a known spread of one rack from day to day (`within`) one day counts as good as any more.
    """
    if shown_by(racks, between, error, power) > effect:
        return None
    if within is None or within == 0.0:
        return 1
    low, high = 1, MOST_DAYS
    if _shown_in(high, between, within, racks, error, power) > effect:
        return None
    while low < high:
        middle = (low + high) // 2
        if _shown_in(middle, between, within, racks, error, power) <= effect:
            high = middle
        else:
            low = middle + 1
    return low


def plan_needed(
    effect: float,
    between: float,
    within: float | None,
    racks: int,
    today: date,
    by: date,
    *,
    days_before: int = 0,
    tests: int = 1,
    power: float = POWER,
) -> Needed:
    """Return what it takes to show `effect` by a date with `racks` of each group.

    `days_before`: until the racks can be measured at all; `tests`: how many differences are looked at together, so that
    each must be surer (Bonferroni, which Holm never exceeds).
    """
    error = ERROR / max(tests, 1)
    left = (by - today).days - days_before
    days = days_needed(effect, between, within, racks, error, power)
    can_show = _shown_in(max(left, 1), between, within or 0.0, racks, error, power)
    if days is None:
        wanted = racks_needed(effect, between, error, power)
        why = f"no number of days is enough: racks differ among themselves; it takes {wanted} racks of each"
        return Needed(effect, between, within, wanted, None, None, None, met=False, shows=can_show, why=why)
    ready = today + timedelta(days=days_before + days)
    met = days <= left
    late = "" if met else f"{(ready - by).days} days late; until then an effect of {can_show:.3g} would show"
    return Needed(effect, between, within, racks, days, 2 * racks * days, ready, met=met, shows=can_show, why=late)


def _shown_in(days: int, between: float, within: float, racks: int, error: float, power: float) -> float:
    return shown_by(racks, math.sqrt(between**2 + within**2 / days), error, power)
