"""AC feeds of a rack, phase by phase, and the heat of their breakers.  Pure."""

import numpy as np

from firmware_bridge.plant.breakers import HEAT_TRIP
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.laws import heats, moves
from firmware_bridge.plant.shelves import shelf_factors
from firmware_bridge.plant.state import State


def step_feeds(state: State, ground: Ground, dt: float) -> None:
    """Set phase_power (W, (R, F, 3)) and move breaker_heat on; a breaker that has tripped stays open on all poles."""
    drawn, racks = state.psu_input.transpose(1, 2, 0).reshape(-1, state.racks), state.racks
    phases, heat = state.phase_power.transpose(1, 2, 0), state.breaker_heat.transpose(1, 2, 0)
    if ground.plain:
        phases[...] = (ground.phases @ drawn).reshape(phases.shape)
    else:
        source = ground.draws.transpose(1, 2, 0).reshape(-1, racks)
        for feed in range(len(phases)):
            phases[feed] = ground.phase_of @ (drawn * (source == feed))
    heat += moves(heat, heats(phases, ground.per_breaker), shelf_factors(state.design, dt).heat_goes)
    if heat.max(initial=0.0) >= HEAT_TRIP:
        trip_breakers(state)


def trip_breakers(state: State) -> None:
    """Open all poles of every breaker of which one has become too hot."""
    np.logical_or(state.breaker_open, (state.breaker_heat >= HEAT_TRIP).any(axis=2), out=state.breaker_open)
