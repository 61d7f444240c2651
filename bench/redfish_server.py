"""The far ends of bench redfish: one full rack behind the API's gate, and a bare uvloop server that checks a token.

Both listen over TLS with the same certificate, answer the same bytes for one chassis, and end with standard input.
Prints one JSON line: ports, token, and where the authority's certificate is.
"""

import asyncio
import datetime
import os
import ssl
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httptools
import orjson
import uvicorn
import uvloop

from bench import metrics
from datacenter_api.app import build_app
from datacenter_api.auth.accounts import FIRST_ADMIN, ensure_admin
from datacenter_api.auth.authority import ensure_certificates
from datacenter_api.http_protocol import HttpProtocol
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.source import RackSource
from firmware_bridge.vocabulary.units import Seconds

CHASSIS = "/redfish/v1/Chassis/k01-u11"


class Bare(asyncio.Protocol):
    """The least that a Python server can do and still ask who is there."""

    def __init__(self, body: bytes, token: bytes) -> None:
        self._reply = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
            len(body),
            body,
        )
        self._token, self._given = token, b""
        self._transport: Any = None
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the token."""
        if name.lower() == b"x-auth-token":
            self._given = value

    def on_message_complete(self) -> None:
        """Answer."""
        assert self._transport is not None
        self._transport.write(self._reply if self._given == self._token else b"HTTP/1.1 401 No\r\n\r\n")


async def main() -> None:
    """Serve both until standard input closes."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        os.environ["RACKWRIGHT_ADMIN_PASSWORD"] = "a password for a bench"
        ensure_admin(state)
        files = ensure_certificates(state / "tls", ["127.0.0.1"], datetime.datetime.now(datetime.UTC))
        gate, services = build_app(state, console=False)
        rack = metrics._rack(1)
        services.fleet._records["k01"] = rack
        ticking = asyncio.create_task(tick(rack))
        await asyncio.sleep(0)
        token, _ = services.sessions.open(FIRST_ADMIN, "bench")
        source: RackSource = gate.redfish.open().service.source  # type: ignore[union-attr]
        caller = Caller(FIRST_ADMIN, "admin", frozenset())
        document = source.get(CHASSIS, caller)
        assert document is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        make = lambda: Bare(document.raw, token.encode())  # noqa: E731 - one name for both arguments of create_server
        raw = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=context)
        config = uvicorn.Config(
            gate,
            http=HttpProtocol,
            host="127.0.0.1",
            port=0,
            lifespan="off",
            log_config=None,
            ssl_certfile=str(files.certificate),
            ssl_keyfile=str(files.key),
            access_log=False,
            server_header=False,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.01)
        ours = server.servers[0].sockets[0].getsockname()[1]
        ports = {"ours": ours, "raw": raw.sockets[0].getsockname()[1]}
        told = {**ports, "token": token, "pem": (state / "tls" / "ca.pem").read_text(), "bytes": len(document.raw)}
        print(orjson.dumps(told).decode(), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        server.should_exit = True
        ticking.cancel()
        await serving


async def tick(rack: Any) -> None:
    """Say a frame a second, as a controller does."""
    for number in range(1, 10_000):
        metrics._tick(rack, number)
        rack.received = Seconds(time.monotonic())
        await asyncio.sleep(1.0)


if __name__ == "__main__":
    uvloop.run(main())
