"""A subscriber's Destination: what its URL says, and nothing that two readers could understand differently.  Pure."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from firmware_bridge.redfish_service.messages import RequestRefused

MOST_LENGTH = 2048
_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMERIC = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to POST.  `host` is a name or an address without brackets; `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Return what the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_destination(text: str) -> Destination:
    """Read a Destination.  Raises RequestRefused (400) by what is wrong with it.

    Refused are user names in it, fragments, anything not plain ASCII, and numbers that only some resolvers take for
    an address (`0177.0.0.1`, `2130706433`, `0x7f.1`).
    """
    if len(text) > MOST_LENGTH or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise _malformed(text, "It is no plain URL.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as err:
        raise _malformed(text, "It is no URL.") from err
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise _malformed(text, "It begins with neither http:// nor https://.")
    if "@" in parts.netloc:
        raise _malformed("(not shown)", "It holds a user name; use HttpHeaders.")
    if parts.fragment or "#" in text:
        raise _malformed(text, "It holds a fragment.")
    if port == 0:
        raise _malformed(text, "Its port is 0.")
    host = (parts.hostname or "").removesuffix(".")
    if not _is_host(host):
        raise _malformed(text, "Its host is neither a name nor an address.")
    target = parts.path or "/"
    return Destination(scheme, host, port or _PORTS[scheme], f"{target}?{parts.query}" if parts.query else target)


def _is_host(host: str) -> bool:
    try:
        return not getattr(ipaddress.ip_address(host), "scope_id", None)
    except ValueError:
        pass
    labels = host.split(".")
    plain = len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    return plain and not _NUMERIC.fullmatch(labels[-1])  # no top-level domain is a number


def _malformed(shown: str, why: str) -> RequestRefused:
    return RequestRefused(
        "PropertyValueFormatError", shown[:128], "Destination", related=("#/Destination",), detail=why
    )
