"""Which documents of a tree are resources, of which schema, and which collection lists them.  Knows no maker."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from firmware_bridge.vocabulary.inventory import Note
from firmware_bridge.wire.redfish.guard import Document, scrub
from firmware_bridge.wire.redfish.links import MOST_URI, link_of, member_link, tidy
from firmware_bridge.wire.redfish.numbers import state_name
from firmware_bridge.wire.redfish.spelling import ARRAY, as_collection, own_spelling, straight

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
# A maker's own type that is one of these by its last word (`HpeSmartStorageDiskDrive`): read as such where the endpoint
# shows nothing of the standard's type, because most makers show the same parts in both ways.
_LIKE = (
    *("LeakDetector", "PowerSupply", "NetworkAdapter", "Processor", "Sensor", "Drive", "Memory", "Fan", "Pump"),
    *("SoftwareInventory", "Battery"),
)
_ODATA = "/redfish/v1/odata"  # a list of names for generic OData clients, not a resource
_MOST_INLINE = 20_000
_LEAST_WHOLE = 2  # a link has one property, a resource more


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
        """Return `Status.State` as Redfish spells it, empty when absent."""
        status = self.document.get("Status")
        return state_name(scrub(status.get("State"), 64)) if isinstance(status, dict) else ""


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
            where = "listed in a collection, but " if uri in listed else ""
            catalog.notes.append(Note(uri, "", f"{where}answers with an error"))
            continue
        if "error" in body:
            catalog.notes.append(Note(uri, "error", "an error inside an otherwise regular resource"))
        schema = _schema(uri, body, listed.get(uri, ""), catalog.notes)
        _check_identity(uri, body, catalog.notes)
        catalog.entries[uri] = Entry(uri, schema, body, listed.get(uri, ""))
    _read_likes(catalog)
    return catalog


def _bodies(documents: Mapping[str, Any], notes: list[Note]) -> dict[str, Document]:
    bodies: dict[str, Document] = {}
    for uri, raw in documents.items():
        key, body = _key(uri), raw
        if isinstance(body, list):
            notes.append(Note(key, "", ARRAY))
            body = as_collection(body)
        if not isinstance(body, dict):
            notes.append(Note(key, "", f"not an object but {type(body).__name__}"))
            continue
        bodies[key], odd = straight(body) if key != _ODATA else (body, ())
        if odd:
            notes.append(Note(key, odd[0], own_spelling(odd)))
    for uri, body in list(bodies.items()):
        _file_inline(uri, body, bodies, notes)
    return bodies


def _file_inline(uri: str, body: Document, bodies: dict[str, Document], notes: list[Note]) -> None:
    """Members that came inside their collection, and whole resources inside others, are documents of their own."""
    members = body.get("Members")
    for index, member in enumerate(members if isinstance(members, list) else ()):
        if not isinstance(member, dict) or len(member) < _LEAST_WHOLE:
            continue
        found = link_of(member)
        if found is not None:
            bodies.setdefault(_key(found), member)
        elif _named(member):
            at = f"{uri}#/Members/{index}"
            bodies[at] = member
            notes.append(Note(uri, "Members", f"a member without @odata.id: {_named(member)} is read where it stands"))
    for name, inner in _whole_resources(body):
        found = _key(str(inner["@odata.id"]))
        if found != uri and found not in bodies:
            bodies[found] = inner
            notes.append(Note(uri, name, f"holds {found.rsplit('/', 1)[-1]} whole instead of a link to it"))


def _whole_resources(body: Document) -> Iterator[tuple[str, Document]]:
    """Yield (property, object) for each object below a property that has type and place of a resource."""
    stack = [(name, value) for name, value in body.items() if name != "Members" and isinstance(value, dict | list)]
    for _ in range(_MOST_INLINE):
        if not stack:
            return
        name, value = stack.pop()
        if isinstance(value, list):
            stack += [(name, v) for v in reversed(value) if isinstance(v, dict | list)]
            continue
        uri, kind = value.get("@odata.id"), value.get("@odata.type")
        if isinstance(uri, str) and "#" not in uri and uri.startswith("/") and isinstance(kind, str):
            yield name, value
        stack += [(name, v) for v in value.values() if isinstance(v, dict | list)]


def _listings(bodies: Mapping[str, Document], notes: list[Note]) -> dict[str, str]:
    listed: dict[str, str] = {}
    for uri, body in bodies.items():
        members = body.get("Members")
        if not isinstance(members, list):
            continue
        here: set[str] = set()
        for index, member in enumerate(members):
            found = member_link(member)
            if found is None:
                inline = f"{uri}#/Members/{index}"
                if inline in bodies:
                    listed[inline] = uri.partition("?")[0]
                else:
                    notes.append(Note(uri, "Members", "a member without @odata.id: nothing is known of it"))
                continue
            key = _key(found)
            if key in here:
                notes.append(Note(uri, "Members", f"lists {key.rsplit('/', 1)[-1]} twice"))
            if key == uri:
                notes.append(Note(uri, "Members", "lists itself"))
                continue
            here.add(key)
            listed.setdefault(key, uri.partition("?")[0])  # a further page belongs to the same collection
            if key not in bodies and _matters(uri):
                notes.append(Note(key, "", NOT_THERE))
        _check_count(uri, body, len(here), notes)
    return listed


def _check_count(uri: str, body: Document, count: int, notes: list[Note]) -> None:
    stated = body.get("Members@odata.count")
    if type(stated) is int and stated > count and "Members@odata.nextLink" not in body and "?" not in uri:
        notes.append(Note(uri, "Members@odata.count", f"says {stated}, but {count} are listed"))


def _key(uri: str) -> str:
    """Return what a resource is filed under: never anything that could not be printed."""
    return scrub(tidy(uri), MOST_URI)


def _named(member: Document) -> str:
    """Return what a member that nothing can point at calls itself, empty when it does not."""
    return next((f"{n} {scrub(member[n], 80)!r}" for n in ("Id", "MemberId", "Name") if scrub(member.get(n))), "")


def _matters(collection: str) -> bool:
    return collection.rsplit("/", 1)[-1] in _BY_COLLECTION


def type_of(body: Document) -> str:
    """Return the schema that a resource declares, empty when it declares none."""
    declared = body.get("@odata.type")
    name = scrub(declared.lstrip("#").partition(".")[0], 64) if isinstance(declared, str) else ""
    return name if name.isidentifier() else ""


def _schema(uri: str, body: Document, listed_in: str, notes: list[Note]) -> str:
    name = type_of(body)
    if name:
        declared = str(body["@odata.type"])
        if not declared.startswith("#"):
            notes.append(Note(uri, "@odata.type", f"{scrub(declared, 80)!r} has no # before it: read as {name}"))
        return name
    if isinstance(body.get("Members"), list):
        return ""  # a collection, whatever else it looks like
    found = next((schema for name, schema in _BY_SHAPE if name in body), "")
    if not found:
        found = _BY_COLLECTION.get(listed_in.rsplit("/", 1)[-1], "")
    if found:
        notes.append(Note(uri, "@odata.type", f"missing; read as {found}"))
    return found


def _read_likes(catalog: Catalog) -> None:
    """Read resources of a maker's own type as the standard's type they are by name, where there is none of that."""
    present = {entry.schema for entry in catalog.entries.values()}
    for uri, entry in catalog.entries.items():
        schema = entry.schema
        like = next((name for name in _LIKE if schema.endswith(name) and schema != name), "")
        if like and like not in present and "Members" not in entry.document:
            catalog.entries[uri] = replace(entry, schema=like)
            catalog.notes.append(Note(uri, "@odata.type", f"{schema} is the maker's own: read as {like}"))


def _check_identity(uri: str, body: Document, notes: list[Note]) -> None:
    own = body.get("@odata.id")
    if isinstance(own, str) and _key(own) != uri:
        notes.append(Note(uri, "@odata.id", f"says {scrub(own, 120)}"))
