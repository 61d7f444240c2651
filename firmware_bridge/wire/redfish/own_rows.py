"""Sensors that a maker lists in a resource of its own, where the endpoint shows no Sensor of the standard.  Pure.

A row counts when it states a number and its unit; what Thermal or Power name as well is theirs.  Nothing is guessed.
"""

from collections.abc import Iterator

from firmware_bridge.vocabulary.inventory import Note, SensorValue
from firmware_bridge.wire.redfish.catalog import Catalog, Entry
from firmware_bridge.wire.redfish.guard import Document, scrub
from firmware_bridge.wire.redfish.legacy import ROWS, absent, label_of, members
from firmware_bridge.wire.redfish.units import unit_of, unknown_unit
from firmware_bridge.wire.redfish.values import read_value

ARRAYS = ("Sensors", "ThresholdSensors", "NumericSensors")
_NUMBERS = ("Reading", "ReadingValue", "CurrentReading")
_UNITS = ("ReadingUnits", "Unit", "Units", "BaseUnits")
_SCALED = frozenset({"UnitModifier", "Multiplier"})  # a number that is to be multiplied by what we do not read


def own_rows(catalog: Catalog, notes: list[Note]) -> Iterator[SensorValue]:
    """Yield the numbers of such lists, and note how many rows of each were read and how many were not."""
    if next(iter(catalog.of("Sensor")), None) is not None:
        return
    named = {label_of(m, n) for row in ROWS for e in catalog.of(row.schema) for n, m in members(e.document, row.array)}
    for entry in catalog.entries.values():
        for array in ARRAYS:
            rows = [(n, m) for n, m in members(entry.document, array) if label_of(m, n) not in named and _counts(m)]
            found = [value for n, m in rows if (value := _value(entry, array, n, m)) is not None]
            if rows:
                missing = len(rows) - len(found)
                left = f", {missing} without a number in a unit that we know" if missing else ""
                notes.append(Note(entry.uri, array, f"the maker's own list of sensors: {len(found)} read{left}"))
            yield from found


def _counts(member: Document) -> bool:
    return any(name in member for name in _NUMBERS) and not absent(member)


def _value(entry: Entry, array: str, index: int, member: Document) -> SensorValue | None:
    if not _SCALED.isdisjoint(member):
        return None
    stated = next((u for name in _UNITS if (u := scrub(member.get(name), 32))), "")
    own = unit_of(stated)
    raw = next((member[name] for name in _NUMBERS if member.get(name) is not None), None)
    if own is None or raw is None:
        return None
    value = read_value(raw, unknown_unit(own))
    if value.number is None:
        return None
    identity = scrub(member.get("MemberId"), 256) or label_of(member, index)
    uri = f"{entry.uri}#/{array}/{index}"
    return SensorValue(identity, value.scale.quantity.value, value.scale.unit, value.number, uri)
