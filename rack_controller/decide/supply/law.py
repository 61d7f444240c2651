"""What a rack draws besides its GPUs, from its generation's ratings: the law that a budget begins with.  Pure.

It errs on the high side: CPUs and switches draw their most when the GPUs do.  The rack's own meter corrects it.
"""

import numpy as np

from firmware_bridge.vocabulary.generation import ComponentSpec, Generation, TrayKind, TrayType
from rack_controller.decide.budget.design import RackLaw

IDLE_SHARE = 0.12  # of its most, what a GPU draws at rest where nobody states it
CPU_W = (50.0, 300.0)  # assumption where nobody states them


def law_of(generation: Generation) -> RackLaw:
    """Return the law of one rack, arrays (1,)."""
    base = follow = gpus_idle = gpus_span = 0.0
    for slot in generation.slots:
        tray = slot.tray
        if tray.kind not in (TrayKind.COMPUTE, TrayKind.SWITCH):
            continue
        idle, most = _others(tray)
        base += idle
        follow += most - idle
        gpu = tray.component("gpu")
        if gpu is not None:
            low, high = gpu_span(gpu)
            gpus_idle += gpu.count * low
            gpus_span += gpu.count * (high - low)
    slope = follow / gpus_span if gpus_span > 0 else 0.0
    efficiency = generation.supply.efficiency
    return RackLaw(np.array([base - slope * gpus_idle]), np.array([slope]), np.array([efficiency]))


def gpu_span(gpu: ComponentSpec) -> tuple[float, float]:
    """Return what a GPU draws at rest and at most, W; its default limit where that is lower."""
    most = float(gpu.limit_default or gpu.power_max or gpu.limit_max or 0.0)
    idle = float(gpu.power_idle if gpu.power_idle is not None else IDLE_SHARE * most)
    return min(idle, most), most


def _others(tray: TrayType) -> tuple[float, float]:
    """Return what a tray's other parts draw at rest and at most, W."""
    idle = most = float(tray.power_base or 0.0)
    for part in tray.components:
        if part.name == "gpu":
            continue
        usual = CPU_W if part.name == "cpu" else (0.0, 0.0)
        idle += part.count * float(usual[0] if part.power_idle is None else part.power_idle)
        most += part.count * float(usual[1] if part.power_max is None else part.power_max)
    return idle, most
