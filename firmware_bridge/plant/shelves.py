"""Power shelves on one busbar: droop sharing over the supplies that work, losses, pulses, hold-up, clips.  Pure.

A supply's voltage falls by its droop with its load, so that supplies share; each is off by a little, so that they do
not share evenly.  Output over input follows fixed, proportional and quadratic losses.
"""

from functools import lru_cache
from math import expm1
from typing import NamedTuple

import numpy as np

from firmware_bridge.plant.breakers import HEAT_TAU_S, HEAT_TRIP
from firmware_bridge.plant.design import Array, Mask, RackDesign
from firmware_bridge.plant.ground import DROOP_V, LOSS_FIXED, Ground
from firmware_bridge.plant.laws import bus_at, clip_aims, moves, sags, spent
from firmware_bridge.plant.state import AIR_INLET, State

# Losses of a supply as shares of its rating, with load and with load squared, beside the fixed ones.  Through 96.2 %
# at 11.9 % (shelf capture), 97.5 % at half (power.md §4.1) and 96.6 % at full load (our assumption).
LOSS_LINEAR, LOSS_SQUARE = 0.004843, 0.026606
PULSE = 1.6  # supplies carry at most 160 % for a moment (power.md §2.1, HPR)
PULSE_S = 0.6  # assumption: 60 % too much for one second, and as much again after as long below the rating
RESTART_S = 2.0  # assumption: supplies that gave up try again after so long
CLIP_K, CLIP_FIXED_K, CLIP_S = 20.0, 8.0, 60.0  # assumption: a busbar clip's rise at full load, at none, and its time


class ShelfFactors(NamedTuple):
    """What shelves and feeds are reckoned with in a step of `dt` s.

    `none`, `full`: 0 and 1.  `droop` V from nothing to full; `nominal`, `most_sag`, `least_sag` V of the bus, with less
    than the last some supply gives nothing; `gain` W per V of a supply, `fixed`, `linear`, `square`: its losses.
    `pulse_s`, `pulse_most`: what of an overload is borne, `restart_s`: how long the bus is off after it.
    `heat_goes`: how much of its way a breaker's heat goes, and where one `trips`.
    """

    none: float
    full: float
    dt: float
    droop: float
    nominal: float
    most_sag: float
    least_sag: float
    gain: float
    fixed: float
    linear: float
    square: float
    pulse_s: float
    pulse_most: float
    restart_s: float
    heat_goes: float
    trips: float


@lru_cache(maxsize=64)
def shelf_factors(design: RackDesign, dt: float) -> ShelfFactors:
    """Return the factors for a step of `dt` s."""
    return ShelfFactors(
        none=0.0,
        full=1.0,
        dt=dt,
        droop=DROOP_V,
        nominal=design.bus_nominal,
        most_sag=PULSE * DROOP_V,
        least_sag=-DROOP_V * float(design.offset.min(initial=0.0)),
        gain=design.psu_max / DROOP_V,
        fixed=LOSS_FIXED * design.psu_max,
        linear=1.0 + LOSS_LINEAR,
        square=LOSS_SQUARE / design.psu_max,
        pulse_s=PULSE_S,
        pulse_most=PULSE,
        restart_s=RESTART_S,
        heat_goes=-expm1(-dt / HEAT_TAU_S),
        trips=HEAT_TRIP,
    )


def efficiency(load: Array) -> Array:
    """Return output over input for a load given as a fraction of the supply's rating."""
    drawn = load + LOSS_FIXED + load * (LOSS_LINEAR + LOSS_SQUARE * load)
    return np.asarray(load / np.maximum(drawn, LOSS_FIXED))


def step_shelves(state: State, ground: Ground, load: Array, supplied: Mask | None, dt: float) -> None:
    """Share each rack's DC load (W, (R,)) over its supplies; `supplied` (R,): some work and the bus is up, None: all.

    Sets psu_output, psu_input, bus_voltage (0 when nothing supplies), overload, hold_up, pulse and dark_for.
    """
    by = shelf_factors(state.design, dt)
    carried = load if supplied is None else load * supplied
    share = carried / ground.rating
    sag = sags(share, by.droop, ground.offset)
    output, drawn = state.psu_output.transpose(1, 2, 0), state.psu_input.transpose(1, 2, 0)
    _outputs(output, ground, sag, carried, supplied, by)
    # Step by step what `supply_draws` says, because supplies are many.
    np.multiply(output, by.square, out=drawn)
    drawn += by.linear
    drawn *= output
    drawn += by.fixed if ground.all_work else ground.works * by.fixed
    bus = bus_at(sag, by.nominal, by.most_sag)
    state.bus_voltage[...] = bus if supplied is None else bus * supplied
    state.hold_up[...] = ground.hold_up if supplied is None else np.where(supplied, ground.hold_up, state.hold_up)
    np.clip(share - by.full, by.none, None, out=state.overload)
    if state.overload.any() or state.pulse.any() or state.dark_for.any():
        _pulse(state, share, by)


def _outputs(
    output: Array, ground: Ground, sag: Array, carried: Array, supplied: Mask | None, by: ShelfFactors
) -> None:
    """Set what supplies give, (H, P, R) W, which adds up to what is `carried` (R,)."""
    np.add(sag * by.gain, ground.gain_offset, out=output)
    if not ground.all_work:
        output *= ground.works
    if supplied is not None:
        output *= supplied
    if output.size and float(sag.min()) < by.least_sag:
        np.maximum(output, 0.0, out=output)  # nearly no load: those that are set lowest give nothing
        total = output.sum(axis=(0, 1))
        output *= np.divide(carried, total, out=np.zeros_like(total), where=total > 0.0)


def _pulse(state: State, share: Array, by: ShelfFactors) -> None:
    """Supplies bear an overload until their pulse is spent, or none beyond the most; then the bus goes off."""
    np.maximum(state.dark_for - by.dt, by.none, out=state.dark_for)
    state.pulse[...] = spent(state.pulse, share, by.dt, by.none, by.full)
    gave_up = (state.pulse > by.pulse_s) | (share > by.pulse_most)
    state.dark_for[gave_up] = by.restart_s
    state.pulse[gave_up] = by.none


def step_clips(state: State, ground: Ground, dt: float) -> None:
    """A shelf's clip on the busbar warms with the current squared and with its resistance."""
    design, clips = state.design, state.clip_temp.T
    load = state.psu_output.transpose(1, 2, 0).sum(axis=1) * (1.0 / max(design.psu_max * design.psus, 1.0))
    aim = clip_aims(load, ground.clip, CLIP_K, float(AIR_INLET) + CLIP_FIXED_K)
    clips += moves(clips, aim, -expm1(-dt / CLIP_S))
