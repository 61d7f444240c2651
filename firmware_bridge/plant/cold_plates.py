"""Cold plates: each GPU's die and plate, CPUs, and the coolant that leaves a tray.  Pure, in place."""

import numpy as np

from firmware_bridge.plant.design import Array
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.loads import SLOWDOWN_C
from firmware_bridge.plant.state import C_CPU, C_DIE, C_PLATE, State

R_JUNCTION = 0.012  # K/W, die to plate (power.md §2.4 lumped model)
R_CPU, CPU_LAG_S = 0.1, 8.0  # assumption: K/W and seconds; the capture reads 41-47 °C at 96 W
LEAST_FLOW = 0.02  # below this share of rated flow the plate loses heat no more slowly


def step_plates(state: State, ground: Ground, trays: slice, dt: float) -> None:
    """Move the dies and plates of some trays on, as `plate_gains` has prepared it.

    The die follows its plate within half a second; the plate takes what the die gives.
    """
    kind, die, plate = state.flow.dtype.type, state.gpu_die[:, trays], state.gpu_plate[:, trays]
    part = ground.gpu_scratch[:, : die.shape[1]]
    follows = 1.0 - np.exp(-dt / (R_JUNCTION * C_DIE))
    die *= kind(1.0 - follows)
    die += np.multiply(state.gpu_power[:, trays], kind(R_JUNCTION * follows), out=part)
    die += np.multiply(plate, kind(follows), out=part)
    plate *= ground.plate_keeps[:, trays, None]
    plate += np.multiply(die, ground.plate_given[:, trays, None], out=part)
    plate += ground.plate_supply[:, trays, None]


def plate_gains(state: State, ground: Ground, dt: float) -> None:
    """Prepare how plates move on in steps of `dt` s at the flow and the supply temperature of now.

    A plate goes to `supply + (die - plate) × convection / junction`, by a step that is stable however long it is;
    convection follows flow^-0.8 of the tray's own share of the flow.
    """
    kind = state.flow.dtype.type
    relative = np.maximum(state.flow * kind(1.0 / state.design.flow_rated), kind(LEAST_FLOW))
    relative **= kind(-0.8)
    own = np.multiply.outer(ground.convection, relative).T
    goes = kind(dt) / (own * kind(C_PLATE) + kind(dt))
    own *= kind(1.0 / R_JUNCTION)
    np.multiply(own, goes, out=ground.plate_given)
    np.subtract(kind(1.0) - goes, ground.plate_given, out=ground.plate_keeps)
    np.multiply(goes, state.supply[:, None], out=ground.plate_supply)
    ground.plate_dt[...] = dt


def step_cpus(state: State, dt: float) -> None:
    """Move cpu_temp on."""
    kind, temp = state.flow.dtype.type, state.cpu_temp
    aim = state.cpu_power * kind(R_CPU)
    aim += state.supply[:, None]
    temp -= aim
    temp *= kind(np.exp(-dt / CPU_LAG_S))
    temp += aim


def stored_heat(state: State) -> Array:
    """Return what is stored in dies, plates and CPUs, J from 0 °C on, (R,)."""
    kind = state.flow.dtype.type
    stored, plates = state.gpu_die.sum(axis=(1, 2)), state.gpu_plate.sum(axis=(1, 2))
    stored *= kind(C_DIE)
    stored += np.multiply(plates, kind(C_PLATE), out=plates)
    stored += state.cpu_temp.sum(axis=1) * kind(C_CPU * state.design.cpus)
    return np.asarray(stored)


def margins(state: State) -> Array:
    """Return how far each GPU is from slowing down by itself, K, (R, T, G)."""
    return np.asarray(SLOWDOWN_C - state.gpu_die)
