"""The API as a process: certificates, socket, uvicorn.  One line and exit 2 when the machine is not ready."""

import asyncio
import datetime
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
import uvloop

from datacenter_api.app import build_app
from datacenter_api.auth.accounts import ensure_admin
from datacenter_api.auth.authority import ServerFiles, ensure_certificates
from datacenter_api.events.broadcast import Broadcaster
from datacenter_api.http_protocol import HttpProtocol
from datacenter_api.listen import Listen, parse_listen
from firmware_bridge.long_running import settled
from firmware_bridge.vocabulary.errors import EnvironmentUnfit

LEAVE_WITHIN_S = 3
KEEP_ALIVE_S = 65
"""How long a connection may idle.  A client that keeps its own for as long asks just as it is closed, and nobody knows
then whether a POST was done: httpx keeps them for 5 s, urllib3 and requests until they are closed."""


class RefusedSockets(logging.Filter):
    """Drops what uvicorn logs as an error of ours whenever the gate refuses a websocket with a proper answer."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is anything else."""
        return record.msg != "ASGI callable returned without completing handshake."


def bind(listen: Listen) -> socket.socket:
    """Return a listening socket.  Raises EnvironmentUnfit when the port is taken or the address is not ours."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((listen.host, listen.port))
        taken.listen(512)
    except OSError as err:
        taken.close()
        raise EnvironmentUnfit(
            f"cannot listen at {listen}: {err.strerror}",
            advice="stop what listens there, or choose another --listen HOST:PORT",
        ) from err
    taken.setblocking(False)
    return taken


def serve(state: Path, listen_text: str, *, console: bool = True) -> None:
    """Serve until told to stop.  Raises ConfigurationError and its children before anything is served."""
    listen = parse_listen(listen_text)
    state = state.resolve()
    taken = bind(listen)
    port = taken.getsockname()[1]
    now = datetime.datetime.now(datetime.UTC)
    files = ensure_certificates(state / "tls", [listen.host], now)
    user, password = ensure_admin(state)
    if password is not None:
        print(f"first login: user {user}, password {password} (shown this once)", file=sys.stderr)  # noqa: T201
    # NiceGUI reads this when it is imported; without it a folder would appear wherever the process was started.
    os.environ.setdefault("NICEGUI_STORAGE_PATH", str(state / "api" / "nicegui"))
    app, services = build_app(state, console=console)
    config = configuration(app, files)
    services.certificate.show = lambda shown: _serve_from_now_on(config, shown)
    logging.getLogger("uvicorn.error").addFilter(RefusedSockets())
    # uvicorn raises the signal again when it has ended well; a told end is no failure.
    signal.signal(signal.SIGTERM, _leave)
    server = _Server(config, services.broadcaster, Listen(listen.host, port).url)
    settled()
    uvloop.run(_until_stopped(server, taken))


def configuration(app: Any, files: ServerFiles) -> uvicorn.Config:
    """Return how uvicorn serves the API, over TLS only."""
    return uvicorn.Config(
        app,
        http=HttpProtocol,
        ssl_certfile=str(files.certificate),
        ssl_keyfile=str(files.key),
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws_ping_interval=None,
        ws_max_size=1 << 20,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=LEAVE_WITHIN_S,
        lifespan="on",
    )


def _serve_from_now_on(config: uvicorn.Config, files: ServerFiles) -> None:
    """Show another certificate to whoever connects from now on; connections that are open keep theirs."""
    if config.ssl is not None:
        config.ssl.load_cert_chain(files.certificate, files.key)
        logging.getLogger("datacenter_api").info("serving the certificate in %s", files.certificate)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


async def _until_stopped(server: uvicorn.Server, taken: socket.socket) -> None:
    await server.serve(sockets=[taken])


class _Server(uvicorn.Server):
    """Says when it serves, and ends open streams first: uvicorn waits for connections, which a stream never ends."""

    def __init__(self, config: uvicorn.Config, broadcaster: Broadcaster, url: str) -> None:
        super().__init__(config)
        self._broadcaster, self._url = broadcaster, url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print one JSON line: whoever started this process may go on."""
        await super().startup(sockets)
        if self.started:
            print(json.dumps({"ready": True, "url": self._url}), flush=True)  # noqa: T201
            logging.getLogger("datacenter_api").info("serving at %s", self._url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close streams, give them a moment, then close the rest."""
        self._broadcaster.close()
        await asyncio.sleep(0)
        await super().shutdown(sockets)
