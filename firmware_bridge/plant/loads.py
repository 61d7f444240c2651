"""What trays draw: GPUs behind their limits, CPUs and switches that follow them.  Pure, in place."""

from functools import lru_cache
from math import expm1
from typing import NamedTuple

import numpy as np

from firmware_bridge.plant.design import Array, Mask, RackDesign
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.laws import allowed, follows
from firmware_bridge.plant.state import C_DIE, State

GPU_LAG_S = 0.05  # firmware enforces a cap within 10-50 ms (power.md §2.2, assumption)
SLOWDOWN_C, SHUTDOWN_C = 90.0, 95.0  # k8s-test-infra GB200 profile (southbound.md §2.2, test values)
CPU_FOLLOWS = 0.7  # assumption: how far CPUs follow their GPUs between idle and maximum
PEAK = 1.3  # for up to 5 ms a GPU draws so many times what its limit says (power.md §4.1, assumption)


class TrayFactors(NamedTuple):
    """What trays are reckoned with.

    `goes`, `heat_goes`: how much of the distance to their aims power and heat go in a step.  `none`, `full`: 0 and 1.
    `idle`, `most`, `limit_most`: W of a GPU; `per_w`, `shutdown`, `slope`: as `allowed` takes them.
    `gpus_idle`: W of a tray's GPUs at rest, `per_gpus_w`: 1 over what they draw more at full load; `cpu_idle`,
    `cpu_span`: W of a CPU at rest, and more beside busy GPUs; `cpus` of a tray; `base`: W of a tray beside them;
    `per_tray`: 1 over how many trays; `switch_idle`, `switch_span`: W of a switch tray, as of CPUs.
    """

    goes: float
    heat_goes: float
    none: float
    full: float
    idle: float
    most: float
    limit_most: float
    per_w: float
    shutdown: float
    slope: float
    gpus_idle: float
    per_gpus_w: float
    cpu_idle: float
    cpu_span: float
    cpus: float
    base: float
    per_tray: float
    switch_idle: float
    switch_span: float


@lru_cache(maxsize=64)
def tray_factors(design: RackDesign, dt: float) -> TrayFactors:
    """Return the factors for steps of `dt` s."""
    dynamic = design.gpu_max - design.gpu_idle
    return TrayFactors(
        goes=-expm1(-dt / GPU_LAG_S),
        heat_goes=-expm1(-dt / (design.plate.junction * C_DIE)),
        none=0.0,
        full=1.0,
        idle=design.gpu_idle,
        most=design.gpu_max,
        limit_most=design.limit_max,
        per_w=design.plate.junction,
        shutdown=SHUTDOWN_C,
        slope=dynamic / (SHUTDOWN_C - SLOWDOWN_C),
        gpus_idle=design.gpus * design.gpu_idle,
        per_gpus_w=1.0 / (max(dynamic, 1.0) * max(design.gpus, 1)),
        cpu_idle=design.cpu_idle,
        cpu_span=CPU_FOLLOWS * (design.cpu_max - design.cpu_idle),
        cpus=float(design.cpus),
        base=design.tray_base,
        per_tray=1.0 / max(design.trays, 1),
        switch_idle=design.switch_idle,
        switch_span=design.switch_max - design.switch_idle,
    )


def gets_hot(state: State) -> bool:
    """Return whether any die could be warm enough to slow down, whatever has flowed into its plate."""
    return float(state.hottest) + state.design.plate.junction * state.design.gpu_max > SLOWDOWN_C


def step_loads(
    state: State, ground: Ground, demand: Array, caps: Array, on: Array | None, alive: Mask | None, dt: float
) -> Array:
    """Move compute and switch trays on; return what each rack's bus is to give, W, (R,).

    `demand`, `caps` (R, T, G) W; `on` (R, T): 1 where a tray lives, 0 where not; `alive` (R,): whose bus lives; None:
    all do.
    """
    by = tray_factors(state.design, dt)
    step_switches(state, ground, step_trays(state, ground, demand, caps, on, by), alive, by)
    load = state.tray_power.T.sum(axis=0)
    load += state.switch_power.T.sum(axis=0)
    return np.asarray(load)


