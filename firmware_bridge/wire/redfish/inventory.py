"""`{uri: document}` to a stock report.  Pure and the same for every maker: what is odd is noted, nothing is guessed."""

from collections.abc import Iterable, Mapping
from typing import Any

from firmware_bridge.vocabulary.inventory import (
    EndpointReport,
    FirmwareItem,
    Item,
    ItemKind,
    Note,
    SensorValue,
)
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.wire.redfish.aspects import aspects_of
from firmware_bridge.wire.redfish.catalog import NOT_THERE, Catalog, Entry, catalog_of
from firmware_bridge.wire.redfish.enclosures import controller_of, enclosure_of, host_systems, main_system
from firmware_bridge.wire.redfish.facts import facts_of
from firmware_bridge.wire.redfish.leaks import leak_detectors
from firmware_bridge.wire.redfish.legacy import legacy_ratings, legacy_readings
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.numbers import UNREADABLE, usable
from firmware_bridge.wire.redfish.odd import odd_values, outside_ranges
from firmware_bridge.wire.redfish.own_rows import own_rows
from firmware_bridge.wire.redfish.parts import merge, parts_of
from firmware_bridge.wire.redfish.structure import odd_structure
from firmware_bridge.wire.redfish.units import of_a_part, scale_of
from firmware_bridge.wire.redfish.values import plain_scale, read_value

ROOT = "/redfish/v1"
_MOST_NOTES = 2_000


def report_of(
    documents: Mapping[str, Any],
    endpoint: Mapping[str, str | int | None] | None = None,
    notes: Iterable[Note] = (),
) -> EndpointReport:
    """Return everything that `documents` say about an endpoint.

    `readings` are the sensors that give a number, plus the rating that a power supply states about itself; sensors
    without a number are left out.  `endpoint` is merged into what the service root says.
    """
    catalog = catalog_of(documents)
    found = list(notes)
    told = {n.uri for n in found if not n.property}  # whoever fetched it knows why it is not there
    found += [n for n in catalog.notes if n.what != NOT_THERE or n.uri not in told]
    firmware, versions = _firmware(catalog, found)
    parts, hosts = parts_of(catalog, found), host_systems(catalog)
    items = merge(parts, hosts, versions, found)
    sensors, sensed = _sensors(catalog, found)
    readings = [
        *(*sensors, *legacy_readings(catalog, sensed, found), *own_rows(catalog, found)),
        *(*_ratings(catalog, found), *legacy_ratings(catalog, found)),
    ]
    leaks = leak_detectors(catalog, found)
    for entry in catalog.entries.values():
        found += odd_values(entry)
    found += (*outside_ranges(catalog.of("Sensor")), *odd_structure(catalog, hosts, parts))
    found = list(dict.fromkeys(found))
    if len(found) > _MOST_NOTES:
        dropped = len(found) - _MOST_NOTES
        found = [*found[:_MOST_NOTES], Note(ROOT, "", f"{dropped} more notes left out")]
    return EndpointReport(
        endpoint={**_about(catalog, items), **(endpoint or {})},
        inventory=tuple(items),
        readings=tuple(readings),
        firmware=tuple(firmware),
        leak_detectors=tuple(leaks),
        notes=tuple(found),
        aspects=tuple(aspects_of(catalog)),
    )


def sensor_value(entry: Entry, notes: list[Note]) -> SensorValue | None:
    """Return one sensor's number in our unit, None (with a note where it is odd) when there is none."""
    document = entry.document
    raw = document.get("Reading")
    scale = scale_of(document.get("ReadingType"), document.get("ReadingUnits"), document.get("ReadingBasis"))
    value = read_value(raw, scale)
    if value.oddity:
        notes.append(Note(entry.uri, "Reading", value.oddity))
    if value.number is None:
        return None
    if value.scale is scale and scale.oddity:
        notes.append(Note(entry.uri, "ReadingType", scale.oddity))
    if entry.state in UNREADABLE:
        notes.append(Note(entry.uri, "Status", f"says {entry.state}: its number may be an old one"))
    return SensorValue(entry.id, value.scale.quantity.value, value.scale.unit, value.number, entry.uri)


