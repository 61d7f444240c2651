"""The plant: how many seconds of racks one core computes in a second, with everything that is modelled.

`rack_seconds_per_s`: 1,000 racks of 72 GPUs, steps of 0.1 s, 32 bits, in place, with limits, silicon, supplies on their
busbar, feeds and breakers, dies and plates, coolant; CPU time of one core, the best of seven stretches, because
whatever else the machine does can only slow it down; `…_median` is the middle one.  The baseline is copying the state's
arrays onto others that are there, ratio the cost of a step in such copies, measured in turn with it.  `…_fast`: the
same with the loops that numba compiles (extra `fast`).  `live_step_us_1_rack`: one step of one rack as the emulator
takes it.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import Array, RackDesign, design_of
from firmware_bridge.plant.ground import prepare
from firmware_bridge.plant.loops.compiled import Loops, compiled
from firmware_bridge.plant.state import State, arrays_of, bytes_of, initial_state
from firmware_bridge.plant.step import advance, step
from firmware_bridge.vocabulary.errors import ConfigurationError

RACKS, DT_S = 1000, 0.1
STEPS, STRETCHES, COPIES = 60, 7, 10


def run(record: Callable[..., None]) -> None:
    """Measure and record."""
    design = design_of(load_generation("gb200-nvl72"))
    _record(record, design, "", None)
    try:
        _record(record, design, "_fast", compiled())
    except ConfigurationError as err:
        print(f"plant: {err}")
    record(
        figure="state_kib_per_rack", value=bytes_of(initial_state(design, RACKS, np.float32)) / RACKS / 1024, unit="KiB"
    )
    record(figure="live_step_us_1_rack", value=_live_us(initial_state(design, 1)), unit="µs")


def _record(record: Callable[..., None], design: RackDesign, name: str, loops: Loops | None) -> None:
    state = initial_state(design, RACKS, np.float32)
    rng = np.random.default_rng(0)
    demands = [np.full_like(state.gpu_power, 0.0) for _ in range(4)]
    for demand in demands:
        demand += rng.uniform(145.0, 1200.0, demand.shape)
    caps = np.full_like(state.gpu_power, 1100.0)
    ground, took, copies = prepare(state, loops), [], []
    spare = [a.copy(order="K") for a in arrays_of(state)]
    for n in range(STRETCHES + 1):
        began = time.thread_time()
        for m in range(STEPS):
            ground = advance(state, ground, demands[m // 10 % len(demands)], caps, DT_S)
        if n:  # the first stretch warms up, and compiles
            took.append((time.thread_time() - began) / STEPS)
        copies.append(_copy_s(arrays_of(state), spare))
    best, copy = min(took), min(copies)
    figure = f"rack_seconds_per_s{name}"
    record(figure=figure, value=RACKS * DT_S / best, unit="rack s/s", baseline=copy, ratio=best / copy)
    record(figure=f"{figure}_median", value=RACKS * DT_S / statistics.median(took), unit="rack s/s", n=STRETCHES)


def _copy_s(arrays: list[Array], spare: list[Array]) -> float:
    """Return how long one copy of all arrays takes."""
    began = time.thread_time()
    for _ in range(COPIES):
        for to, source in zip(spare, arrays, strict=True):
            np.copyto(to, source)
    return (time.thread_time() - began) / COPIES


def _live_us(state: State) -> float:
    demand, caps = np.full(state.gpu_power.shape, 900.0), np.full(state.gpu_power.shape, 1200.0)
    took = []
    for _ in range(STRETCHES):
        began = time.thread_time()
        for _ in range(STEPS):
            state = step(state, demand, caps, DT_S)
        took.append((time.thread_time() - began) / STEPS)
    return min(took) * 1e6
