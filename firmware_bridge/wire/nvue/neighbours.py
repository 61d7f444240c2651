"""What an NVOS heard over LLDP at one interface (`/interface/<id>/lldp/neighbor`).  Pure.

Names: NVUE's `nv show interface lldp-detail` (chassis, port, type and name of both); that NVOS shows its management
interfaces alike is assumed (decision 0024).
"""

from firmware_bridge.vocabulary.neighbour import SeenNeighbour
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.nvue.values import branch
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.neighbours import MOST_TEXT, seen

_SYSTEMS = ("system-name", "chassis-id", "management-address-ipv4", "management-address-ipv6")
_PORTS = ("name", "description")


def neighbours_of(document: Document, at: str) -> list[SeenNeighbour]:
    """Return the neighbours in a document by name; entries of another shape are left out."""
    found = []
    for name in document:
        chassis, port = branch(document, name, "chassis"), branch(document, name, "port")
        systems = [*(_text(chassis, key) for key in _SYSTEMS), scrub(name, MOST_TEXT)]
        found.append(seen(at, systems, [_text(port, key) for key in _PORTS]))
    return [neighbour for neighbour in found if neighbour is not None]


def _text(document: Document, key: str) -> str:
    value = document.get(key)
    return scrub(value, MOST_TEXT).strip() if isinstance(value, str) else ""
