"""The highest limit that can still be in force at each device, given what was written and what was read back.  Pure.

A write may be late or lost, so a device is charged the highest of its writes that can still hold.  Writes to one
device land in the order they were sent: once one is read back, those before it are dead.
"""

from dataclasses import dataclass, replace

import numpy as np

from rack_controller.decide.budget.design import Array, Mask

DEPTH = 24  # writes remembered for each device; the oldest is merged into the one after it, upwards
_SAME_W = 0.5


@dataclass(frozen=True, slots=True)
class Written:
    """`caps`, `times`: the last DEPTH writes, newest first, (DEPTH, N), W and s; the last row bounds all before it.

    `holds`: the bound now, (N,), W.  `waits_since`: when the oldest write was sent that has not been read back, (N,),
    s: infinite when there is none, minus infinite when a limit was read that nobody here wrote.
    """

    caps: Array
    times: Array
    holds: Array
    waits_since: Array

    @property
    def newest(self) -> Array:
        """Return what each device was last told, (N,), W."""
        return np.asarray(self.caps[0])

    @classmethod
    def nothing(cls, most: Array) -> "Written":
        """Return devices of which nothing is known: each may draw its most."""
        caps = np.repeat(most[None, :], DEPTH, axis=0)
        return cls(caps, np.full(caps.shape, -np.inf), most.copy(), np.full(len(most), np.inf))

    def stuck(self, now: float, patience: float) -> Mask:
        """Return which devices, (N,), do not follow: reset, deaf, or their writes are lost for longer than that."""
        return np.asarray(now - self.waits_since > patience)


def sent(before: Written, writes: Array, now: float) -> Written:
    """Return the bound after `writes` (N,) W, NaN where nothing was sent."""
    which = np.isfinite(writes)
    if not which.any():
        return before
    caps, times = before.caps.copy(), before.times.copy()
    oldest = np.maximum(caps[-1, which], caps[-2, which])
    caps[1:, which], times[1:, which] = before.caps[:-1, which], before.times[:-1, which]
    caps[-1, which] = oldest
    caps[0, which], times[0, which] = writes[which], now
    holds = np.where(which, np.maximum(before.holds, writes), before.holds)
    return Written(caps, times, holds, np.where(which, np.minimum(before.waits_since, now), before.waits_since))


def read_back(before: Written, seen: Array, most: Array, *, settled: bool) -> Written:
    """Return the bound after limits were read back, `seen` (N,) W, NaN unknown.

    A limit that was never written is somebody else's, or a reset's: the device is charged its most until its next
    write is read back.  `settled`: the reading is old enough for the power to have followed.  Where nothing was written
    yet, what is read counts as what it was told last: a controller that starts anew raises nothing by telling it again.
    """
    known = np.isfinite(seen)
    matches = np.abs(before.caps - seen[None, :]) <= _SAME_W
    found = known & matches.any(axis=0)
    first = matches.argmax(axis=0)
    alive = np.arange(DEPTH)[:, None] <= first[None, :]
    bound = np.where(alive, before.caps, 0.0).max(axis=0)
    next_sent = before.times[np.maximum(first - 1, 0), np.arange(len(first))]
    waits = np.where(found, np.where(first > 0, next_sent, np.inf), before.waits_since)
    stranger = known & ~found
    if not stranger.any():
        return replace(before, holds=np.where(found & settled, bound, before.holds), waits_since=waits)
    free = np.maximum(most, seen)
    caps = before.caps.copy()
    caps[1:, stranger] = free[stranger]
    anew = stranger & np.isneginf(before.times[0])
    caps[0, anew] = seen[anew]
    holds = np.where(stranger, free, np.where(found & settled, bound, before.holds))
    return Written(caps, before.times, holds, np.where(stranger, -np.inf, waits))
