"""What is odd about single values of a resource, whatever its schema: noted, never corrected."""

from collections.abc import Iterable, Iterator

from firmware_bridge.vocabulary.inventory import Note
from firmware_bridge.wire.redfish.catalog import Entry
from firmware_bridge.wire.redfish.guard import scrub
from firmware_bridge.wire.redfish.numbers import STATES, number

# Properties that Redfish has as text and that reports carry.
_TEXTS = (
    *("Id", "Name", "SerialNumber", "PartNumber", "Model", "FirmwareVersion", "Version", "UUID"),
    *("Vendor", "Product", "RedfishVersion"),
)
# Arrays whose members are rows of an older resource, read as such.
_READ_ROWS = frozenset({"Fans", "Temperatures", "Voltages"})
_LEAST_YEAR = 2021  # no controller of these racks is older; a clock that is behind has lost its time
_MOST_NAMED = 3
# Enumeration of Resource.PowerState (DSP0268 Resource 1.20).
_POWER_STATES = frozenset({"On", "Off", "PoweringOn", "PoweringOff", "Paused"})


def odd_values(entry: Entry) -> Iterator[Note]:
    """Yield a note for each state outside its enumeration, each text that is none, each number that is left out."""
    yield from _state(entry)
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
        for excerpt in value if isinstance(value, list) else (value,):
            if not isinstance(excerpt, dict) or isinstance(excerpt.get("DataSourceUri"), str):
                continue
            if name not in _READ_ROWS and number(excerpt.get("Reading")) is not None:
                yield Note(
                    entry.uri, name, f"{scrub(excerpt['Reading'], 40)} without a sensor behind it: not a reading"
                )
    yield from _clock(entry)


def _state(entry: Entry) -> Iterator[Note]:
    status = entry.document.get("Status")
    said = scrub(status.get("State"), 64) if isinstance(status, dict) else ""
    if entry.state and entry.state not in STATES:
        yield Note(entry.uri, "Status", f"state {said!r} is not in Redfish's list")
    elif said != entry.state:
        yield Note(entry.uri, "Status", f"state {said!r} is read as {entry.state}")


def outside_ranges(entries: Iterable[Entry]) -> Iterator[Note]:
    """Yield one note per sensor collection about numbers outside the range that their own sensors state.

    The number counts: of the two it is the range that firmware gets wrong (whole trees state 150 to 1,028,443 °C).
    """
    outside: dict[str, list[str]] = {}
    for entry in entries:
        least, most = (number(entry.document.get(f"ReadingRange{end}")) for end in ("Min", "Max"))
        value = number(entry.document.get("Reading"))
        if value is not None and ((least is not None and value < least) or (most is not None and value > most)):
            outside.setdefault(entry.uri.rpartition("/")[0], []).append(entry.id)
    for collection, names in outside.items():
        told = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
        yield Note(collection, "ReadingRangeMax", f"{len(names)} sensors read outside the range they state: {told}")


def _clock(entry: Entry) -> Iterator[Note]:
    said = entry.document.get("DateTime")
    if entry.schema == "Manager" and isinstance(said, str) and said[:4].isdigit() and int(said[:4]) < _LEAST_YEAR:
        yield Note(entry.uri, "DateTime", f"its clock stands at {scrub(said, 40)}")


def _power_state(entry: Entry) -> Iterator[Note]:
    raw = entry.document.get("PowerState")
    if isinstance(raw, bool):
        yield Note(entry.uri, "PowerState", "a boolean where Redfish has On and Off")
    elif raw is not None and not (isinstance(raw, str) and raw in _POWER_STATES):
        yield Note(entry.uri, "PowerState", f"{scrub(raw, 40)!r} is not in Redfish's list")
