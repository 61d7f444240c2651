"""The laws of a GPU, a tray and a supply, each as one expression.  Pure.

numpy reads them over arrays, `loops.py` over one value at a time: the physics stands here once.  Factors are handed in
with the arrays' own type, so that 32 bits stay 32 bits.
"""

from typing import Any

import numpy as np

Values = Any
"""An array of many values, or one."""


def within(value: Values, low: Values, high: Values) -> Values:
    """Return a value brought between two others; where they contradict each other the higher one holds."""
    return np.asarray(np.clip(value, low, high))


def wanted(asked: Values, spread: Values, rest: Values, idle: Values, most: Values, limit: Values) -> Values:
    """Return what a GPU's silicon makes of what it is asked for, W, within its most and its limit."""
    return np.minimum(within(asked * spread + rest, idle, most), limit)


def allowed(
    plate: Values, heat: Values, per_w: Values, shutdown: Values, slope: Values, idle: Values, most: Values
) -> Values:
    """Return what its die's heat lets a GPU draw, W: all below slowdown, no more than at rest from shutdown on.

    `heat` W flow into `plate` °C over `per_w` K/W; `slope`: W for each K below `shutdown` °C.
    """
    return within(idle + (shutdown - plate - heat * per_w) * slope, idle, most)


def moves(before: Values, aim: Values, goes: Values) -> Values:
    """Return by how much what lags its aim moves in a step that goes so much (0 to 1) of the distance."""
    return (aim - before) * goes


def plate_moves(plate: Values, heat: Values, given: Values, goes: Values, supply: Values) -> Values:
    """Return by how much a cold plate moves, K: `given` K/W of the heat that flows in, `goes` to the supply.

    `plate`, `supply` in °C; at rest the plate is warmer than the supply by heat × given / goes.
    """
    return heat * given + (supply - plate) * goes


def busy_share(power: Values, idle: Values, per_w: Values, none: Values, full: Values) -> Values:
    """Return how busy GPUs are, `none` to `full`, that draw `power` W, `idle` at rest; `per_w` is 1 over what is more
    at full load."""
    return within((power - idle) * per_w, none, full)


def cpu_draws(share: Values, idle: Values, span: Values, on: Values) -> Values:
    """Return what a CPU draws beside GPUs that are busy by `share`, W; `on`: 1 where its tray lives, 0 where not."""
    return (idle + share * span) * on


def tray_draws(gpus: Values, cpu: Values, cpus: Values, base: Values, on: Values) -> Values:
    """Return what a tray draws, W: its GPUs together, `cpus` of its CPUs, and what is beside them where it lives."""
    return gpus + cpu * cpus + base * on


def supply_gives(sag: Values, gain: Values, gain_offset: Values) -> Values:
    """Return what a supply gives, W, when the bus sags by so many V: its gain is 0 where it is dead."""
    return sag * gain + gain_offset


def supply_draws(output: Values, fixed: Values, linear: Values, square: Values) -> Values:
    """Return what a supply draws for its output, W: fixed, proportional and quadratic losses on top."""
    return fixed + output * (linear + square * output)
