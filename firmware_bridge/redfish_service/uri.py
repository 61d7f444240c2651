"""Request paths become one canonical form; what could mean two things (`..`, `//`, encoded slashes) is refused."""

import functools
from urllib.parse import unquote_to_bytes

from firmware_bridge.redfish_service.messages import RequestRefused

_FORBIDDEN = frozenset(b'\\"<>^`{|}?#')
MOST_PATH = 2048


@functools.lru_cache(maxsize=16384)
def normalise(raw: bytes) -> str:
    """Return the canonical path of a raw request path: decoded once, no trailing slash.

    Raises RequestRefused (InvalidURI, 400; 414 when too long).  Cached: devices of a kind share their paths.
    """
    if len(raw) > MOST_PATH:
        raise RequestRefused("InvalidURI", "(too long)", status=414)
    lowered = raw.lower()
    if b"%2f" in lowered or b"%5c" in lowered or b"%2e" in lowered:
        raise RequestRefused("InvalidURI", raw.decode("latin-1"))
    path = unquote_to_bytes(raw)
    if not path.startswith(b"/") or b"//" in path or any(c < 0x21 or c > 0x7E or c in _FORBIDDEN for c in path):
        raise RequestRefused("InvalidURI", raw.decode("latin-1"))
    if any(part in (b".", b"..") for part in path.split(b"/")):
        raise RequestRefused("InvalidURI", raw.decode("latin-1"))
    return (path.rstrip(b"/") or b"/").decode("ascii")
