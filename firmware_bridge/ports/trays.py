"""The ports of a rack's trays.  Each is a TelemetrySource whose core series are promised by name."""

from typing import Protocol

from firmware_bridge.ports.telemetry import Locatable, TelemetrySource


class ComputeTray(TelemetrySource, Locatable, Protocol):
    """A host with accelerators.

    Promises (places below the tray's slot, quantities of the vocabulary):
    `<tray>` power, power_state, locate · `<tray>/gpuN` power, temperature, power_limit, energy ·
    `<tray>/cpuN` power, temperature · `<tray>/leakN` leak · any other sensor under its own slug.
    """


class SwitchTray(TelemetrySource, Locatable, Protocol):
    """An NVLink switch tray's BMC: `<tray>` power, power_state, locate · `<tray>/leakN` leak · its sensors."""


class PowerShelf(TelemetrySource, Protocol):
    """A power shelf.

    `<tray>` power (DC output), power_input, voltage, current, power_state, temperature ·
    `<tray>/psuN` power, power_input, voltage, current, temperature, fan_speed, power_state, health.
    """


class BatteryShelf(TelemetrySource, Protocol):
    """A battery shelf: `<tray>` power, voltage, current, level, health · `<tray>/bbuN` the same."""


class CoolantUnit(TelemetrySource, Protocol):
    """A coolant unit.

    `<tray>` flow, temperature_supply, temperature_return, pressure_supply, pressure_return, pressure_delta, heat ·
    `<tray>/pumpN` pump_speed, health · `<tray>/leakN` leak · `<tray>/primary` the facility side, same quantities ·
    `<tray>/reservoirN` level.
    """


class LeakSensor(TelemetrySource, Protocol):
    """A leak rope or spot sensor with an address of its own: `<tray>/leakN` leak."""