def step_trays(state: State, ground: Ground, demand: Array, caps: Array, on: Array | None, by: TrayFactors) -> Array:
    """Move GPUs and CPUs on: gpu_power, gpu_limited, gpu_heat, gpu_sum, cpu_power, cpu_sum, tray_power.

    A GPU draws the least of what its silicon makes of the demand, its limit, its most, and what its heat allows;
    `demand`, `caps` (R, T, G) W.  `on` (R, T): 1 where a tray lives, 0 where not; None: all live.
    Returns how busy each rack's GPUs are, 0 to 1, (R,).
    """
    hot, lives = gets_hot(state), None if on is None else on.T
    limited, summed, asked = (a.transpose(1, 2, 0) for a in (state.gpu_limited, state.gpu_sum, demand))
    power, heat, plate = (a.transpose(1, 2, 0) for a in (state.gpu_power, state.gpu_heat, state.gpu_plate))
    np.clip(caps.transpose(1, 2, 0), by.none, by.limit_most, out=limited)
    for part in ground.parts:
        # Step by step what `wanted` and `moves` say: nothing else goes through so many values so often.
        wants = ground.scratch[: part.stop - part.start]
        np.multiply(asked[part], ground.spread[part], out=wants)
        wants += ground.rest[part]
        np.clip(wants, by.idle, by.most, out=wants)
        np.minimum(wants, limited[part], out=wants)
        if hot:
            most = allowed(plate[part], heat[part], by.per_w, by.shutdown, by.slope, by.idle, by.most)
            np.minimum(wants, most, out=wants)
        if lives is not None:
            wants *= lives[part, None]
        wants -= power[part]
        wants *= by.goes
        power[part] += wants
        np.subtract(power[part], heat[part], out=wants)
        wants *= by.heat_goes
        heat[part] += wants
        # The lag is short against a step: what a GPU draws at its end is nearer to its mean than the middle of both.
        summed[part] += power[part]
    return _step_cpus(state, ground, np.add.reduce(power, axis=1, out=ground.tray_scratch[0]), lives, by)


def _step_cpus(state: State, ground: Ground, gpus: Array, lives: Array | None, by: TrayFactors) -> Array:
    """Set cpu_power, cpu_sum and tray_power for what a tray's GPUs draw, `gpus` (T, R) W, as laws say."""
    share, cpu, tray = ground.tray_scratch[1], state.cpu_power.T, state.tray_power.T
    np.subtract(gpus, by.gpus_idle, out=share)
    share *= by.per_gpus_w
    np.clip(share, by.none, by.full, out=share)
    np.multiply(share, by.cpu_span, out=cpu)
    cpu += by.cpu_idle
    if lives is not None:
        cpu *= lives
    summed = state.cpu_sum.T
    summed += cpu
    np.multiply(cpu, by.cpus, out=tray)
    tray += gpus
    tray += by.base if lives is None else by.base * lives
    return np.asarray(share.sum(axis=0) * by.per_tray)


def step_switches(state: State, ground: Ground, busy: Array, alive: Mask | None, by: TrayFactors) -> None:
    """Set switch_power for racks as `busy` (R,) as they are; `alive` (R,): whose bus lives, None for all."""
    draws = follows(busy, by.switch_idle, by.switch_span)
    if alive is not None:
        draws *= alive
    np.multiply(ground.switch_on, draws, out=state.switch_power.T)


def peak_load(state: State) -> Array:
    """Return what each rack's bus may be asked for during a few milliseconds, W, (R,): all GPUs peak together."""
    steady = state.tray_power.sum(axis=1) + state.switch_power.sum(axis=1)
    return np.asarray(steady + (PEAK - 1.0) * state.gpu_power.sum(axis=(1, 2)))
