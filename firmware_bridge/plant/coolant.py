"""The rack's liquid loop and its coolant unit: pumps, flow, manifold, return line, valve, the facility side.  Pure.

The unit's valve takes out of the returning coolant what would bring it to the set supply temperature, but late: after a
load has gone, the supply is too cold for a while.  What the facility gives bounds it from below.
"""

from functools import lru_cache
from math import expm1

import numpy as np

from firmware_bridge.plant.design import Array, RackDesign
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.laws import moves
from firmware_bridge.plant.state import RETURN_CELLS, State
from firmware_bridge.plant.water import (
    PumpFactors,
    WaterFactors,
    enters,
    flows,
    keeps,
    mixes,
    pump_aims,
    pump_wants,
    turns,
)

LIQUID_SHARE = 0.9  # 85-95 % of a rack's heat goes into the liquid (southbound.md §2.2, secondary source)
SIZING_LPM_PER_W = 1.5e-3  # 1.5 L/min per kW (southbound.md §2.2)
LEAST_SPEED = 0.3  # assumption: pumps do not go below this while they run
PUMP_LAG_S = 2.0  # coast-down (power.md §2.4)
TRANSPORT_S = 30.0  # 20-60 s round the loop at rated flow (southbound.md §2.2); slower flow takes longer
UNIT_L = 5.0  # assumption: the coolant unit's own volume on the supply side
VALVE_LAG_S = 15.0  # 5-30 s (power.md §4.1, assumption)
APPROACH_K = 4.0  # 3-5 K at full load, liquid to liquid (southbound.md §2.2)
WATER_J_PER_L_K = 4157.0  # the facility's, at 30 °C: 4.178 kJ/(kg K) × 0.995 kg/L
FACILITY_RISE_K = 10.0  # assumption: the facility side's flow is held for this rise
STILL_LPM = 1.0  # below this the outlet no longer follows: still water carries no heat to the sensor
HOTTEST_C = 100.0  # an outlet sensor never sees more: the loop boils over first
DELTA_PRESSURE_KPA = 200.0  # at rated flow: 0.5-3 bar (southbound.md §2.2); follows flow squared
STATIC_PRESSURE_KPA = 250.0  # on the return side: 2-6 bar (same)


def step_pumps(state: State, ground: Ground, load: Array, dt: float) -> None:
    """Set pump_speed (R, Q) and flow (R,) for the heat of a load (W, (R,)), or for what the unit is told.

    What was drawn in `dt` s is heat to come: pending.
    """
    design = state.design
    state.pending[...] += load * dt
    if not design.pumps:
        state.flow[...] = 0.0
        return
    by, speed = pump_factors(design, dt), state.pump_speed.T
    aim = pump_aims(load, by.per_w, by.least, by.full)
    if ground.flow_told is not None:
        aim = np.where(np.isnan(ground.flow_told), aim, np.clip(ground.flow_told, by.least, by.full))
    speed += moves(speed, pump_wants(aim, ground.boost, by.full, ground.pump_ok), by.goes)
    state.flow[...] = speed.sum(axis=0) * by.per_pump * ground.flow_share


@lru_cache(maxsize=64)
def pump_factors(design: RackDesign, dt: float) -> PumpFactors:
    """Return the factors for a step of `dt` s."""
    return PumpFactors(
        none=0.0,
        full=1.0,
        dt=dt,
        per_w=LIQUID_SHARE * SIZING_LPM_PER_W / design.flow_rated,
        least=LEAST_SPEED,
        goes=-expm1(-dt / PUMP_LAG_S),
        per_pump=design.flow_rated / max(design.pumps, 1),
    )


@lru_cache(maxsize=64)
def water_factors(design: RackDesign, dt: float) -> WaterFactors:
    """Return the factors for a step of `dt` s."""
    per_lpm = WATER_J_PER_L_K / 60.0
    return WaterFactors(
        none=0.0,
        full=1.0,
        still=STILL_LPM,
        per_min=1.0 / 60.0,
        capacity=design.heat_capacity,
        per_cell=dt / (design.flow_rated / 60.0 * TRANSPORT_S / RETURN_CELLS),
        hottest=HOTTEST_C,
        approach=APPROACH_K / design.heat_rated,
        valve_goes=-expm1(-dt / VALVE_LAG_S),
        unit_keeps=design.heat_capacity * UNIT_L / dt,
        per_rise=1.0 / (per_lpm * FACILITY_RISE_K),
        least_flow=0.05 * design.flow_rated,
        per_lpm=per_lpm,
    )


def unit_goes(moving: Array, dt: float) -> Array:
    """Return how much of its way the unit's own volume goes in `dt` s while so many L/s move."""
    return np.asarray(-np.expm1(moving * (-dt / UNIT_L)))


def step_loop(state: State, ground: Ground, heat: Array, dt: float) -> None:
    """Move the loop on with `heat` (W, (R,)) going into it: return_line, outlet, supply, valve, heat, facility side.

    Heat that goes in comes out: what the facility takes is what came in less what the loop's volumes keep.
    """
    by, line = water_factors(state.design, dt), state.return_line.T
    moving = flows(state.flow, by.still, by.per_min)
    ratio = moving * by.per_cell
    keep = keeps(ratio, by.full)
    takes = ratio * keep
    warm = enters(state.supply, heat, moving * by.capacity, by.hottest)
    for n in range(RETURN_CELLS):
        line[n] = warm = mixes(line[n], warm, keep, takes)
    known = (ground.supply_aim, ground.facility, by)
    moved = turns(warm, moving, unit_goes(moving, dt), state.supply, state.heat, state.valve, *known)
    told = (state.valve, state.supply, state.heat, state.facility_flow, state.facility_return, state.outlet)
    for array, values in zip(told, (*moved, warm), strict=True):
        array[...] = values


def tray_return(state: State) -> Array:
    """Return each compute tray's coolant outlet, °C, (R, T), by its share of the manifold's flow."""
    design = state.design
    flow = np.maximum(state.flow, LEAST_SHARE * design.flow_rated)[:, None] * design.manifold / 60.0
    return np.asarray(state.supply[:, None] + LIQUID_SHARE * state.tray_power / (flow * design.heat_capacity))


LEAST_SHARE = 0.02  # of rated flow: a tray's outlet never looks hotter than this flow would make it


def pressures(state: State) -> tuple[Array, Array]:
    """Return supply and return pressure of the loop in kPa, both (R,)."""
    relative = state.flow / state.design.flow_rated
    rise = DELTA_PRESSURE_KPA * relative**2
    return STATIC_PRESSURE_KPA + rise, np.full_like(rise, STATIC_PRESSURE_KPA)
