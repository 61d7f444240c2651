"""The plant's inner loops for many racks at once, compiled by numba (extra `fast`).  Pure, in place.

They say in which order values are visited, each once, and no physics: that stands in `laws.py`, which numpy reads too.
Arrays come with the racks last, as they lie in memory.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from firmware_bridge.plant.design import Array
from firmware_bridge.plant.laws import (
    allowed,
    busy_share,
    cpu_draws,
    moves,
    plate_moves,
    supply_draws,
    supply_gives,
    tray_draws,
    wanted,
    within,
)
from firmware_bridge.vocabulary.errors import ConfigurationError

LAWS = (allowed, busy_share, cpu_draws, moves, plate_moves, supply_draws, supply_gives, tray_draws, wanted)


class Trays(NamedTuple):
    """Arrays of compute trays: of each GPU (T, G, R), of each tray (T, R); `on`: 1 where a tray lives, 0 where not."""

    power: Array
    limited: Array
    heat: Array
    summed: Array
    plate: Array
    demand: Array
    caps: Array
    spread: Array
    rest: Array
    on: Array
    cpu: Array
    cpu_summed: Array
    tray: Array
    busy: Array


def move_trays(a: Trays, by: Any, hot: bool) -> None:
    """Do what `step_trays` does; `busy` (R,) starts at 0 and adds up."""
    racks = a.power.shape[2]
    wants, gpus = np.empty_like(a.busy), np.empty_like(a.busy)
    for t in range(a.power.shape[0]):
        gpus[:] = by.none
        for g in range(a.power.shape[1]):
            power, heat, summed, limited = a.power[t, g], a.heat[t, g], a.summed[t, g], a.limited[t, g]
            spread, rest, caps, demand = a.spread[t, g], a.rest[t, g], a.caps[t, g], a.demand[t, g]
            for r in range(racks):
                limited[r] = within(caps[r], by.none, by.limit_most)
            for r in range(racks):
                wants[r] = wanted(demand[r], spread, rest, by.idle, by.most, limited[r]) * a.on[t, r]
            if hot:
                for r in range(racks):
                    most = allowed(a.plate[t, g, r], heat[r], by.per_w, by.shutdown, by.slope, by.idle, by.most)
                    wants[r] = min(wants[r], most)
            for r in range(racks):
                power[r] += moves(power[r], wants[r], by.goes)
            for r in range(racks):
                heat[r] += moves(heat[r], power[r], by.heat_goes)
            for r in range(racks):
                summed[r] += power[r]
                gpus[r] += power[r]
        for r in range(racks):
            share = busy_share(gpus[r], by.gpus_idle, by.per_gpus_w, by.none, by.full)
            a.cpu[t, r] = cpu_draws(share, by.cpu_idle, by.cpu_span, a.on[t, r])
            a.tray[t, r] = tray_draws(gpus[r], a.cpu[t, r], by.cpus, by.base, a.on[t, r])
            a.busy[r] += share
        for r in range(racks):
            a.cpu_summed[t, r] += a.cpu[t, r]


class Supplies(NamedTuple):
    """Arrays of supplies, (S, R); `sag` (R,) V."""

    output: Array
    drawn: Array
    sag: Array
    gain: Array
    gain_offset: Array
    fixed: Array


def move_supplies(a: Supplies, linear: Any, square: Any) -> None:
    """Set what every supply gives and draws."""
    for s in range(a.output.shape[0]):
        output, drawn, gain, gain_offset, fixed = a.output[s], a.drawn[s], a.gain[s], a.gain_offset[s], a.fixed[s]
        for r in range(a.sag.shape[0]):
            output[r] = supply_gives(a.sag[r], gain[r], gain_offset[r])
            drawn[r] = supply_draws(output[r], fixed[r], linear, square)


class Plates(NamedTuple):
    """Arrays of cold plates: of each GPU (T, G, R), of each tray (T, R); `supply` (R,) °C."""

    plate: Array
    heat: Array
    given: Array
    goes: Array
    supply: Array


def move_plates(a: Plates, plates: Array, heats: Array) -> Any:
    """Do what `step_plates` does; `plates` and `heats` (R,) add up.  Returns the hottest plate, °C."""
    hottest = a.plate[0, 0, 0]
    for t in range(a.plate.shape[0]):
        for g in range(a.plate.shape[1]):
            plate, heat, given, goes = a.plate[t, g], a.heat[t, g], a.given[t], a.goes[t]
            for r in range(a.supply.shape[0]):
                plate[r] += plate_moves(plate[r], heat[r], given[r], goes[r], a.supply[r])
            for r in range(a.supply.shape[0]):
                plates[r] += plate[r]
                heats[r] += heat[r]
            if t + g == 0:
                hottest = plate[0]
            for r in range(a.supply.shape[0]):
                hottest = max(hottest, plate[r])
    return hottest


class Loops(NamedTuple):
    """The loops above, compiled or not."""

    move_trays: Callable[..., None]
    move_supplies: Callable[..., None]
    move_plates: Callable[..., Any]


PLAIN = Loops(move_trays, move_supplies, move_plates)
"""Not compiled: slow, and the same."""


@functools.cache
def compiled() -> Loops:
    """Return the loops compiled, which takes some seconds at their first call.

    Raises ConfigurationError where numba is not installed.
    """
    try:
        numba: Any = importlib.import_module("numba")
        extending: Any = importlib.import_module("numba.extending")
    except ImportError as err:
        raise ConfigurationError("compiled loops need numba: pip install 'rackwright[fast]'") from err
    for law in LAWS:
        extending.register_jitable(law)
    extending.overload(within)(_of_one)
    fast = numba.njit(error_model="numpy")
    return Loops(*(fast(loop) for loop in PLAIN))


def _of_one(value: Any, low: Any, high: Any) -> Any:
    return _within_one


def _within_one(value: Any, low: Any, high: Any) -> Any:
    return min(max(value, low), high)
