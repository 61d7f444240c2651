"""HTTPS for the reference client: the certificate's pin is the only trust, compared before a byte of ours is sent.

Redirects, proxies and decompression are refused; a body ends at its cap or its deadline.  Blocking: runs in threads.
"""

import contextlib
import functools
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from firmware_bridge.drivers.redfish.trust import Leaf, check_leaf, leaf_from_der
from firmware_bridge.vocabulary.errors import TrustRefused


class Oversize(requests.RequestException):
    """The body went over the cap."""


class Redirected(requests.RequestException):
    """The endpoint tried to send us elsewhere."""


class Late(requests.RequestException):
    """The body did not end before the deadline."""


def _context() -> ssl.SSLContext:
    """Return a context that proves who holds the key and leaves to `_PinnedConnection` whether that is the right one.

    One serves every endpoint: a context of its own for each login cost more CPU than the handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # a management address is no host name
    context.verify_mode = ssl.CERT_NONE  # self-signed by rule: pin and dates are judged in connect()
    return context


_CONTEXT = _context()


class Untrusted(Exception):
    """The certificate is not the one we trust; `refusal` says why.

    No OSError: urllib3 would take it for a broken line.
    """

    def __init__(self, refusal: TrustRefused) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


class _PinnedConnection(HTTPSConnection):
    """A connection that is up only once its certificate has been judged."""

    def __init__(self, *arguments: Any, judge: Callable[[bytes], None], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._judge = judge

    def connect(self) -> None:
        """Shake hands, then judge; nothing has been sent when the judgement raises."""
        super().connect()
        try:
            self._judge(self.sock.getpeercert(binary_form=True) or b"")  # type: ignore[union-attr]
        except BaseException:
            self.close()
            raise
        self.is_verified = True


class PinnedAdapter(HTTPAdapter):
    """Talks to one endpoint.  `leaf` is its certificate once a connection has been made and found to be the pinned one.

    `send` raises Untrusted, Oversize, Redirected, Late and what requests raises by itself.
    """

    def __init__(self, endpoint: str, origin: str, pin: str, most_bytes: int, timeout: float) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        parts = urlsplit(origin)
        self._address, self._port = parts.hostname or "", parts.port or 443
        self._endpoint, self._pin = endpoint, pin
        self._most_bytes, self._timeout = most_bytes, timeout
        self._pool: HTTPSConnectionPool | None = None
        self._connection: _PinnedConnection | None = None
        self.leaf: Leaf | None = None

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        """Return our own pool: the stock one would turn verification off because the library passes verify=False."""
        if self._pool is None:
            self._pool = HTTPSConnectionPool(
                self._address, self._port, maxsize=1, ssl_context=_CONTEXT, cert_reqs="CERT_NONE", assert_hostname=False
            )
            self._pool.ConnectionCls = functools.partial(self._connect)  # type: ignore[assignment]
        return self._pool

    def _connect(self, *arguments: Any, **options: Any) -> _PinnedConnection:
        self._connection = _PinnedConnection(*arguments, judge=self._judge, **options)
        return self._connection

    def _judge(self, der: bytes) -> None:
        try:
            leaf = leaf_from_der(der)
            check_leaf(self._endpoint, leaf, self._pin)
        except ValueError as err:
            refusal = TrustRefused(self._endpoint, "connect", "shows a certificate that cannot be read")
            raise Untrusted(refusal) from err
        except TrustRefused as err:
            raise Untrusted(err) from err
        self.leaf = leaf

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the pool as built above."""

    def close(self) -> None:
        """Close the connection; the next request makes a new one."""
        super().close()
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def hang_up(self) -> None:
        """End a request that another thread waits in: the thread is not left to a peer that drips for ever."""
        held = self._connection.sock if self._connection is not None else None
        if isinstance(held, socket.socket):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(held, socket.SHUT_RDWR)  # past SSLSocket's own, which the other thread is in

    def send(self, request: Any, *_: Any, **options: Any) -> requests.Response:
        """Send one request and read its body inside the caps; nothing is decompressed."""
        options["stream"], options["proxies"] = True, {}
        deadline = time.monotonic() + self._timeout
        response = super().send(request, **options)
        if 300 <= response.status_code < 400:
            response.close()
            raise Redirected(f"answered with a redirect ({response.status_code})")
        try:
            response._content = self._body(response.raw, deadline)
        except urllib3.exceptions.TimeoutError as err:
            raise Late("the body did not end in time") from err
        except urllib3.exceptions.HTTPError as err:
            raise requests.exceptions.ChunkedEncodingError(err) from err
        finally:
            if not isinstance(response._content, bytes):
                response.close()
        return response

    def _body(self, raw: Any, deadline: float) -> bytes:
        body = bytearray()
        # read1 returns what has come, so that a body which drips byte by byte meets the deadline as well.
        while chunk := raw.read1(16_384, decode_content=False):
            body += chunk
            if len(body) > self._most_bytes:
                raise Oversize(f"more than {self._most_bytes} bytes")
            if time.monotonic() > deadline:
                raise Late("the body did not end in time")
        return bytes(body)
