"""Loops over supplies, feeds and their breakers.  Arrays come with the racks last, as they lie in memory."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from firmware_bridge.plant.design import Array
from firmware_bridge.plant.laws import bus_at, greater, heats, lesser, moves, sags, spent, supply_draws, supply_gives


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
    """Do what `step_shelves` and `step_feeds` do; return the hottest breaker's heat.

    `load` (R,) W; `supplied` (R,): 1 where some supply works and the bus is up, 0 where not.
    """
    racks = load.shape[0]
    carried, share, sag = np.empty_like(load), np.empty_like(load), np.empty_like(load)
    least, most = by.least_sag, by.none
    for r in range(racks):
        carried[r] = load[r] * supplied[r]
        share[r] = carried[r] / a.rating[r]
        sag[r] = sags(share[r], by.droop, a.offset[r])
        a.bus[r] = bus_at(sag[r], by.nominal, by.most_sag) * supplied[r]
        a.hold_up[r] = a.full[r] if supplied[r] > by.none else a.hold_up[r]
    for r in range(racks):
        a.overload[r] = greater(share[r] - by.full, by.none)
        least = lesser(least, sag[r])
        most = greater(most, greater(a.overload[r], greater(a.pulse[r], a.dark_for[r])))
    share_out(a, by, sag, supplied)
    if least < by.least_sag:
        share_little(a, by, carried)
    a.phases[:] = by.none
    for s in range(a.output.shape[0]):
        output, drawn, works = a.output[s], a.drawn[s], a.works[s]
        for r in range(racks):
            drawn[r] = supply_draws(output[r], by.fixed * works[r], by.linear, by.square)
        if plain:
            phase = a.phases[a.row[s, 0]]
            for r in range(racks):
                phase[r] += drawn[r]
        else:
            for r in range(racks):
                a.phases[a.row[s, r], r] += drawn[r]
    if most > by.none:
        for r in range(racks):
            a.dark_for[r] = greater(a.dark_for[r] - by.dt, by.none)
            a.pulse[r] = spent(a.pulse[r], share[r], by.dt, by.none, by.full)
            if a.pulse[r] > by.pulse_s or share[r] > by.pulse_most:
                a.dark_for[r] = by.restart_s
                a.pulse[r] = by.none
    return warm_breakers(a, by)


def share_out(a: Shelves, by: Any, sag: Array, supplied: Array) -> None:
    """Set what every supply gives at a sag of the bus, (R,) V."""
    for s in range(a.output.shape[0]):
        output, works, offset = a.output[s], a.works[s], a.gain_offset[s]
        for r in range(sag.shape[0]):
            output[r] = supply_gives(sag[r], by.gain, offset) * works[r] * supplied[r]


def share_little(a: Shelves, by: Any, carried: Array) -> None:
    """Let supplies that are set so low that they would give less than nothing give nothing."""
    racks, total = carried.shape[0], np.zeros_like(carried)
    for s in range(a.output.shape[0]):
        for r in range(racks):
            a.output[s, r] = greater(a.output[s, r], by.none)
            total[r] += a.output[s, r]
    for r in range(racks):
        total[r] = carried[r] / total[r] if total[r] > by.none else by.none
    for s in range(a.output.shape[0]):
        for r in range(racks):
            a.output[s, r] *= total[r]


def warm_breakers(a: Shelves, by: Any) -> Any:
    """Move the heat of breakers on; return the hottest one's."""
    hottest, racks = by.none, a.phases.shape[1]
    for f in range(a.phases.shape[0]):
        phase, heat, per_w = a.phases[f], a.breaker_heat[f], a.per_breaker[f]
        for r in range(racks):
            heat[r] += moves(heat[r], heats(phase[r], per_w), by.heat_goes)
        for r in range(racks):
            hottest = greater(hottest, heat[r])
    return hottest
