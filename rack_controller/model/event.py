"""Something that happened in a rack, ordered by our receipt; the device's own time stands beside it."""

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """As in Redfish, so that no mapping can go wrong."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"


class Event(msgspec.Struct, frozen=True):
    """`id` is unique and sorts by time; `kind` is stable (`endpoint.absent`), `message` is for people."""

    id: str
    unix_ns: int
    place: str
    kind: str
    severity: Severity
    message: str
    device_time: str | None = None
    details: dict[str, str | float | int | None] = {}


def encode_event(event: Event) -> bytes:
    """Return the JSON that travels on `event`."""
    return msgspec.json.encode(event)


def decode_event(body: bytes) -> Event:
    """Read an event.  Raises ValueError for anything else."""
    return msgspec.json.decode(body, type=Event)
