"""The yardstick: the least a Python client can do, uvloop and httptools on a bare protocol, same decode, no safety."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import httptools


class RawConnection(asyncio.Protocol):
    """One keep-alive connection; one request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._waiter: asyncio.Future[bytes] | None = None
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        self._parser.feed_data(data)

    def on_body(self, chunk: bytes) -> None:
        """Collect the body."""
        self._body.append(chunk)

    def on_message_complete(self) -> None:
        """Hand the body over and make ready for the next reply."""
        body, self._body = b"".join(self._body), []
        self._parser = httptools.HttpResponseParser(self)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(body)

    async def get(self, request: bytes) -> bytes:
        """Send a prepared request, return the body."""
        self._waiter = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._waiter


class RawFleet:
    """One connection per origin."""

    def __init__(self, addresses: Sequence[str], port: int) -> None:
        self._addresses, self._port = addresses, port
        self._connections: list[RawConnection] = []

    async def connect(self, pem: str) -> None:
        """Open every connection, verified against the one certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=pem)
        loop = asyncio.get_running_loop()
        for address in self._addresses:
            _, connection = await loop.create_connection(RawConnection, address, self._port, ssl=context)
            self._connections.append(connection)

    async def sweep(self, resources: Sequence[tuple[str, Callable[[bytes], object]]]) -> None:
        """Read and decode every resource of every origin, origins at once, resources in turn."""
        prepared = [
            (f"GET {uri} HTTP/1.1\r\nHost: bmc\r\nAccept: application/json\r\n\r\n".encode(), decode)
            for uri, decode in resources
        ]

        async def one(connection: RawConnection) -> None:
            for request, decode in prepared:
                decode(await connection.get(request))

        await asyncio.gather(*(one(c) for c in self._connections))

    def close(self) -> None:
        """Drop every connection."""
        for connection in self._connections:
            connection.transport.abort()
