"""Racks that replay measured node power: what they ask for at each moment, and how much of it they got.  Pure."""

from dataclasses import dataclass, replace

import numpy as np

from firmware_bridge.plant.design import RackDesign
from firmware_bridge.plant.jobs import speed
from firmware_bridge.plant.trace import NODE_GPUS, NODE_IDLE, NODE_MAX, LoadTrace, node_power
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.decide.budget.design import Array
from rack_controller.powerbench.scenario import TraceSpec


@dataclass(frozen=True, slots=True)
class Replay:
    """`clock`: how far in the trace the racks are, s: slower than time where their GPUs get less than they ask for."""

    trace: LoadTrace
    node: np.ndarray[tuple[int], np.dtype[np.int64]]
    idle: float
    peak: float
    exponent: float
    clock: float = 0.0

    @classmethod
    def of(cls, spec: TraceSpec, trace: LoadTrace | None, gpus: int, design: RackDesign) -> "Replay":
        """Return a replay for `gpus` GPUs.  Raises ConfigurationError when there is no trace to replay."""
        if trace is None:
            raise ConfigurationError("this scenario replays node power: give it with --trace (t_s,node1_W,…)")
        nodes = np.arange(gpus) // NODE_GPUS % trace.watts.shape[1]
        return cls(trace, nodes, float(design.gpu_idle), spec.peak_w, spec.exponent)

    def demand(self) -> Array:
        """Return what each GPU of average silicon asks for, W."""
        share = np.clip((node_power(self.trace, self.clock) - NODE_IDLE) / (NODE_MAX - NODE_IDLE), 0.0, 1.0)
        return np.asarray(self.idle + share[self.node] * (self.peak - self.idle))

    def worked(self, drawn: Array, asked: Array, idle: float, now: float, dt: float) -> "Replay":
        """Return the replay after `dt` s in which GPUs drew `drawn` where they `asked` for more; W."""
        busy = asked > idle + 1.0
        pace = float(speed(drawn, asked, idle, self.exponent)[busy].mean()) if busy.any() else 1.0
        return replace(self, clock=self.clock + pace * dt)
