"""The liquid loop: energy in is energy out, heat comes back late, the valve undershoots, flow decides about dies."""

import dataclasses

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.cold_plates import margins
from firmware_bridge.plant.coolant import APPROACH_K, TRANSPORT_S, UNIT_L, pressures, tray_return
from firmware_bridge.plant.design import RackDesign, design_of
from firmware_bridge.plant.ground import prepare
from firmware_bridge.plant.loads import SLOWDOWN_C
from firmware_bridge.plant.state import RETURN_CELLS, State, bytes_of, initial_state
from firmware_bridge.plant.step import advance, step

DESIGN = design_of(load_generation("gb200-nvl72"))
BATTERIES = design_of(load_generation("orv3-hpr-nvl36x2"))
RUBIN = design_of(load_generation("vera-rubin-nvl72"))


def run(state: State, watts: float, seconds: float, dt: float = 0.5) -> State:
    demand, caps = (np.full(state.gpu_power.shape, w) for w in (watts, state.design.limit_max))
    for _ in range(round(seconds / dt)):
        state = step(state, demand, caps, dt)
    return state


def under(state: State, **changes: np.ndarray) -> State:
    return dataclasses.replace(state, conditions=dataclasses.replace(state.conditions, **changes))


def kept(state: State) -> np.ndarray:
    """Return what is stored in metal, coolant and batteries, J, (R,)."""
    cell = state.design.flow_rated / 60.0 * TRANSPORT_S / RETURN_CELLS
    liquid = state.design.heat_capacity * (cell * state.return_line.sum(axis=1) + UNIT_L * state.supply)
    return np.asarray(state.stored + state.pending + liquid + state.bbu_energy.sum(axis=(1, 2)))


@pytest.mark.parametrize("design", [DESIGN, BATTERIES], ids=["gb200", "with batteries"])
def test_electricity_in_is_heat_out_plus_what_is_stored(design: object) -> None:
    state = initial_state(design, 2)  # type: ignore[arg-type]
    rng, went_in, came_out, dt = np.random.default_rng(1), np.zeros(2), np.zeros(2), 0.5
    start = kept(state)
    for n in range(1200):
        if n == 400 and design is BATTERIES:
            ok = state.conditions.psu_ok.copy()
            ok[0] = False
            state = under(state, psu_ok=ok)
        if n == 440 and design is BATTERIES:
            state = under(state, psu_ok=np.ones_like(state.conditions.psu_ok))
        demand = (
            rng.uniform(145.0, 1200.0, state.gpu_power.shape) if n % 40 < 25 else np.full(state.gpu_power.shape, 0.0)
        )
        state = step(state, demand, np.full(state.gpu_power.shape, 1000.0), dt)
        went_in += state.psu_input.sum(axis=(1, 2)) * dt
        losses = state.psu_input.sum(axis=(1, 2)) - state.psu_output.sum(axis=(1, 2))
        came_out += (state.heat + state.air_heat + losses) * dt
    assert went_in.min() > 5e6
    np.testing.assert_allclose(went_in, came_out + kept(state) - start, rtol=2e-4)


@pytest.mark.parametrize("design", [DESIGN, RUBIN], ids=["gb200", "plates of its own"])
def test_in_steady_state_dies_follow_their_own_plates_two_resistances_at_each_trays_own_flow(
    design: RackDesign,
) -> None:
    state = run(initial_state(design, 1), design.gpu_max, 400)
    relative = state.flow[0] / design.flow_rated * design.manifold * design.trays
    plate = design.plate.junction + design.plate.convection * relative[:, None] ** -0.8
    expected = state.supply[0] + state.gpu_power[0] * plate
    np.testing.assert_allclose(state.gpu_die[0], expected, atol=0.05)
    assert margins(state)[0] == pytest.approx(SLOWDOWN_C - state.gpu_die[0])


def test_a_designs_own_plates_decide_whether_its_gpus_draw_what_they_are_rated_for() -> None:
    assert RUBIN.plate.junction + RUBIN.plate.convection < 0.025
    own = run(initial_state(RUBIN, 1), RUBIN.limit_max, 400.0)
    assert margins(own).min() > 4.0
    assert own.gpu_energy.min() == pytest.approx(400.0 * RUBIN.gpu_max, rel=0.01)
    borrowed = run(initial_state(dataclasses.replace(RUBIN, plate=DESIGN.plate), 1), RUBIN.limit_max, 400.0)
    assert borrowed.gpu_energy.max() < 0.9 * 400.0 * RUBIN.gpu_max


def test_the_tray_farthest_down_the_manifold_returns_the_hottest_coolant() -> None:
    state = run(initial_state(DESIGN, 1), 1200.0, 200)
    warm = tray_return(state)[0] - state.supply[0]
    assert warm[-1] > 1.05 * warm[0]
    supply, back = pressures(state)
    assert supply[0] - back[0] == pytest.approx(200.0 * (state.flow[0] / DESIGN.flow_rated) ** 2)


