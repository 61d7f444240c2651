"""One request over libcurl whose method, body and reply headers matter: meeting an endpoint, logging in and out.

At first contact a judge sees the certificate after the handshake and before a byte of ours is sent (libcurl calls it
before each request); where a pin is known, libcurl has compared it in the handshake already.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pycurl

from firmware_bridge.drivers.redfish.engine import CurlEngine
from firmware_bridge.drivers.redfish.transfer import MOST_HEAD, fault_of, harden
from firmware_bridge.drivers.redfish.trust import Leaf, leaf_from_pem
from firmware_bridge.vocabulary.errors import DeviceError, ReplyTooLarge, TrustRefused
from firmware_bridge.vocabulary.generation import RequestLimits

STALLED = 60
Judge = Callable[[Leaf], None]
"""Raises a DeviceError, TrustRefused as a rule, for a certificate that nothing is to be sent to."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers (names in lower case, the last of each) and body."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Reader:
    """Hands out the bytes of several pieces one after the other, none of them copied before it is wanted."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces, self._at = [memoryview(piece) for piece in pieces if piece], 0

    def read(self, most: int) -> bytes:
        """Return the next bytes, at most `most`; none at the end."""
        if not self._pieces:
            return b""
        chunk = bytes(self._pieces[0][self._at : self._at + most])
        self._at += len(chunk)
        if self._at >= len(self._pieces[0]):
            self._pieces, self._at = self._pieces[1:], 0
        return chunk


class OneCall(pycurl.Curl):  # type: ignore[misc]
    """A handle for a few calls in a row over one connection.

    `leaf` None: first contact.  What the endpoint shows is put before `judge` and kept as `shown`; `pin` None: any key.
    """

    def __init__(
        self, endpoint: str, limits: RequestLimits, pin: str | None, leaf: Leaf | None, judge: Judge | None = None
    ) -> None:
        super().__init__()
        self.shown: Leaf | None = None
        self.code = 0
        self._judge, self._socket = judge, -1
        self._endpoint, self._most_bytes = endpoint, limits.most_bytes
        self._body: list[bytes] = []
        self._size = self._head = 0
        self._headers: dict[str, str] = {}
        self._future: asyncio.Future[int] | None = None
        self._engine: CurlEngine | None = None
        self._is_first = leaf is None
        self._verdict: Exception | None = None
        harden(self, leaf, limits, pin)
        self.setopt(pycurl.WRITEFUNCTION, self._write)
        self.setopt(pycurl.HEADERFUNCTION, self._header)
        self.setopt(pycurl.MAXFILESIZE_LARGE, limits.most_bytes)
        if self._is_first:
            self.setopt(pycurl.OPT_CERTINFO, 1)
            self.setopt(pycurl.SSL_SESSIONID_CACHE, 0)  # a resumed session would show no certificate
            self.setopt(pycurl.PREREQFUNCTION, self._look)
            self.setopt(pycurl.SOCKOPTFUNCTION, self._opened)

    async def send(
        self,
        engine: CurlEngine,
        method: str,
        url: str,
        headers: list[str],
        body: bytes | None = None,
        *,
        fresh: bool = False,
        alone: bool = False,
        keep: bool = False,
        hurry: bool = False,
    ) -> Reply:
        """Send one request and return the reply, whatever its status.  Raises what libcurl's result is called.

        What the judge raises is raised, and nothing was sent then.  `fresh`: over a connection of its own; `alone`:
        and that is closed afterwards; `keep`: it is for the next call too; `hurry`: it begins before anything else that
        the loop has to do.  libcurl sends a request a second time, and
        says nothing, when a connection that was open turns out to be dead.
        """
        self._body, self._size, self._head, self._headers = [], 0, 0, {}
        self.setopt(pycurl.URL, url)
        self.setopt(pycurl.HTTPHEADER, headers)
        if body is None:
            self.setopt(pycurl.HTTPGET, 1)
        else:
            self.setopt(pycurl.POSTFIELDS, body)
        self.setopt(pycurl.CUSTOMREQUEST, method)
        # A connection that somebody else opened would show no certificate; after the last call none is kept.
        self.setopt(pycurl.FRESH_CONNECT, int(fresh or alone or (self._is_first and method == "GET")))
        self.setopt(pycurl.FORBID_REUSE, int(alone or (method != "GET" and not keep)))
        return await self._answered(engine, f"{method} {url}", hurry=hurry)

    async def _answered(self, engine: CurlEngine, verb: str, *, hurry: bool = False) -> Reply:
        future: asyncio.Future[int] = engine.loop.create_future()
        self._future, self._engine = future, engine
        engine.start(self)
        if hurry:
            engine.hurry(self)
        try:
            code = self.code = await future
        finally:
            self._stop()
        if self._verdict is not None:
            raise self._verdict
        if code:
            raise self._fault(code, verb)
        return Reply(int(self.getinfo(pycurl.RESPONSE_CODE)), self._headers, b"".join(self._body))

    async def upload(
        self, engine: CurlEngine, url: str, headers: list[str], pieces: Sequence[bytes], longest: float
    ) -> Reply:
        """POST a large body in pieces over a connection of its own and return the reply, as `send` does.

        It may take `longest` s in all, and no longer than `STALLED` s without a byte that moves.
        """
        self._body, self._size, self._head, self._headers = [], 0, 0, {}
        for option, value in (
            (pycurl.URL, url),
            (pycurl.HTTPHEADER, headers),
            (pycurl.POST, 1),
            (pycurl.POSTFIELDSIZE_LARGE, sum(len(piece) for piece in pieces)),
            (pycurl.READFUNCTION, _Reader(pieces).read),
            (pycurl.TIMEOUT_MS, int(longest * 1000)),
            (pycurl.LOW_SPEED_LIMIT, 1),
            (pycurl.LOW_SPEED_TIME, STALLED),
            (pycurl.FRESH_CONNECT, 1),
            (pycurl.FORBID_REUSE, 1),
        ):
            self.setopt(option, value)
        return await self._answered(engine, f"POST {url}")

    @property
    def sent(self) -> bool:
        """Tell whether any byte of the last request has left, whatever became of it."""
        return int(self.getinfo(pycurl.REQUEST_SIZE)) > 0

    @property
    def status(self) -> int:
        """Return the status that the last reply began with, 0 when none came."""
        return int(self.getinfo(pycurl.RESPONSE_CODE))

    @property
    def connected(self) -> bool:
        """Tell whether the request under way has its TCP connection; libcurl tells only when TLS stands as well."""
        if self._socket < 0:
            return False
        with socket.socket(fileno=os.dup(self._socket)) as there:
            try:
                there.getpeername()
            except OSError:
                return False
            return True

    def _opened(self, number: int, _purpose: int) -> int:
        self._socket = number
        return 0

    def _look(self, *_addresses: object) -> int:
        """Judge the certificate; libcurl asks before it sends.  An exception here would vanish inside it."""
        try:
            shown: Any = self.getinfo(pycurl.INFO_CERTINFO)
            if shown or self.shown is None:  # else a connection that was judged before is used again
                self.shown = self._leaf(shown)
                if self._judge is not None:
                    self._judge(self.shown)
        except Exception as err:  # noqa: BLE001 - raised by `send`, whatever it is: nothing may be sent on
            self._verdict = err
            return int(pycurl.PREREQFUNC_ABORT)
        return int(pycurl.PREREQFUNC_OK)

    def _leaf(self, shown: Any) -> Leaf:
        pem = next((value for key, value in (shown[0] if shown else ()) if key == "Cert"), "")
        try:
            return leaf_from_pem(pem)
        except ValueError as err:
            raise TrustRefused(self._endpoint, "connect", "shows a certificate that cannot be read") from err

    def finished(self, code: int) -> None:
        """Take libcurl's result; called by the engine."""
        self._engine = None
        if self._future is not None and not self._future.done():
            self._future.set_result(code)

    def interrupt(self, error: DeviceError) -> None:
        """Let whoever waits go on with `error`."""
        if self._future is not None and not self._future.done():
            self._future.set_exception(error)

    def _stop(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:  # whoever waited was cancelled or interrupted
            engine.abandon(self)

    def _fault(self, code: int, verb: str) -> DeviceError:
        if self._head > MOST_HEAD:
            return ReplyTooLarge(self._endpoint, verb, f"a head over {MOST_HEAD} bytes")
        return fault_of(code, self._endpoint, verb, self._most_bytes)

    def _header(self, line: bytes) -> int | None:
        self._head += len(line)
        if self._head > MOST_HEAD:
            return 0
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            self._headers[name.strip().lower()] = value.strip()
        return None

    def _write(self, chunk: bytes) -> int | None:
        self._size += len(chunk)
        if self._size > self._most_bytes:
            return 0
        self._body.append(chunk)
        return None
