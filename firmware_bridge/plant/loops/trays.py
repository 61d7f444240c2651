"""Loops over compute and switch trays.  Arrays come with the racks last, as they lie in memory."""

from typing import Any, NamedTuple

import numpy as np

from firmware_bridge.plant.design import Array
from firmware_bridge.plant.laws import allowed, busy_share, follows, lesser, moves, tray_draws, wanted, within


class Trays(NamedTuple):
    """Arrays of compute trays: of each GPU (T, G, R), of each tray (T, R); of switch trays (W, R); of racks (R,).

    `switch_on`: 1 where one is there and on.  `load` W, and how `busy` its GPUs are, is set.
    """

    power: Array
    limited: Array
    heat: Array
    summed: Array
    plate: Array
    spread: Array
    rest: Array
    cpu: Array
    cpu_summed: Array
    tray: Array
    switch: Array
    switch_on: Array
    busy: Array
    load: Array


class Asked(NamedTuple):
    """What GPUs are asked for and limited to, (T, G, R) W; `on` (T, R), `alive` (R,): 1 where it lives, 0 where not."""

    demand: Array
    caps: Array
    on: Array
    alive: Array


def move_trays(a: Trays, asked: Asked, by: Any, hot: bool) -> None:
    """Do what `step_trays` and `step_switches` do."""
    racks = a.power.shape[2]
    wants, gpus = np.empty_like(a.busy), np.empty_like(a.busy)
    a.busy[:] = by.none
    a.load[:] = by.none
    for t in range(a.power.shape[0]):
        gpus[:] = by.none
        on = asked.on[t]
        for g in range(a.power.shape[1]):
            power, heat, summed, limited = a.power[t, g], a.heat[t, g], a.summed[t, g], a.limited[t, g]
            spread, rest, caps, demand = a.spread[t, g, 0], a.rest[t, g, 0], asked.caps[t, g], asked.demand[t, g]
            for r in range(racks):
                limited[r] = within(caps[r], by.none, by.limit_most)
                wants[r] = wanted(demand[r], spread, rest, by.idle, by.most, limited[r])
            if hot:
                for r in range(racks):
                    most = allowed(a.plate[t, g, r], heat[r], by.per_w, by.shutdown, by.slope, by.idle, by.most)
                    wants[r] = lesser(wants[r], most)
            for r in range(racks):
                power[r] += moves(power[r], wants[r] * on[r], by.goes)
                heat[r] += moves(heat[r], power[r], by.heat_goes)
                summed[r] += power[r]
                gpus[r] += power[r]
        cpu, cpu_summed, tray = a.cpu[t], a.cpu_summed[t], a.tray[t]
        for r in range(racks):
            share = busy_share(gpus[r], by.gpus_idle, by.per_gpus_w, by.none, by.full)
            cpu[r] = follows(share, by.cpu_idle, by.cpu_span) * on[r]
            tray[r] = tray_draws(gpus[r], cpu[r], by.cpus, by.base * on[r])
            a.busy[r] += share
        for r in range(racks):
            cpu_summed[r] += cpu[r]
            a.load[r] += tray[r]
    for r in range(racks):
        a.busy[r] *= by.per_tray
    for w in range(a.switch.shape[0]):
        for r in range(racks):
            a.switch[w, r] = follows(a.busy[r], by.switch_idle, by.switch_span) * asked.alive[r] * a.switch_on[w, r]
            a.load[r] += a.switch[w, r]
