"""What the budget knows of the racks it shares power among: devices, claims, limits, and the power that follows.

Shapes: N devices (GPUs) in R racks, J claims, C limits.  Powers in W.  Pure.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RackLaw:
    """What a rack draws at its feeds for a sum of GPU power: `(base + (1 + follow) * gpus) / efficiency`; all (R,).

    `base`: W of everything else with idle GPUs taken out; `follow`: W more of it (CPUs, switches) per W of GPU.
    """

    base: Array
    follow: Array
    efficiency: Array

    def drawn(self, gpus: Array) -> Array:
        """Return the feed power for the sums of GPU power `gpus`, (R,)."""
        return np.asarray((self.base + (1.0 + self.follow) * gpus) / self.efficiency)


@dataclass(frozen=True, slots=True)
class BudgetDesign:
    """Devices `rack`, `claim` (N,); `idle`, `floor` (what each is promised), `most` (default limit), all (N,).

    `top` (N,): what each may be granted for now, not below its least; None: its most, by which its rack's law goes on
    being measured.
    `least` (N,): what floors come down to where they do not fit, the least that can be set; None: floors stand.

    A claim is what is served together: `priority` (J,), smaller first; `weight` (J,); `together` (J,): its devices
    work in step, so all of them get the same share of what they ask for.
    `feeds` (C, R): which share of a rack's power a limit carries.
    """

    rack: Index
    claim: Index
    idle: Array
    floor: Array
    most: Array
    priority: Index
    weight: Array
    together: Mask
    feeds: Array
    law: RackLaw
    least: Array | None = None
    top: Array | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be shared.  Raises ValueError that names the first thing that is wrong."""
        for name, bad in (
            ("floor", (self.floor > self.most) | (self.floor < 0)),
            ("least", np.zeros(1) if self.least is None else (self.least > self.floor) | (self.least < 0)),
            ("weight", self.weight <= 0),
            ("feeds", (self.feeds < 0) | ~np.isfinite(self.feeds)),
            ("efficiency", (self.law.efficiency <= 0) | (self.law.efficiency > 1)),
        ):
            if bad.any():
                at = tuple(int(i) for i in np.argwhere(bad)[0])
                raise ValueError(f"{name}{list(at)}: out of range; a floor is within 0 and the most, weights above 0")

    @property
    def racks(self) -> int:
        """Return how many racks there are."""
        return len(self.law.base)

    def per_rack(self, watts: Array) -> Array:
        """Return the sums over each rack's devices, (R,)."""
        return np.bincount(self.rack, weights=watts, minlength=self.racks).astype(np.float64)


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """How a budget is run; W, s, and shares.

    `doubt`: by how much the law of a rack may be wrong until its own meter has shown otherwise.
    `headroom`: what a device gets beyond its request, of it.  `push`: by how much a device that is held by its limit
    asks for more, of what it draws, doubling with every cycle up to `climb`.
    `memory_s`: how long a peak is remembered; `jump_memory_s`: how long a sudden growth is.
    `reserve`: share of every limit that is never granted.
    `stale_s`: older sights raise nothing.  `rewrite_s`: a write that has not been read back by then is sent again.
    `settle_s`: how old a limit that is read back must be for the power to have followed.
    `smallest_change_w`: what is less is never sent.  `band`: share of what a device was told by which it has to be off
    before a change that no limit asks for is sent: devices that share a limit trade watts all the time.  `trades`:
    whether any is lowered now only so that another one may have more.
    """

    doubt: float = 0.10
    headroom: float = 0.01
    push: float = 0.02
    climb: float = 1.25
    memory_s: float = 60.0
    jump_memory_s: float = 10.0
    reserve: float = 0.0
    stale_s: float = 1.0
    rewrite_s: float = 1.0
    settle_s: float = 0.1
    smallest_change_w: float = 1.0
    band: float = 0.0
    trades: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known at one moment.

    `limits` (C,) in W.  `power` (N,) W drawn, NaN unknown, as of `power_at` (s).  `caps` (N,) W read back, NaN
    unknown, as of `caps_at`.  `meters` (R,) W at the feeds, as of the same moment as `power`, NaN unknown.
    `extra` (R,) W: what racks draw at the feeds besides what the law knows, batteries that charge.
    `own` (R,) W: what each rack's own supplies carry; None: the least limit that carries it alone.
    """

    now: float
    limits: Array
    power: Array
    power_at: float
    caps: Array
    caps_at: float
    meters: Array
    extra: Array | None = None
    own: Array | None = None


@dataclass(frozen=True, slots=True)
class BudgetDecision:
    """`writes` (N,) W, NaN where nothing is sent.  `charged` (C,): the most that every limit can be asked for now.

    `shortfall` (C,): by how much the least limits pass a limit, 0 where they fit: something must be shed.
    `level` (J,): which share of its request each claim got; `bound_by` (J,): the limit that held it, -1 for none.
    `slack` (C,): what every limit has left above the floors, negative where they do not fit.
    `floors` (N,): the floors that are kept; `promise` (J,): which share of what was promised above the least that is;
    `unkept` (C,): by how much promised floors pass a limit, whether or not the least fit.
    """

    writes: Array
    charged: Array
    shortfall: Array
    level: Array
    bound_by: Index
    slack: Array
    floors: Array
    promise: Array
    unkept: Array
