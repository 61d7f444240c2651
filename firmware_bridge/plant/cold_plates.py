"""Cold plates: what flows from dies through plates into the coolant, CPUs, and what metal stores.  Pure, in place."""

from math import expm1

import numpy as np

from firmware_bridge.plant.design import Array
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.laws import moves, plate_moves
from firmware_bridge.plant.loads import SLOWDOWN_C
from firmware_bridge.plant.loops import Plates
from firmware_bridge.plant.state import C_CPU, C_DIE, C_PLATE, R_JUNCTION, State

R_CPU, CPU_LAG_S = 0.1, 8.0  # assumption: K/W and seconds; the capture reads 41-47 °C at 96 W
LEAST_FLOW = 0.02  # below this share of rated flow the plate loses heat no more slowly


def step_plates(state: State, ground: Ground, dt: float) -> Array:
    """Move gpu_plate on at the flow and the supply temperature of now, and `hottest`.

    Returns what dies and plates store, J from 0 °C on, (R,).

    A plate, on which the die rides, goes to `supply + heat × convection`, by a step that is stable however long it is;
    convection follows flow^-0.8 of the tray's own share of the flow.
    """
    relative = np.maximum(state.flow * (1.0 / state.design.flow_rated), LEAST_FLOW)
    own = np.multiply.outer(ground.convection, relative**-0.8).T
    goes = dt / (own * (C_DIE + C_PLATE) + dt)
    own *= goes
    if ground.loops is not None:
        plates, heats = np.zeros_like(state.flow), np.zeros_like(state.flow)
        gpus = (a.transpose(1, 2, 0) for a in (state.gpu_plate, state.gpu_heat))
        moved = Plates._make((*gpus, own.T, goes.T, state.supply))
        state.hottest[...] = ground.loops.move_plates(moved, plates, heats)
    else:
        supply = state.supply[:, None, None]
        for trays in ground.parts:
            plate, heat = state.gpu_plate[:, trays], state.gpu_heat[:, trays]
            plate += plate_moves(plate, heat, own[:, trays, None], goes[:, trays, None], supply)
        state.hottest[...] = state.gpu_plate.max(initial=0.0)
        plates, heats = state.gpu_plate.sum(axis=(1, 2)), state.gpu_heat.sum(axis=(1, 2))
    return np.asarray(plates * (C_DIE + C_PLATE) + heats * (C_DIE * R_JUNCTION))


def step_cpus(state: State, dt: float) -> Array:
    """Move cpu_temp on; returns what CPUs store, J from 0 °C on, (R,)."""
    aim = state.cpu_power * R_CPU + state.supply[:, None]
    state.cpu_temp[...] += moves(state.cpu_temp, aim, -expm1(-dt / CPU_LAG_S))
    return np.asarray(state.cpu_temp.sum(axis=1) * (C_CPU * state.design.cpus))


def margins(state: State) -> Array:
    """Return how far each GPU is from slowing down by itself, K, (R, T, G)."""
    return np.asarray(SLOWDOWN_C - state.gpu_die)
