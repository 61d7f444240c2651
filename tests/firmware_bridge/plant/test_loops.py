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
# Arrays of 32 bits, summed up in another order: powers of some 100 kW to a few W.
CLOSE = {"rtol": 3e-5, "atol": 0.05}


def lived(design: RackDesign, racks: int, loops: Loops | None, steps: int, *, hot: bool = False) -> State:
    """Return racks after `steps` of 0.1 s under changing demand, one of them with dead trays and supplies."""
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
            demand = dice.uniform(100.0, 1300.0, state.gpu_power.shape)
            caps[...] = dice.uniform(300.0, 1300.0, caps.shape)
        if n == steps // 2:  # nothing supplies one rack any more
            on.psu_ok[-1] = False
            ground = prepare(state, loops)
        ground = advance(state, ground, demand.astype(np.float32), caps, 0.1)
    return state


def same(one: State, other: State) -> None:
    for mine, theirs in zip(arrays_of(one), arrays_of(other), strict=True):
        np.testing.assert_allclose(mine, theirs, **CLOSE)  # type: ignore[arg-type]


@pytest.mark.parametrize("design", [GB200, BATTERIES], ids=["gb200", "with batteries"])
def test_loops_that_are_not_compiled_make_the_same_racks_as_numpy(design: RackDesign) -> None:
    same(lived(design, 2, PLAIN, 24), lived(design, 2, None, 24))


def test_loops_slow_hot_gpus_down_as_numpy_does() -> None:
    hot = lived(GB200, 2, PLAIN, 12, hot=True)
    assert hot.gpu_die.max() > SLOWDOWN_C
    assert hot.gpu_power[0, 3:].max() < 0.97 * lived(GB200, 2, None, 12).gpu_power[0, 3:].max()
    same(hot, lived(GB200, 2, None, 12, hot=True))


@pytest.mark.parametrize("hot", [False, True])
def test_compiled_loops_make_the_same_racks(hot: bool) -> None:
    pytest.importorskip("numba", reason="needs the extra fast: make bench installs it")
    same(lived(GB200, 33, compiled(), 60, hot=hot), lived(GB200, 33, None, 60, hot=hot))
