"""Loops over pumps, plates, CPUs, clips and coolant.  Arrays come with the racks last, as they lie in memory."""

from typing import Any, NamedTuple

import numpy as np

from firmware_bridge.plant.design import Array
from firmware_bridge.plant.laws import clip_aims, greater, moves, plate_goes, plate_moves, within
from firmware_bridge.plant.water import enters, keeps, mixes, pump_aims, pump_wants, turns


class Pumps(NamedTuple):
    """Arrays of pumps, (Q, R), and of racks, (R,); `told`: a share of the rated flow, NaN where it follows the heat."""

    speed: Array
    ok: Array
    boost: Array
    told: Array
    share: Array
    flow: Array
    pending: Array


def move_pumps(a: Pumps, load: Array, by: Any) -> None:
    """Do what `step_pumps` does; what was drawn, `load` (R,) W, is heat to come."""
    racks, aim = load.shape[0], np.empty_like(load)
    for r in range(racks):
        told = a.told[r] == a.told[r]
        aim[r] = within(a.told[r], by.least, by.full) if told else pump_aims(load[r], by.per_w, by.least, by.full)
        a.flow[r] = by.none
        a.pending[r] += load[r] * by.dt
    for q in range(a.speed.shape[0]):
        speed, ok = a.speed[q], a.ok[q]
        for r in range(racks):
            speed[r] += moves(speed[r], pump_wants(aim[r], a.boost[r], by.full, ok[r]), by.goes)
            a.flow[r] += speed[r]
    for r in range(racks):
        a.flow[r] *= by.per_pump * a.share[r]


class Heat(NamedTuple):
    """Arrays that heat goes through: of each GPU (T, G, R), of supplies (H, P, R), of trays (T, R), of clips (H, R), of
    the return line's volumes (cells, R), and of racks, (R,).  `convection` (T,) K/W at rated flow."""

    plate: Array
    heat: Array
    convection: Array
    cpu: Array
    cpu_temp: Array
    output: Array
    resistance: Array
    clip_temp: Array
    line: Array
    stored: Array
    pending: Array
    air_heat: Array
    supply: Array
    taken: Array
    valve: Array
    outlet: Array
    facility_flow: Array
    facility_return: Array
    aim: Array
    facility: Array


def move_heat(a: Heat, convects: Array, moving: Array, unit_goes: Array, by: Any, water: Any) -> Any:
    """Do what slow steps do; return the hottest plate, °C.

    `convects`: K/W against rated flow, `moving` L/s, `unit_goes`: how much of its way the unit goes, all (R,).
    """
    racks, stored, given = a.supply.shape[0], np.empty_like(a.supply), np.empty_like(a.supply)
    hottest = move_plates(a, stored, convects, by)
    given[:] = by.none
    for t in range(a.cpu.shape[0]):
        cpu, warm = a.cpu[t], a.cpu_temp[t]
        for r in range(racks):
            now = warm[r]
            now += moves(now, cpu[r] * by.cpu_r + a.supply[r], by.cpu_goes)
            warm[r] = now
            given[r] += now
    for r in range(racks):
        stored[r] += given[r] * by.cpu_c
    for h in range(a.output.shape[0]):
        given[:] = by.none
        for p in range(a.output.shape[1]):
            output = a.output[h, p]
            for r in range(racks):
                given[r] += output[r]
        for r in range(racks):
            aim = clip_aims(given[r] * by.per_shelf, a.resistance[h, r], by.clip_full, by.clip_least)
            a.clip_temp[h, r] += moves(a.clip_temp[h, r], aim, by.clip_goes)
    for r in range(racks):
        given[r] = (a.stored[r] - stored[r] + a.pending[r]) * by.per_dt
        a.stored[r] = stored[r]
        a.pending[r] = by.none
        liquid = given[r] * by.liquid
        a.air_heat[r] = given[r] - liquid
        given[r] = liquid
    move_loop(a, given, moving, unit_goes, water)
    return hottest


def move_plates(a: Heat, stored: Array, convects: Array, by: Any) -> Any:
    """Do what `step_plates` does; `stored` (R,) J is set."""
    racks, peak = convects.shape[0], np.zeros_like(convects)
    own, goes = np.empty_like(convects), np.empty_like(convects)
    plates, heats = np.zeros_like(convects), np.zeros_like(convects)
    for t in range(a.plate.shape[0]):
        for r in range(racks):
            own[r] = a.convection[t] * convects[r]
            goes[r] = plate_goes(own[r], by.plate_c, by.dt)
            own[r] *= goes[r]
        for g in range(a.plate.shape[1]):
            plate, heat = a.plate[t, g], a.heat[t, g]
            for r in range(racks):
                warm, given = plate[r], heat[r]
                warm += plate_moves(warm, given, own[r], goes[r], a.supply[r])
                plate[r] = warm
                plates[r] += warm
                heats[r] += given
                peak[r] = greater(peak[r], warm)
    hottest = by.none
    for r in range(racks):
        stored[r] = plates[r] * by.plate_c + heats[r] * by.die_c
        hottest = greater(hottest, peak[r])
    return hottest


def move_loop(a: Heat, liquid: Array, moving: Array, unit_goes: Array, by: Any) -> None:
    """Do what `step_loop` does with the heat that goes into it, (R,) W."""
    racks, keep, takes = liquid.shape[0], np.empty_like(liquid), np.empty_like(liquid)
    for r in range(racks):
        ratio = moving[r] * by.per_cell
        keep[r] = keeps(ratio, by.full)
        takes[r] = ratio * keep[r]
        a.outlet[r] = enters(a.supply[r], liquid[r], moving[r] * by.capacity, by.hottest)
    for n in range(a.line.shape[0]):
        for r in range(racks):
            a.line[n, r] = mixes(a.line[n, r], a.outlet[r], keep[r], takes[r])
            a.outlet[r] = a.line[n, r]
    for r in range(racks):
        own = (a.supply[r], a.taken[r], a.valve[r], a.aim[r], a.facility[r])
        moved = turns(a.outlet[r], moving[r], unit_goes[r], own[0], own[1], own[2], own[3], own[4], by)
        a.valve[r], a.supply[r], a.taken[r], a.facility_flow[r], a.facility_return[r] = moved
