"""The older Thermal and Power resources: what only they know.  Where sensors say the same, the sensors count."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from firmware_bridge.vocabulary.inventory import Note, SensorValue
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from firmware_bridge.wire.redfish.catalog import Catalog, Entry
from firmware_bridge.wire.redfish.guard import Document, scrub
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.numbers import state_name
from firmware_bridge.wire.redfish.units import Scale, unit_of, unknown_unit
from firmware_bridge.wire.redfish.values import plain_scale, read_value


@dataclass(frozen=True, slots=True)
class Row:
    """An array of an older resource and the properties of its members that carry one quantity, the best one first."""

    schema: str
    array: str
    properties: tuple[str, ...]
    quantity: Quantity


# Thermal 1.0 to 1.7 and Power 1.0 to 1.7 (DSP0268); `CurrentReading` is what services before Redfish 1.0 have.
ROWS = (
    Row("Thermal", "Temperatures", ("ReadingCelsius", "CurrentReading"), Quantity.TEMPERATURE),
    Row("Thermal", "Fans", ("Reading", "ReadingRPM", "CurrentReading"), Quantity.FAN_SPEED),
    Row("Power", "PowerControl", ("PowerConsumedWatts",), Quantity.POWER),
    Row("Power", "Voltages", ("ReadingVolts",), Quantity.VOLTAGE),
    Row("Power", "PowerSupplies", ("LastPowerOutputWatts", "PowerOutputWatts"), Quantity.POWER),
    Row("Power", "PowerSupplies", ("PowerInputWatts",), Quantity.POWER_INPUT),
)
_PARTS = (("Thermal", "Fans", "Fan"), ("Power", "PowerSupplies", "PowerSupply"))
# Properties whose name does not say the unit: `ReadingUnits` (before 1.0 `Units`) does.
_STATED = frozenset({"Reading", "CurrentReading"})
SAME = {Quantity.FAN_SPEED: (Quantity.FAN_SPEED, Quantity.PERCENT), Quantity.POWER_INPUT: (Quantity.POWER,)}
_GONE = "Absent"


def legacy_readings(catalog: Catalog, sensed: Mapping[str, frozenset[str]], notes: list[Note]) -> Iterable[SensorValue]:
    """Yield the numbers of Thermal and Power.

    `sensed` maps a sensor collection to the quantities that its sensors give: where the chassis' own give the same
    quantity, the older numbers are left out with a note that counts them.  So are those of members that are not there.
    """
    for row in ROWS:
        for entry in catalog.of(row.schema):
            given = sensed.get(_collection(catalog, entry), frozenset())
            found = list(_numbers(entry, row, notes))
            if any(q.value in given for q in SAME.get(row.quantity, (row.quantity,))):
                if found:
                    left_out = f"{len(found)} numbers left out: the chassis' Sensors give the same"
                    notes.append(Note(entry.uri, row.array, left_out))
                continue
            yield from found


def legacy_ratings(catalog: Catalog, notes: list[Note]) -> Iterator[SensorValue]:
    """Yield the rated watts of each power supply that only Power knows."""
    for entry in legacy_parts(catalog):
        raw = entry.document.get("PowerCapacityWatts")
        if entry.schema != "PowerSupply" or raw is None or entry.state == _GONE:
            continue
        value = read_value(raw, plain_scale(Quantity.POWER))
        if value.oddity:
            notes.append(Note(entry.uri, "PowerCapacityWatts", value.oddity))
        if value.number is not None:
            yield SensorValue(entry.id, "power_capacity", "W", value.number, _at(entry.uri, "PowerCapacityWatts"))


def legacy_parts(catalog: Catalog) -> Iterator[Entry]:
    """Yield fans and power supplies that only Thermal and Power know, as if they were resources of their own."""
    for schema, array, newer in _PARTS:
        owners = {_chassis(e.uri) for e in catalog.of(newer)}
        for entry in catalog.of(schema):
            if entry.uri.rsplit("/", 1)[0] in owners:
                continue
            for index, member in members(entry.document, array):
                name = scrub(member.get("Name") or member.get("FanName"), 256)
                body = {**member, "Id": _id(member, index), "Name": name}
                yield Entry(_uri(entry, member, array, index), newer, body, f"{entry.uri}#/{array}")


def members(document: Document, array: str) -> Iterator[tuple[int, Document]]:
    """Yield (position, member) of an array's members that are objects."""
    found: Any = document.get(array)
    for index, member in enumerate(found if isinstance(found, list) else ()):
        if isinstance(member, dict):
            yield index, member


