"""Ports that later releases fill: the GPU host agent, consoles and firmware targets.  Signatures are the contract."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol, runtime_checkable

from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.inventory import FirmwareItem
from firmware_bridge.vocabulary.units import Seconds, Watts
from firmware_bridge.wire.nvml.message import HostEvent, HostReport


class GpuHost(TelemetrySource, Protocol):
    """The agent on a GPU host: per GPU the same series as ComputeTray, read in-band (NVML)."""

    async def set_power_limit(self, gpu: int, limit: Watts, expires_in: Seconds) -> Watts:
        """Set one GPU's limit, return what reads back.  The agent itself enforces the expiry."""
        ...


class GpuSource(Protocol):
    """What an agent reads on its host.  Nothing here raises: what cannot be read is said in the report."""

    @property
    def news(self) -> asyncio.Event:
        """Return what is set while an event waits."""
        ...

    @property
    def events_lost(self) -> int:
        """Return how many events were dropped because too many waited."""
        ...

    async def sample(self) -> HostReport | None:
        """Return what the GPUs say now; None while the host itself is not running (an emulated one)."""
        ...

    def happened(self) -> list[HostEvent]:
        """Return the events since the last call, oldest first."""
        ...

    async def close(self) -> None:
        """Let the library go."""
        ...


@runtime_checkable
class Fed(Protocol):
    """A controller's source whose device speaks by itself over the rack's bus: it is handed messages, and asks none."""

    def deliver(self, body: bytes) -> None:
        """Take one message as it came.  Never raises: a malformed one is a fault of the endpoint."""
        ...

    def happened(self) -> Sequence[HostEvent]:
        """Return the events that came since the last call, each once however often it was said."""
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
