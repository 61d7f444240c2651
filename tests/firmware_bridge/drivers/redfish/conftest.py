"""A peer that answers with any bytes at all over TLS: hostile replies need no help from a real server."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from firmware_bridge.drivers.redfish.trust import Leaf, leaf_from_der

Answer = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """What the peer was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Peer:
    """Where it listens, the pin of its certificate, and every request it got."""

    port: int
    leaf: Leaf
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


def make_identity(folder: Path, days: int = 1) -> tuple[Path, Leaf]:
    """Write certificate and key into one file; `days` below zero: expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bmc")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=10))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"identity{certificate.serial_number}.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path, leaf_from_der(certificate.public_bytes(serialization.Encoding.DER))


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        return None
    lines = head.split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, body)


@asynccontextmanager
async def serve(answer: Answer, folder: Path, days: int = 1) -> AsyncIterator[Peer]:
    """Serve `answer` on a free port until the block ends."""
    path, leaf = make_identity(folder, days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    peer = Peer(0, leaf)
    writers: set[asyncio.StreamWriter] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.connections += 1
        writers.add(writer)
        try:
            while (request := await read_request(reader)) is not None:
                peer.requests.append(request)
                await answer(request, writer)
                await writer.drain()
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
            return  # the test is over
        finally:
            writers.discard(writer)
            writer.transport.abort()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=context)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for writer in list(writers):
            writer.transport.abort()


def reply(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return a whole HTTP reply."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


Peers = Callable[..., AbstractAsyncContextManager[Peer]]


@pytest.fixture
def peers(tmp_path: Path) -> Peers:
    """Return a maker of peers: `peers(answer)` or `peers(raw_bytes)`, with `days=-1` for an expired certificate."""

    def make(answer: Answer | bytes, days: int = 1) -> AbstractAsyncContextManager[Peer]:
        if isinstance(answer, bytes):
            raw = answer

            async def say(_: Request, writer: asyncio.StreamWriter) -> None:
                writer.write(raw)

            return serve(say, tmp_path, days)
        return serve(answer, tmp_path, days)

    return make
