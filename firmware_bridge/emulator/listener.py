"""One endpoint's HTTPS listener: shut while its BMC is away, and showing the certificate that the faults ask for."""

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from firmware_bridge.emulator.certificates import Identity, keep_identity, server_context
from firmware_bridge.emulator.door import Doorway
from firmware_bridge.emulator.faulty_door import FaultyDoor

GRACE_S = 0.05  # the answer to the request that restarts a BMC still goes out


@dataclass(slots=True, eq=False)
class Listener:
    """`await open()` listens; `shut()` refuses connections and drops those there are; `await renew()` keeps it so.

    `identity` is the pinned certificate; the wrong ones are made in `folder` when a fault first asks for them.
    """

    doorway: Doorway
    door: FaultyDoor
    address: str
    port: int
    identity: Identity
    folder: Path
    _kind: str = ""
    _context: ssl.SSLContext | None = None
    _server: asyncio.Server | None = field(default=None, repr=False)

    async def open(self) -> None:
        """Listen.  Raises EnvironmentUnfit when the address is taken."""
        if self._context is None:
            self._kind = self._wanted()
            self._context = server_context(self._shown())
        self._server = await self.doorway.listen(self.door, self.address, self.port, self._context)

    def shut(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.doorway.drop_connections(self.door)

    def shut_soon(self) -> None:
        """Shut once the answer that is being written is out; a BMC that is back by then stays up."""
        asyncio.get_running_loop().call_later(GRACE_S, lambda: self.shut() if self.door.life.away else None)

    async def renew(self) -> bool:
        """Listen again when the BMC is back, and change the certificate when the faults have; tell whether it is up."""
        if self.door.life.away:
            return False
        kind = self._wanted()
        if kind != self._kind and self._context is not None:
            self._kind = kind
            # Handshakes from now on use it; OpenSSL copies the chain per connection.
            self._context.load_cert_chain(self._shown().pem)
            self.doorway.drop_connections(self.door)
        if self._server is None:
            await self.open()
        return True

    def _wanted(self) -> str:
        return self.door.faults.certificate_kind(self.door.place, self.door.now())

    def _shown(self) -> Identity:
        return keep_identity(self.folder, self.address, self._kind) if self._kind else self.identity
