"""The ports of hosts: the GPU host agent and the serial console.  Signatures are the contract."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from firmware_bridge.vocabulary.kept import Kept
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.grants import HeldGpu
from firmware_bridge.wire.nvml.message import HostEvent, HostReport

MOST_SENT = 4096
"""How many bytes one `Console.send` takes: more than anybody types, little enough for a line at 9,600 baud."""


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

    async def keep_limits(self, watts: Mapping[int, float]) -> Sequence[HeldGpu]:
        """Set the power limit of each GPU where the driver keeps another one, W, and return what it keeps then, in the
        order of their numbers; what cannot be set or read says why."""
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

    def gpus_at(self) -> Mapping[str, Place]:
        """Return the tray's GPUs by PCI address, in NVML's spelling; none before the first message."""
        ...


@runtime_checkable
class InBand(Protocol):
    """A host whose agent keeps what a controller grants its GPUs."""

    def kept(self) -> Kept | None:
        """Return what its agent keeps, None where it has not said anything of that."""
        ...

    def grant(self, epoch: int, number: int, lasts: Seconds, watts: Mapping[Place, tuple[float, float]]) -> bytes:
        """Return the message that grants limits and standing limits, W, in answer to the agent's newest word; empty
        while it says nothing."""
        ...


class Console(Protocol):
    """A serial console: bytes in, bytes out.  Every method but `close` raises only DeviceError and its children."""

    @property
    def endpoint(self) -> Place:
        """Return the console's place, e.g. `…/u12/console`."""
        ...

    async def open(self) -> None:
        """Connect and log in, once.  Raises TrustRefused when the host key is not the pinned one."""
        ...

    async def receive(self) -> bytes:
        """Return what has come, waiting for it; never empty.  What nobody receives holds up the sender, not memory.

        Raises EndpointUnreachable once the line is gone; then `open` again.
        """
        ...

    async def send(self, data: bytes) -> None:
        """Send bytes as they are, at most `MOST_SENT`; returns once they are on their way."""
        ...

    async def send_break(self) -> None:
        """Send a break: what a kernel takes as SysRq."""
        ...

    def lines(self) -> AsyncIterator[str]:
        """Yield lines as they arrive, control characters scrubbed."""
        ...

    async def close(self) -> None:
        """Hang up.  Never raises."""
        ...
