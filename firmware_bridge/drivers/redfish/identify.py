"""Which part stands behind a Redfish endpoint: serial numbers of enclosure and system.  Judges nothing."""

from firmware_bridge.drivers.redfish.enclosure import Enclosure, enclosures
from firmware_bridge.drivers.redfish.tree import ROOT, Tree
from firmware_bridge.vocabulary.identity import NOT_SERIALS, Identity
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import link_of

_MOST_TEXT = 128


async def read_identity(tree: Tree) -> Identity:
    """Return the identity of the tray behind an endpoint; `tree` has its root.

    The serial number is that of the enclosure which holds the host, else the host's own, else that of the first
    enclosure that has one (Redfish Chassis and ComputerSystem, SerialNumber).  Raises what the link raises.
    """
    root = tree.documents[ROOT]
    systems = await tree.members(link_of(root, "Systems"))
    chassis = await tree.members(link_of(root, "Chassis"))
    found = Enclosure(systems, chassis, {})
    outer = [document for _, document in enclosures(found)]
    host = found.host[1] if found.host is not None else {}
    candidates = [*outer[:1], host, *outer[1:]]
    serials = tuple(dict.fromkeys(s for d in candidates if (s := serial_in(d)) is not None))
    first = next((d for d in candidates if serial_in(d) is not None), {})
    return Identity(
        serial=serials[0] if serials else None,
        serials=serials,
        manufacturer=_text(first, "Manufacturer") or _text(root, "Vendor"),
        model=_text(first, "Model") or _text(root, "Product"),
        part_number=_text(first, "PartNumber"),
        uuid=_text(root, "UUID"),
    )


def serial_in(document: Document) -> str | None:
    """Return a document's serial number, None where none or only a placeholder stands."""
    serial = _text(document, "SerialNumber")
    return None if serial is None or serial.casefold() in NOT_SERIALS else serial


def _text(document: Document, name: str) -> str | None:
    value = document.get(name)
    return (scrub(value, _MOST_TEXT) or None) if isinstance(value, str) else None
