"""One question over a connection of its own: for first contact, logins with a password that must change, and proofs.

The certificate is judged after the handshake and before a byte of ours is sent.  Redirects are answers, not orders;
nothing is repeated; the body ends at its cap and everything at one deadline.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import msgspec
import pycurl

from firmware_bridge.drivers.redfish.engine import engine_of_running_loop
from firmware_bridge.drivers.redfish.one_call import Judge, OneCall, Reply
from firmware_bridge.drivers.redfish.trust import Leaf, check_leaf
from firmware_bridge.vocabulary.errors import EndpointUnreachable, TrustRefused
from firmware_bridge.vocabulary.generation import RequestLimits
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.guard import Document

MOST_BYTES = 1024 * 1024
_FIXED = ("Accept: application/json", "OData-Version: 4.0", "Connection: close", "Expect:")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: `uri` is a path; `body` becomes JSON; headers may carry secrets and stay out of `repr`."""

    uri: str
    method: str = "GET"
    body: Document | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def lines(self) -> list[str]:
        """Return the header lines.  Raises ValueError for a line break in a header or path."""
        lines = [*_FIXED, *(f"{name}: {value}" for name, value in self.headers.items())]
        if self.body is not None:
            lines.append("Content-Type: application/json")
        if any(c in line for line in (self.method, self.uri, *lines) for c in "\r\n\0"):
            raise ValueError("a line break in a request")
        return lines


@dataclass(frozen=True, slots=True)
class Door:
    """Where one endpoint answers, and how long and how much we take from it.

    `connect_timeout` is for the TCP connection alone: most addresses of a range are empty, and TLS takes its time.
    """

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


async def ask_once(door: Door, ask: Ask, judge: Judge | None = None) -> tuple[Leaf, Reply]:
    """Connect, judge the certificate (any will do without a judge), ask, read the answer and hang up.

    Returns the certificate and the reply whatever its status.  Raises what `judge` raises, EndpointUnreachable (no
    connection, no TLS, no reply in time), TrustRefused (a certificate that cannot be read), ReplyMalformed and
    ReplyTooLarge.
    """
    verb, lines = f"{ask.method} {ask.uri}", ask.lines()
    body = None if ask.body is None else msgspec.json.encode(ask.body)
    engine = engine_of_running_loop()
    call = OneCall(door.endpoint, _limits(door), None, None, judge)
    watch = engine.loop.call_later(door.connect_timeout or door.timeout, partial(_give_up, door, verb, call))
    try:
        reply = await call.send(engine, ask.method, door.origin + ask.uri, lines, body, alone=True)
    except EndpointUnreachable as err:
        raise EndpointUnreachable(door.endpoint, verb, _why(door, call, err)) from err
    finally:
        watch.cancel()
        call.close()
    if call.shown is None:
        raise TrustRefused(door.endpoint, "connect", "shows no certificate")
    return call.shown, reply


def _limits(door: Door) -> RequestLimits:
    return RequestLimits(timeout=Seconds(door.timeout), most_bytes=door.most_bytes)


def _give_up(door: Door, verb: str, call: OneCall) -> None:
    """End a request that has no connection yet."""
    if not call.connected:
        call.interrupt(EndpointUnreachable(door.endpoint, verb, _NOBODY))


_NOBODY = "nobody answers"


def _why(door: Door, call: OneCall, err: EndpointUnreachable) -> str:
    if err.detail == _NOBODY:
        return f"no connection at {door.host} ({_NOBODY})"
    match call.code:
        case pycurl.E_COULDNT_CONNECT:
            reason = int(call.getinfo(pycurl.OS_ERRNO))
            return f"no connection at {door.host} ({os.strerror(reason).lower() if reason else 'refused'})"
        case pycurl.E_SSL_CONNECT_ERROR:
            return f"no TLS at {door.host}"
        case pycurl.E_OPERATION_TIMEDOUT:
            return f"no reply from {door.host} in time"
        case _:
            return f"no reply from {door.host} ({err.detail})"
