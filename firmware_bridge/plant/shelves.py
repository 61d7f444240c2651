"""Power shelves on one busbar: equal sharing over the PSUs that are present, an efficiency curve, droop.  Pure."""

from typing import Any

import numpy as np

from firmware_bridge.plant.design import Array, Mask, RackDesign

# Efficiency against load per PSU.  0.12: 96.2 % read in the shelf capture at 11.9 % load; 0.5: 97.5 % (power.md §4.1,
# assumption there); the other points are our assumptions about the shape.
LOAD_POINTS = np.array([0.0, 0.05, 0.119, 0.3, 0.5, 0.75, 1.0, 1.6])
EFFICIENCY = np.array([0.85, 0.935, 0.962, 0.973, 0.975, 0.972, 0.966, 0.95])
NO_LOAD_W = 15.0  # assumption: what a PSU draws with its output on and no load
DROOP_V = 0.5  # 0 to 100 % load (southbound.md §1.1, ORv3)
PULSE = 1.6  # PSUs carry at most 160 % for a moment (power.md §2.1, HPR)


def efficiency(load: Array) -> Array:
    """Return output over input for a load given as a fraction of the PSU's rating."""
    return np.asarray(np.interp(load, LOAD_POINTS, EFFICIENCY))


def step_shelves(design: RackDesign, psu_ok: Mask, load: Array) -> dict[str, Any]:
    """Share each rack's DC load (W, (R,)) over its PSUs.

    Returns psu_output, psu_input (W, (R, H, P)), bus_voltage (V, (R,), 0 when no PSU is left) and overload (R,):
    by how much the load passes what the present PSUs are rated for, as a fraction.
    """
    present = psu_ok.sum(axis=(1, 2))
    each = np.where(present > 0, load / np.maximum(present, 1), 0.0)
    output = np.where(psu_ok, each[:, None, None], 0.0)
    fraction = output / design.psu_max
    drawn = output / efficiency(fraction) + NO_LOAD_W
    rack_fraction = each / design.psu_max
    return {
        "psu_output": output,
        "psu_input": np.where(psu_ok, drawn, 0.0),
        "bus_voltage": np.where(present > 0, design.bus_nominal - DROOP_V * np.clip(rack_fraction, 0.0, PULSE), 0.0),
        "overload": np.clip(rack_fraction - 1.0, 0.0, None),
    }
