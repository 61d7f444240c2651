"""Shelves on one busbar: droop sharing, losses, pulses, clips; feeds, phases and breakers behind them."""

import dataclasses

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.breakers import HEAT_TAU_S
from firmware_bridge.plant.design import design_of
from firmware_bridge.plant.ground import DROOP_V, Ground, prepare
from firmware_bridge.plant.loads import peak_load
from firmware_bridge.plant.shelves import PULSE, PULSE_S, RESTART_S, efficiency, step_clips, step_shelves
from firmware_bridge.plant.state import State, initial_state
from firmware_bridge.plant.step import step
from rack_controller.decide.supply.wiring import wiring_of

GENERATION = load_generation("gb200-nvl72")
DESIGN = design_of(GENERATION)
UP = np.ones(1, dtype=np.bool_)


def ready(**changes: np.ndarray) -> tuple[State, Ground]:
    state = initial_state(DESIGN, 1)
    state = dataclasses.replace(state, conditions=dataclasses.replace(state.conditions, **changes))
    return state, prepare(state)


def loaded(watts: float, dt: float = 0.1, **changes: np.ndarray) -> State:
    state, ground = ready(**changes)
    step_shelves(state, ground, np.array([watts]), UP, dt)
    return state


def busy(state: State, seconds: float, watts: float = 1200.0, dt: float = 0.5) -> State:
    demand, caps = np.full(state.gpu_power.shape, watts), np.full(state.gpu_power.shape, 1200.0)
    for _ in range(round(seconds / dt)):
        state = step(state, demand, caps, dt)
    return state


def test_supplies_that_work_share_by_droop_and_absent_ones_give_nothing() -> None:
    ok = np.ones((1, 8, 6), dtype=np.bool_)
    ok[0, 2, 3:] = False
    state = loaded(90_000.0, psu_ok=ok)
    output = state.psu_output[0]
    assert output.sum() == pytest.approx(90_000.0)
    assert not output[~ok[0]].any()
    assert not state.psu_input[0][~ok[0]].any()
    assert output[ok[0]] == pytest.approx(2000.0, abs=0.052 * DESIGN.psu_max)
    assert np.ptp(output[ok[0]]) > 0.05 * DESIGN.psu_max  # set voltages differ: nobody shares evenly
    assert output[ok[0]].max() < 1.06 * 5500 + 2000 - 5500 * 0.36  # no more than the sharing error above the mean


def test_sharing_error_at_full_load_is_what_the_generation_says() -> None:
    output = loaded(264_000.0).psu_output[0]
    assert output.max() <= 5500 * (1 + 1.05 * GENERATION.supply.sharing)
    assert output.min() >= 5500 * (1 - 1.05 * GENERATION.supply.sharing)


def test_nearly_no_load_is_shared_without_anybody_taking_power_back() -> None:
    output = loaded(2_000.0).psu_output[0]
    assert output.min() == 0.0
    assert output.sum() == pytest.approx(2_000.0)


def test_the_bus_droops_half_a_volt_from_nothing_to_full_load() -> None:
    at = [loaded(p).bus_voltage[0] for p in (0.0, 132_000.0, 264_000.0)]
    assert at == pytest.approx([DESIGN.bus_nominal, DESIGN.bus_nominal - DROOP_V / 2, DESIGN.bus_nominal - DROOP_V])


def test_overload_says_by_how_much() -> None:
    assert loaded(264_000.0 * 1.2).overload[0] == pytest.approx(0.2)


@pytest.mark.parametrize(("load", "share"), [(0.119, 0.962), (0.5, 0.975), (1.0, 0.966)])
def test_efficiency_goes_through_the_points_that_are_known(load: float, share: float) -> None:
    assert float(efficiency(np.array(load))) == pytest.approx(share, abs=1e-4)
    assert (efficiency(np.linspace(0, 1.6, 50)) < 1.0).all()


def test_input_rises_with_load_and_is_output_over_efficiency() -> None:
    loads = [loaded(p) for p in np.linspace(10_000, 264_000, 40)]
    assert (np.diff([s.psu_input.sum() for s in loads]) > 0).all()
    state = loads[20]
    np.testing.assert_allclose(state.psu_input, state.psu_output / efficiency(state.psu_output / 5500))


