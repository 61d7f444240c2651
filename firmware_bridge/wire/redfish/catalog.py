"""Which documents of a tree are resources, of which schema, and which collection lists them.  Knows no maker."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.vocabulary.inventory import Note
from firmware_bridge.wire.redfish.guard import Document, scrub
from firmware_bridge.wire.redfish.links import MOST_URI, link_of, tidy

# A schema told by the property that only it has, for documents without `@odata.type`.
_BY_SHAPE = (
    ("ProcessorType", "Processor"),
    ("DetectorState", "LeakDetector"),
    ("ReadingType", "Sensor"),
    ("ReadingUnits", "Sensor"),
    ("ChassisType", "Chassis"),
    ("ManagerType", "Manager"),
    ("SystemType", "ComputerSystem"),
    ("PowerSupplyType", "PowerSupply"),
    ("PumpType", "Pump"),
    ("MemoryDeviceType", "Memory"),
    ("SwitchType", "Switch"),
    ("OutletType", "Outlet"),
    ("ReservoirType", "Reservoir"),
    ("MediaType", "Drive"),
)
# The schema of the members, by the last segment of the collection that lists them.
_BY_COLLECTION = {
    "Processors": "Processor",
    "LeakDetectors": "LeakDetector",
    "Sensors": "Sensor",
    "Chassis": "Chassis",
    "Managers": "Manager",
    "Systems": "ComputerSystem",
    "PowerSupplies": "PowerSupply",
    "Pumps": "Pump",
    "Memory": "Memory",
    "Switches": "Switch",
    "Outlets": "Outlet",
    "Reservoirs": "Reservoir",
    "Drives": "Drive",
    "Fans": "Fan",
    "NetworkAdapters": "NetworkAdapter",
    "FirmwareInventory": "SoftwareInventory",
    "SoftwareInventory": "SoftwareInventory",
    "Batteries": "Battery",
    "Filters": "Filter",
}


NOT_THERE = "listed in a collection, but not there"


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource: where it is, what it is, which collection lists it (empty when none does)."""

    uri: str
    schema: str
    document: Document
    listed_in: str = ""

    def text(self, name: str, most: int = 256) -> str:
        """Return a property as one clean line, empty when absent; a boolean is no text either."""
        found = self.document.get(name)
        return "" if isinstance(found, bool) else scrub(found, most)

    @property
    def id(self) -> str:
        """Return the resource's `Id`, else the last segment of its URI."""
        return self.text("Id") or scrub(self.uri.rsplit("/", 1)[-1], 256)

    @property
    def state(self) -> str:
        """Return `Status.State`, empty when absent."""
        status = self.document.get("Status")
        return scrub(status.get("State"), 64) if isinstance(status, dict) else ""


@dataclass(slots=True)
class Catalog:
    """All resources of a tree by URI, and notes on what was odd."""

    entries: dict[str, Entry] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def of(self, *schemas: str) -> Iterator[Entry]:
        """Yield the resources of these schemas in the tree's order."""
        return (e for e in self.entries.values() if e.schema in schemas)


def catalog_of(documents: Mapping[str, Any]) -> Catalog:
    """Sort `{uri: document}` into resources.

    Error bodies, pending-settings resources and members that answer nothing are left out; each gets a note except the
    settings, which are regular.
    """
    catalog = Catalog()
    bodies = _bodies(documents, catalog.notes)
    listed = _listings(bodies, catalog.notes)
    settings = {
        _key(s) for b in bodies.values() if (s := link_of(b, "@Redfish.Settings", "SettingsObject")) is not None
    }
    for uri, body in bodies.items():
        if uri in settings:
            continue
        if "error" in body and not ("@odata.type" in body or "Id" in body):
            if uri in listed:
                catalog.notes.append(Note(uri, "", "listed in a collection, but answers with an error"))
            continue
        if "error" in body:
            catalog.notes.append(Note(uri, "error", "an error inside an otherwise regular resource"))
        schema = _schema(uri, body, listed.get(uri, ""), catalog.notes)
        _check_identity(uri, body, catalog.notes)
        catalog.entries[uri] = Entry(uri, schema, body, listed.get(uri, ""))
    return catalog


def _bodies(documents: Mapping[str, Any], notes: list[Note]) -> dict[str, Document]:
    bodies: dict[str, Document] = {}
    for uri, body in documents.items():
        if isinstance(body, dict):
            bodies[_key(uri)] = body
        else:
            notes.append(Note(uri, "", f"not an object but {type(body).__name__}"))
    # Members that came inlined with $expand count as documents of their own.
    for body in list(bodies.values()):
        members = body.get("Members")
        for member in members if isinstance(members, list) else ():
            found = link_of(member)
            if found is not None and len(member) > 1:
                bodies.setdefault(_key(found), member)
    return bodies


def _listings(bodies: Mapping[str, Document], notes: list[Note]) -> dict[str, str]:
    listed: dict[str, str] = {}
    for uri, body in bodies.items():
        members = body.get("Members")
        if not isinstance(members, list):
            continue
        here: set[str] = set()
        for member in members:
            found = link_of(member)
            if found is None:
                notes.append(Note(uri, "Members", f"a member without @odata.id: {_lost(member)}"))
                continue
            key = _key(found)
            if key in here:
                notes.append(Note(uri, "Members", f"lists {key.rsplit('/', 1)[-1]} twice"))
            here.add(key)
            listed.setdefault(key, uri.partition("?")[0])  # a further page belongs to the same collection
            if key not in bodies and _matters(uri):
                notes.append(Note(key, "", NOT_THERE))
    return listed


def _key(uri: str) -> str:
    """Return what a resource is filed under: never anything that could not be printed."""
    return scrub(tidy(uri), MOST_URI)


def _lost(member: Any) -> str:
    """Say what goes missing with a member that nothing can point at."""
    if not isinstance(member, dict) or not member:
        return "nothing is known of it"
    named = next((f"{n} {scrub(member[n], 80)!r}" for n in ("Id", "MemberId", "Name") if scrub(member.get(n))), "")
    return f"{named or 'a part'} with {len(member)} properties is left out"


def _matters(collection: str) -> bool:
    return collection.rsplit("/", 1)[-1] in _BY_COLLECTION


def _schema(uri: str, body: Document, listed_in: str, notes: list[Note]) -> str:
    declared = body.get("@odata.type")
    if isinstance(declared, str) and declared.startswith("#"):
        return scrub(declared[1:].partition(".")[0], 64)
    found = next((schema for name, schema in _BY_SHAPE if name in body), "")
    if not found:
        found = _BY_COLLECTION.get(listed_in.rsplit("/", 1)[-1], "")
    if found:
        notes.append(Note(uri, "@odata.type", f"missing; read as {found}"))
    return found


def _check_identity(uri: str, body: Document, notes: list[Note]) -> None:
    own = body.get("@odata.id")
    if isinstance(own, str) and _key(own) != uri:
        notes.append(Note(uri, "@odata.id", f"says {scrub(own, 120)}"))
