"""How a written power limit comes into force: late, in order, or never.  Pure: whoever rolls dice hands them in.

It refuses to model a device that obeys two masters; the last write that lands holds.
"""

import numpy as np

from firmware_bridge.plant.design import Array, Mask


class CapPath:
    """The limits of N devices on their way and in force, all in W.

    A write lands `delay` seconds after it was sent, never before an earlier one to the same device has landed (one
    session per controller, requests in order).  A lost write never lands, and nobody is told: read back to know.
    """

    def __init__(self, in_force: Array, dt: float, longest_delay: float) -> None:
        """`in_force`: (N,) at the start; `dt`: seconds of one step; longer delays than the longest are cut to it."""
        self.in_force: Array = in_force.astype(np.float64).copy()
        self._dt = dt
        self._ring: Array = np.full((int(np.ceil(longest_delay / dt)) + 2, len(in_force)), np.nan)
        self._now = 0
        self._last_landing = np.zeros(len(in_force), dtype=np.int64)

    def write(self, caps: Array, delay: Array, lost: Mask) -> None:
        """Send `caps` (N,), NaN where nothing is written; `delay` in s, (N,); `lost`: which writes never land."""
        sent = np.flatnonzero(np.isfinite(caps) & ~lost)
        steps = np.clip(np.rint(delay[sent] / self._dt).astype(np.int64), 0, len(self._ring) - 2)
        lands = np.maximum(self._now + steps, self._last_landing[sent])
        self._last_landing[sent] = lands
        self._ring[lands % len(self._ring), sent] = caps[sent]

    def step(self) -> Array:
        """Let land what is due now, move on by one step, and return the limits in force, (N,)."""
        row = self._ring[self._now % len(self._ring)]
        due = np.isfinite(row)
        self.in_force = np.where(due, row, self.in_force)
        row[:] = np.nan
        self._now += 1
        return self.in_force

    def forget(self, which: Mask, default: float) -> None:
        """Put devices back to their default limit at once, as a reset does; what is under way to them is lost."""
        self.in_force = np.where(which, default, self.in_force)
        self._ring[:, which] = np.nan
