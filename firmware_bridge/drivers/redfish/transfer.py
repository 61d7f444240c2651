"""One reusable libcurl handle: sends GETs to one endpoint, keeps the byte cap, and names libcurl's results."""

import asyncio
import contextlib
import os
import socket
from typing import Any

import pycurl

from firmware_bridge.drivers.redfish.engine import ENDED
from firmware_bridge.drivers.redfish.trust import Leaf
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    EndpointUnreachable,
    LoginRefused,
    ReplyMalformed,
    ReplyTooLarge,
    ResourceMissing,
    TrustRefused,
)
from firmware_bridge.vocabulary.generation import RequestLimits

_WEIRD_REPLY = 8  # CURLE_WEIRD_SERVER_REPLY
_HEAD_TOO_LARGE = 100  # CURLE_TOO_LARGE: 5,000 header lines, or 300 KB of them
_PINNED_KEY_DIFFERS = 90  # CURLE_SSL_PINNEDPUBKEYNOTMATCH
_RECEIVE_BUFFER = 64 * 1024
MOST_HEAD = 32 * 1024
"""Bytes of status line and headers, where they are looked at."""
_MALFORMED = {
    pycurl.E_PARTIAL_FILE: "the body broke off",
    _WEIRD_REPLY: "not an HTTP reply",
    pycurl.E_UNSUPPORTED_PROTOCOL: "not an HTTP reply",
    pycurl.E_BAD_CONTENT_ENCODING: "broken content encoding",
}
_UNREACHABLE = {
    pycurl.E_OPERATION_TIMEDOUT: "no reply in time",
    pycurl.E_COULDNT_CONNECT: "connection refused",
    pycurl.E_GOT_NOTHING: "closed without a reply",
    pycurl.E_RECV_ERROR: "connection reset",
    pycurl.E_SEND_ERROR: "connection reset",
    pycurl.E_ABORTED_BY_CALLBACK: "the link was closed",
    ENDED: "every request was ended here, by no fault of the device",
    pycurl.E_SSL_CONNECT_ERROR: "the TLS handshake failed",
}
_TRUST = {
    _PINNED_KEY_DIFFERS: "the certificate is not the pinned one",
    pycurl.E_PEER_FAILED_VERIFICATION: "the certificate is not the pinned one, or has expired",
}


