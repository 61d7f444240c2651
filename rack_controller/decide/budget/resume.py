"""What a controller that has just begun knows, and what it forgets of a device that began anew.  Pure."""

from dataclasses import replace

import numpy as np

from rack_controller.decide.budget.bounds import Written
from rack_controller.decide.budget.design import Array, Mask


def adopted(before: Written, which: Mask, read: Array) -> Written:
    """Return the bound where the limits `read` (N,) W of the devices `which` (N,) hold: they were read back, and no one
    here has written to them yet."""
    if not which.any():
        return before
    return Written(
        caps=np.where(which[None, :], read[None, :], before.caps),
        times=np.where(which[None, :], -np.inf, before.times),
        holds=np.where(which, read, before.holds),
        waits_since=np.where(which, np.inf, before.waits_since),
    )


def forgotten(before: Written, which: Mask, most: Array) -> Written:
    """Return the bound after the devices `which` (N,) were reset, booted or given a new driver: each may draw its most
    until it was read back again, and is told anew."""
    if not which.any():
        return before
    free = np.maximum(most, before.holds)
    caps = before.caps.copy()
    caps[1:, which] = free[which]
    return replace(
        before,
        caps=caps,
        holds=np.where(which, free, before.holds),
        waits_since=np.where(which, -np.inf, before.waits_since),
    )


def deaf(before: Written, which: Mask) -> Written:
    """Return the bound where the devices `which` (N,) cannot be told anything now: a load like any other."""
    return replace(before, waits_since=np.where(which, -np.inf, before.waits_since)) if which.any() else before


def dark(before: Written, which: Mask) -> Written:
    """Return the bound where the devices `which` (N,) were switched off and are seen off: they draw nothing."""
    if not which.any():
        return before
    off = np.where(which, 0.0, before.holds)
    return replace(before, holds=off, waits_since=np.where(which, -np.inf, before.waits_since))


def unsent(after: Written, before: Written, which: Mask) -> Written:
    """Return the bound after a cycle whose writes to the devices `which` (N,) were not sent."""
    if not which.any():
        return after
    return Written(
        caps=np.where(which[None, :], before.caps, after.caps),
        times=np.where(which[None, :], before.times, after.times),
        holds=np.where(which, before.holds, after.holds),
        waits_since=np.where(which, before.waits_since, after.waits_since),
    )


def whole_watts(after: Written, which: Mask) -> Written:
    """Return the bound with what was sent last to the devices `which` (N,) in whole watts, which is what they keep."""
    caps = after.caps.copy()
    caps[0] = np.where(which, np.floor(caps[0] + 1e-6), caps[0])
    return replace(after, caps=caps)
