"""Documents of a Redfish endpoint as the device sends them; only reads, and never leaves the endpoint."""

from typing import Any

from firmware_bridge.drivers.redfish.link import NORMAL
from firmware_bridge.drivers.redfish.tree import ROOT
from firmware_bridge.vocabulary.errors import ArgumentsInvalid
from firmware_bridge.wire.redfish.links import local_path


class Raw:
    """Adds the port RawReadable to a source with a `link`."""

    __slots__ = ()

    async def read_raw(self: Any, path: str) -> bytes:
        """Return what the device answers to a GET (see the port)."""
        try:
            local = local_path(path, self.link.origin)
        except ValueError as err:
            raise ArgumentsInvalid(f"path {path[:80]!r}: {err}", advice=f"for example {ROOT}/Chassis") from err
        if local.rstrip("/") != ROOT and not local.startswith(f"{ROOT}/"):
            raise ArgumentsInvalid(f"path {path[:80]!r} is not below {ROOT}", advice=f"for example {ROOT}/Chassis")
        body: bytes = await self.link.get(local, NORMAL)
        return body
