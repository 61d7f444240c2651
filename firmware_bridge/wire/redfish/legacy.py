"""The older Thermal and Power resources, read only where a chassis has nothing newer to say the same with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from firmware_bridge.vocabulary.inventory import Item, ItemKind, Note, SensorValue
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from firmware_bridge.wire.redfish.catalog import Catalog, Entry
from firmware_bridge.wire.redfish.guard import Document, scrub
from firmware_bridge.wire.redfish.links import link_of
from firmware_bridge.wire.redfish.numbers import number, possible
from firmware_bridge.wire.redfish.parts import usable


@dataclass(frozen=True, slots=True)
class _Row:
    schema: str
    array: str
    property: str
    quantity: Quantity


# Thermal 1.7 and Power 1.7 (DSP0268).
_ROWS = (
    _Row("Thermal", "Temperatures", "ReadingCelsius", Quantity.TEMPERATURE),
    _Row("Thermal", "Fans", "Reading", Quantity.FAN_SPEED),
    _Row("Power", "PowerControl", "PowerConsumedWatts", Quantity.POWER),
    _Row("Power", "Voltages", "ReadingVolts", Quantity.VOLTAGE),
    _Row("Power", "PowerSupplies", "LastPowerOutputWatts", Quantity.POWER),
)
_PARTS = (
    ("Thermal", "Fans", ItemKind.FAN, "ThermalSubsystem"),
    ("Power", "PowerSupplies", ItemKind.PSU, "PowerSubsystem"),
)


def legacy_readings(catalog: Catalog, notes: list[Note]) -> list[SensorValue]:
    """Return the numbers of Thermal and Power below chassis that list no sensors."""
    found: list[SensorValue] = []
    for row in _ROWS:
        for entry in catalog.of(row.schema):
            if _offers(catalog, entry, "Sensors"):
                count = sum(number(m.get(row.property)) is not None for _, m in _members(entry, row.array))
                if count:
                    left_out = f"{count} numbers left out: the chassis lists Sensors"
                    notes.append(Note(entry.uri, row.array, left_out))
                continue
            for index, member in _members(entry, row.array):
                raw = member.get(row.property)
                value = number(raw)
                uri = _uri(entry, member, row.array, index)
                if value is None:
                    if raw is not None:
                        notes.append(Note(uri, row.property, f"not a number: {scrub(raw, 40)!r}"))
                    continue
                percent = row.array == "Fans" and member.get("ReadingUnits") == "Percent"
                quantity = Quantity.PERCENT if percent else row.quantity
                if not possible(quantity, value):
                    notes.append(Note(uri, row.property, f"{value:g} cannot be a {quantity}: left out"))
                    continue
                found.append(SensorValue(_name(member, index), quantity.value, SPECS[quantity].unit, float(value), uri))
    return found


def legacy_items(catalog: Catalog) -> list[Item]:
    """Return fans and power supplies that only Thermal and Power know."""
    found: list[Item] = []
    for schema, array, kind, newer in _PARTS:
        for entry in catalog.of(schema):
            if _offers(catalog, entry, newer):
                continue
            for index, member in _members(entry, array):
                status = member.get("Status")
                if isinstance(status, dict) and status.get("State") == "Absent":
                    continue
                found.append(
                    Item(
                        kind=kind,
                        id=_name(member, index),
                        name=scrub(member.get("Name") or member.get("FanName"), 256),
                        part_number=usable(scrub(member.get("PartNumber"), 256)),
                        serial_number=usable(scrub(member.get("SerialNumber"), 256)),
                        firmware=usable(scrub(member.get("FirmwareVersion"), 256)),
                        uris=(_uri(entry, member, array, index),),
                    )
                )
    return found


def _offers(catalog: Catalog, entry: Entry, name: str) -> bool:
    chassis = catalog.entries.get(entry.uri.rsplit("/", 1)[0])
    return chassis is not None and name in chassis.document


def _members(entry: Entry, array: str) -> Iterator[tuple[int, Document]]:
    members: Any = entry.document.get(array)
    for index, member in enumerate(members if isinstance(members, list) else ()):
        if isinstance(member, dict):
            yield index, member


def _name(member: Document, index: int) -> str:
    return scrub(member.get("MemberId") or member.get("Name"), 256) or str(index)


def _uri(entry: Entry, member: Document, array: str, index: int) -> str:
    return scrub(link_of(member) or f"{entry.uri}#/{array}/{index}", 1024)
