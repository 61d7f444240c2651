"""What an endpoint has besides parts: its systems, controllers, interfaces, ports, boards, integrity.  Pure."""

from collections.abc import Iterator

from firmware_bridge.vocabulary.facts import Aspect, AspectKind, FactValue
from firmware_bridge.wire.redfish.catalog import Catalog, Entry
from firmware_bridge.wire.redfish.facts import ADDRESS, BOARD, Row, facts_in, facts_of

MOST = 1_000
"""Aspects of one endpoint; a tree that has more is cut there."""
_MOST_ROWS = 32
_ROOT = "/redfish/v1/"
_KINDS = {
    "ComputerSystem": AspectKind.SYSTEM,
    "SecureBoot": AspectKind.SECURE_BOOT,
    "Manager": AspectKind.CONTROLLER,
    "ManagerNetworkProtocol": AspectKind.PROTOCOLS,
    "EthernetInterface": AspectKind.INTERFACE,
    "Port": AspectKind.PORT,
    "ComponentIntegrity": AspectKind.INTEGRITY,
}
_OWNERS = frozenset({"ComputerSystem", "Manager", "Chassis", "Processor", "NetworkAdapter", "Switch"})


def aspects_of(catalog: Catalog) -> list[Aspect]:
    """Return every aspect that the resources show, in the tree's order, at most `MOST`."""
    found: list[Aspect] = []
    for aspect in _all(catalog):
        if len(found) == MOST:
            break
        found.append(aspect)
    return found


def _all(catalog: Catalog) -> Iterator[Aspect]:
    for entry in catalog.entries.values():
        kind = _KINDS.get(entry.schema)
        if kind is not None and not entry.uri.endswith("/Settings"):
            yield Aspect(kind, entry.id, _owner(catalog, entry), facts=facts_of(entry.schema, entry.document))
        if entry.schema == "EthernetInterface":
            for rank, facts in enumerate(_rows(entry, ADDRESS, "IPv4Addresses", "IPv6Addresses")):
                yield Aspect(AspectKind.ADDRESS, entry.id, _short(entry.uri), rank, facts)
        elif entry.schema == "Assembly":
            for rank, facts in enumerate(_rows(entry, BOARD, "Assemblies")):
                yield Aspect(AspectKind.BOARD, entry.id, _owner(catalog, entry), rank, facts)


def _rows(entry: Entry, rows: tuple[Row, ...], *names: str) -> Iterator[dict[str, FactValue]]:
    """Yield the facts of each row of these arrays that states any."""
    for name in names:
        array = entry.document.get(name)
        for row in array[:_MOST_ROWS] if isinstance(array, list) else ():
            facts = facts_in(row, rows) if isinstance(row, dict) else {}
            if facts:
                yield facts


def _owner(catalog: Catalog, entry: Entry) -> str:
    """Return the path of the nearest resource above that something can belong to, empty where there is none."""
    uri = entry.uri.rpartition("/")[0]
    while len(uri) > len(_ROOT):
        above = catalog.entries.get(uri)
        if above is not None and above.schema in _OWNERS:
            return _short(uri)
        uri = uri.rpartition("/")[0]
    return ""


def _short(uri: str) -> str:
    return uri.removeprefix(_ROOT)
