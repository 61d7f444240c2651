"""Whom an endpoint's controllers hear over LLDP at their network ports.  Reads only; judges nothing."""

from firmware_bridge.drivers.redfish.tree import ROOT, Tree
from firmware_bridge.vocabulary.neighbour import SeenNeighbour
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import link_of, member_links
from firmware_bridge.wire.redfish.neighbours import neighbour_of
from firmware_bridge.wire.redfish.spelling import as_collection

MOST_PORTS = 16
_PORTS = ("DedicatedNetworkPorts", "SharedNetworkPorts")  # Manager v1.16 and later


async def read_neighbours(tree: Tree) -> tuple[SeenNeighbour, ...]:
    """Return the neighbours at the ports of every Manager, those behind its interfaces' links too (DSP0268, Port).

    `tree` has its root.  What cannot be read is not said.  Raises what the tree raises.
    """
    ports: dict[str, Document] = {}
    for _, manager in await tree.members(link_of(tree.documents[ROOT], "Managers")):
        for name in _PORTS:
            ports |= dict(await tree.below(manager, name))
        for _, interface in await tree.below(manager, "EthernetInterfaces"):
            linked = interface.get("Links")
            listed = linked.get("Ports") if isinstance(linked, dict) else None
            named = member_links(as_collection(listed)) if isinstance(listed, list) else ()
            documents = await tree.many(named[:MOST_PORTS])
            ports |= {uri: d for uri, d in zip(named, documents, strict=False) if d is not None}
    found = (neighbour_of(document, _name(uri, document)) for uri, document in list(ports.items())[:MOST_PORTS])
    return tuple(dict.fromkeys(neighbour for neighbour in found if neighbour is not None))


def _name(uri: str, port: Document) -> str:
    name = port.get("Id")
    return name if isinstance(name, str) else uri.rpartition("/")[2]
