"""What a Redfish Port heard over LLDP (Port, Ethernet.LLDPReceive).  Pure; takes it as shipped, not as specified.

The schema wants ids as hexadecimal octets (`73:77:70:31:32` is `swp12`); shipped controllers write them as text, with
their kind before them (`Ifname: 1/1/5`, `MAC: 8c:85:c1:a2:ae:80`, NVIDIA BlueField BMC manual).  Each reading of an id
that makes sense is kept as one of its names.  One octet alone is text: `31` is a port's number more often than a `1`.
"""

import re
from typing import Any

from firmware_bridge.vocabulary.neighbour import SeenNeighbour
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.guard import Document

MOST_TEXT = 128
NOTHING = frozenset(("", "none", "null", "n/a", "na", "no link", "not available", "nottransmitted", "0.0.0.0", "::"))
_OCTETS = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})+")
_KIND = re.compile(r"(?:mac|ifname|ifalias|local|ip|chassis|port)(?::\s*|\s+)(?=\S)", re.IGNORECASE)
_SYSTEMS = ("ChassisId", "ManagementAddressIPv4", "ManagementAddressIPv6", "ManagementAddressMAC")


def neighbour_of(port: Document, at: str) -> SeenNeighbour | None:
    """Return who is at the other end of a Port's cable, None where it does not say."""
    ethernet = port.get("Ethernet")
    heard = ethernet.get("LLDPReceive") if isinstance(ethernet, dict) else None
    if not isinstance(heard, dict):
        return None
    systems = [_text(heard.get("SystemName")), *(n for k in _SYSTEMS for n in _names(heard.get(k)))]
    return seen(at, systems, _names(heard.get("PortId")))


def seen(at: str, systems: list[str], ports: list[str]) -> SeenNeighbour | None:
    """Return a neighbour with the names that say something, None where there are none of a system or none of a port."""
    named, plugged = _said(systems), _said(ports)
    return SeenNeighbour(scrub(at, 64), named, plugged) if named and plugged else None


def _names(value: Any) -> list[str]:
    """Return every reading of an id, the one for people first."""
    text = _text(value)
    bare = _KIND.sub("", text, count=1) if _KIND.match(text) else text
    return [*_decoded(bare), bare, text]


def _decoded(text: str) -> list[str]:
    """Return the text in hexadecimal octets, nothing where they hold none: a MAC address, say."""
    if not _OCTETS.fullmatch(text):
        return []
    octets = bytes.fromhex(text.replace(":", ""))
    return [octets.decode("ascii")] if all(0x20 < octet < 0x7F for octet in octets) else []


def _text(value: Any) -> str:
    return scrub(value, MOST_TEXT).strip() if isinstance(value, str) else ""


def _said(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(n for n in names if n.casefold() not in NOTHING))