def _sensors(catalog: Catalog, notes: list[Note]) -> tuple[list[SensorValue], dict[str, frozenset[str]]]:
    """Return the sensors' numbers, and which quantities each sensor collection gives."""
    found: list[SensorValue] = []
    sensed: dict[str, set[str]] = {}
    for entry in catalog.of("Sensor"):
        own = entry.document.get("Id")
        if isinstance(own, str) and own != entry.uri.rsplit("/", 1)[-1]:
            notes.append(Note(entry.uri, "Id", f"differs from its URI: {entry.id!r}"))
        value = sensor_value(entry, notes)
        if value is not None:
            found.append(value)
            if value.quantity == Quantity.POWER.value and of_a_part(entry.document.get("PhysicalContext")):
                continue  # a supply's own watts are not what PowerControl says of the whole
            for collection in (entry.listed_in, entry.uri.rpartition("/")[0]):
                sensed.setdefault(collection, set()).add(value.quantity)
    return found, {collection: frozenset(quantities) for collection, quantities in sensed.items()}


def _ratings(catalog: Catalog, notes: list[Note]) -> list[SensorValue]:
    """Return each installed power supply's rated watts, a number or a text that holds one."""
    found: list[SensorValue] = []
    for entry in catalog.of("PowerSupply"):
        for name in ("PowerCapacityWatts", "CapacityWatts"):
            raw = entry.document.get(name)
            if raw is None or entry.state == "Absent":
                continue
            value = read_value(raw, plain_scale(Quantity.POWER))
            if value.oddity:
                notes.append(Note(entry.uri, name, value.oddity))
            if value.number is None:
                continue
            found.append(SensorValue(entry.id, "power_capacity", "W", value.number, entry.uri))
            break
    return found


def _firmware(catalog: Catalog, notes: list[Note]) -> tuple[list[FirmwareItem], dict[str, str]]:
    """Return the firmware inventory, and the version of each URI that exactly one member says it belongs to."""
    found: list[FirmwareItem] = []
    claims: dict[str, list[str]] = {}
    links = (link_of(e.document, "FirmwareInventory") for e in catalog.of("UpdateService"))
    collections = {tidy(uri) for uri in links if uri is not None}
    for entry in catalog.of("SoftwareInventory"):
        # The update service says which collection is firmware; only where none is at hand its usual name counts.
        place = entry.listed_in or entry.uri.rpartition("/")[0]
        if place not in collections if collections else "/FirmwareInventory" not in place:
            continue
        version = usable(entry.text("Version"))
        if version is None:
            notes.append(Note(entry.uri, "Version", "none is stated"))
        facts = facts_of(entry.schema, entry.document)
        found.append(FirmwareItem(entry.id, version, entry.uri, facts))
        related = entry.document.get("RelatedItem")
        for item in related if isinstance(related, list) else ():
            uri = link_of(item)
            if uri is not None and version is not None:
                claims.setdefault(tidy(uri), []).append(version)
    return found, {uri: versions[0] for uri, versions in claims.items() if len(versions) == 1}


def _about(catalog: Catalog, items: Iterable[Item]) -> dict[str, str | int | None]:
    root = catalog.entries.get(ROOT)
    bmc = next((i for i in items if i.kind is ItemKind.BMC), None)
    if root is None:
        return {}
    return {
        "name": root.text("Name"),
        "vendor": usable(root.text("Vendor")),
        "product": usable(root.text("Product")),
        "redfish_version": usable(root.text("RedfishVersion")),
        "uuid": usable(root.text("UUID")),
        "firmware": bmc.firmware if bmc else None,
        "resources": len(catalog.entries),
        "enclosure": enclosure_of(catalog),
        "system": main_system(catalog),
        "controller": controller_of(catalog),
    }
