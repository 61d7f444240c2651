"""What trays draw: GPUs behind their limits, CPUs and switches that follow them.  Pure, in place."""

import numpy as np

from firmware_bridge.plant.design import Array, Mask
from firmware_bridge.plant.ground import Ground
from firmware_bridge.plant.state import State

GPU_LAG_S = 0.05  # firmware enforces a cap within 10-50 ms (power.md §2.2, assumption)
SLOWDOWN_C, SHUTDOWN_C = 90.0, 95.0  # k8s-test-infra GB200 profile (southbound.md §2.2, test values)
CPU_FOLLOWS = 0.7  # assumption: how far CPUs follow their GPUs between idle and maximum
MOST_W = 1e9  # more than anybody asks for: clipping on both sides is what is fast
PEAK = 1.3  # for up to 5 ms a GPU draws so many times what its limit says (power.md §4.1, assumption)


def step_gpus(state: State, ground: Ground, trays: slice, demand: Array, caps: Array, alive: Mask, dt: float) -> None:
    """Move the GPUs of some trays on: gpu_power, gpu_limited, gpu_energy; demand and caps are (R, T, G), W.

    A GPU draws the least of what its silicon makes of the demand, its limit, its most, and what its heat allows.
    """
    design, kind = state.design, state.flow.dtype.type
    power, limited = state.gpu_power[:, trays], state.gpu_limited[:, trays]
    wants = ground.gpu_scratch[:, : power.shape[1]]
    np.clip(caps[:, trays], 0.0, kind(design.limit_max), out=limited)
    np.clip(demand[:, trays], kind(design.gpu_idle), kind(MOST_W), out=wants)
    wants *= ground.spread[:, trays]
    wants += ground.rest[:, trays]
    np.minimum(wants, limited, out=wants)
    if design.limit_max > design.gpu_max:
        np.minimum(wants, kind(design.gpu_max), out=wants)
    die = state.gpu_die[:, trays]
    if die.size and float(die.max()) > SLOWDOWN_C:
        # Protective slowdown takes the dynamic power away between the two temperatures.
        room = np.clip((SHUTDOWN_C - die) / (SHUTDOWN_C - SLOWDOWN_C), 0.0, 1.0)
        np.minimum(wants, kind(design.gpu_idle) + kind(design.gpu_max - design.gpu_idle) * room, out=wants)
    if not (ground.all_on and alive.all()):
        wants *= (ground.tray_on[:, trays] * alive[:, None])[:, :, None]
    power -= wants
    power *= kind(np.exp(-dt / GPU_LAG_S))
    power += wants
    # The lag is short against a step: what a GPU draws at its end is nearer to its mean than the middle of both ends.
    state.gpu_energy[:, trays] += np.multiply(power, kind(dt), out=wants)


def step_others(state: State, ground: Ground, alive: Mask, dt: float) -> None:
    """Set tray_power and switch_power, and move cpu_power and cpu_energy on, after the GPUs."""
    design, kind = state.design, state.flow.dtype.type
    span = kind(max(design.gpu_max - design.gpu_idle, 1.0) * max(design.gpus, 1))
    gpus = state.gpu_power.sum(axis=2)
    share = gpus - kind(design.gpus * design.gpu_idle)
    share /= span
    np.clip(share, 0.0, 1.0, out=share)
    busy = share.mean(axis=1) if design.trays else np.zeros_like(state.flow)
    on, switch_on = ground.tray_on, ground.switch_on
    if not alive.all():
        on, switch_on = on * alive[:, None], switch_on * alive[:, None]
    share *= kind(CPU_FOLLOWS * (design.cpu_max - design.cpu_idle))
    share += kind(design.cpu_idle)
    np.multiply(share, on, out=state.cpu_power)
    state.cpu_energy[...] += np.multiply(state.cpu_power, kind(dt), out=share)
    np.multiply(state.cpu_power, kind(design.cpus), out=share)
    gpus += share
    tray, switch = state.tray_power, state.switch_power
    np.multiply(on, kind(design.tray_base), out=tray)
    tray += gpus
    busy *= kind(design.switch_max - design.switch_idle)
    busy += kind(design.switch_idle)
    np.multiply(switch_on, busy[:, None], out=switch)


def peak_load(state: State) -> Array:
    """Return what each rack's bus may be asked for during a few milliseconds, W, (R,): all GPUs peak together."""
    steady = state.tray_power.sum(axis=1) + state.switch_power.sum(axis=1)
    return np.asarray(steady + (PEAK - 1.0) * state.gpu_power.sum(axis=(1, 2)))
