"""Batteries: they carry the bus when no supply is left, until they are empty, and charge again."""

import dataclasses

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.batteries import BATTERY_BUS_V, CHARGE_SHARE, step_batteries
from firmware_bridge.plant.design import design_of
from firmware_bridge.plant.state import State, initial_state
from firmware_bridge.plant.step import step

DESIGN = design_of(load_generation("orv3-hpr-nvl36x2"))
BUSY = np.full((2, DESIGN.trays, DESIGN.gpus), 1000.0)
CAPS = np.full_like(BUSY, DESIGN.limit_default)


def supplied(state: State, *racks: bool) -> State:
    ok = np.ones_like(state.conditions.psu_ok)
    ok[~np.array(racks)] = False
    return dataclasses.replace(state, conditions=dataclasses.replace(state.conditions, psu_ok=ok))


def run(state: State, seconds: float, dt: float = 0.5) -> State:
    for _ in range(round(seconds / dt)):
        state = step(state, BUSY, CAPS, dt)
    return state


def test_full_batteries_hold_ninety_seconds_at_their_rating() -> None:
    state = initial_state(DESIGN, 1)
    rating = np.array([DESIGN.bbu_max * state.bbu_energy.size])
    for _ in range(90):
        missing = step_batteries(state, np.zeros_like(state.bbu_energy), rating, 1.0)
        assert state.bbu_output.sum() == pytest.approx(rating[0])
        assert missing[0] == pytest.approx(0.0, abs=1e-6)
    assert state.bbu_energy.sum() == pytest.approx(0.0, abs=1.0)


def test_batteries_carry_only_the_rack_that_lost_its_supplies_and_then_it_goes_dark() -> None:
    state = run(supplied(initial_state(DESIGN, 2), True, True), 20)
    load = state.tray_power.sum(axis=1) + state.switch_power.sum(axis=1)
    state = run(supplied(state, False, True), 5)
    assert state.bbu_output[0].sum() == pytest.approx(load[0], rel=0.02)
    assert not state.bbu_output[1].any()
    assert BATTERY_BUS_V - 0.5 < state.bus_voltage[0] < BATTERY_BUS_V
    assert state.bus_voltage[1] > 50
    spent = DESIGN.bbu_energy * 18 - state.bbu_energy[0].sum()
    assert spent == pytest.approx(5 * load[0], rel=0.1)
    held = 18 * DESIGN.bbu_energy / load[0]
    state = run(state, held + 5)
    assert (state.bbu_energy[0].sum(), state.bus_voltage[0]) == (0, 0)
    assert state.tray_power[0].sum() == pytest.approx(0.0)
    assert state.tray_power[1].sum() > 0


def test_they_charge_at_a_tenth_and_the_supplies_carry_that_too() -> None:
    state = run(supplied(initial_state(DESIGN, 2), False, True), 30)
    state = run(supplied(state, True, True), 1)
    charging = state.bbu_input[0]
    assert charging == pytest.approx(CHARGE_SHARE * DESIGN.bbu_max)
    load = state.tray_power[0].sum() + state.switch_power[0].sum()
    assert state.psu_output[0].sum() == pytest.approx(load + charging.sum())
    state = run(state, 2000, dt=5.0)
    assert state.bbu_energy[0] == pytest.approx(DESIGN.bbu_energy)
    assert not state.bbu_input.any()


def test_a_lost_battery_gives_nothing_and_a_rack_without_batteries_goes_dark_at_once() -> None:
    state = supplied(initial_state(DESIGN, 2), False, False)
    state.conditions.bbu_ok[0, 0, 0] = False
    state.conditions.bbu_ok[1] = False
    state = run(state, 2)
    assert state.bbu_output[0, 0, 0] == 0
    assert state.bbu_output[0, 0, 1] > 0
    assert (state.bus_voltage[1], state.tray_power[1].sum()) == (0, pytest.approx(0.0, abs=1e-3))
