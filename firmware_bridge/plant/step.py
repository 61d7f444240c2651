"""One step of the rack's physics: power, heat, shelves, coolant.  No clock, no dice; every number has its source.

First version: steady electrical relations, first-order thermal ones.  It refuses to model PSU dynamics below 10 ms.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from firmware_bridge.plant.batteries import battery_bus_voltage, charge_power, has_charge, step_batteries
from firmware_bridge.plant.coolant import LIQUID_SHARE, step_coolant
from firmware_bridge.plant.design import Array, Mask, RackDesign
from firmware_bridge.plant.shelves import step_shelves
from firmware_bridge.plant.state import State

GPU_LAG_S = 0.05  # firmware enforces a cap within 10-50 ms (power.md §2.2, assumption)
R_JUNCTION = 0.012  # K/W, die to plate (power.md §2.4 lumped model)
R_CONVECTION = 0.018  # K/W, plate to coolant at rated flow; follows flow^-0.8 (same)
C_DIE = 40.0  # J/K (same)
C_PLATE = 350.0  # J/K (same)
SLOWDOWN_C, SHUTDOWN_C = 90.0, 95.0  # k8s-test-infra GB200 profile (southbound.md §2.2, test values)
CPU_FOLLOWS = 0.7  # assumption: how far CPUs follow their GPUs between idle and maximum
R_CPU, CPU_LAG_S = 0.1, 8.0  # assumption: K/W and seconds; the capture reads 41-47 °C at 96 W
LEAST_FLOW = 0.02  # below this share of rated flow the plate loses heat no more slowly


def step(state: State, demand: Array, caps: Array, dt: float) -> State:
    """Return the racks `dt` seconds later.

    demand, caps: (R, T, G) in W.  A GPU draws min(demand, cap) after a short lag, and less when it is too hot or
    its tray or bus is dead: no supply left and no battery with charge.  Stable for any `dt` ≥ 0; values are finite
    whenever the inputs are.
    """
    design, on = state.design, state.conditions
    supplied: Mask = np.asarray(on.psu_ok.any(axis=(1, 2)) if on.psu_ok.size else np.ones(state.racks, dtype=np.bool_))
    alive = supplied | has_charge(on.bbu_ok, state.bbu_energy)
    tray_on: Mask = (on.tray_on & alive[:, None])[:, :, None]
    limited = np.clip(caps, 0.0, design.limit_max)
    gpu_power = _gpu_power(state, demand, limited, tray_on, dt)
    share = _share(gpu_power, design)
    cpu_target = design.cpu_idle + CPU_FOLLOWS * (design.cpu_max - design.cpu_idle) * share.mean(axis=2, keepdims=True)
    cpu_power = np.where(tray_on, np.broadcast_to(cpu_target, state.cpu_power.shape), 0.0)
    tray_power = gpu_power.sum(axis=2) + cpu_power.sum(axis=2) + design.tray_base * tray_on[:, :, 0]
    busy = share.mean(axis=(1, 2))[:, None]
    switch_power = np.where(
        on.switch_on & alive[:, None], design.switch_idle + (design.switch_max - design.switch_idle) * busy, 0.0
    )
    load = tray_power.sum(axis=1) + switch_power.sum(axis=1)
    electric = _electric(state, supplied, load, dt)
    coolant = step_coolant(state, LIQUID_SHARE * load, dt)
    warm = _die_temperatures(state, gpu_power, coolant["flow"], coolant["supply"], dt)
    cpu_aim = coolant["supply"][:, None, None] + R_CPU * cpu_power
    return replace(
        state,
        time=state.time + dt,
        gpu_power=gpu_power,
        gpu_limited=limited,
        gpu_energy=state.gpu_energy + 0.5 * (state.gpu_power + gpu_power) * dt,
        cpu_power=cpu_power,
        cpu_energy=state.cpu_energy + 0.5 * (state.cpu_power + cpu_power) * dt,
        cpu_temp=cpu_aim + (state.cpu_temp - cpu_aim) * np.exp(-dt / CPU_LAG_S),
        tray_power=tray_power,
        tray_return=_tray_return(design, tray_power, coolant["flow"], coolant["supply"]),
        switch_power=switch_power,
        **electric,
        **coolant,
        **warm,
    )


def _electric(state: State, supplied: Mask, load: Array, dt: float) -> dict[str, Any]:
    """Share the load over the supplies, over the batteries where no supply is left; let batteries charge."""
    design, on = state.design, state.conditions
    charged = charge_power(design, on.bbu_ok, state.bbu_energy, supplied, dt)
    shelves = step_shelves(design, on.psu_ok, load + charged.sum(axis=(1, 2)))
    batteries = step_batteries(design, on.bbu_ok, state.bbu_energy, charged, np.where(supplied, 0.0, load), dt)
    from_batteries = battery_bus_voltage(design, batteries["bbu_output"])
    shelves["bus_voltage"] = np.where(supplied, shelves["bus_voltage"], from_batteries)
    return shelves | batteries


def _gpu_power(state: State, demand: Array, limited: Array, tray_on: Mask, dt: float) -> Array:
    design = state.design
    wanted = design.gpu_idle + (np.clip(demand, design.gpu_idle, None) - design.gpu_idle) * design.spread
    # Protective slowdown takes the dynamic power away between the two temperatures.
    headroom = np.clip((SHUTDOWN_C - state.gpu_die) / (SHUTDOWN_C - SLOWDOWN_C), 0.0, 1.0)
    cool = design.gpu_idle + (design.gpu_max - design.gpu_idle) * headroom
    target = np.where(tray_on, np.minimum(np.minimum(wanted, limited), np.minimum(cool, design.gpu_max)), 0.0)
    return np.asarray(target + (state.gpu_power - target) * np.exp(-dt / GPU_LAG_S))


def _share(gpu_power: Array, design: RackDesign) -> Array:
    """Return how far each GPU is between idle and its maximum, 0 to 1."""
    span = max(design.gpu_max - design.gpu_idle, 1.0)
    return np.asarray(np.clip((gpu_power - design.gpu_idle) / span, 0.0, 1.0))


def _die_temperatures(state: State, gpu_power: Array, flow: Array, supply: Array, dt: float) -> dict[str, Any]:
    relative = np.clip(flow / state.design.flow_rated, LEAST_FLOW, None)[:, None, None]
    convection = R_CONVECTION * relative**-0.8
    plate_aim = supply[:, None, None] + gpu_power * convection
    plate = plate_aim + (state.gpu_plate - plate_aim) * np.exp(-dt / (convection * C_PLATE))
    die_aim = plate + gpu_power * R_JUNCTION
    die = die_aim + (state.gpu_die - die_aim) * np.exp(-dt / (R_JUNCTION * C_DIE))
    return {"gpu_plate": np.asarray(plate), "gpu_die": np.asarray(die)}


def _tray_return(design: RackDesign, tray_power: Array, flow: Array, supply: Array) -> Array:
    """Return each tray's coolant outlet: the manifold shares flow evenly over all compute trays."""
    own = np.clip(flow, LEAST_FLOW * design.flow_rated, None)[:, None] / max(design.trays, 1) / 60.0
    return np.asarray(supply[:, None] + LIQUID_SHARE * tray_power / (own * design.heat_capacity))
