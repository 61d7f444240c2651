"""The rack's liquid loop and its coolant unit: pumps, flow, supply and return, the facility side.  Pure."""

from typing import Any

import numpy as np

from firmware_bridge.plant.design import Array
from firmware_bridge.plant.state import State

LIQUID_SHARE = 0.9  # 85-95 % of a rack's heat goes into the liquid (southbound.md §2.2, secondary source)
SIZING_LPM_PER_W = 1.5e-3  # 1.5 L/min per kW (southbound.md §2.2)
LEAST_SPEED = 0.3  # assumption: pumps do not go below this while they run
PUMP_LAG_S = 2.0  # coast-down (power.md §2.4)
TRANSPORT_S = 30.0  # 20-60 s round the loop (southbound.md §2.2)
VALVE_LAG_S = 15.0  # 5-30 s (power.md §4.1, assumption)
APPROACH_K = 4.0  # 3-5 K at full load, liquid to liquid (southbound.md §2.2)
FACILITY_RISE_K = 10.0  # assumption: the facility side's flow is held for this rise
STILL_LPM = 1.0  # below this the outlet no longer follows: still water carries no heat to the sensor
HOTTEST_C = 100.0  # an outlet sensor never sees more: the loop boils over first
DELTA_PRESSURE_KPA = 200.0  # at rated flow: 0.5-3 bar (southbound.md §2.2); follows flow squared
STATIC_PRESSURE_KPA = 250.0  # on the return side: 2-6 bar (same)


def step_coolant(state: State, heat: Array, dt: float) -> dict[str, Any]:
    """Move the loop on by `dt` seconds with `heat` (W, (R,)) going into it.

    Returns flow, facility_flow (L/min), supply, outlet, facility_return (°C), heat (W carried by the loop),
    all (R,), and pump_speed (fraction of full speed, (R, Q)).
    """
    design, on = state.design, state.conditions
    wanted_flow = np.where(np.isnan(on.flow_target), SIZING_LPM_PER_W * heat, on.flow_target)
    aim = np.clip(wanted_flow / design.flow_rated, LEAST_SPEED, 1.0)[:, None]
    works = on.pump_ok.sum(axis=1, keepdims=True)
    # The pumps that are left speed up to make good for the missing ones, as far as they can.
    wanted = np.where(on.pump_ok, np.clip(aim * design.pumps / np.maximum(works, 1), 0.0, 1.0), 0.0)
    speed = wanted + (state.pump_speed - wanted) * np.exp(-dt / PUMP_LAG_S)
    flow = design.flow_rated * on.flow_share * (speed.mean(axis=1) if design.pumps else np.zeros(state.racks))
    supply = _supply(state, heat, dt)
    carries = np.maximum(flow, STILL_LPM) / 60.0 * design.heat_capacity
    outlet_aim = np.minimum(supply + heat / carries, HOTTEST_C)
    outlet = outlet_aim + (state.outlet - outlet_aim) * np.exp(-dt / TRANSPORT_S)
    moved = flow / 60.0 * design.heat_capacity * np.maximum(outlet - supply, 0.0)
    facility_flow = np.clip(moved / FACILITY_RISE_K / design.heat_capacity * 60.0, 0.05 * design.flow_rated, None)
    facility_return = on.facility_supply + moved / (facility_flow / 60.0 * design.heat_capacity)
    return {
        "flow": flow,
        "supply": supply,
        "outlet": outlet,
        "heat": moved,
        "facility_flow": facility_flow,
        "facility_return": facility_return,
        "pump_speed": speed,
    }


def _supply(state: State, heat: Array, dt: float) -> Array:
    """The valve holds the set supply temperature as long as the facility water plus the approach allows it."""
    design = state.design
    reachable = state.conditions.facility_supply + APPROACH_K * np.clip(heat / design.heat_rated, 0.0, None)
    target = state.conditions.supply_target
    aim = np.maximum(np.where(np.isnan(target), design.supply_nominal, target), reachable)
    return np.asarray(aim + (state.supply - aim) * np.exp(-dt / VALVE_LAG_S))


def pressures(state: State) -> tuple[Array, Array]:
    """Return supply and return pressure of the loop in kPa, both (R,)."""
    relative = state.flow / state.design.flow_rated
    rise = DELTA_PRESSURE_KPA * relative**2
    return STATIC_PRESSURE_KPA + rise, np.full_like(rise, STATIC_PRESSURE_KPA)
