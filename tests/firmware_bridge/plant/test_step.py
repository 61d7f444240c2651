"""The rack's physics: energy balance, monotony, caps kept, never a value that is no number."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.coolant import LIQUID_SHARE
from firmware_bridge.plant.design import RackDesign, design_of
from firmware_bridge.plant.state import Conditions, State, initial_state
from firmware_bridge.plant.step import move_on, step

DESIGN: RackDesign = design_of(load_generation("gb200-nvl72"))


def run(state: State, watts: float, cap: float | None = None, seconds: float = 300.0, dt: float = 0.5) -> State:
    demand = np.full(state.gpu_power.shape, watts)
    caps = np.full(state.gpu_power.shape, DESIGN.limit_default if cap is None else cap)
    for _ in range(round(seconds / dt)):
        state = step(state, demand, caps, dt)
    return state


def with_conditions(state: State, **changes: np.ndarray) -> State:
    return dataclasses.replace(state, conditions=dataclasses.replace(state.conditions, **changes))


def test_a_flow_and_a_supply_that_were_set_are_held_whatever_the_heat() -> None:
    rated = DESIGN.flow_rated
    asked = with_conditions(
        initial_state(DESIGN, 2), flow_target=np.array([0.8 * rated, np.nan]), supply_target=np.array([np.nan, 40.0])
    )
    state = run(asked, 150.0, seconds=900)  # at so little flow the return line takes 100 s
    np.testing.assert_allclose(state.flow[0], 0.8 * rated, rtol=0.01)
    assert state.flow[1] < 0.5 * rated
    np.testing.assert_allclose(state.supply, [DESIGN.supply_nominal, 40.0], atol=0.1)
    beyond = run(with_conditions(asked, flow_target=np.full(2, 5 * rated)), 150.0)
    np.testing.assert_allclose(beyond.flow, rated, rtol=0.01)


def arrays(state: State) -> list[np.ndarray]:
    values = (getattr(state, f.name) for f in dataclasses.fields(state))
    return [v for v in values if isinstance(v, np.ndarray)]


def test_a_rack_at_full_load_draws_what_its_trays_draw() -> None:
    state = run(initial_state(DESIGN, 2), 1200.0)
    load = state.tray_power.sum(axis=1) + state.switch_power.sum(axis=1)
    np.testing.assert_allclose(state.psu_output.sum(axis=(1, 2)), load)
    assert 90_000 < load[0] < 130_000
    assert (state.psu_input.sum(axis=(1, 2)) > load).all()
    assert 0.95 < load[0] / state.psu_input[0].sum() < 0.98


def test_in_steady_state_the_coolant_carries_the_liquid_share() -> None:
    state = run(initial_state(DESIGN, 1), 1100.0, seconds=600)
    load = state.tray_power.sum() + state.switch_power.sum()
    assert state.heat[0] == pytest.approx(LIQUID_SHARE * load, rel=1e-3)
    carried = state.flow[0] / 60 * DESIGN.heat_capacity * (state.outlet[0] - state.supply[0])
    assert carried == pytest.approx(state.heat[0], rel=1e-6)


def test_energy_is_the_integral_of_power() -> None:
    state = run(initial_state(DESIGN, 1), 800.0, seconds=60)
    later = run(state, 800.0, seconds=100)
    np.testing.assert_allclose(later.gpu_energy - state.gpu_energy, 100 * later.gpu_power, rtol=1e-6)


@given(st.floats(145, 1200), st.floats(0, 400))
@settings(max_examples=20, deadline=None)
def test_more_demand_never_means_less_power_or_heat(watts: float, more: float) -> None:
    low, high = (run(initial_state(DESIGN, 1), w, seconds=90) for w in (watts, watts + more))
    assert (high.gpu_power >= low.gpu_power - 1e-6).all()
    assert high.psu_input.sum() >= low.psu_input.sum() - 1e-6
    assert high.heat[0] >= low.heat[0] - 1e-6


@given(st.floats(800, 1200), st.floats(0, 400))
@settings(max_examples=20, deadline=None)
def test_at_the_same_flow_more_demand_never_means_a_cooler_die_or_return(watts: float, more: float) -> None:
    # One pump at its end gives a flow that no longer rises with the heat.
    start = with_conditions(initial_state(DESIGN, 1), pump_ok=np.array([[True, False]]))
    low, high = (run(start, w, seconds=90) for w in (watts, watts + more))
    assert high.flow[0] == pytest.approx(low.flow[0])
    assert (high.gpu_die >= low.gpu_die - 1e-6).all()
    assert high.outlet[0] >= low.outlet[0] - 1e-6


@given(st.floats(0, 3000), st.floats(145, 1200))
@settings(max_examples=30, deadline=None)
def test_caps_are_respected(watts: float, cap: float) -> None:
    state = run(initial_state(DESIGN, 1), watts, cap, seconds=5)
    assert (state.gpu_power <= max(cap, DESIGN.gpu_idle) + 1e-6).all()


def test_a_cap_bites_within_a_second() -> None:
    state = run(initial_state(DESIGN, 1), 1200.0)
    state = run(state, 1200.0, cap=500.0, seconds=0.3, dt=0.1)
    assert (state.gpu_power <= 503.0).all()


@given(
    st.lists(st.floats(-1e3, 1e5), min_size=1, max_size=6),
    st.floats(0, 1e5),
    st.sampled_from([0.0, 1e-6, 0.2, 30.0, 1e5]),
)
@settings(max_examples=60, deadline=None)
def test_nothing_is_ever_not_a_number(demands: list[float], cap: float, dt: float) -> None:
    state = initial_state(DESIGN, 2)
    rng = np.random.default_rng(abs(hash(tuple(demands))) % 2**32)
    on = Conditions.healthy(DESIGN, 2)
    on.tray_on[:] = rng.random(on.tray_on.shape) > 0.2
    on.psu_ok[:] = rng.random(on.psu_ok.shape) > rng.random()
    on.pump_ok[:] = rng.random(on.pump_ok.shape) > 0.5
    state = dataclasses.replace(state, conditions=on)
    for watts in demands:
        state = step(state, np.full(state.gpu_power.shape, watts), np.full(state.gpu_power.shape, cap), dt)
        assert all(np.isfinite(a).all() for a in arrays(state))
        assert (state.gpu_power >= -1e-9).all()


def test_without_pumps_dies_heat_up_and_slow_down_but_stay_below_shutdown_by_much() -> None:
    state = run(initial_state(DESIGN, 1), 1200.0)
    before = state.gpu_power.copy()
    state = run(with_conditions(state, pump_ok=np.zeros_like(state.conditions.pump_ok)), 1200.0, seconds=60)
    assert state.flow[0] < 1.0
    assert (state.gpu_power < before).all()
    assert 85.0 < state.gpu_die.max() < 100.0


def test_one_of_two_pumps_gives_half_the_flow_at_full_load() -> None:
    state = run(initial_state(DESIGN, 1), 1200.0)
    one = np.array([[True, False]])
    state = run(with_conditions(state, pump_ok=one), 1200.0, seconds=120)
    assert state.flow[0] == pytest.approx(0.5 * DESIGN.flow_rated, rel=0.02)
    assert state.pump_speed[0, 1] < 0.01


def test_a_tray_that_is_off_draws_nothing() -> None:
    state = initial_state(DESIGN, 1)
    on = state.conditions.tray_on.copy()
    on[0, 3] = False
    state = run(with_conditions(state, tray_on=on), 1200.0, seconds=10)
    assert state.tray_power[0, 3] < 1e-6
    assert state.tray_power[0, 4] > 4000


def test_a_dead_busbar_takes_the_rack_down() -> None:
    state = run(initial_state(DESIGN, 1), 1200.0, seconds=10)
    state = run(with_conditions(state, psu_ok=np.zeros_like(state.conditions.psu_ok)), 1200.0, seconds=10)
    assert state.bus_voltage[0] == 0.0
    assert state.tray_power.sum() < 1e-6
    assert state.psu_input.sum() == 0.0


def test_the_same_inputs_give_the_same_rack() -> None:
    first, second = run(initial_state(DESIGN, 1), 900.0), run(initial_state(DESIGN, 1), 900.0)
    assert all((a == b).all() for a, b in zip(arrays(first), arrays(second), strict=True))


def test_moving_on_in_its_own_arrays_makes_the_same_rack_and_a_step_leaves_the_one_before_alone() -> None:
    state, own = initial_state(DESIGN, 2), initial_state(DESIGN, 2)
    demand, caps = np.full_like(state.gpu_power, 900.0), np.full_like(state.gpu_power, 1000.0)
    for _ in range(30):
        before = [a.copy() for a in arrays(state)]
        after = step(state, demand, caps, 0.3)
        assert all(np.array_equal(a, b) for a, b in zip(before, arrays(state), strict=True))
        state, own = after, move_on(own, demand, caps, 0.3)
    assert own.time == state.time
    assert all(np.array_equal(a, b) for a, b in zip(arrays(own), arrays(state), strict=True))


def test_racks_of_a_batch_do_not_touch_each_other() -> None:
    both = initial_state(DESIGN, 2)
    demand = np.full(both.gpu_power.shape, 200.0)
    demand[1] = 1200.0
    caps = np.full_like(demand, DESIGN.limit_default)
    alone = initial_state(DESIGN, 1)
    for _ in range(100):
        both, alone = step(both, demand, caps, 0.5), step(alone, demand[:1], caps[:1], 0.5)
    np.testing.assert_allclose(both.gpu_die[0], alone.gpu_die[0])
    assert both.outlet[1] > both.outlet[0] + 2