def harden(handle: Any, leaf: Leaf | None, limits: RequestLimits, pin: str | None = None) -> None:
    """Set what every request to an endpoint has in common: one certificate, one host, no way round them.

    Before the first contact (`leaf` None) the `pin` decides; without one too, whoever looks at the certificate does.
    """
    milliseconds = int(limits.timeout * 1000)
    for option, value in (
        (pycurl.TIMEOUT_MS, milliseconds),
        (pycurl.CONNECTTIMEOUT_MS, milliseconds),
        (pycurl.BUFFERSIZE, _RECEIVE_BUFFER),
        (pycurl.SSL_VERIFYPEER, int(leaf is not None)),
        (pycurl.SSL_VERIFYHOST, 0),
        (pycurl.FOLLOWLOCATION, 0),
        (pycurl.PROXY, ""),
        (pycurl.NOPROXY, "*"),
        (pycurl.PROTOCOLS, pycurl.PROTO_HTTPS),
        (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
        (pycurl.NOSIGNAL, 1),
        (pycurl.DNS_CACHE_TIMEOUT, -1),  # else every request looks through the whole cache; addresses are numbers
        (pycurl.NETRC, 0),
        (pycurl.USERAGENT, "rackwright"),
        (pycurl.TCP_NODELAY, 1),
        # Nothing compressed is asked for; what comes so all the same is unpacked, up to the cap on bytes.
        (pycurl.ACCEPT_ENCODING, "identity"),
    ):
        handle.setopt(option, value)
    if leaf is not None or pin is not None:
        handle.setopt(pycurl.PINNEDPUBLICKEY, leaf.pin if leaf is not None else pin)
    if leaf is not None:
        # The pinned certificate is the only anchor, so that its dates are checked in the handshake as well.
        handle.setopt(pycurl.CAINFO_BLOB, leaf.pem)


def fault_of(code: int, endpoint: str, verb: str, most_bytes: int) -> DeviceError:
    """Return the named error for libcurl's result `code`; `most_bytes` is the cap that a body may have gone over."""
    if code in (pycurl.E_WRITE_ERROR, pycurl.E_FILESIZE_EXCEEDED):
        return ReplyTooLarge(endpoint, verb, f"more than {most_bytes} bytes")
    if code == _HEAD_TOO_LARGE:
        return ReplyTooLarge(endpoint, verb, "a head over libcurl's bounds")
    if code in _TRUST:
        return TrustRefused(endpoint, verb, _TRUST[code])
    if code in _MALFORMED:
        return ReplyMalformed(endpoint, verb, _MALFORMED[code])
    return EndpointUnreachable(endpoint, verb, _UNREACHABLE.get(code, f"libcurl error {code}"))


def refusal_of(endpoint: str, verb: str, status: int) -> DeviceError | None:
    """Return the named error for an HTTP status, None for 200."""
    if status == 200:
        return None
    if 300 <= status < 400:
        return TrustRefused(endpoint, verb, f"answered with a redirect ({status})", status=status)
    if status in (401, 403):
        return LoginRefused(endpoint, verb, f"HTTP {status}", status=status)
    if status == 404:
        return ResourceMissing(endpoint, verb, "not there", status=status)
    return EndpointRefused(endpoint, verb, f"HTTP {status}", status=status)


class Transfer(pycurl.Curl):  # type: ignore[misc]
    """A handle set up once per endpoint; `begin` only changes the URL."""

    def __init__(self, leaf: Leaf, limits: RequestLimits) -> None:
        super().__init__()
        self._most_bytes = limits.most_bytes
        self._chunks: list[bytes] = []
        self._size = 0
        self.future: asyncio.Future[int] | None = None
        self.running = False
        self.headers_version = -1

        harden(self, leaf, limits)
        self.setopt(pycurl.WRITEFUNCTION, self._write)
        self.setopt(pycurl.MAXFILESIZE_LARGE, limits.most_bytes)

    def begin(self, url: str, future: "asyncio.Future[int]") -> None:
        """Make ready for one GET of `url`; `future` receives libcurl's result code."""
        self.setopt(pycurl.URL, url)
        self.future = future
        self.running = True
        if self._chunks:
            self._chunks = []
        self._size = 0

    def finished(self, code: int) -> None:
        """Hand libcurl's result to whoever waits; called by the engine."""
        self.running = False
        future = self.future
        if future is not None and not future.done():
            future.set_result(code)

    def body(self) -> bytes:
        """Return what came."""
        chunks = self._chunks
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _write(self, chunk: bytes) -> int | None:
        # An exception here would vanish inside libcurl; a short count ends the transfer with E_WRITE_ERROR.
        self._size += len(chunk)
        if self._size > self._most_bytes:
            return 0
        self._chunks.append(chunk)
        return None

    def fault(self, code: int, endpoint: str, verb: str) -> DeviceError:
        """Return the named error for libcurl's result `code`."""
        return fault_of(code, endpoint, verb, self._most_bytes)

    def set_headers(self, headers: list[str], version: int) -> None:
        """Replace the request headers when they are not of this `version` yet."""
        if self.headers_version != version:
            self.setopt(pycurl.HTTPHEADER, headers)
            self.headers_version = version

    def hang_up(self) -> None:
        """Shut the connection last used, so that the endpoint need not wait for libcurl's pool to drop it."""
        try:
            fd = int(self.getinfo(pycurl.ACTIVESOCKET))
        except pycurl.error:  # closed already by whoever used it last while the link was logging out
            return
        if fd < 0:
            return
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fd)) as other:
            other.shutdown(socket.SHUT_RDWR)

    def retry_after(self) -> float:
        """Return how long the last reply asked to wait, in s; 0 when it did not."""
        return max(0.0, float(self.getinfo(pycurl.RETRY_AFTER)))

    def status(self) -> int:
        """Return the HTTP status of the last transfer."""
        found: Any = self.getinfo(pycurl.RESPONSE_CODE)
        return int(found)
