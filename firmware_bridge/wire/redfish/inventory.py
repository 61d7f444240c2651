"""`{uri: document}` to a stock report.  Pure and the same for every maker: what is odd is noted, nothing is guessed."""

from collections.abc import Iterable, Mapping
from typing import Any

from firmware_bridge.vocabulary.inventory import (
    EndpointReport,
    FirmwareItem,
    Item,
    ItemKind,
    LeakDetectorItem,
    Note,
    SensorValue,
)
from firmware_bridge.wire.redfish.catalog import NOT_THERE, Catalog, Entry, catalog_of
from firmware_bridge.wire.redfish.guard import scrub
from firmware_bridge.wire.redfish.legacy import legacy_items, legacy_readings
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.numbers import UNREADABLE, leak_name, number, possible
from firmware_bridge.wire.redfish.odd import odd_values
from firmware_bridge.wire.redfish.parts import merge, parts_of, usable
from firmware_bridge.wire.redfish.units import scale_of

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
    firmware, versions = _firmware(catalog)
    items = merge(parts_of(catalog, found), host_systems(catalog), versions, found)
    readings = [*_sensors(catalog, found), *legacy_readings(catalog, found), *_ratings(catalog, found)]
    leaks = _leaks(catalog, found)
    for entry in catalog.entries.values():
        found += odd_values(entry)
    items += legacy_items(catalog)
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
    )


def sensor_value(entry: Entry, notes: list[Note]) -> SensorValue | None:
    """Return one sensor's number in our unit, None (with a note where it is odd) when there is none."""
    document = entry.document
    raw = document.get("Reading")
    value = number(raw)
    if value is None:
        if raw is not None:
            notes.append(Note(entry.uri, "Reading", f"not a number: {scrub(raw, 40)!r}"))
        return None
    if isinstance(raw, str):
        notes.append(Note(entry.uri, "Reading", "a number sent as text"))
    scale = scale_of(document.get("ReadingType"), document.get("ReadingUnits"), document.get("ReadingBasis"))
    if scale.oddity:
        notes.append(Note(entry.uri, "ReadingType", scale.oddity))
    ours = float(scale.apply(value))
    if not possible(scale.quantity, ours):
        notes.append(Note(entry.uri, "Reading", f"{value:g} cannot be a {scale.quantity} in {scale.unit}: left out"))
        return None
    if entry.state in UNREADABLE:
        notes.append(Note(entry.uri, "Status", f"says {entry.state}: its number may be an old one"))
    return SensorValue(entry.id, scale.quantity.value, scale.unit, ours, entry.uri)


def _sensors(catalog: Catalog, notes: list[Note]) -> list[SensorValue]:
    found: list[SensorValue] = []
    for entry in catalog.of("Sensor"):
        own = entry.document.get("Id")
        if isinstance(own, str) and own != entry.uri.rsplit("/", 1)[-1]:
            notes.append(Note(entry.uri, "Id", f"differs from its URI: {entry.id!r}"))
        value = sensor_value(entry, notes)
        if value is not None:
            found.append(value)
    return found


def _ratings(catalog: Catalog, notes: list[Note]) -> list[SensorValue]:
    """Return each installed power supply's rated watts, a number or a text that holds one."""
    found: list[SensorValue] = []
    for entry in catalog.of("PowerSupply"):
        for name in ("PowerCapacityWatts", "CapacityWatts"):
            raw = entry.document.get(name)
            if raw is None or entry.state == "Absent":
                continue
            value = number(raw)
            if value is None:
                notes.append(Note(entry.uri, name, f"not a number: {scrub(raw, 40)!r}"))
                continue
            if isinstance(raw, str):
                notes.append(Note(entry.uri, name, "a number sent as text"))
            found.append(SensorValue(entry.id, "power_capacity", "W", float(value), entry.uri))
            break
    return found


def _leaks(catalog: Catalog, notes: list[Note]) -> list[LeakDetectorItem]:
    found: list[LeakDetectorItem] = []
    for entry in catalog.of("LeakDetector"):
        said = entry.document.get("DetectorState")
        state = leak_name(said)
        if state == "unknown":
            notes.append(Note(entry.uri, "DetectorState", f"says {scrub(said, 40)!r}: taken as unknown"))
        elif state == "OK" and entry.state in UNREADABLE:
            # It saw nothing because it does not look.  A leak it told of still counts.
            notes.append(Note(entry.uri, "DetectorState", f"says OK, but is {entry.state}: taken as unknown"))
            state = "unknown"
        found.append(LeakDetectorItem(entry.id, state, entry.uri))
    return found


def _firmware(catalog: Catalog) -> tuple[list[FirmwareItem], dict[str, str]]:
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
        found.append(FirmwareItem(entry.id, version, entry.uri))
        related = entry.document.get("RelatedItem")
        for item in related if isinstance(related, list) else ():
            uri = link_of(item)
            if uri is not None and version is not None:
                claims.setdefault(tidy(uri), []).append(version)
    return found, {uri: versions[0] for uri, versions in claims.items() if len(versions) == 1}


def host_systems(catalog: Catalog) -> frozenset[str]:
    """Return the systems that are machines of their own: those that can be reset.  The rest are views of them."""
    return frozenset(
        e.uri
        for e in catalog.of("ComputerSystem")
        if isinstance(actions := e.document.get("Actions"), dict) and "#ComputerSystem.Reset" in actions
    )


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
    }
