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
    most, gpus = np.empty_like(a.busy), np.empty_like(a.busy)
    a.busy[:], a.load[:], most[:] = by.none, by.none, by.most
    for t in range(a.power.shape[0]):
        gpus[:] = by.none
        on = asked.on[t]
        for g in range(a.power.shape[1]):
            power, heat, summed, limited = a.power[t, g], a.heat[t, g], a.summed[t, g], a.limited[t, g]
            spread, rest, caps, demand = a.spread[t, g, 0], a.rest[t, g, 0], asked.caps[t, g], asked.demand[t, g]
            if hot:
                for r in range(racks):
                    most[r] = allowed(a.plate[t, g, r], heat[r], by.per_w, by.shutdown, by.slope, by.idle, by.most)
            # What is read is kept in a variable: arrays might overlap, so that it would have to be read again.
            for r in range(racks):
                limit, watts, given = within(caps[r], by.none, by.limit_most), power[r], heat[r]
                wants = lesser(wanted(demand[r], spread, rest, by.idle, by.most, limit), most[r]) * on[r]
                watts += moves(watts, wants, by.goes)
                limited[r] = limit
                power[r] = watts
                heat[r] = given + moves(given, watts, by.heat_goes)
                summed[r] += watts
                gpus[r] += watts
        move_tray(a, asked, by, t, gpus)
    for r in range(racks):
        a.busy[r] *= by.per_tray
    for w in range(a.switch.shape[0]):
        switch, there = a.switch[w], a.switch_on[w]
        for r in range(racks):
            watts = follows(a.busy[r], by.switch_idle, by.switch_span) * asked.alive[r] * there[r]
            switch[r] = watts
            a.load[r] += watts


def move_tray(a: Trays, asked: Asked, by: Any, t: int, gpus: Array) -> None:
    """Do what a tray's CPUs do beside its GPUs, which draw `gpus` (R,) W; `busy` and `load` add up."""
    cpu, summed, tray, on = a.cpu[t], a.cpu_summed[t], a.tray[t], asked.on[t]
    for r in range(gpus.shape[0]):
        share, lives = busy_share(gpus[r], by.gpus_idle, by.per_gpus_w, by.none, by.full), on[r]
        watts = follows(share, by.cpu_idle, by.cpu_span) * lives
        cpu[r] = watts
        summed[r] += watts
        watts = tray_draws(gpus[r], watts, by.cpus, by.base * lives)
        tray[r] = watts
        a.busy[r] += share
        a.load[r] += watts
