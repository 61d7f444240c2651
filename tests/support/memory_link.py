"""A recorded or damaged tree answered from memory, as a link: what is not there is missing, what is odd malformed."""

import json
from collections.abc import Callable
from typing import Any

from firmware_bridge.drivers.redfish.governor import Governor
from firmware_bridge.vocabulary.errors import EndpointRefused, ReplyMalformed, ResourceMissing
from firmware_bridge.vocabulary.generation import RequestLimits
from firmware_bridge.wire.redfish.guard import DocumentFault


class MemoryLink:
    """As much of a RedfishLink as planning and reading need; `asked` keeps every request."""

    endpoint = "s/a/r01/k01/u12/bmc"
    origin = "https://192.0.2.1:443"

    def __init__(self, tree: dict[str, Any], limits: RequestLimits | None = None) -> None:
        self._bodies = {uri.rstrip("/"): body for uri, body in tree.items()}
        self.limits = limits or RequestLimits()
        self.asked: list[str] = []
        self.changed: list[tuple[str, str, Any]] = []
        self.governor = Governor()

    def check_spared(self, urgency: int) -> None:
        """Never sparing: nothing here can be slow."""

    async def meet(self) -> bytes | None:
        return None

    async def get_decoded(self, uri: str, decode: Callable[[bytes], Any], urgency: int = 0) -> Any:
        self.asked.append(uri)
        body = self._bodies.get(uri.rstrip("/"), self._bodies.get(uri.partition("?")[0].rstrip("/")))
        if body is None:
            raise ResourceMissing(self.endpoint, f"GET {uri}", "not there")
        if isinstance(body, dict) and "error" in body and len(body) == 1:
            raise EndpointRefused(self.endpoint, f"GET {uri}", "an error", status=503)
        try:
            return decode(json.dumps(body).encode())
        except DocumentFault as err:
            raise ReplyMalformed(self.endpoint, f"GET {uri}", str(err)) from err

    async def change(self, method: str, uri: str, body: Any) -> None:
        self.changed.append((method, uri, body))

    async def close(self) -> None:
        return None
