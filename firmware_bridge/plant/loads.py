"""What trays draw: GPUs behind their limits, CPUs and switches that follow them.  Pure, in place."""

from math import expm1
from typing import NamedTuple

import numpy as np

from firmware_bridge.plant.design import Array, Mask, RackDesign
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.laws import allowed, busy_share, cpu_draws, moves, tray_draws, wanted
from firmware_bridge.plant.loops import Loops, Trays
from firmware_bridge.plant.state import C_DIE, R_JUNCTION, State

GPU_LAG_S = 0.05  # firmware enforces a cap within 10-50 ms (power.md §2.2, assumption)
SLOWDOWN_C, SHUTDOWN_C = 90.0, 95.0  # k8s-test-infra GB200 profile (southbound.md §2.2, test values)
CPU_FOLLOWS = 0.7  # assumption: how far CPUs follow their GPUs between idle and maximum
PEAK = 1.3  # for up to 5 ms a GPU draws so many times what its limit says (power.md §4.1, assumption)


class TrayFactors(NamedTuple):
    """What trays are reckoned with.

    `goes`, `heat_goes`: how much of the distance to their aims power and heat go in a step.  `none`, `full`: 0 and 1.
    `idle`, `most`, `limit_most`: W of a GPU; `per_w`, `shutdown`, `slope`: as `allowed` takes them.
    `gpus_idle`: W of a tray's GPUs at rest, `per_gpus_w`: 1 over what they draw more at full load; `cpu_idle`,
    `cpu_span`: W of a CPU at rest, and more beside busy GPUs; `cpus` of a tray; `base`: W of a tray beside them.
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


def tray_factors(design: RackDesign, dt: float) -> TrayFactors:
    """Return the factors for steps of `dt` s."""
    dynamic = design.gpu_max - design.gpu_idle
    return TrayFactors(
        goes=-expm1(-dt / GPU_LAG_S),
        heat_goes=-expm1(-dt / (R_JUNCTION * C_DIE)),
        none=0.0,
        full=1.0,
        idle=design.gpu_idle,
        most=design.gpu_max,
        limit_most=design.limit_max,
        per_w=R_JUNCTION,
        shutdown=SHUTDOWN_C,
        slope=dynamic / (SHUTDOWN_C - SLOWDOWN_C),
        gpus_idle=design.gpus * design.gpu_idle,
        per_gpus_w=1.0 / (max(dynamic, 1.0) * max(design.gpus, 1)),
        cpu_idle=design.cpu_idle,
        cpu_span=CPU_FOLLOWS * (design.cpu_max - design.cpu_idle),
        cpus=float(design.cpus),
        base=design.tray_base,
    )


def gets_hot(state: State) -> bool:
    """Return whether any die could be warm enough to slow down, whatever has flowed into its plate."""
    return float(state.hottest) + R_JUNCTION * state.design.gpu_max > SLOWDOWN_C


def step_trays(state: State, ground: Ground, demand: Array, caps: Array, on: Array | None, by: TrayFactors) -> Array:
    """Move GPUs and CPUs on: gpu_power, gpu_limited, gpu_heat, gpu_sum, cpu_power, cpu_sum, tray_power.

    A GPU draws the least of what its silicon makes of the demand, its limit, its most, and what its heat allows;
    `demand`, `caps` (R, T, G) W.  `on` (R, T): 1 where a tray lives, 0 where not; None: all live.
    Returns how busy each rack's GPUs are, 0 to 1, (R,).
    """
    if ground.loops is not None:
        return _looped(ground.loops, state, ground, demand, caps, on, by)
    hot, gpus = gets_hot(state), np.empty_like(state.tray_power)
    np.clip(caps, by.none, by.limit_most, out=state.gpu_limited)
    for trays in ground.parts:
        power, heat, limited = (a[:, trays] for a in (state.gpu_power, state.gpu_heat, state.gpu_limited))
        spread, rest = ground.spread[:, trays], ground.rest[:, trays]
        wants = wanted(demand[:, trays], spread, rest, by.idle, by.most, limited)
        if hot:
            plate = state.gpu_plate[:, trays]
            np.minimum(wants, allowed(plate, heat, by.per_w, by.shutdown, by.slope, by.idle, by.most), out=wants)
        if on is not None:
            wants *= on[:, trays, None]
        power += moves(power, wants, by.goes)
        heat += moves(heat, power, by.heat_goes)
        # The lag is short against a step: what a GPU draws at its end is nearer to its mean than the middle of both.
        state.gpu_sum[:, trays] += power
        np.sum(power, axis=2, out=gpus[:, trays])
    lives: Array | float = 1.0 if on is None else on
    share = busy_share(gpus, by.gpus_idle, by.per_gpus_w, by.none, by.full)
    state.cpu_power[...] = cpu_draws(share, by.cpu_idle, by.cpu_span, lives)
    state.cpu_sum[...] += state.cpu_power
    state.tray_power[...] = tray_draws(gpus, state.cpu_power, by.cpus, by.base, lives)
    return np.asarray(share.sum(axis=1) * (1.0 / max(state.design.trays, 1)))


def _looped(
    loops: Loops, state: State, ground: Ground, demand: Array, caps: Array, on: Array | None, by: TrayFactors
) -> Array:
    kind, busy = state.flow.dtype.type, np.zeros_like(state.flow)
    own = (state.gpu_power, state.gpu_limited, state.gpu_heat, state.gpu_sum, state.gpu_plate)
    told = (np.ascontiguousarray(a.transpose(1, 2, 0)) for a in (demand, caps))
    lives = np.ascontiguousarray((ground.tray_on if on is None else on).T)
    trays = (state.cpu_power.T, state.cpu_sum.T, state.tray_power.T)
    known = (ground.spread[0], ground.rest[0], lives)
    arrays = Trays._make((*(a.transpose(1, 2, 0) for a in own), *told, *known, *trays, busy))
    loops.move_trays(arrays, TrayFactors._make(map(kind, by)), gets_hot(state))
    return busy * (1.0 / max(state.design.trays, 1))


def step_switches(state: State, ground: Ground, busy: Array, alive: Mask | None) -> None:
    """Set switch_power for racks as `busy` (R,) as they are; `alive` (R,): whose bus lives, None for all."""
    design, kind = state.design, state.flow.dtype.type
    draws = kind(design.switch_idle) + busy * kind(design.switch_max - design.switch_idle)
    if alive is not None:
        draws *= alive
    np.multiply(ground.switch_on, draws[:, None], out=state.switch_power)


def peak_load(state: State) -> Array:
    """Return what each rack's bus may be asked for during a few milliseconds, W, (R,): all GPUs peak together."""
    steady = state.tray_power.sum(axis=1) + state.switch_power.sum(axis=1)
    return np.asarray(steady + (PEAK - 1.0) * state.gpu_power.sum(axis=(1, 2)))
