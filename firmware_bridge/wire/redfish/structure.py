"""What is odd about how an endpoint's resources hang together: systems, managers, places.  Noted, never corrected."""

from collections import Counter
from collections.abc import Iterator, Sequence

from firmware_bridge.vocabulary.inventory import Note
from firmware_bridge.wire.redfish.catalog import Catalog
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.parts import Part

_ROOT = "/redfish/v1"
_PART_LOCATION = ("ServiceLabel", "LocationType", "LocationOrdinalValue")


def odd_structure(catalog: Catalog, hosts: frozenset[str], parts: Sequence[Part]) -> Iterator[Note]:
    """Yield a note per system that cannot be reset, manager behind the first, board's serial, misplaced property.

    `hosts` are the systems that can be reset.
    """
    for entry in catalog.of("ComputerSystem"):
        if entry.uri not in hosts:
            meant = "taken as a view of another system" if hosts else "no system here can be switched"
            yield Note(entry.uri, "Actions", f"no reset: {meant}")
    yield from _managers(catalog)
    yield from _boards(parts)
    for entry in catalog.of("PowerSupply"):
        location = entry.document.get("Location")
        if isinstance(location, dict) and any(name in location for name in _PART_LOCATION):
            yield Note(entry.uri, "Location", "of a shape that Redfish does not know: its label is read all the same")
        if isinstance(entry.document.get("Sensors"), list):
            yield Note(entry.uri, "Sensors", "a list that Redfish does not have here: read as its own sensors")


def _managers(catalog: Catalog) -> Iterator[Note]:
    managers = list(catalog.of("Manager"))
    root = catalog.entries.get(_ROOT)
    first = link_of(root.document, "Links", "ManagerProvidingService") if root is not None else None
    if not managers:
        return
    ours = tidy(first) if first is not None and tidy(first) in {m.uri for m in managers} else managers[0].uri
    for manager in managers:
        if manager.uri != ours:
            yield Note(manager.uri, "", f"a manager behind the first, {ours.rsplit('/', 1)[-1]}")


def _boards(parts: Sequence[Part]) -> Iterator[Note]:
    counts = Counter((p.kind, p.entry.listed_in, p.serial) for p in parts if p.serial and p.entry.listed_in)
    for (kind, listed_in, serial), count in counts.items():
        if count > 1:
            what = f"{count} parts of kind {kind} say {serial!r}: their board's, they stay {count}"
            yield Note(listed_in, "SerialNumber", what)
