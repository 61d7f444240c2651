"""Power shelves on one busbar: droop sharing over the supplies that work, losses, pulses, hold-up, clips.  Pure.

A supply's voltage falls by its droop with its load, so that supplies share; each is off by a little, so that they do
not share evenly.  Output over input follows fixed, proportional and quadratic losses.
"""

import numpy as np

from firmware_bridge.plant.design import Array, Mask
from firmware_bridge.plant.ground import DROOP_V, LOSS_FIXED, Ground
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


def step_shelves(state: State, ground: Ground, load: Array, supplied: Mask, dt: float) -> None:
    """Share each rack's DC load (W, (R,)) over its supplies; `supplied` (R,): some work and the bus is up.

    Sets psu_output, psu_input, bus_voltage (0 when nothing supplies), overload, hold_up, pulse and dark_for.
    """
    design, kind = state.design, state.flow.dtype.type
    carried = load * supplied
    share = carried / ground.rating
    sag = share * kind(DROOP_V) - ground.offset
    _outputs(state, ground, sag, carried, supplied)
    rating = kind(design.psu_max)
    drawn = np.multiply(state.psu_output, kind(LOSS_SQUARE) / rating, out=state.psu_input)
    drawn += kind(1.0 + LOSS_LINEAR)
    drawn *= state.psu_output
    drawn += ground.fixed
    state.bus_voltage[...] = (kind(design.bus_nominal) - np.minimum(sag, kind(PULSE * DROOP_V))) * supplied
    np.maximum(share - kind(1.0), kind(0.0), out=state.overload)
    np.multiply(ground.supplies, kind(HOLD_UP_J_PER_W * design.psu_max), out=state.hold_up, where=supplied)
    _pulse(state, share, dt)


def _outputs(state: State, ground: Ground, sag: Array, carried: Array, supplied: Mask) -> None:
    output = state.psu_output
    np.multiply(ground.gain, (sag * supplied)[:, None, None], out=output)
    output += ground.gain_offset if supplied.all() else ground.gain_offset * supplied[:, None, None]
    if output.size and float(sag.min()) < -DROOP_V * float(
        state.design.offset.min()
    ):  # nearly no load: those that are set lowest give nothing
        np.maximum(output, 0.0, out=output)
        total = output.sum(axis=(1, 2))
        output *= np.divide(carried, total, out=np.zeros_like(total), where=total > 0.0)[:, None, None]


def _pulse(state: State, share: Array, dt: float) -> None:
    """Supplies bear an overload until their pulse is spent, or none beyond the most; then the bus goes off."""
    kind = state.flow.dtype.type
    np.maximum(state.dark_for - kind(dt), kind(0.0), out=state.dark_for)
    if float(share.max(initial=0.0)) <= 1.0 and not state.pulse.any():
        return
    state.pulse[...] = np.maximum(state.pulse + np.clip(share - kind(1.0), -1.0, None) * kind(dt), kind(0.0))
    gave_up = (state.pulse > PULSE_S) | (share > PULSE)
    state.dark_for[gave_up] = RESTART_S
    state.pulse[gave_up] = 0.0


def step_clips(state: State, ground: Ground, dt: float) -> None:
    """A shelf's clip on the busbar warms with the current squared and with its resistance."""
    kind, design = state.flow.dtype.type, state.design
    load, temp = state.psu_output.sum(axis=2), state.clip_temp
    goes = 1.0 - np.exp(-dt / CLIP_S)
    load *= load
    load *= ground.clip
    load *= kind(CLIP_K * goes / max(design.psu_max * design.psus, 1.0) ** 2)
    load += kind((float(AIR_INLET) + CLIP_FIXED_K) * goes)
    temp *= kind(1.0 - goes)
    temp += load