def scale_in(row: Row, member: Document, name: str) -> tuple[Scale, str]:
    """Return how the property `name` of a row's member is to be read, and what is odd about its unit."""
    if name not in _STATED:
        return plain_scale(row.quantity), ""
    stated = next((u for n in ("ReadingUnits", "Units") if (u := scrub(member.get(n), 32))), "")
    if not stated:
        return Scale(Quantity.VALUE, "1"), "no unit is stated: kept as a bare number"
    own = unit_of(stated)
    if own is None:
        return Scale(Quantity.VALUE, stated), f"unit {stated!r} is not one we know"
    scale = unknown_unit(own)
    fits = scale.quantity in SAME.get(row.quantity, (row.quantity,))
    return scale, "" if fits else f"unit {stated!r} does not belong to {row.array}"


def property_of(row: Row, member: Document) -> str:
    """Return which of a row's properties this member has, empty when none."""
    return next((n for n in row.properties if member.get(n) is not None), "")


def absent(member: Document) -> bool:
    """Return True when a member says that it is not there: its number (often 0) is none."""
    status = member.get("Status")
    return isinstance(status, dict) and state_name(status.get("State")) == _GONE


def label_of(member: Document, index: int) -> str:
    """Return a member's own name, in which people know it."""
    return scrub(member.get("Name") or member.get("FanName"), 128) or _id(member, index)


def line_of(member: Document, document: Document, array: str) -> tuple[str, str]:
    """Return (key, name) by which a member of an array is found again: its `MemberId`, else its name.

    One that another member has as well tells nothing; empty when there is none of its own.
    """
    for key in ("MemberId", "Name", "FanName"):
        name = member.get(key)
        if not isinstance(name, str) or not name:
            continue
        if sum(other.get(key) == name for _, other in members(document, array)) == 1:
            return key, name
    return "", ""


def _numbers(entry: Entry, row: Row, notes: list[Note]) -> Iterator[SensorValue]:
    gone = 0
    for index, member in members(entry.document, row.array):
        name = property_of(row, member)
        if not name:
            continue
        if absent(member):
            gone += 1
            continue
        scale, oddity = scale_in(row, member, name)
        value = read_value(member[name], scale)
        uri = _uri(entry, member, row.array, index)
        notes += [Note(uri, name, what) for what in (oddity, value.oddity) if what]
        if value.number is not None:
            quantity = value.scale.quantity
            unit = value.scale.unit if quantity is Quantity.VALUE else SPECS[quantity].unit
            # A member's second number stands under its own property: what has a number has one URI.
            at = uri if row.quantity is not Quantity.POWER_INPUT else _at(uri, name)
            yield SensorValue(_id(member, index), quantity.value, unit, value.number, at)
    if gone:
        notes.append(Note(entry.uri, row.array, f"{gone} members with a number are Absent: left out"))


def _at(uri: str, name: str) -> str:
    return f"{uri}{'/' if '#' in uri else '#/'}{name}"


def _collection(catalog: Catalog, entry: Entry) -> str:
    chassis = catalog.entries.get(entry.uri.rsplit("/", 1)[0])
    return tidy(link_of(chassis.document, "Sensors") or "") if chassis is not None else ""


def _chassis(uri: str) -> str:
    """Return the chassis (or other third-level resource) that a part's URI lies below."""
    return "/".join(uri.split("/")[:5])


def _id(member: Document, index: int) -> str:
    return scrub(member.get("MemberId"), 256) or scrub(member.get("Name") or member.get("FanName"), 256) or str(index)


def _uri(entry: Entry, member: Document, array: str, index: int) -> str:
    """Return where a member stands: its own link when that leads into this resource, else its position in it.

    Some services give every member the resource's own link, some a link to what it is about.
    """
    own = link_of(member)
    inside = own is not None and own.startswith(entry.uri) and own[len(entry.uri) :].lstrip("/").startswith("#")
    return scrub(own if inside else f"{entry.uri}#/{array}/{index}", 1024)
