"""Ports that later releases fill: the GPU host agent, consoles and firmware targets.  Signatures are the contract."""

from collections.abc import AsyncIterator
from typing import Protocol

from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.inventory import FirmwareItem
from firmware_bridge.vocabulary.units import Seconds, Watts


class GpuHost(TelemetrySource, Protocol):
    """The agent on a GPU host: per GPU the same series as ComputeTray, read in-band (NVML)."""

    async def set_power_limit(self, gpu: int, limit: Watts, expires_in: Seconds) -> Watts:
        """Set one GPU's limit, return what reads back.  The agent itself enforces the expiry."""
        ...


class Console(Protocol):
    """A serial console."""

    def lines(self) -> AsyncIterator[str]:
        """Yield lines as they arrive, control characters scrubbed."""
        ...


class FirmwareTarget(Protocol):
    """An endpoint whose firmware can be listed and replaced."""

    async def firmware(self) -> tuple[FirmwareItem, ...]:
        """Return the firmware inventory."""
        ...

    async def push(self, package: bytes, targets: tuple[str, ...]) -> str:
        """Start an update and return the device's task URI.  An effect: recorded before it is called."""
        ...
