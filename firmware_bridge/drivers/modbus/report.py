"""What a tray on a serial line is made of, as an EndpointReport: read from its units' texts and latest words."""

from collections.abc import Mapping, Sequence

from firmware_bridge.drivers.modbus.unit import SerialUnit
from firmware_bridge.vocabulary.facts import Fact
from firmware_bridge.vocabulary.inventory import (
    EndpointReport,
    FirmwareItem,
    Item,
    ItemKind,
    LeakDetectorItem,
    Note,
    SensorValue,
)
from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.quantities import CODES, SPECS, Quantity
from firmware_bridge.vocabulary.reading import Quality, Reading

_KINDS = {"psu": ItemKind.PSU, "bbu": ItemKind.BATTERY, "pmm": ItemKind.BMC}
# What a map's texts say beyond identity.
_FACTS = {"model": Fact.MODEL, "hardware": Fact.VERSION, "manufactured": Fact.PRODUCED_ON}
_LEAK_WORDS = {0.0: "OK", 1.0: "Warning", 2.0: "Critical"}


def report_of_units(
    endpoint: Place,
    units: Sequence[SerialUnit],
    identities: Mapping[str, Mapping[str, str]],
    latest: Mapping[tuple[Place, Quantity], Reading],
    notes: Sequence[Note],
) -> EndpointReport:
    """Return the report of one tray.  `identities` by part; a unit without one was silent and has a note."""
    tty = units[0].bus.tty if units else ""
    known = [u for u in units if u.part in identities]
    unread = tuple(_at(u) for u in units if u.part not in identities)
    return EndpointReport(
        endpoint={
            "place": endpoint,
            "url": tty,
            "line": str(units[0].settings) if units else "",
            "seen": "part" if unread else "whole",
        },
        inventory=tuple(_item(u, identities[u.part]) for u in known),
        readings=tuple(_values(latest)),
        firmware=tuple(FirmwareItem(u.part or "unit", identities[u.part].get("firmware"), _at(u)) for u in known),
        leak_detectors=tuple(_leaks(latest)),
        notes=(*notes, *_refusals(units), *_flagged(latest)),
        unread=unread,
    )


def _at(unit: SerialUnit) -> str:
    return f"{unit.bus.tty}#{unit.address:#04x}"


def _item(unit: SerialUnit, said: Mapping[str, str]) -> Item:
    kind = _KINDS.get(unit.part.rstrip("0123456789"), ItemKind.OTHER)
    return Item(
        kind=kind,
        id=unit.part or leaf_of(unit.tray),
        name=said.get("model") or unit.map.title,
        part_number=said.get("part_number"),
        serial_number=said.get("serial_number"),
        firmware=said.get("firmware"),
        uris=(_at(unit),),
        facts={fact.value: said[name] for name, fact in _FACTS.items() if said.get(name)},
    )


def _values(latest: Mapping[tuple[Place, Quantity], Reading]) -> list[SensorValue]:
    return [
        SensorValue(leaf_of(place), quantity, SPECS[quantity].unit, float(reading.value), reading.source)
        for (place, quantity), reading in sorted(latest.items())
        if reading.value is not None and quantity not in CODES
    ]


def _leaks(latest: Mapping[tuple[Place, Quantity], Reading]) -> list[LeakDetectorItem]:
    return [
        LeakDetectorItem(
            leaf_of(place),
            "unknown" if reading.value is None else _LEAK_WORDS.get(float(reading.value), "unknown"),
            reading.source,
        )
        for (place, quantity), reading in sorted(latest.items())
        if quantity is Quantity.LEAK
    ]


def _refusals(units: Sequence[SerialUnit]) -> list[Note]:
    return [
        Note(_at(u), name, f"{u.map.name} has this register, the unit refuses it")
        for u in units
        for name in sorted(u.refused)
    ]


def _flagged(latest: Mapping[tuple[Place, Quantity], Reading]) -> list[Note]:
    return [
        Note(reading.source, f"{leaf_of(place)} {quantity}", "not to be trusted: end of range, or its sensor is faulty")
        for (place, quantity), reading in sorted(latest.items())
        if reading.quality is Quality.FLAGGED
    ]
