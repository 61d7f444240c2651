"""HTTPS listeners of emulated endpoints: uvicorn's fast HTTP protocol, one listener and certificate per endpoint."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from firmware_bridge.vocabulary.errors import EnvironmentUnfit

KEEP_ALIVE_S = 75  # longer than the slowest reading class that is polled on a kept connection
TRANSPORT = "transport"


class _DoorProtocol(HttpToolsProtocol):
    """One connection; the transport is handed to the application so that faults can reset it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {TRANSPORT: transport}


async def _no_application(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("each endpoint brings its own application")


@dataclass(slots=True)
class Doorway:
    """What all listeners of one process share."""

    config: Config
    state: ServerState

    @classmethod
    def make(cls) -> "Doorway":
        """Return a doorway that logs no requests and adds no headers."""
        config = Config(
            _no_application,
            http=_DoorProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        config.load()
        return cls(config, ServerState())

    async def listen(self, app: Any, address: str, port: int, context: ssl.SSLContext | None) -> asyncio.Server:
        """Listen at one address with one certificate.  Raises EnvironmentUnfit when it cannot.

        Port 0 takes a free one (see the server's sockets).
        """
        loop = asyncio.get_running_loop()

        def protocol() -> _DoorProtocol:
            made = _DoorProtocol(self.config, self.state, {}, loop)
            made.app = app
            return made

        try:
            return await loop.create_server(protocol, address, port, ssl=context, backlog=64)
        except OSError as err:
            raise EnvironmentUnfit(
                f"cannot listen on {address}:{port}: {err.strerror or err}",
                advice="stop what holds it, or choose another --state or --address-block",
            ) from err

    def drop_connections(self) -> None:
        """Close every connection at once, mid-request or not."""
        for connection in list(self.state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()


def port_of(server: asyncio.Server) -> int:
    """Return the port that a listener got."""
    port: int = server.sockets[0].getsockname()[1]
    return port
