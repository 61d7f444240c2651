"""Loops over supplies, feeds and their breakers.  Arrays come with the racks last, as they lie in memory."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from firmware_bridge.plant.design import Array
from firmware_bridge.plant.laws import bus_at, greater, heats, moves, sags, spent, supply_draws, supply_gives


class Shelves(NamedTuple):
    """Arrays of supplies, (S, R), of phases, (F × 3, R), and of racks, (R,).

    `full` J: their hold-up; `works` (S, R); `gain_offset` (S,), W;
    `row` (S, R): the phase that a supply draws from, `plain`: the same one in all racks; `per_breaker` (F × 3,), 1/W.
    """

    rating: Array
    offset: Array
    full: Array
    works: Array
    gain_offset: Array
    row: npt.NDArray[np.int64]
    per_breaker: Array
    output: Array
    drawn: Array
    phases: Array
    breaker_heat: Array
    bus: Array
    overload: Array
    hold_up: Array
    pulse: Array
    dark_for: Array


def move_shelves(a: Shelves, load: Array, supplied: Array, by: Any, plain: bool) -> Any:
    """Do what `step_shelves` and `step_feeds` do; return how many breakers are too hot.

    `load` (R,) W; `supplied` (R,): 1 where some supply works and the bus is up, 0 where not.
    """
    racks, light, strained = load.shape[0], 0, 0
    carried, share, sag = np.empty_like(load), np.empty_like(load), np.empty_like(load)
    for r in range(racks):
        lit = supplied[r]
        watts = load[r] * lit
        part = watts / a.rating[r]
        sinks = sags(part, by.droop, a.offset[r])
        carried[r], share[r], sag[r] = watts, part, sinks
        a.bus[r] = bus_at(sinks, by.nominal, by.most_sag) * lit
        a.hold_up[r] = a.full[r] if lit > by.none else a.hold_up[r]
        light += sinks < by.least_sag
    for r in range(racks):
        over = greater(share[r] - by.full, by.none)
        a.overload[r] = over
        strained += over + a.pulse[r] + a.dark_for[r] > by.none
    a.phases[:] = by.none
    if light or not plain:
        share_little(a, by, carried, sag)
        draw(a, by)
    else:
        share_plainly(a, by, sag, supplied)
    if strained:
        pulse(a, by, share)
    return warm_breakers(a, by)


def share_plainly(a: Shelves, by: Any, sag: Array, supplied: Array) -> None:
    """Set what every supply gives, each something, and draws from the phase that it is wired to first."""
    for s in range(a.output.shape[0]):
        output, drawn, works, offset, phase = (
            a.output[s],
            a.drawn[s],
            a.works[s],
            a.gain_offset[s],
            a.phases[a.row[s, 0]],
        )
        for r in range(sag.shape[0]):
            there = works[r] * supplied[r]
            given = supply_gives(sag[r], by.gain, offset) * there
            output[r] = given
            watts = supply_draws(given, by.fixed * works[r], by.linear, by.square)
            drawn[r] = watts
            phase[r] += watts


def draw(a: Shelves, by: Any) -> None:
    """Set what every supply draws for its output, from whichever phase."""
    for s in range(a.output.shape[0]):
        output, drawn, works, row = a.output[s], a.drawn[s], a.works[s], a.row[s]
        for r in range(output.shape[0]):
            drawn[r] = supply_draws(output[r], by.fixed * works[r], by.linear, by.square)
            a.phases[row[r], r] += drawn[r]


def pulse(a: Shelves, by: Any, share: Array) -> None:
    """Let supplies bear an overload until their pulse is spent; then the bus goes off."""
    for r in range(share.shape[0]):
        a.dark_for[r] = greater(a.dark_for[r] - by.dt, by.none)
        a.pulse[r] = spent(a.pulse[r], share[r], by.dt, by.none, by.full)
        if a.pulse[r] > by.pulse_s or share[r] > by.pulse_most:
            a.dark_for[r] = by.restart_s
            a.pulse[r] = by.none


def share_little(a: Shelves, by: Any, carried: Array, sag: Array) -> None:
    """Set what supplies give; those that would give less than nothing give nothing, and the others what is left."""
    racks, total = carried.shape[0], np.zeros_like(carried)
    for s in range(a.output.shape[0]):
        output, works, offset = a.output[s], a.works[s], a.gain_offset[s]
        for r in range(racks):
            output[r] = greater(supply_gives(sag[r], by.gain, offset) * works[r], by.none)
            total[r] += output[r]
    for r in range(racks):
        total[r] = carried[r] / total[r] if total[r] > by.none else by.none
    for s in range(a.output.shape[0]):
        for r in range(racks):
            a.output[s, r] *= total[r]


def warm_breakers(a: Shelves, by: Any) -> Any:
    """Move the heat of breakers on; return how many phases are too hot."""
    racks, tripped = a.phases.shape[1], 0
    for f in range(a.phases.shape[0]):
        phase, heat, per_w = a.phases[f], a.breaker_heat[f], a.per_breaker[f]
        for r in range(racks):
            warm = heat[r] + moves(heat[r], heats(phase[r], per_w), by.heat_goes)
            heat[r] = warm
            tripped += warm >= by.trips
    return tripped
