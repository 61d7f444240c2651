"""The port of an endpoint whose own words can be looked at as they are, for whoever doubts what we made of them."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class RawReadable(Protocol):
    """An endpoint that answers paths with documents.  It only reads."""

    async def read_raw(self, path: str) -> bytes:
        """Return what the device answers to a GET of `path` (below `/redfish/v1`), byte by byte.

        Raises ArgumentsInvalid for a path that leads elsewhere, and what the link raises: a device that refuses,
        keeps silent, says more than its limit, or is left alone now.
        """
        ...
