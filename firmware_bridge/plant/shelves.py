"""Power shelves on one busbar: droop sharing over the supplies that work, losses, pulses, hold-up, clips.  Pure.

A supply's voltage falls by its droop with its load, so that supplies share; each is off by a little, so that they do
not share evenly.  Output over input follows fixed, proportional and quadratic losses.
"""

from math import expm1

import numpy as np

from firmware_bridge.plant.design import Array, Mask
from firmware_bridge.plant.ground import DROOP_V, LOSS_FIXED, Ground
from firmware_bridge.plant.laws import moves, supply_draws, supply_gives
from firmware_bridge.plant.loops import Supplies
from firmware_bridge.plant.state import AIR_INLET, HOLD_UP_J_PER_W, State

# Losses of a supply as shares of its rating, with load and with load squared, beside the fixed ones.  Through 96.2 %
# at 11.9 % (shelf capture), 97.5 % at half (power.md §4.1) and 96.6 % at full load (our assumption).
LOSS_LINEAR, LOSS_SQUARE = 0.004843, 0.026606
PULSE = 1.6  # supplies carry at most 160 % for a moment (power.md §2.1, HPR)
PULSE_S = 0.6  # assumption: 60 % too much for one second, and as much again after as long below the rating
RESTART_S = 2.0  # assumption: supplies that gave up try again after so long
CLIP_K, CLIP_FIXED_K, CLIP_S = 20.0, 8.0, 60.0  # assumption: a busbar clip's rise at full load, at none, and its time


def efficiency(load: Array) -> Array:
    """Return output over input for a load given as a fraction of the supply's rating."""
    drawn = load + LOSS_FIXED + load * (LOSS_LINEAR + LOSS_SQUARE * load)
    return np.asarray(load / np.maximum(drawn, LOSS_FIXED))


def step_shelves(state: State, ground: Ground, load: Array, supplied: Mask | None, dt: float) -> None:
    """Share each rack's DC load (W, (R,)) over its supplies; `supplied` (R,): some work and the bus is up, None: all.

    Sets psu_output, psu_input, bus_voltage (0 when nothing supplies), overload, hold_up, pulse and dark_for.
    """
    design, kind = state.design, state.flow.dtype.type
    carried = load if supplied is None else load * supplied
    share = carried / ground.rating
    sag = share * kind(DROOP_V) - ground.offset
    linear, square = kind(1.0 + LOSS_LINEAR), kind(LOSS_SQUARE / design.psu_max)
    if ground.loops is not None and supplied is None and float(sag.min(initial=np.inf)) >= ground.least_sag:
        flat = (-1, state.racks)
        own = (a.transpose(1, 2, 0).reshape(flat) for a in (state.psu_output, state.psu_input))
        known = (a.transpose(1, 2, 0).reshape(flat) for a in (ground.gain, ground.gain_offset, ground.fixed))
        ground.loops.move_supplies(Supplies._make((*own, sag, *known)), linear, square)
    else:
        _outputs(state, ground, sag, carried, supplied)
        state.psu_input[...] = supply_draws(state.psu_output, ground.fixed, linear, square)
    bus = kind(design.bus_nominal) - np.minimum(sag, kind(PULSE * DROOP_V))
    state.bus_voltage[...] = bus if supplied is None else bus * supplied
    full = ground.supplies * kind(HOLD_UP_J_PER_W * design.psu_max)
    state.hold_up[...] = full if supplied is None else np.where(supplied, full, state.hold_up)
    most = float(share.max(initial=0.0))
    np.maximum(share - kind(1.0), kind(0.0), out=state.overload)
    if most > 1.0 or state.pulse.any() or state.dark_for.any():
        _pulse(state, share, dt)


def _outputs(state: State, ground: Ground, sag: Array, carried: Array, supplied: Mask | None) -> None:
    output = state.psu_output
    output[...] = supply_gives(sag[:, None, None], ground.gain, ground.gain_offset)
    if supplied is not None:
        output *= supplied[:, None, None]
    if output.size and float(sag.min()) < ground.least_sag:
        np.maximum(output, 0.0, out=output)  # nearly no load: those that are set lowest give nothing
        total = output.sum(axis=(1, 2))
        output *= np.divide(carried, total, out=np.zeros_like(total), where=total > 0.0)[:, None, None]


def _pulse(state: State, share: Array, dt: float) -> None:
    """Supplies bear an overload until their pulse is spent, or none beyond the most; then the bus goes off."""
    kind = state.flow.dtype.type
    np.maximum(state.dark_for - kind(dt), kind(0.0), out=state.dark_for)
    state.pulse[...] = np.maximum(state.pulse + np.clip(share - kind(1.0), -1.0, None) * kind(dt), kind(0.0))
    gave_up = (state.pulse > PULSE_S) | (share > PULSE)
    state.dark_for[gave_up] = RESTART_S
    state.pulse[gave_up] = 0.0


def step_clips(state: State, ground: Ground, dt: float) -> None:
    """A shelf's clip on the busbar warms with the current squared and with its resistance."""
    design = state.design
    load = state.psu_output.sum(axis=2) * (1.0 / max(design.psu_max * design.psus, 1.0))
    aim = load * load * ground.clip * CLIP_K + (float(AIR_INLET) + CLIP_FIXED_K)
    state.clip_temp[...] += moves(state.clip_temp, aim, -expm1(-dt / CLIP_S))
