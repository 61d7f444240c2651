"""AC feeds of a rack, phase by phase, and the heat of their breakers.  Pure."""

from math import expm1

import numpy as np

from firmware_bridge.plant.breakers import HEAT_TAU_S, HEAT_TRIP
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.laws import moves
from firmware_bridge.plant.state import State


def step_feeds(state: State, ground: Ground, dt: float) -> None:
    """Set phase_power (W, (R, F, 3)) and move breaker_heat on; a breaker that has tripped stays open on all poles."""
    drawn = state.psu_input.transpose(1, 2, 0).reshape(-1, state.racks)
    phases = state.phase_power.transpose(1, 2, 0)
    if ground.plain:
        phases[...] = (ground.phases @ drawn).reshape(phases.shape)
    else:
        source = ground.draws.transpose(1, 2, 0).reshape(-1, state.racks)
        for feed in range(len(phases)):
            phases[feed] = ground.phase_of @ (drawn * (source == feed))
    aim = phases * ground.per_breaker
    aim *= aim
    heat = state.breaker_heat.transpose(1, 2, 0)
    heat += moves(heat, aim, -expm1(-dt / HEAT_TAU_S))
    if heat.max(initial=0.0) >= HEAT_TRIP:
        np.logical_or(state.breaker_open, (state.breaker_heat >= HEAT_TRIP).any(axis=2), out=state.breaker_open)
