"""Heat of breakers as a reserve that is spent and paid back: how warm each is, how long it bears its load.  Pure.

A breaker is warmed by the square of its load and cools with its own time constant, which is the window that excess is
measured in: a peak of a tenth of a second costs a thousandth of the reserve, ten minutes at the same load all of it.
What its load for hours settles at is paid for; the reserve lies between that and four fifths of what trips it.
Heat is a share of what a load of 100 % of the rating settles at, as in `plant/breakers.py`, whose curve this is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, inf, log, sqrt

from firmware_bridge.plant.breakers import HEAT_TAU_S, HEAT_TRIP

SPENT = 0.8 * HEAT_TRIP
"""The reserve's end: a fifth of what trips it is left for what the curve, the meter and the air do not tell."""
MOST_LOAD = 1.4
"""Of the rating, that is ever borrowed: beyond it nobody has told how long a breaker holds (power.md §2.1)."""


@dataclass(frozen=True, slots=True)
class Pole:
    """One thermal element: `rating` and `nominal` (for hours) in W of AC, `carries`: the share of its rack's load."""

    name: str
    rating: float
    nominal: float
    carries: float

    @property
    def settled(self) -> float:
        """Return the heat that its load for hours settles at."""
        return (self.nominal / self.rating) ** 2


@dataclass(frozen=True, slots=True)
class Warmth:
    """Heat by pole as of `at` (s); `over` s in all that each was warmer than its load for hours makes it."""

    heat: Mapping[str, float] = field(default_factory=dict)
    over: Mapping[str, float] = field(default_factory=dict)
    at: float = inf


def warmed(before: Warmth, poles: Mapping[str, Pole], load: float, now: float) -> Warmth:
    """Return the heat now that the rack's `load` (W of AC at its feeds) has lasted since `before`.

    A pole that was never seen counts as one whose reserve is spent; one that carries nothing any more cools.
    """
    dt = max(now - before.at, 0.0) if before.at < inf else 0.0
    fades = exp(-dt / HEAT_TAU_S)
    heat, over = {}, dict(before.over)
    for name in {**before.heat, **poles}:
        pole = poles.get(name)
        aim = 0.0 if pole is None else (load * pole.carries / pole.rating) ** 2
        heat[name] = aim + (before.heat.get(name, SPENT) - aim) * fades
        if pole is not None and heat[name] > pole.settled * 1.001 and name in before.heat:
            over[name] = over.get(name, 0.0) + dt
    return Warmth(heat, over, now)


def reserve_left(pole: Pole, heat: float) -> float:
    """Return what is left of a pole's reserve, 0 to 1."""
    whole = SPENT - pole.settled
    return 0.0 if whole <= 0 else min(max((SPENT - heat) / whole, 0.0), 1.0)


def lasts(pole: Pole, heat: float, load: float) -> float:
    """Return for how many s a pole bears the rack's `load` until its reserve is spent; infinite where it is never."""
    aim = (load * pole.carries / pole.rating) ** 2
    if heat >= SPENT:
        return 0.0 if aim >= SPENT else inf
    return HEAT_TAU_S * log((aim - heat) / (aim - SPENT)) if aim > SPENT else inf


def borrowed(pole: Pole, heat: float, seconds: float, share: float) -> float:
    """Return what a pole may carry for `seconds` when that may spend `share` of its reserve, as a factor on its load
    for hours, 1 at least.  `heat`: as it is now; cooler than its load for hours makes it counts as that."""
    begin = max(heat, pole.settled)
    most = pole.settled + share * (SPENT - pole.settled)
    if share <= 0.0 or begin >= most:
        return 1.0
    fades = exp(-seconds / HEAT_TAU_S)
    aim = (most - begin * fades) / (1.0 - fades) if seconds > 0 else inf
    return max(1.0, min(sqrt(aim), MOST_LOAD) * pole.rating / pole.nominal)
