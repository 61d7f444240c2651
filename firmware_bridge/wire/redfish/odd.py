"""What is odd about single values of a resource, whatever its schema: noted, never corrected."""

from collections.abc import Iterator

from firmware_bridge.vocabulary.inventory import Note
from firmware_bridge.wire.redfish.catalog import Entry
from firmware_bridge.wire.redfish.guard import scrub
from firmware_bridge.wire.redfish.numbers import STATES, number

# Properties that Redfish has as text and that reports carry.
_TEXTS = (
    *("Id", "Name", "SerialNumber", "PartNumber", "Model", "FirmwareVersion", "Version", "UUID"),
    *("Vendor", "Product", "RedfishVersion"),
)
# Enumeration of Resource.PowerState (DSP0268 Resource 1.20).
_POWER_STATES = frozenset({"On", "Off", "PoweringOn", "PoweringOff", "Paused"})


def odd_values(entry: Entry) -> Iterator[Note]:
    """Yield a note for each state outside its enumeration, each text that is none, each number that is left out."""
    if entry.state and entry.state not in STATES:
        yield Note(entry.uri, "Status", f"state {entry.state!r} is not in Redfish's list")
    yield from _power_state(entry)
    for name in _TEXTS:
        raw = entry.document.get(name)
        if isinstance(raw, bool):
            yield Note(entry.uri, name, f"{str(raw).lower()} where Redfish has text: taken as absent")
        elif isinstance(raw, int | float):
            yield Note(entry.uri, name, "a number where Redfish has text")
        elif isinstance(raw, dict | list):
            yield Note(entry.uri, name, "no text: taken as absent")
    for name, value in entry.document.items():
        # An excerpt usually shows a sensor, which is read itself; without one its number would be counted nowhere.
        if not isinstance(value, dict) or isinstance(value.get("DataSourceUri"), str):
            continue
        if number(value.get("Reading")) is not None:
            yield Note(entry.uri, name, f"{scrub(value['Reading'], 40)} without a sensor behind it: not a reading")


def _power_state(entry: Entry) -> Iterator[Note]:
    raw = entry.document.get("PowerState")
    if isinstance(raw, bool):
        yield Note(entry.uri, "PowerState", "a boolean where Redfish has On and Off")
    elif raw is not None and not (isinstance(raw, str) and raw in _POWER_STATES):
        yield Note(entry.uri, "PowerState", f"{scrub(raw, 40)!r} is not in Redfish's list")
