"""Loops over single values make the same racks as numpy over arrays, compiled or not."""

import dataclasses

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import RackDesign, design_of
from firmware_bridge.plant.ground import prepare
from firmware_bridge.plant.loads import SLOWDOWN_C
from firmware_bridge.plant.loops.compiled import PLAIN, Loops, compiled
from firmware_bridge.plant.state import State, arrays_of, initial_state
from firmware_bridge.plant.step import advance

GB200 = design_of(load_generation("gb200-nvl72"))
BATTERIES = design_of(load_generation("orv3-hpr-nvl36x2"))
RUBIN = design_of(load_generation("vera-rubin-nvl72"))  # cold plates of its own
HOT = pytest.mark.parametrize("design", [GB200, RUBIN], ids=["gb200", "plates of its own"])
# Arrays of 32 bits, summed up in another order: powers of some 100 kW to a few W.
CLOSE = {"rtol": 3e-5, "atol": 0.05}


def lived(design: RackDesign, racks: int, loops: Loops | None, steps: int, *, hot: bool = False) -> State:
    """Return racks after `steps` of 0.1 s under changing demand, one of them with dead trays and supplies."""
    most = design.limit_max + 100.0
    state = initial_state(design, racks, np.float32)
    on = state.conditions
    on.tray_on[0, :2] = False
    on.psu_ok[0, 0] = False
    state = dataclasses.replace(state, conditions=on)
    if hot:
        state.gpu_plate[...] = SLOWDOWN_C - 2.0
        state.hottest[...] = SLOWDOWN_C - 2.0
    ground, dice = prepare(state, loops), np.random.default_rng(5)
    caps = np.full_like(state.gpu_power, 900.0)
    for n in range(steps):
        if n % 5 == 0:
            demand = dice.uniform(100.0, most, state.gpu_power.shape)
            caps[...] = dice.uniform(300.0, most, caps.shape)
        if n == steps // 2:  # nothing supplies one rack any more
            on.psu_ok[-1] = False
            ground = prepare(state, loops)
        ground = advance(state, ground, demand.astype(np.float32), caps, 0.1)
    return state


def broken(racks: int, loops: Loops | None) -> tuple[State, bool]:
    """Return racks that lived through lost phases, slow pumps, a told flow, overloads of few supplies and little load.

    One breaker opens; the last rack has no feed at all for a while.  Also returns whether a bus went off.
    """
    small = dataclasses.replace(GB200.wiring, breaker=GB200.wiring.breaker * np.array([0.02, 1.0]))
    state = initial_state(dataclasses.replace(GB200, wiring=small), racks, np.float32)
    on, dice = state.conditions, np.random.default_rng(6)
    on.flow_target[0] = 0.8 * GB200.flow_rated
    on.pump_ok[1:, 0] = False
    on.clip[...] = dice.uniform(1.0, 3.0, on.clip.shape)
    state, ground = dataclasses.replace(state, conditions=on), prepare(state, loops)
    caps, demand, dark = np.full_like(state.gpu_power, 1200.0), np.full_like(state.gpu_power, 1200.0), False
    for n in range(120):
        if n == 20:  # half of the feeds' phases are gone, and one rack has few supplies
            on.phase_ok[...] = dice.random(on.phase_ok.shape) > 0.3
            on.psu_ok[0, 3:] = False
            ground = prepare(state, loops)
        if n == 60:
            on.phase_ok[...] = True
            on.psu_ok[...] = True
            on.phase_ok[-1] = False
            ground = prepare(state, loops)
        if n == 80:  # next to nothing is asked for, so that some supplies give nothing
            on.phase_ok[-1] = True
            on.tray_on[...] = False
            on.switch_on[...] = False
            ground = prepare(state, loops)
        ground = advance(state, ground, demand, caps, 0.1)
        dark |= bool(state.dark_for.any())
    return state, dark


def test_loops_make_the_same_racks_of_whatever_is_broken() -> None:
    (plain, _), (numpy, dark) = broken(3, PLAIN), broken(3, None)
    assert dark
    assert numpy.breaker_open.any()
    same(plain, numpy)


def same(one: State, other: State) -> None:
    for mine, theirs in zip(arrays_of(one), arrays_of(other), strict=True):
        np.testing.assert_allclose(mine, theirs, **CLOSE)  # type: ignore[arg-type]


@pytest.mark.parametrize("design", [GB200, BATTERIES, RUBIN], ids=["gb200", "with batteries", "plates of its own"])
def test_loops_that_are_not_compiled_make_the_same_racks_as_numpy(design: RackDesign) -> None:
    same(lived(design, 2, PLAIN, 24), lived(design, 2, None, 24))


@HOT
def test_loops_slow_hot_gpus_down_as_numpy_does(design: RackDesign) -> None:
    hot = lived(design, 2, PLAIN, 12, hot=True)
    assert hot.gpu_die.max() > SLOWDOWN_C
    assert hot.gpu_power[0, 3:].max() < 0.97 * lived(design, 2, None, 12).gpu_power[0, 3:].max()
    same(hot, lived(design, 2, None, 12, hot=True))


@HOT
@pytest.mark.parametrize("hot", [False, True])
def test_compiled_loops_make_the_same_racks(design: RackDesign, hot: bool) -> None:
    pytest.importorskip("numba", reason="needs the extra fast: make bench installs it")
    same(lived(design, 33, compiled(), 60, hot=hot), lived(design, 33, None, 60, hot=hot))


def test_compiled_loops_make_the_same_racks_of_whatever_is_broken() -> None:
    pytest.importorskip("numba", reason="needs the extra fast: make bench installs it")
    same(broken(5, compiled())[0], broken(5, None)[0])
