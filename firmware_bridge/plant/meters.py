"""What meters on hoses, contacts and the coolant unit would find true: laws, each as one expression.  Pure.

Of the plant's state in steady relations.  Flows in L/min, pressures kPa, temperatures °C, power and heat W.
"""

import numpy as np

from firmware_bridge.plant.coolant import DELTA_PRESSURE_KPA, LIQUID_SHARE
from firmware_bridge.plant.design import Array, Mask
from firmware_bridge.plant.laws import Values
from firmware_bridge.wire.moist_air import dew_point_c

SWITCH_LPM = 1.5  # of one switch tray at rated flow
STRAINER_KPA = 12.0  # over a clean strainer at rated flow: assumption
CONTACT_MOHM = 0.10  # assumption: a tray's blind-mate contact
HOSE_S = 8.0  # assumption: a hose's end follows its tray within so long
FULL_LEVEL = 82.0  # %, assumption: of a reservoir that is filled as it should be
RESERVOIR_L = 12.0  # as the coolant unit says of its reservoir
LOSES_LPM, FILLS_LPM = 0.5, 2.0  # assumptions: out of a leak that is no drop, and back in once all is dry
MEMORY_K_PER_W = 0.006  # K/W: memory beside the die
KELVIN = 273.15
LEAST_LPM = 0.05  # a hose never looks warmer than this flow would make it


def hoses(flow: Array, trays: Array, switches: Array) -> tuple[Array, Array]:
    """Return what flows through compute trays, (R, T), and switch trays, (R, S), of a loop's `flow`, (R,).

    `trays` (R, T): shares of what the switch trays leave; `switches` (R, S): their shares of the whole flow.
    """
    own = trays / np.maximum(trays.sum(axis=1, keepdims=True), 1e-6)
    left = flow[:, None] * (1.0 - switches.sum(axis=1, keepdims=True))
    return np.asarray(left * own), np.asarray(flow[:, None] * switches)


def returns(supply: Array, power: Array, flow: Array, capacity: Array | float) -> Array:
    """Return how warm coolant leaves trays that draw `power`, at rest; `capacity` in J/(L K)."""
    return np.asarray(supply + LIQUID_SHARE * power / (np.maximum(flow, LEAST_LPM) / 60.0 * capacity))


def head(relative: Array) -> Array:
    """Return the pressure difference between the manifolds at a flow against the rated one."""
    return np.asarray(DELTA_PRESSURE_KPA * relative**2)


def strainer(relative: Array, dirt: Array | float = 1.0) -> Array:
    """Return the pressure difference over a strainer; `dirt`: 1 where it is clean."""
    return np.asarray(STRAINER_KPA * dirt * relative**2)


def behind_contact(bus: Array, power: Array, mohm: Array | float) -> Array:
    """Return the voltage behind a contact of so many mΩ at a bus of `bus` V."""
    return np.asarray(bus - power / np.maximum(bus, 1.0) * mohm * 1e-3)


def tray_air(air: Values, busy: Values) -> Values:
    """Return the air in the front of a tray that is busy by a share.  Assumption: 2 K more at rest, 5 K at most."""
    return air + 2.0 + 3.0 * busy


def board(air: Values, busy: Values) -> Values:
    """Return how warm a tray's board is.  Assumption: 8 K above the air at rest, 20 K at most."""
    return air + 8.0 + 12.0 * busy


def opening(taken: Array, rated: float) -> Array:
    """Return how far a valve is open, %, that takes a heat out of a unit rated for another."""
    return np.asarray(100.0 * taken / max(rated, 1.0))


def dew_points(air: Array, humidity: Array) -> Array:
    """Return the dew point of each air, °C, NaN beyond what can be worked out."""
    found = (dew_point_c(float(a), float(h)) for a, h in zip(air.ravel(), humidity.ravel(), strict=True))
    return np.array([np.nan if d is None else float(d) for d in found]).reshape(air.shape)


def noted(numbers: dict[str, float]) -> dict[str, float]:
    """Return what a floor notes: of what a gas lost, `lost_kpa`, its end, `end_kpa` (Gay-Lussac)."""
    if "lost_kpa" not in numbers:
        return numbers
    ratio = (numbers["end_c"] + KELVIN) / (numbers["begin_c"] + KELVIN)
    end = (numbers["begin_kpa"] - abs(numbers["lost_kpa"])) * ratio
    return {n: v for n, v in numbers.items() if n != "lost_kpa"} | {"end_kpa": end}


def level_after(level: Array, leaks: Mask, dt: float) -> Array:
    """Return how full a reservoir is after `dt` s, %; `leaks`: whether coolant runs out.  Dry, it is filled again."""
    per_l = 100.0 / RESERVOIR_L / 60.0 * dt
    filled = np.minimum(level + FILLS_LPM * per_l, np.maximum(level, FULL_LEVEL))
    return np.where(leaks, np.maximum(level - LOSES_LPM * per_l, 0.0), filled)
