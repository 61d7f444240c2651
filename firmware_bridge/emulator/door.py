"""HTTPS listeners of emulated endpoints: uvicorn's fast HTTP protocol, one listener and certificate per endpoint."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from firmware_bridge.redfish_service.replies import Reply
from firmware_bridge.vocabulary.errors import EnvironmentUnfit

KEEP_ALIVE_S = 75  # longer than the slowest reading class that is polled on a kept connection
TRANSPORT = "transport"
ReadNow = Callable[[bytes, bytes, dict[bytes, bytes]], Reply | None]
END_S = 0.5  # how long answers that notice a closed connection may take to end
WRITE_AT_ONCE = 16 * 1024
"""Bytes; one TLS record (RFC 8446 §5.1)."""


class _DoorProtocol(HttpToolsProtocol):
    """One connection; the transport is handed to the application so that faults can reset it.

    A GET that the application can answer at once (`read_now`) is written straight to the transport: no task, no ASGI
    cycle, half the CPU.  Such connections have no idle timeout: real BMCs keep them as long, and we stay on loopback.
    """

    read_now: ReadNow | None = None
    doorway: "Doorway"
    door: Any = None  # the application that it leads to
    begun = 0
    _answered = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {TRANSPORT: transport}
        if self.begun < self.doorway.dropped(self.door):  # it was in the middle of its handshake then
            transport.abort()

    def on_headers_complete(self) -> None:
        self.doorway.gets += self.parser.get_method() == b"GET"
        self._answered = self._answer_at_once()
        if not self._answered:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._answered:
            super().on_message_complete()

    def _answer_at_once(self) -> bool:
        busy = self.cycle is not None and not self.cycle.response_complete
        if self.read_now is None or busy or self.flow.write_paused or self.parser.get_method() != b"GET":
            return False
        path, _, query = self.url.partition(b"?")
        reply = self.read_now(path, query, dict(self.headers))
        if reply is None:
            return False
        status, headers, body = reply
        parts = [STATUS_LINE[status]]
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
        keep = self.parser.should_keep_alive()
        parts.append(b"" if keep else b"connection: close\r\n")
        parts.append(b"\r\n" if status == 304 else b"content-length: %d\r\n\r\n" % len(body))
        parts.append(body)
        # In pieces: the TLS buffer of a connection stays as large as the largest single write, and there are thousands.
        reply_bytes = b"".join(parts)
        for at in range(0, len(reply_bytes), WRITE_AT_ONCE):
            self.transport.write(reply_bytes[at : at + WRITE_AT_ONCE])
        if not keep:
            self.transport.close()
        return True


async def _no_application(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("each endpoint brings its own application")


@dataclass(slots=True)
class Doorway:
    """What all listeners of one process share.  `gets` counts the GET requests that have come in since the start."""

    config: Config
    state: ServerState
    gets: int = 0
    _drops: dict[int, int] = field(default_factory=dict)  # by application's id, of None for all of them
    _count: int = 0

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
        read_now: ReadNow | None = getattr(app, "read_now", None)
        quiet = _quiet(app)

        def protocol() -> _DoorProtocol:
            made = _DoorProtocol(self.config, self.state, {}, loop)
            made.app, made.door, made.doorway = quiet, app, self
            made.read_now, made.begun = read_now, self._count
            return made

        try:
            return await loop.create_server(protocol, address, port, ssl=context, backlog=64)
        except OSError as err:
            raise EnvironmentUnfit(
                f"cannot listen on {address}:{port}: {err.strerror or err}",
                advice="stop what holds it, or choose another --state or --address-block",
            ) from err

    def drop_connections(self, app: Any = None) -> None:
        """Close every connection at once, or those of one application, mid-request, mid-handshake or not."""
        self._count += 1
        self._drops[id(app)] = self._count
        for connection in list(self.state.connections):
            if app is not None and getattr(connection, "door", None) is not app:
                continue
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()

    def dropped(self, app: Any) -> int:
        """Return the number of the last drop of an application's connections, 0 before any; see `begun`."""
        return max(self._drops.get(id(app), 0), self._drops.get(id(None), 0))

    async def close(self) -> None:
        """Close every connection and end what is being answered: streams by themselves, the rest after `END_S`."""
        self.drop_connections()
        if self.state.tasks:
            _, pending = await asyncio.wait(set(self.state.tasks), timeout=END_S)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)


def _quiet(app: Any) -> Any:
    """Return the application; when its answer is given up with its connection, uvicorn has no traceback to write."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return serve


def port_of(server: asyncio.Server) -> int:
    """Return the port that a listener got."""
    port: int = server.sockets[0].getsockname()[1]
    return port
