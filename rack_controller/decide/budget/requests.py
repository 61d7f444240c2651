"""What every device asks for.  Pure.

A device on its own asks for what it draws and for what it has lately grown by in the time that a grant takes; one that
is held by its limit asks for more than that.  Devices that work in step ask as one, for their recent peak: the low
phases of an iteration are too short to lend their power away.
"""

from dataclasses import dataclass

import numpy as np

from rack_controller.decide.budget.design import Array, BudgetDesign, BudgetPolicy, Seen

AHEAD = 4  # sights: seeing, writing and landing take about so many cycles
HELD = 0.995  # a device that draws this share of its limit may want more
SHAPE_GAIN = 0.02  # how fast the silicon's spread is learned, per sight
SHAPE_MOST = 0.06  # two devices of one kind differ by no more than this (power.md §4.1: 3 %)


@dataclass(frozen=True, slots=True)
class RequestState:
    """`peak`: W, (N,), fading; `past`: the last AHEAD sights, newest first, (AHEAD, N), W; `jump`: what a device has
    grown by over AHEAD sights at most, fading, (N,), W.  `shape`: each device's share of dynamic power against its
    claim's mean, (N,).  `push`: by how much a device that is held asks for more, of what it draws, (N,)."""

    peak: Array
    past: Array
    jump: Array
    shape: Array
    push: Array

    @classmethod
    def new(cls, design: BudgetDesign) -> "RequestState":
        """Return a state in which every device may want its most: nothing is known of it yet."""
        most = design.most
        past = np.repeat(most[None, :], AHEAD, axis=0)
        return cls(most.copy(), past, np.zeros(len(most)), np.ones(len(most)), np.zeros(len(most)))


def watch(state: RequestState, design: BudgetDesign, policy: BudgetPolicy, seen: Seen, dt: float) -> RequestState:
    """Return the state after one more sight.  A device that is not seen keeps what is known of it."""
    power = np.where(np.isfinite(seen.power), seen.power, state.peak)
    fade = min(dt / policy.memory_s, 1.0)
    peak = np.maximum(power, state.peak + (power - state.peak) * fade)
    grown = np.maximum(power - state.past[-1], 0.0)
    jump = np.maximum(grown, state.jump * (1.0 - min(dt / policy.jump_memory_s, 1.0)))
    past = np.concatenate((power[None, :], state.past[:-1]))
    held = power >= HELD * seen.caps
    push = np.where(held, np.clip(2.0 * state.push, policy.push, policy.climb - 1.0), 0.0)
    return RequestState(peak, past, jump, _shape(state, design, seen), push)


def requests(state: RequestState, design: BudgetDesign, policy: BudgetPolicy) -> Array:
    """Return what each device asks for, W, (N,), between its floor and its most."""
    own = np.clip(state.past[0] * (1.0 + policy.headroom + state.push) + state.jump, design.floor, design.most)
    peak = state.peak * np.where(state.push > 0.0, policy.climb, 1.0 + policy.headroom)
    dynamic = np.maximum(np.clip(peak, design.floor, design.most) - design.idle, 0.0) / state.shape
    joint = np.zeros(len(design.weight))
    np.maximum.at(joint, design.claim, dynamic)
    together = design.idle + joint[design.claim] * state.shape
    return np.where(design.together[design.claim], np.clip(together, design.floor, design.most), own)


def _shape(state: RequestState, design: BudgetDesign, seen: Seen) -> Array:
    """Learn how devices that work in step differ, from moments in which none of their claim is held by its limit."""
    free = np.isfinite(seen.power) & (seen.power < HELD * seen.caps)
    dynamic = np.where(free, seen.power - design.idle, 0.0)
    claims = len(design.weight)
    count = np.bincount(design.claim, minlength=claims)
    all_free = np.bincount(design.claim, weights=free, minlength=claims) == count
    mean = np.bincount(design.claim, weights=dynamic, minlength=claims) / np.maximum(count, 1)
    learns = (all_free & design.together & (mean > 1.0))[design.claim]
    ratio = np.clip(dynamic / np.maximum(mean[design.claim], 1.0), 1.0 - SHAPE_MOST, 1.0 + SHAPE_MOST)
    return np.where(learns, state.shape + SHAPE_GAIN * (ratio - state.shape), state.shape)
