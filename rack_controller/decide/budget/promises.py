"""Floors where promises do not fit: reduced by priority, the last one first, before anybody is shed.  Pure.

A promise is what a tenant's terms give a device above the least that can be set.  What is left above the least limits
is shared among promises as everything else is: by priority, and max-min fair within one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rack_controller.decide.budget.design import Array, Index
from rack_controller.decide.budget.fill import fill

CLOSE_W = 1e-6


@dataclass(frozen=True, slots=True)
class Floors:
    """`watts` (N,) that each device gets at least; `level` (J,): which share of its promise each claim keeps.

    `slack` (C,) W that every limit has above them, negative where not even the least fit; `unkept` (C,) W by which what
    was promised passes it.
    """

    watts: Array
    level: Array
    slack: Array
    unkept: Array


def kept_floors(
    promised: Array,
    least: Array,
    claim: Index,
    slack_of: Callable[[Array], Array],
    slopes_of: Callable[[Array], Array],
    weight: Array,
    priority: Index,
) -> Floors:
    """Return the floors that fit: what is `promised` (N,) W, or as much of it above `least` (N,) W as limits carry.

    slack_of: what every limit has left, (C,) W, under floors (N,) W; slopes_of: what each carries more, (C, J) W, when
    a claim gets all of its devices' spans (N,) W.
    """
    slack = slack_of(promised)
    unkept, level = np.maximum(-slack, 0.0), np.ones(len(weight))
    if not (slack < -CLOSE_W).any():
        return Floors(promised, level, slack, unkept)
    spans = promised - least
    if (spans > 0.0).any():
        level, _ = fill(slack_of(least), slopes_of(spans), weight, priority)
        promised = least + level[claim] * spans
        slack = slack_of(promised)
        slack = np.where(np.abs(slack) < CLOSE_W * np.maximum(unkept, 1.0), 0.0, slack)  # what filling rounds
    return Floors(promised, level, slack, unkept)
