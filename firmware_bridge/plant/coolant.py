"""The rack's liquid loop and its coolant unit: pumps, flow, manifold, return line, valve, the facility side.  Pure.

The unit's valve takes out of the returning coolant what would bring it to the set supply temperature, but late: after a
load has gone, the supply is too cold for a while.  What the facility gives bounds it from below.
"""

from math import expm1

import numpy as np

from firmware_bridge.plant.design import Array
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.laws import moves
from firmware_bridge.plant.state import RETURN_CELLS, State

LIQUID_SHARE = 0.9  # 85-95 % of a rack's heat goes into the liquid (southbound.md §2.2, secondary source)
SIZING_LPM_PER_W = 1.5e-3  # 1.5 L/min per kW (southbound.md §2.2)
LEAST_SPEED = 0.3  # assumption: pumps do not go below this while they run
PUMP_LAG_S = 2.0  # coast-down (power.md §2.4)
TRANSPORT_S = 30.0  # 20-60 s round the loop at rated flow (southbound.md §2.2); slower flow takes longer
UNIT_L = 5.0  # assumption: the coolant unit's own volume on the supply side
VALVE_LAG_S = 15.0  # 5-30 s (power.md §4.1, assumption)
APPROACH_K = 4.0  # 3-5 K at full load, liquid to liquid (southbound.md §2.2)
FACILITY_RISE_K = 10.0  # assumption: the facility side's flow is held for this rise
STILL_LPM = 1.0  # below this the outlet no longer follows: still water carries no heat to the sensor
HOTTEST_C = 100.0  # an outlet sensor never sees more: the loop boils over first
DELTA_PRESSURE_KPA = 200.0  # at rated flow: 0.5-3 bar (southbound.md §2.2); follows flow squared
STATIC_PRESSURE_KPA = 250.0  # on the return side: 2-6 bar (same)


def step_pumps(state: State, ground: Ground, load: Array, dt: float) -> None:
    """Set pump_speed (R, Q) and flow (R,) for the heat of a load (W, (R,)), or for what the unit is told."""
    design = state.design
    if not design.pumps:
        state.flow[...] = 0.0
        return
    aim = load * (LIQUID_SHARE * SIZING_LPM_PER_W / design.flow_rated)
    if ground.flow_told is not None:
        aim = np.where(np.isnan(ground.flow_told), aim, ground.flow_told)
    aim = np.clip(aim, LEAST_SPEED, 1.0)
    # The pumps that are left speed up to make good for the missing ones, as far as they can.
    wanted = ground.pump_ok * np.minimum(aim * ground.boost, 1.0)[:, None]
    state.pump_speed[...] += moves(state.pump_speed, wanted, -expm1(-dt / PUMP_LAG_S))
    state.flow[...] = state.pump_speed.sum(axis=1) * (design.flow_rated / design.pumps) * ground.flow_share


def step_loop(state: State, ground: Ground, heat: Array, dt: float) -> None:
    """Move the loop on with `heat` (W, (R,)) going into it: return_line, outlet, supply, valve, heat, facility side.

    Heat that goes in comes out: what the facility takes is what came in less what the loop's volumes keep.
    """
    design, capacity, facility = state.design, state.design.heat_capacity, ground.facility
    moving = np.maximum(state.flow, STILL_LPM) * (1.0 / 60.0)  # L/s
    carries = moving * capacity
    cell = design.flow_rated / 60.0 * TRANSPORT_S / RETURN_CELLS
    ratio = moving * (dt / cell)
    keeps = 1.0 / (ratio + 1.0)
    ratio *= keeps
    before = np.minimum(state.supply + heat / carries, HOTTEST_C)
    for n in range(RETURN_CELLS):
        line = state.return_line[:, n]
        line *= keeps
        before = before * ratio
        line += before
        before = line
    state.outlet[...] = before
    reachable = facility + np.maximum(state.heat, 0.0) * (APPROACH_K / design.heat_rated)
    asked = np.maximum(before - np.maximum(ground.supply_aim, reachable), 0.0) * carries
    state.valve[...] += moves(state.valve, asked, -expm1(-dt / VALVE_LAG_S))
    aim = np.maximum(before - state.valve / carries, reachable)
    aim = np.minimum(aim, np.maximum(before, facility))
    change = (aim - state.supply) * -np.expm1(moving * (-dt / UNIT_L))
    state.heat[...] = carries * (before - state.supply) - change * (capacity * UNIT_L / dt)
    state.supply[...] += change
    moved = np.maximum(state.heat, 0.0)
    per_lpm = capacity / 60.0
    state.facility_flow[...] = np.maximum(moved * (1.0 / (per_lpm * FACILITY_RISE_K)), 0.05 * design.flow_rated)
    state.facility_return[...] = facility + moved / (state.facility_flow * per_lpm)


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
