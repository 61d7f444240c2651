"""What moves on every half second at the earliest: heat out of dies and plates into the liquid and the room.  Pure."""

import numpy as np

from firmware_bridge.plant.cold_plates import step_cpus, step_plates
from firmware_bridge.plant.coolant import LIQUID_SHARE, step_loop
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.shelves import step_clips
from firmware_bridge.plant.state import State


def step_heat(state: State, ground: Ground, dt: float) -> None:
    """Move plates, CPUs, clips and coolant on by `dt` s, in which `pending` J came in; what metal keeps is stored."""
    stored = step_plates(state, ground, dt) + step_cpus(state, dt)
    step_clips(state, ground, dt)
    given = (state.stored - stored + state.pending) * (1.0 / dt)
    state.stored[...] = stored
    liquid = given * LIQUID_SHARE
    np.subtract(given, liquid, out=state.air_heat)
    step_loop(state, ground, liquid, dt)
    state.pending[...] = 0.0
