"""A step of many racks by compiled loops: what `step.py` does with numpy, part by part.  Pure, in place.

Batteries and racks that nothing supplies are left to numpy.
"""

from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from firmware_bridge.plant.cold_plates import convects, heat_factors
from firmware_bridge.plant.coolant import pump_factors, unit_goes, water_factors
from firmware_bridge.plant.design import Array, Mask
from firmware_bridge.plant.feeds import trip_breakers
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.loads import gets_hot, tray_factors
from firmware_bridge.plant.loops.compiled import Loops
from firmware_bridge.plant.loops.heat import Heat, Pumps
from firmware_bridge.plant.loops.supplies import Shelves
from firmware_bridge.plant.loops.trays import Asked, Trays
from firmware_bridge.plant.shelves import shelf_factors
from firmware_bridge.plant.state import State
from firmware_bridge.plant.water import flows
from firmware_bridge.plant.wiring import PHASES

Factors = TypeVar("Factors", bound=tuple[Any, ...])


class Bound(NamedTuple):
    """Arrays of a state and its ground as loops take them; `of`: one array of that state; `ones` (R,), `on` (T, R)."""

    of: Array
    trays: Trays
    shelves: Shelves
    pumps: Pumps
    heat: Heat
    ones: Array
    on: Array


def move_loads(
    state: State, ground: Ground, demand: Array, caps: Array, on: Array | None, alive: Mask | None, dt: float
) -> Array:
    """Do what `step_loads` does."""
    a, kind = _bound(state, ground), state.flow.dtype.type
    asked = Asked(
        demand=np.ascontiguousarray(demand.transpose(1, 2, 0), dtype=kind),
        caps=np.ascontiguousarray(caps.transpose(1, 2, 0), dtype=kind),
        on=a.on if on is None else np.ascontiguousarray(on.T, dtype=kind),
        alive=a.ones if alive is None else alive.astype(kind),
    )
    _loops(ground).move_trays(a.trays, asked, _typed(tray_factors(state.design, dt), kind), gets_hot(state))
    return a.trays.load


def move_shelves(state: State, ground: Ground, load: Array, supplied: Mask | None, dt: float) -> None:
    """Do what `step_shelves` and `step_feeds` do."""
    a, kind = _bound(state, ground), state.flow.dtype.type
    lit = a.ones if supplied is None else supplied.astype(kind)
    by = _typed(shelf_factors(state.design, dt), kind)
    if _loops(ground).move_shelves(a.shelves, load, lit, by, ground.plain):
        trip_breakers(state)


def move_pumps(state: State, ground: Ground, load: Array, dt: float) -> None:
    """Do what `step_pumps` does."""
    by = _typed(pump_factors(state.design, dt), state.flow.dtype.type)
    _loops(ground).move_pumps(_bound(state, ground).pumps, load, by)


def move_heat(state: State, ground: Ground, dt: float) -> None:
    """Do what `step_heat` does."""
    a, kind, water = _bound(state, ground), state.flow.dtype.type, water_factors(state.design, dt)
    moving = flows(state.flow, water.still, water.per_min)
    flow = (convects(state), moving, unit_goes(moving, dt))
    by = _typed(heat_factors(state.design, dt), kind)
    state.hottest[...] = _loops(ground).move_heat(a.heat, *flow, by, _typed(water, kind))


def _loops(ground: Ground) -> Loops:
    return cast(Loops, ground.loops)


def _typed(factors: Factors, kind: Any) -> Factors:
    """Return factors in the arrays' own type."""
    return cast(Factors, _in_type(factors, kind))


@lru_cache(maxsize=64, typed=True)
def _in_type(factors: Any, kind: Any) -> Any:
    return type(factors)._make(map(kind, factors))


def _bound(state: State, ground: Ground) -> Bound:
    """Return a state's arrays as loops take them: bound once, because they stay the same arrays."""
    known = ground.memo.get("bound")
    if known is None or cast(Bound, known).of is not state.gpu_power:
        known = ground.memo["bound"] = _bind(state, ground)
    return cast(Bound, known)


def _bind(state: State, ground: Ground) -> Bound:
    return Bound(
        of=state.gpu_power,
        trays=_trays(state, ground),
        shelves=_shelves(state, ground),
        pumps=_pumps(state, ground),
        heat=_heat(state, ground),
        ones=np.ones_like(state.flow),
        on=np.ascontiguousarray(ground.tray_on.T),
    )


def _trays(state: State, ground: Ground) -> Trays:
    return Trays(
        power=_deep(state.gpu_power),
        limited=_deep(state.gpu_limited),
        heat=_deep(state.gpu_heat),
        summed=_deep(state.gpu_sum),
        plate=_deep(state.gpu_plate),
        spread=ground.spread,
        rest=ground.rest,
        cpu=state.cpu_power.T,
        cpu_summed=state.cpu_sum.T,
        tray=state.tray_power.T,
        switch=state.switch_power.T,
        switch_on=ground.switch_on,
        busy=np.zeros_like(state.flow),
        load=np.zeros_like(state.flow),
    )


def _shelves(state: State, ground: Ground) -> Shelves:
    return Shelves(
        rating=ground.rating,
        offset=ground.offset,
        full=ground.hold_up,
        works=_flat(ground.works),
        gain_offset=ground.gain_offset.ravel(),
        row=ground.row,
        per_breaker=ground.per_breaker.repeat(PHASES),
        output=_flat(_deep(state.psu_output)),
        drawn=_flat(_deep(state.psu_input)),
        phases=_flat(_deep(state.phase_power)),
        breaker_heat=_flat(_deep(state.breaker_heat)),
        bus=state.bus_voltage,
        overload=state.overload,
        hold_up=state.hold_up,
        pulse=state.pulse,
        dark_for=state.dark_for,
    )


def _pumps(state: State, ground: Ground) -> Pumps:
    return Pumps(
        speed=state.pump_speed.T,
        ok=ground.pump_ok,
        boost=ground.boost,
        told=np.full_like(state.flow, np.nan) if ground.flow_told is None else ground.flow_told,
        share=ground.flow_share,
        flow=state.flow,
        pending=state.pending,
    )


def _heat(state: State, ground: Ground) -> Heat:
    return Heat(
        plate=_deep(state.gpu_plate),
        heat=_deep(state.gpu_heat),
        convection=ground.convection.ravel(),
        cpu=state.cpu_power.T,
        cpu_temp=state.cpu_temp.T,
        output=_deep(state.psu_output),
        resistance=ground.clip,
        clip_temp=state.clip_temp.T,
        line=state.return_line.T,
        stored=state.stored,
        pending=state.pending,
        air_heat=state.air_heat,
        supply=state.supply,
        taken=state.heat,
        valve=state.valve,
        outlet=state.outlet,
        facility_flow=state.facility_flow,
        facility_return=state.facility_return,
        aim=ground.supply_aim,
        facility=ground.facility,
    )


def _deep(values: Array) -> Array:
    return values.transpose(1, 2, 0)


def _flat(values: Array) -> Array:
    """Return (A, B, R) as (A × B, R), the same values in memory."""
    return values.reshape(-1, values.shape[-1], copy=False)
