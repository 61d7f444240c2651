"""Reading NVOS over the pinned link that Redfish uses: the same caps, pace and refusals, Basic auth, no session.

Sends GET and nothing else.  A login refused twice in a row is not tried again before its cool-down is over: NVOS locks
accounts as BMCs do, but a single 401 is also what a busy service sends.
"""

import asyncio
import base64
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish.enrolled import certificate_of
from firmware_bridge.drivers.redfish.link import LOGIN_COOL_DOWN, NORMAL, RedfishLink
from firmware_bridge.drivers.redfish.trust import fetch_leaf
from firmware_bridge.vocabulary.errors import LoginRefused
from firmware_bridge.vocabulary.generation import RequestLimits
from firmware_bridge.vocabulary.identity import Certificate
from firmware_bridge.wire.redfish.guard import Document, parse

ROOT = "/nvue_v1"
Decoded = TypeVar("Decoded")


class NvueLink:
    """One NVOS.  Made without a byte sent; `get` raises what RedfishLink's `get_decoded` raises."""

    def __init__(
        self, endpoint: str, address: str, port: int, pin: str, limits: RequestLimits, credential: Credential | None
    ) -> None:
        headers = ["Accept: application/json"]
        if credential is not None:
            login = base64.b64encode(f"{credential.user}:{credential.secret}".encode()).decode()
            headers.append(f"Authorization: Basic {login}")
        self._link = RedfishLink(endpoint, address, port, pin, limits, headers=headers)
        self._address, self._port = address, port
        self._limits, self._user = limits, credential.user if credential else ""
        self._refused: LoginRefused | None = None
        self._refused_at = float("-inf")
        self._refusals = 0

    @property
    def endpoint(self) -> str:
        """Return the endpoint's place."""
        return self._link.endpoint

    @property
    def limits(self) -> RequestLimits:
        """Return what an answer may have at most, and how often it is asked."""
        return self._limits

    @property
    def origin(self) -> str:
        """Return `https://address:port`."""
        return self._link.origin

    async def get(self, path: str, urgency: int = NORMAL) -> Document:
        """Return the object at `path` below `/nvue_v1`, as it is now (`rev=operational`), not as it is configured.

        Raises DeviceError's children; LoginRefused without asking while the cool-down lasts.
        """
        return await self.get_decoded(path, self._parse, urgency)

    async def get_decoded(self, path: str, decoder: Callable[[bytes], Decoded], urgency: int = NORMAL) -> Decoded:
        """Return what `decoder` makes of it; otherwise as `get`."""
        now = asyncio.get_running_loop().time()
        if self._refused is not None and self._refusals > 1 and now - self._refused_at < LOGIN_COOL_DOWN:
            raise self._refused.with_traceback(None)
        joint = "&" if "?" in path else "?"
        try:
            found = await self._link.get_decoded(f"{ROOT}{path}{joint}rev=operational", decoder, urgency)
        except LoginRefused as err:
            self._refused_at, self._refusals = now, self._refusals + 1
            self._refused = LoginRefused(
                self.endpoint,
                err.verb,
                f"HTTP {err.status} for user {quote(self._user, safe='')}",
                status=err.status,
                advice="check the credential of the switch's operating system; it is not its BMC's",
            )
            raise self._refused from err
        self._refused, self._refusals = None, 0
        return found

    @property
    def pin(self) -> str:
        """Return the pin that this endpoint must show."""
        return self._link.pin

    async def shown_certificate(self) -> Certificate:
        """Return the certificate it shows now, trusted or not.  Raises EndpointUnreachable, TrustRefused."""
        leaf = await fetch_leaf(self.endpoint, self._address, self._port, self._limits.timeout)
        return certificate_of(leaf)

    async def close(self) -> None:
        """Drop every connection.  Never raises."""
        await self._link.close()

    def _parse(self, raw: bytes) -> Document:
        return parse(raw, self._limits.most_bytes, self._limits.most_depth)
