"""One question over a connection of its own: for first contact, logins with a password that must change, and proofs.

The certificate is judged after the handshake and before a byte of ours is sent.  Redirects are answers, not orders;
nothing is repeated; the body ends at its cap and everything at one deadline.
"""

import asyncio
import errno
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from firmware_bridge.drivers.redfish.trust import Leaf, check_leaf, leaf_from_der
from firmware_bridge.vocabulary.errors import EndpointUnreachable, ReplyMalformed, ReplyTooLarge, TrustRefused
from firmware_bridge.wire.http_reply import HttpReply, ReplyBroken, parse_reply
from firmware_bridge.wire.redfish.guard import Document

MOST_BYTES = 1024 * 1024
_CHUNK = 64 * 1024
Judge = Callable[[Leaf], None]


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # a management address is no host name
    context.verify_mode = ssl.CERT_NONE  # self-signed by rule: the caller's judge decides before anything is sent
    return context


_CONTEXT = _context()


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: `uri` is a path; `body` becomes JSON; headers may carry secrets and stay out of `repr`."""

    uri: str
    method: str = "GET"
    body: Document | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def raw(self, host: str) -> bytes:
        """Return the bytes that are sent.  Raises ValueError for a line break in a header or path."""
        content = b"" if self.body is None else json.dumps(self.body).encode()
        more = {"Content-Type": "application/json", "Content-Length": str(len(content))} if content else {}
        fixed = {"Host": host, "Accept": "application/json", "OData-Version": "4.0", "Connection": "close"}
        lines = [f"{self.method} {self.uri} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in {**fixed, **more, **self.headers}.items()]
        if any(c in line for line in lines for c in "\r\n\0"):
            raise ValueError("a line break in a request")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + content


@dataclass(frozen=True, slots=True)
class Door:
    """Where one endpoint answers, and how long and how much we take from it."""

    endpoint: str
    address: str
    port: int
    timeout: float = 10.0
    connect_timeout: float | None = None
    most_bytes: int = MOST_BYTES

    @property
    def host(self) -> str:
        """Return `address:port` as a URL spells it."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def origin(self) -> str:
        """Return `https://address:port`."""
        return f"https://{self.host}"

    def pinned(self, pin: str) -> Judge:
        """Return the judge that accepts one public key only, and no expired certificate."""
        return lambda leaf: check_leaf(self.endpoint, leaf, pin)


async def ask_once(door: Door, ask: Ask, judge: Judge | None = None) -> tuple[Leaf, HttpReply]:
    """Connect, judge the certificate (any will do without a judge), ask, read the answer and hang up.

    Returns the certificate and the reply whatever its status.  Raises what `judge` raises, EndpointUnreachable (no
    connection, no TLS, no reply in time), TrustRefused (a certificate that cannot be read), ReplyMalformed and
    ReplyTooLarge.
    """
    verb = f"{ask.method} {ask.uri}"
    request = ask.raw(door.host)
    try:
        async with asyncio.timeout(door.timeout):
            reader, writer = await _connect(door)
            try:
                leaf = _leaf(door, writer)
                if judge is not None:
                    judge(leaf)
                writer.write(request)
                return leaf, await _reply(door, verb, reader)
            finally:
                writer.transport.abort()
    except TimeoutError as err:
        raise EndpointUnreachable(door.endpoint, verb, f"no reply from {door.host} in time") from err
    except ssl.SSLError as err:
        raise EndpointUnreachable(door.endpoint, verb, f"no TLS at {door.host}") from err
    except OSError as err:
        why = err.strerror or type(err).__name__
        raise EndpointUnreachable(door.endpoint, verb, f"no connection at {door.host} ({why.lower()})") from err


async def _connect(door: Door) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a TLS connection.  The TCP part has its own, shorter deadline: most addresses of a range are empty."""
    family = socket.AF_INET6 if ":" in door.address else socket.AF_INET
    raw = socket.socket(family, socket.SOCK_STREAM)
    try:
        raw.setblocking(False)
        try:
            async with asyncio.timeout(door.connect_timeout):
                await asyncio.get_running_loop().sock_connect(raw, (door.address, door.port))
        except TimeoutError as err:
            raise OSError(errno.ETIMEDOUT, "nobody answers") from err
        return await asyncio.open_connection(sock=raw, ssl=_CONTEXT, server_hostname=door.address, limit=_CHUNK)
    except BaseException:
        raw.close()
        raise


def _leaf(door: Door, writer: asyncio.StreamWriter) -> Leaf:
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    try:
        return leaf_from_der(der or b"")
    except ValueError as err:
        raise TrustRefused(door.endpoint, "connect", "shows a certificate that cannot be read") from err


async def _reply(door: Door, verb: str, reader: asyncio.StreamReader) -> HttpReply:
    raw = bytearray()
    while True:
        chunk = await reader.read(_CHUNK)
        raw += chunk
        if len(raw) > door.most_bytes:
            raise ReplyTooLarge(door.endpoint, verb, f"more than {door.most_bytes} bytes")
        try:
            reply = parse_reply(raw, ended=not chunk)
        except ReplyBroken as err:
            raise ReplyMalformed(door.endpoint, verb, str(err)) from err
        if reply is not None:
            return reply
