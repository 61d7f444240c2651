"""One step of the rack's physics: power, heat, shelves, feeds, coolant.  No clock, no dice; numbers have their sources.

Steady electrical relations, first-order thermal ones.  It refuses to model supplies below 10 ms.
"""

from dataclasses import replace
from typing import cast

import numpy as np

from firmware_bridge.plant.batteries import battery_bus_voltage, carries_on, charge_power, step_batteries
from firmware_bridge.plant.coolant import step_pumps
from firmware_bridge.plant.design import Array, Mask
from firmware_bridge.plant.feeds import step_feeds
from firmware_bridge.plant.ground import Ground, prepare
from firmware_bridge.plant.loads import CPU_FOLLOWS, SHUTDOWN_C, SLOWDOWN_C, step_loads
from firmware_bridge.plant.many import move_heat, move_loads, move_pumps, move_shelves
from firmware_bridge.plant.shelves import step_shelves
from firmware_bridge.plant.slow import step_heat
from firmware_bridge.plant.state import State, copied

__all__ = ["CPU_FOLLOWS", "SHUTDOWN_C", "SLOWDOWN_C", "advance", "move_on", "step"]

LEAST_DT_S = 1e-6
SLOW_S = 0.5
"""Plates, coolant, CPUs and clips, whose time constants are 2 s and more, move on in steps of at least so long."""
COUNT_S = 10.0  # energies are counted in 64 bits at the latest after so long


def step(state: State, demand: Array, caps: Array, dt: float) -> State:
    """Return the racks `dt` seconds later.

    demand, caps: (R, T, G) in W.  A GPU draws min(demand, cap) after a short lag, and less when it is too hot or
    its tray or bus is dead: no supply left and no battery with charge.  Stable for any `dt` ≥ 0; values are finite
    whenever the inputs are.
    """
    return move_on(copied(state, state.time), demand, caps, dt)


def move_on(state: State, demand: Array, caps: Array, dt: float) -> State:
    """Return the racks `dt` seconds later, as `step` does, in the same arrays: for who keeps no earlier state."""
    ground = state.ground
    if ground is None or cast(Ground, ground).conditions is not state.conditions:
        ground = prepare(state)
    ground = advance(state, cast(Ground, ground), demand, caps, dt)
    return replace(state, time=state.time + dt, ground=ground)


def advance(state: State, ground: Ground, demand: Array, caps: Array, dt: float) -> Ground:
    """Move a state's arrays on by `dt` seconds, in place; its time is the caller's.  Returns the next ground."""
    dt = max(dt, LEAST_DT_S)
    if dt != state.every:
        _count(state)
        state.every[...] = dt
    supplied, alive = _lives(state, ground, dt)
    on = None if ground.all_on else ground.tray_on
    if alive is not None:
        on = ground.tray_on * alive[:, None]
    many = ground.loops is not None
    load = (move_loads if many else step_loads)(state, ground, demand, caps, on, alive, dt)
    _electric(state, ground, supplied, load, dt)
    (move_pumps if many else step_pumps)(state, ground, load, dt)
    state.since[...] += dt
    state.uncounted[...] += dt
    if state.since >= SLOW_S - LEAST_DT_S:
        (move_heat if many else step_heat)(state, ground, float(state.since))
        state.since[...] = 0.0
    if state.uncounted >= COUNT_S:
        _count(state)
    return prepare(state, ground.loops) if int(state.breaker_open.sum()) != ground.opened else ground


def _lives(state: State, ground: Ground, dt: float) -> tuple[Mask | None, Mask | None]:
    """Return which racks, (R,), supplies carry, and which live at all, be it on batteries; None: all of them."""
    lit = state.dark_for <= 0.0
    supplied: Mask = ground.supplied & lit
    if supplied.all():
        return None, None
    alive: Mask = supplied | (carries_on(state, dt) & lit)
    return supplied, None if alive.all() else alive


def _electric(state: State, ground: Ground, supplied: Mask | None, load: Array, dt: float) -> None:
    """Share the load over the supplies, over the batteries where no supply is left; let batteries charge."""
    missing = load
    if not state.bbu_energy.size:
        _shelves(state, ground, load, supplied, dt)
    else:
        charged = charge_power(state, supplied, dt)
        _shelves(state, ground, load + charged.sum(axis=(1, 2)), supplied, dt)
        asked = np.zeros_like(load) if supplied is None else np.where(supplied, 0.0, load)
        missing = step_batteries(state, charged, asked, dt)
        if supplied is not None:
            from_batteries = battery_bus_voltage(state.design, state.bbu_output)
            state.bus_voltage[...] = np.where(supplied, state.bus_voltage, from_batteries)
    if supplied is not None:
        state.hold_up[...] = np.where(supplied, state.hold_up, np.maximum(state.hold_up - missing * dt, 0.0))


def _shelves(state: State, ground: Ground, load: Array, supplied: Mask | None, dt: float) -> None:
    if ground.loops is not None:
        move_shelves(state, ground, load, supplied, dt)
        return
    step_shelves(state, ground, load, supplied, dt)
    step_feeds(state, ground, dt)


def _count(state: State) -> None:
    """Count the energy of the steps since it was counted last; they were all equally long."""
    for counted, summed in ((state.gpu_counted, state.gpu_sum), (state.cpu_counted, state.cpu_sum)):
        counted += summed * float(state.every)
        summed[...] = 0.0
    state.uncounted[...] = 0.0
