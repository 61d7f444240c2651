"""AC feeds of a rack, phase by phase, and the heat of their breakers.  Pure."""

import numpy as np

from firmware_bridge.plant.breakers import HEAT_TAU_S, HEAT_TRIP
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.state import State


def step_feeds(state: State, ground: Ground, dt: float) -> None:
    """Set phase_power (W, (R, F, 3)) and move breaker_heat on; a breaker that has tripped stays open on all poles."""
    kind, wiring = state.flow.dtype.type, state.design.wiring
    feeds = len(wiring.breaker)
    drawn = state.psu_input.transpose(1, 2, 0).reshape(-1, state.racks)
    phases = state.phase_power.transpose(1, 2, 0)
    if ground.plain:
        phases[...] = (ground.phases @ drawn).reshape(phases.shape)
    else:
        source = ground.draws.transpose(1, 2, 0).reshape(-1, state.racks)
        for feed in range(feeds):
            phases[feed] = ground.phase_of @ (drawn * (source == feed))
    aim = phases / wiring.breaker.astype(kind)[:, None, None]
    aim *= aim
    heat = state.breaker_heat.transpose(1, 2, 0)
    heat -= aim
    heat *= kind(np.exp(-dt / HEAT_TAU_S))
    heat += aim
    np.logical_or(state.breaker_open, (state.breaker_heat >= HEAT_TRIP).any(axis=2), out=state.breaker_open)