def test_heat_comes_back_after_the_time_that_the_flow_takes() -> None:
    state = run(initial_state(DESIGN, 1), 145.0, 600)
    state = under(state, flow_target=np.array([DESIGN.flow_rated]))
    state = run(state, 145.0, 300)
    cold, seen = state.outlet[0], []
    for _ in range(1200):
        state = run(state, 1200.0, 0.1, dt=0.1)
        seen.append(state.outlet[0])
    rise = (np.array(seen) - cold) / (seen[-1] - cold)
    assert rise[49] < 0.02  # nothing in five seconds
    assert TRANSPORT_S * 0.8 < 0.1 * float(np.searchsorted(rise, 0.5)) < TRANSPORT_S * 1.6


def test_when_the_load_goes_the_valve_is_late_and_the_supply_too_cold_for_a_while() -> None:
    state = run(initial_state(DESIGN, 1), 1200.0, 600)
    assert state.supply[0] == pytest.approx(DESIGN.supply_nominal, abs=0.3)
    seen = []
    for _ in range(400):
        state = run(state, 145.0, 1.0)
        seen.append(float(state.supply[0]))
    assert min(seen) < DESIGN.supply_nominal - 0.5
    assert seen[-1] == pytest.approx(DESIGN.supply_nominal, abs=0.5)


def test_warm_facility_water_lifts_the_supply_by_what_the_exchanger_needs() -> None:
    state = under(initial_state(DESIGN, 1), facility_supply=np.array([40.0]))
    state = run(state, 1200.0, 600)
    assert state.supply[0] == pytest.approx(40.0 + APPROACH_K * state.heat[0] / DESIGN.heat_rated, abs=0.2)


def test_without_pumps_dies_warm_as_the_lumped_model_says() -> None:
    """power.md §2.4: 85 °C after about 5.6 s at 35 °C inlet and 1.2 kW."""
    state = run(under(initial_state(DESIGN, 1), supply_target=np.array([35.0])), 1200.0, 600)
    state = under(state, pump_ok=np.zeros_like(state.conditions.pump_ok))
    seconds = 0.0
    while state.gpu_die.max() < 85.0:
        state, seconds = run(state, 1200.0, 0.1, dt=0.1), seconds + 0.1
    assert 3.0 < seconds < 12.0


def test_what_the_unit_is_told_holds_and_a_dead_pump_stays_dead() -> None:
    state = run(under(initial_state(DESIGN, 1), flow_target=np.array([0.8 * DESIGN.flow_rated])), 145.0, 30)
    assert state.flow[0] == pytest.approx(0.8 * DESIGN.flow_rated, rel=1e-3)
    state = run(
        under(state, pump_ok=np.array([[True, False]]), flow_target=np.array([0.4 * DESIGN.flow_rated])), 145.0, 30
    )
    assert state.flow[0] == pytest.approx(0.4 * DESIGN.flow_rated, rel=1e-3)


def test_thirty_two_bits_and_in_place_give_the_same_racks() -> None:
    wide, narrow = initial_state(DESIGN, 3), initial_state(DESIGN, 3, np.float32)
    ground = prepare(narrow)
    rng = np.random.default_rng(3)
    for n in range(200):
        if n % 20 == 0:
            demand = rng.uniform(145, 1200, wide.gpu_power.shape)
        caps = np.full_like(demand, 900.0)
        wide = step(wide, demand, caps, 0.1)
        ground = advance(narrow, ground, demand.astype(np.float32), caps.astype(np.float32), 0.1)
    for name in ("gpu_power", "gpu_die", "gpu_plate", "psu_input", "phase_power", "supply", "outlet", "gpu_energy"):
        np.testing.assert_allclose(getattr(narrow, name), getattr(wide, name), rtol=2e-4, err_msg=name)
    assert bytes_of(narrow) < 0.75 * bytes_of(wide)


def test_a_unit_that_is_stopped_moves_nothing_and_its_chips_get_hot_until_it_is_started_again() -> None:
    state = run(initial_state(DESIGN, 2), 1000.0, 120.0)
    flowing, cool = state.flow.copy(), state.gpu_plate.max(axis=(1, 2))
    stopped = run(under(state, unit_on=np.array([True, False])), 1000.0, 20.0)
    assert stopped.flow[0] == pytest.approx(flowing[0], rel=0.05)
    assert stopped.flow[1] < 0.01 * flowing[1]
    hot = stopped.gpu_plate.max(axis=(1, 2))
    assert (hot[1] - cool[1] > 20.0, hot[0] == pytest.approx(cool[0], abs=2.0)) == (True, True)
    assert stopped.conditions.pump_ok.all(), "its pumps are well"
    again = run(under(stopped, unit_on=np.array([True, True])), 0.0, 30.0)
    assert again.flow[1] > 0.2 * DESIGN.flow_rated
