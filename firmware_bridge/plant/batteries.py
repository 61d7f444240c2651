"""Battery shelves on the busbar: they carry the rack when no supply is left, until they are empty, and charge after.
Pure; it refuses to model chemistry and ageing.
"""

import numpy as np

from firmware_bridge.plant.design import Array, Mask, RackDesign
from firmware_bridge.plant.state import State

BATTERY_BUS_V = 48.0  # assumption: just under the 48.5 V at which a battery takes over (southbound.md §1.1)
BATTERY_DROOP_V = 0.5  # 0 to 100 % load (same, of the supplies)
TAKE_OVER_S = 0.004  # 2 ms to see it, 2 ms to start (power.md §2.1): the supplies' hold-up has to last so long
CHARGE_SHARE = 0.1  # assumption: charges with a tenth of its rating, a quarter of an hour from empty
CELLS = 12  # in series, HPR (southbound.md §1.5)
CELL_EMPTY_V, CELL_FULL_V = 3.0, 4.1  # assumption: lithium-ion, straight line between


def has_charge(bbu_ok: Mask, energy: Array) -> Mask:
    """Return which racks, (R,), batteries could carry; `energy` in J, (R, K, B)."""
    return np.asarray((bbu_ok & (energy > 0.0)).any(axis=(1, 2)))


def carries_on(state: State, dt: float) -> Mask:
    """Return which racks, (R,), live through `dt` seconds without a supply: on hold-up alone, or bridged to a battery.

    A battery that carries already needs no bridge.
    """
    load = state.tray_power.sum(axis=1) + state.switch_power.sum(axis=1)
    bridged = (state.hold_up >= load * TAKE_OVER_S) | (state.bbu_output > 0.0).any(axis=(1, 2))
    return np.asarray((has_charge(state.conditions.bbu_ok, state.bbu_energy) & bridged) | (state.hold_up > load * dt))


def charge_power(state: State, supplied: Mask | None, dt: float) -> Array:
    """Return what each battery takes from the bus in W, (R, K, B); `supplied` (R,): some supply works, None: all."""
    design = state.design
    missing = np.clip(design.bbu_energy - state.bbu_energy, 0.0, None) / max(dt, 1e-9)
    takes = state.conditions.bbu_ok if supplied is None else state.conditions.bbu_ok & supplied[:, None, None]
    return np.where(takes, np.minimum(CHARGE_SHARE * design.bbu_max, missing), 0.0)


def step_batteries(state: State, charged: Array, asked: Array, dt: float) -> Array:
    """Move the batteries on by `dt` seconds; they carry `asked` (W, (R,); 0 where supplies do).

    Sets bbu_energy (J), bbu_output and bbu_input (W), all (R, K, B); returns what they could not give, W, (R,).
    """
    carries = state.conditions.bbu_ok & (state.bbu_energy > 0.0)
    count = carries.sum(axis=(1, 2))
    each = np.where(count > 0, asked / np.maximum(count, 1), 0.0)[:, None, None]
    output = np.where(carries, np.minimum(each, state.bbu_energy / max(dt, 1e-9)), 0.0)
    state.bbu_energy[...] = np.clip(state.bbu_energy + (charged - output) * dt, 0.0, state.design.bbu_energy)
    state.bbu_output[...] = output
    state.bbu_input[...] = charged
    return np.asarray(np.maximum(asked - output.sum(axis=(1, 2)), 0.0))


def battery_bus_voltage(design: RackDesign, output: Array) -> Array:
    """Return the bus voltage (V, (R,)) while batteries alone give `output` (W, (R, K, B)); 0 when they give nothing."""
    count = (output > 0.0).sum(axis=(1, 2))
    load = output.sum(axis=(1, 2)) / (np.maximum(count, 1) * design.bbu_max)
    return np.where(count > 0, BATTERY_BUS_V - BATTERY_DROOP_V * load, 0.0)
