"""Battery shelves on the busbar: they carry the rack when no supply is left, until they are empty, and charge after.
Pure; it refuses to model chemistry, ageing and the first milliseconds of a hand-over.
"""

from typing import Any

import numpy as np

from firmware_bridge.plant.design import Array, Mask, RackDesign

BATTERY_BUS_V = 48.0  # assumption: just under the 48.5 V at which a battery takes over (southbound.md §1.1)
BATTERY_DROOP_V = 0.5  # 0 to 100 % load (same, of the supplies)
CHARGE_SHARE = 0.1  # assumption: charges with a tenth of its rating, a quarter of an hour from empty
CELLS = 12  # in series, HPR (southbound.md §1.5)
CELL_EMPTY_V, CELL_FULL_V = 3.0, 4.1  # assumption: lithium-ion, straight line between


def has_charge(bbu_ok: Mask, energy: Array) -> Mask:
    """Return which racks, (R,), batteries could carry; `energy` in J, (R, K, B)."""
    return np.asarray((bbu_ok & (energy > 0.0)).any(axis=(1, 2)))


def charge_power(design: RackDesign, bbu_ok: Mask, energy: Array, supplied: Mask, dt: float) -> Array:
    """Return what each battery takes from the bus in W, (R, K, B); `supplied` (R,): some supply works."""
    missing = np.clip(design.bbu_energy - energy, 0.0, None) / max(dt, 1e-9)
    return np.where(bbu_ok & supplied[:, None, None], np.minimum(CHARGE_SHARE * design.bbu_max, missing), 0.0)


def step_batteries(
    design: RackDesign, bbu_ok: Mask, energy: Array, charged: Array, asked: Array, dt: float
) -> dict[str, Any]:
    """Move the batteries on by `dt` seconds; they carry `asked` (W, (R,); 0 where supplies do).

    Returns bbu_energy (J), bbu_output and bbu_input (W), all (R, K, B).
    """
    carries = bbu_ok & (energy > 0.0)
    count = carries.sum(axis=(1, 2))
    each = np.where(count > 0, asked / np.maximum(count, 1), 0.0)[:, None, None]
    output = np.where(carries, np.minimum(each, energy / max(dt, 1e-9)), 0.0)
    fresh = np.clip(energy + (charged - output) * dt, 0.0, design.bbu_energy)
    return {"bbu_energy": fresh, "bbu_output": output, "bbu_input": charged}


def battery_bus_voltage(design: RackDesign, output: Array) -> Array:
    """Return the bus voltage (V, (R,)) while batteries alone give `output` (W, (R, K, B)); 0 when they give nothing."""
    count = (output > 0.0).sum(axis=(1, 2))
    load = output.sum(axis=(1, 2)) / (np.maximum(count, 1) * design.bbu_max)
    return np.where(count > 0, BATTERY_BUS_V - BATTERY_DROOP_V * load, 0.0)
