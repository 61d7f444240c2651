"""The laws of a GPU, a tray, a supply and a breaker, each as one expression.  Pure.

numpy reads them over arrays, `loops.py` over one value at a time: the physics stands here once.  Factors are handed in
with the arrays' own type, so that 32 bits stay 32 bits.
"""

from typing import Any

import numpy as np

Values = Any
"""An array of many values, or one."""


def lesser(one: Values, other: Values) -> Values:
    """Return the smaller of two."""
    return np.minimum(one, other)


def greater(one: Values, other: Values) -> Values:
    """Return the larger of two."""
    return np.maximum(one, other)


def within(value: Values, low: Values, high: Values) -> Values:
    """Return a value brought between two others; where they contradict each other the higher one holds."""
    return np.asarray(np.clip(value, low, high))


def wanted(asked: Values, spread: Values, rest: Values, idle: Values, most: Values, limit: Values) -> Values:
    """Return what a GPU's silicon makes of what it is asked for, W, within its most and its limit."""
    return lesser(within(asked * spread + rest, idle, most), limit)


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


def plate_goes(convection: Values, capacity: Values, dt: Values) -> Values:
    """Return how much of its way a cold plate of so many J/K goes in `dt` s, however long: stable, and never beyond."""
    return dt / (convection * capacity + dt)


def plate_moves(plate: Values, heat: Values, given: Values, goes: Values, supply: Values) -> Values:
    """Return by how much a cold plate moves, K: `given` K/W of the heat that flows in, `goes` to the supply.

    `plate`, `supply` in °C; at rest the plate is warmer than the supply by heat × given / goes.
    """
    return heat * given + (supply - plate) * goes


def busy_share(power: Values, idle: Values, per_w: Values, none: Values, full: Values) -> Values:
    """Return how busy GPUs are, `none` to `full`, that draw `power` W, `idle` at rest; `per_w` is 1 over what is more
    at full load."""
    return within((power - idle) * per_w, none, full)


def follows(share: Values, idle: Values, span: Values) -> Values:
    """Return what a CPU or a switch draws beside GPUs that are busy by `share`, W."""
    return idle + share * span


def tray_draws(gpus: Values, cpu: Values, cpus: Values, base: Values) -> Values:
    """Return what a tray that lives draws, W: its GPUs together, `cpus` of its CPUs, and what is beside them."""
    return gpus + cpu * cpus + base


def sags(share: Values, droop: Values, offset: Values) -> Values:
    """Return by how many V the bus is below its nominal voltage, when it gives a share of what works is rated for."""
    return share * droop - offset


def supply_gives(sag: Values, gain: Values, gain_offset: Values) -> Values:
    """Return what a supply gives, W, when the bus sags by so many V: its gain is 0 where it is dead."""
    return sag * gain + gain_offset


def supply_draws(output: Values, fixed: Values, linear: Values, square: Values) -> Values:
    """Return what a supply draws for its output, W: fixed, proportional and quadratic losses on top."""
    return fixed + output * (linear + square * output)


def heats(power: Values, per_w: Values) -> Values:
    """Return where a breaker's heat goes, as a share of what its rating settles at; `per_w` is 1 over the rating."""
    return (power * per_w) * (power * per_w)


def bus_at(sag: Values, nominal: Values, most: Values) -> Values:
    """Return the bus voltage, V, that sags by so much, by no more than `most`."""
    return nominal - lesser(sag, most)


def spent(pulse: Values, share: Values, dt: Values, none: Values, full: Values) -> Values:
    """Return how much of what supplies bear of an overload is spent, s; what is below full load gives it back."""
    return greater(pulse + greater(share - full, -full) * dt, none)


def clip_aims(share: Values, resistance: Values, full: Values, least: Values) -> Values:
    """Return where a busbar clip's temperature goes, °C, with a share of its shelf's rating; `full` K more at all."""
    return share * share * resistance * full + least
