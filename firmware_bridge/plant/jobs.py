"""What GPUs are asked to do: synchronous training in iterations, and serving out of a queue.  Pure.

Speed follows power: a GPU that draws less than its work asks for runs at `((drawn - idle) / (asked - idle)) **
exponent` of its full speed (power.md §2.3, fitted to published power-limit sweeps).  The slowest GPU sets a training
job's pace.
"""

from dataclasses import dataclass, replace

import numpy as np

from firmware_bridge.plant.design import Array

LOW_SHARE = 0.15  # what a training GPU draws between computing phases, of its dynamic power (power.md §4.1)


@dataclass(frozen=True, slots=True)
class Training:
    """A synchronous job.  An iteration computes for `compute_s` at full speed and exchanges for `exchange_s`.

    Every `checkpoint_every_s` of job time it writes for `checkpoint_s`, drawing as little as while it exchanges.
    `clock`: job time done, s (what an uncapped job would have reached); `started`: it idles until then.
    """

    peak: float  # W of a GPU of average silicon while it computes
    exponent: float
    compute_s: float
    exchange_s: float
    checkpoint_every_s: float
    checkpoint_s: float
    starts_at: float = 0.0
    clock: float = 0.0

    def computes(self, now: float) -> bool:
        """Return whether its GPUs are in a computing phase."""
        if now < self.starts_at:
            return False
        if (
            self.checkpoint_every_s
            and self.clock % (self.checkpoint_every_s + self.checkpoint_s) > self.checkpoint_every_s
        ):
            return False
        return self.clock % (self.compute_s + self.exchange_s) < self.compute_s

    def demand(self, now: float, idle: float) -> float:
        """Return what a GPU of average silicon asks for, in W."""
        if now < self.starts_at:
            return idle
        return idle + (self.peak - idle) * (1.0 if self.computes(now) else LOW_SHARE)

    def worked(self, now: float, drawn: Array, asked: Array, idle: float, dt: float) -> "Training":
        """Return the job after `dt` seconds in which its GPUs drew `drawn` where they `asked` for more; W, (n,)."""
        if now < self.starts_at:
            return self
        pace = float(speed(drawn, asked, idle, self.exponent).min()) if self.computes(now) else 1.0
        return replace(self, clock=self.clock + pace * dt)


@dataclass(frozen=True, slots=True)
class Serving:
    """Racks that answer requests, each out of its own queue, one queue a rack.

    Work is counted in seconds of a whole rack at full speed.  `queue`, `arrived`, `served`: (R,).
    """

    peak: float
    exponent: float
    queue: Array
    arrived: Array
    served: Array

    def busy(self, arriving: Array, dt: float) -> Array:
        """Return which share of a rack is wanted, (R,), 0 to 1, while `arriving` comes in in `dt` seconds."""
        return np.minimum((self.queue + arriving) / dt, 1.0)

    def worked(self, busy: Array, pace: Array, arriving: Array, dt: float) -> "Serving":
        """Return the racks after `dt` seconds at `pace` (R,) of full speed."""
        done = np.minimum(busy * pace * dt, self.queue + arriving)
        return replace(
            self, queue=self.queue + arriving - done, arrived=self.arrived + arriving, served=self.served + done
        )


def speed(drawn: Array, asked: Array, idle: float, exponent: float) -> Array:
    """Return each GPU's speed against its full one, 0 to 1; `drawn` and `asked` in W."""
    span = np.maximum(asked - idle, 1e-9)
    return np.asarray(np.clip((drawn - idle) / span, 0.0, 1.0) ** exponent)
