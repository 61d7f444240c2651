"""Breakers with heat: how long a load above the rating is borne.  Pure."""

from dataclasses import dataclass

import numpy as np

from firmware_bridge.plant.design import Array

HEAT_TAU_S = 165.0
HEAT_TRIP = 1.209
"""Both together give the two recalled points of Dynamo's rack breaker: from 0.9 of the rating, +10 % trips after 16.5
minutes, +40 % after 70 s (power.md §4.1)."""


@dataclass(frozen=True, slots=True)
class BreakerHeat:
    """Heat of B breakers as a share of what their rating would settle at (1.0), and which have tripped."""

    heat: Array
    tripped: np.ndarray[tuple[int], np.dtype[np.bool_]]

    @classmethod
    def settled(cls, load: Array, rating: Array) -> "BreakerHeat":
        """Return breakers that have carried `load` (W, (B,)) for long."""
        heat = (load / rating) ** 2
        return cls(heat, heat >= HEAT_TRIP)


def step_breakers(before: BreakerHeat, load: Array, rating: Array, dt: float) -> BreakerHeat:
    """Return the breakers `dt` seconds later under `load`; both in W, (B,).  One that has tripped stays so."""
    aim = (load / rating) ** 2
    heat = aim + (before.heat - aim) * np.exp(-dt / HEAT_TAU_S)
    return BreakerHeat(heat, before.tripped | (heat >= HEAT_TRIP))
