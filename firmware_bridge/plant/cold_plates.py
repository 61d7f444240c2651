"""Cold plates: what flows from dies through plates into the coolant, CPUs, and what metal stores.  Pure, in place."""

from functools import lru_cache
from math import expm1
from typing import NamedTuple

import numpy as np

from firmware_bridge.plant.coolant import LIQUID_SHARE
from firmware_bridge.plant.design import Array, RackDesign
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.laws import moves, plate_goes
from firmware_bridge.plant.loads import SLOWDOWN_C
from firmware_bridge.plant.shelves import CLIP_FIXED_K, CLIP_K, CLIP_S
from firmware_bridge.plant.state import AIR_INLET, C_CPU, C_DIE, C_PLATE, State

R_CPU, CPU_LAG_S = 0.1, 8.0  # assumption: K/W and seconds; the capture reads 41-47 °C at 96 W
LEAST_FLOW = 0.02  # below this share of rated flow the plate loses heat no more slowly


class HeatFactors(NamedTuple):
    """What slow steps of `dt` s are reckoned with.

    `plate_c`, `die_c`, `cpu_c`: J that a plate keeps per K, a die per W that flows into it, a tray's CPUs per K.
    `cpu_r` K/W; `cpu_goes`, `clip_goes`: how much of its way it goes.  `per_shelf`: 1/W of a shelf's rating;
    `clip_full`, `clip_least`: as `clip_aims` takes them.  `liquid`: share of the heat; `per_dt` 1/s.
    """

    none: float
    dt: float
    plate_c: float
    die_c: float
    cpu_c: float
    cpu_r: float
    cpu_goes: float
    clip_goes: float
    per_shelf: float
    clip_full: float
    clip_least: float
    liquid: float
    per_dt: float


@lru_cache(maxsize=64)
def heat_factors(design: RackDesign, dt: float) -> HeatFactors:
    """Return the factors for a slow step of `dt` s."""
    return HeatFactors(
        none=0.0,
        dt=dt,
        plate_c=C_DIE + C_PLATE,
        die_c=C_DIE * design.plate.junction,
        cpu_c=C_CPU * design.cpus,
        cpu_r=R_CPU,
        cpu_goes=-expm1(-dt / CPU_LAG_S),
        clip_goes=-expm1(-dt / CLIP_S),
        per_shelf=1.0 / max(design.psu_max * design.psus, 1.0),
        clip_full=CLIP_K,
        clip_least=float(AIR_INLET) + CLIP_FIXED_K,
        liquid=LIQUID_SHARE,
        per_dt=1.0 / dt,
    )


def step_plates(state: State, ground: Ground, dt: float) -> Array:
    """Move gpu_plate on at the flow and the supply temperature of now, and `hottest`.

    Returns what dies and plates store, J from 0 °C on, (R,).

    A plate, on which the die rides, goes to `supply + heat × convection`, by a step that is stable however long it is;
    convection follows flow^-0.8 of the tray's own share of the flow.
    """
    plate, heat = state.gpu_plate.transpose(1, 2, 0), state.gpu_heat.transpose(1, 2, 0)
    own = ground.convection * convects(state)
    goes = plate_goes(own, C_DIE + C_PLATE, dt)
    own *= goes
    for part in ground.parts:
        # Step by step what `plate_moves` says.
        moved = np.subtract(state.supply, plate[part], out=ground.scratch[: part.stop - part.start])
        moved *= goes[part, None]
        moved += heat[part] * own[part, None]
        plate[part] += moved
    state.hottest[...] = plate.max(initial=0.0)
    plates, heats = (a.reshape(-1, state.racks).sum(axis=0) for a in (plate, heat))
    return np.asarray(plates * (C_DIE + C_PLATE) + heats * (C_DIE * state.design.plate.junction))


def convects(state: State) -> Array:
    """Return by how much more K/W lie between plates and coolant than at rated flow, (R,)."""
    return np.asarray(np.maximum(state.flow * (1.0 / state.design.flow_rated), LEAST_FLOW) ** -0.8)


def step_cpus(state: State, dt: float) -> Array:
    """Move cpu_temp on; returns what CPUs store, J from 0 °C on, (R,)."""
    warm = state.cpu_temp.T
    warm += moves(warm, state.cpu_power.T * R_CPU + state.supply, -expm1(-dt / CPU_LAG_S))
    return np.asarray(warm.sum(axis=0) * (C_CPU * state.design.cpus))


def margins(state: State) -> Array:
    """Return how far each GPU is from slowing down by itself, K, (R, T, G)."""
    return np.asarray(SLOWDOWN_C - state.gpu_die)
