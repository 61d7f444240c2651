"""One step of the rack's physics: power, heat, shelves, feeds, coolant.  No clock, no dice; numbers have their sources.

Steady electrical relations, first-order thermal ones.  It refuses to model supplies below 10 ms.
"""

from dataclasses import replace
from typing import cast

import numpy as np

from firmware_bridge.plant.batteries import battery_bus_voltage, carries_on, charge_power, step_batteries
from firmware_bridge.plant.cold_plates import plate_gains, step_cpus, step_plates, stored_heat
from firmware_bridge.plant.coolant import LIQUID_SHARE, step_loop, step_pumps
from firmware_bridge.plant.design import Array, Mask
from firmware_bridge.plant.feeds import step_feeds
from firmware_bridge.plant.ground import Ground, prepare
from firmware_bridge.plant.loads import CPU_FOLLOWS, SHUTDOWN_C, SLOWDOWN_C, step_gpus, step_others
from firmware_bridge.plant.shelves import step_clips, step_shelves
from firmware_bridge.plant.state import State, copied

__all__ = ["CPU_FOLLOWS", "SHUTDOWN_C", "SLOWDOWN_C", "advance", "step"]

LEAST_DT_S = 1e-6
SLOW_S = 0.25
"""Coolant, CPUs and clips, whose time constants are 2 s and more, move on in steps of at least so long."""


def step(state: State, demand: Array, caps: Array, dt: float) -> State:
    """Return the racks `dt` seconds later.

    demand, caps: (R, T, G) in W.  A GPU draws min(demand, cap) after a short lag, and less when it is too hot or
    its tray or bus is dead: no supply left and no battery with charge.  Stable for any `dt` ≥ 0; values are finite
    whenever the inputs are.
    """
    after = copied(state, state.time + dt)
    ground = after.ground
    if ground is None or cast(Ground, ground).conditions is not after.conditions:
        ground = prepare(after)
    return replace(after, ground=advance(after, cast(Ground, ground), demand, caps, dt))


def advance(state: State, ground: Ground, demand: Array, caps: Array, dt: float) -> Ground:
    """Move a state's arrays on by `dt` seconds, in place; its time is the caller's.  Returns the next ground."""
    dt = max(dt, LEAST_DT_S)
    supplied: Mask = np.asarray((ground.supplies > 0.0) | (state.design.shelves == 0)) & (state.dark_for <= 0.0)
    alive = supplied if supplied.all() else supplied | (carries_on(state, dt) & (state.dark_for <= 0.0))
    if float(ground.plate_dt) != dt:
        plate_gains(state, ground, dt)
    for trays in ground.parts:
        step_gpus(state, ground, trays, demand, caps, alive, dt)
        step_plates(state, ground, trays, dt)
    step_others(state, ground, alive, dt)
    load = state.tray_power.sum(axis=1)
    load += state.switch_power.sum(axis=1)
    _electric(state, ground, supplied, load, dt)
    state.pending[...] += load * state.flow.dtype.type(dt)
    state.since[...] += dt
    if state.since >= SLOW_S:
        _cooling(state, ground, load, float(state.since))
        plate_gains(state, ground, dt)
    return prepare(state) if int(state.breaker_open.sum()) != ground.opened else ground


def _electric(state: State, ground: Ground, supplied: Mask, load: Array, dt: float) -> None:
    """Share the load over the supplies, over the batteries where no supply is left; let batteries charge."""
    if not state.bbu_energy.size:
        step_shelves(state, ground, load, supplied, dt)
        if not supplied.all():
            state.hold_up[...] = np.where(supplied, state.hold_up, np.maximum(state.hold_up - load * dt, 0.0))
    else:
        charged = charge_power(state, supplied, dt)
        step_shelves(state, ground, load + charged.sum(axis=(1, 2)), supplied, dt)
        missing = step_batteries(state, charged, np.where(supplied, 0.0, load), dt)
        if not supplied.all():
            from_batteries = battery_bus_voltage(state.design, state.bbu_output)
            state.bus_voltage[...] = np.where(supplied, state.bus_voltage, from_batteries)
            state.hold_up[...] = np.where(supplied, state.hold_up, np.maximum(state.hold_up - missing * dt, 0.0))
    step_feeds(state, ground, dt)


def _cooling(state: State, ground: Ground, load: Array, dt: float) -> None:
    """Heat leaves dies and plates into the liquid and the room; what they keep is stored."""
    kind = state.flow.dtype.type
    step_cpus(state, dt)
    step_clips(state, ground, dt)
    stored = stored_heat(state)
    given = state.stored - stored
    given += state.pending
    given *= kind(1.0 / dt)
    state.stored[...] = stored
    state.pending[...] = 0.0
    state.since[...] = 0.0
    liquid = given * kind(LIQUID_SHARE)
    np.subtract(given, liquid, out=state.air_heat)
    step_pumps(state, load * kind(LIQUID_SHARE), dt)
    step_loop(state, liquid, dt)