def test_a_pulse_is_borne_until_it_is_spent_and_then_the_bus_goes_off_and_comes_back() -> None:
    state, ground = ready()
    over = np.array([264_000.0 * 1.3])
    borne = 0.0
    while not state.dark_for[0]:
        step_shelves(state, ground, over, UP, 0.1)
        borne += 0.1
    assert borne == pytest.approx(PULSE_S / 0.3, abs=0.15)
    assert state.dark_for[0] == RESTART_S
    assert loaded(264_000.0 * (PULSE + 0.01)).dark_for[0] == RESTART_S


def test_too_few_supplies_for_full_load_take_the_rack_down_for_a_moment() -> None:
    state = busy(initial_state(DESIGN, 1), 60)
    ok = np.zeros((1, 8, 6), dtype=np.bool_)
    ok[0, 0] = True
    few = dataclasses.replace(state, conditions=dataclasses.replace(state.conditions, psu_ok=ok))
    seen = [busy(few, 0.5 * n).bus_voltage[0] for n in range(1, 10)]
    assert min(seen) == 0.0
    assert max(seen) > 48.0


def test_a_clip_with_more_resistance_runs_hot() -> None:
    state, ground = ready(clip=np.array([[1.0] * 7 + [3.0]]))
    step_shelves(state, ground, np.array([132_000.0]), UP, 0.1)
    step_clips(state, ground, 1e4)
    rise = state.clip_temp[0] - 33.0
    assert rise[7] == pytest.approx(3 * 20 * 0.25, rel=0.2)
    assert rise[7] > 2.2 * rise[:7].max()


def test_phases_carry_what_hangs_on_them_as_the_controller_reckons_it() -> None:
    state = busy(initial_state(DESIGN, 2), 30)
    wiring = wiring_of(GENERATION)
    for rack in range(2):
        drawn = state.psu_input[rack].ravel()
        first = wiring.drawing(wiring.all_well).argmax(axis=1)
        for feed in range(2):
            for phase in range(3):
                own = drawn[(first == feed) & (wiring.phase == phase)].sum()
                assert state.phase_power[rack, feed, phase] == pytest.approx(own)
    assert state.phase_power.sum() == pytest.approx(state.psu_input.sum())


def test_without_a_feed_the_other_carries_all_and_its_breaker_warms() -> None:
    state = busy(initial_state(DESIGN, 1), 60)
    before = state.breaker_heat[0, 1].copy()
    alive = np.ones((1, 2, 3), dtype=np.bool_)
    alive[0, 0] = False
    state = dataclasses.replace(state, conditions=dataclasses.replace(state.conditions, phase_ok=alive))
    state = busy(state, HEAT_TAU_S, dt=0.5)
    assert not state.phase_power[0, 0].any()
    assert state.phase_power[0, 1].sum() == pytest.approx(state.psu_input.sum())
    aim = (state.phase_power[0, 1] / DESIGN.wiring.breaker[1]) ** 2
    assert state.breaker_heat[0, 1] == pytest.approx(aim + (before - aim) / np.e, rel=0.02)
    assert state.bus_voltage[0] > 49.0


def test_a_lost_phase_takes_a_third_of_its_feeds_supplies() -> None:
    alive = np.ones((1, 2, 3), dtype=np.bool_)
    alive[0, 0, 1] = False
    state = initial_state(DESIGN, 1)
    state = busy(dataclasses.replace(state, conditions=dataclasses.replace(state.conditions, phase_ok=alive)), 10)
    assert (state.psu_output[0] > 0).sum() == 48 - 8
    assert state.phase_power[0, 0, 1] == 0.0


def test_a_breaker_that_gets_too_hot_opens_for_good() -> None:
    small = dataclasses.replace(
        DESIGN, wiring=dataclasses.replace(DESIGN.wiring, breaker=DESIGN.wiring.breaker * np.array([0.12, 1.0]))
    )
    state = busy(initial_state(small, 1), 200)
    assert state.breaker_open[0, 0].all()
    assert not state.phase_power[0, 0].any()
    assert state.phase_power[0, 1].sum() == pytest.approx(state.psu_input.sum())
    assert state.bus_voltage[0] > 49.0


def test_peaks_of_a_few_milliseconds_add_up_to_what_the_supplies_can_pulse() -> None:
    state = busy(initial_state(DESIGN, 1), 10)
    assert peak_load(state)[0] == pytest.approx(state.psu_output.sum() + 0.3 * state.gpu_power.sum())
