"""Redfish events (DSP0268 Event 1.7+): what one says of which resource.  Pure; guesses nothing.

An event that states a value outright (a leak, a power state) is as good as reading it.  Every other one only says that
something changed, and where.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.guard import DocumentMalformed, check_size, reason_of
from firmware_bridge.wire.redfish.links import local_path, tidy

MOST_RECORDS = 256
MOST_EVENT_DEPTH = 16
_MOST_EVENT_MEMBERS = 8_192
# Message names by registry, versions left out.  A health that became Critical says nothing exact of a detector.
_STATES: dict[tuple[str, str], tuple[Quantity, float]] = {
    ("Environmental", "LeakDetectedNormal"): (Quantity.LEAK, 0.0),
    ("Environmental", "LeakDetectedWarning"): (Quantity.LEAK, 1.0),
    ("Environmental", "LeakDetectedCritical"): (Quantity.LEAK, 2.0),
    ("ResourceEvent", "ResourcePoweredOff"): (Quantity.POWER_STATE, 0.0),
    ("ResourceEvent", "ResourcePoweredOn"): (Quantity.POWER_STATE, 1.0),
}


class _WireRecord(msgspec.Struct):
    EventId: Any = ""
    EventTimestamp: Any = ""
    MessageId: Any = ""
    Message: Any = ""
    MessageArgs: Any = None
    MessageSeverity: Any = None
    Severity: Any = ""
    OriginOfCondition: Any = None


class _WireEvent(msgspec.Struct):
    Id: Any = ""
    Events: list[_WireRecord] | None = None
    MetricValues: list[Any] | None = None
    uri: Any = msgspec.field(name="@odata.id", default="")


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One record of an Event.  `origin` is a path of this endpoint (empty: none, or none that may be followed);
    `time` is the device's own; texts are scrubbed."""

    id: str
    registry: str
    message: str
    origin: str
    time: str
    severity: str
    text: str
    args: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what makes two deliveries the same event."""
        return self.id, self.time, self.message, self.origin


_DECODER = msgspec.json.Decoder(_WireEvent)


def records_of(raw: bytes, origin: str, most_bytes: int) -> tuple[EventRecord, ...]:
    """Return the records of an Event; none for a metric report.

    `origin` is the endpoint's own (`https://10.0.0.1:443`): links to anywhere else are dropped.  Raises
    DocumentTooLarge and DocumentMalformed.
    """
    check_size(raw, most_bytes, MOST_EVENT_DEPTH, _MOST_EVENT_MEMBERS)
    try:
        event = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise DocumentMalformed(f"not a Redfish event ({reason_of(err)})") from err
    listed = event.Events or []
    if len(listed) > MOST_RECORDS:
        raise DocumentMalformed(f"an event of {len(listed)} records")
    return tuple(_record(r, event, n, origin) for n, r in enumerate(listed))


def _record(record: _WireRecord, event: _WireEvent, number: int, origin: str) -> EventRecord:
    registry, _, message = scrub(record.MessageId, 128).rpartition(".")
    args = record.MessageArgs if isinstance(record.MessageArgs, list) else []
    return EventRecord(
        id=scrub(record.EventId or f"{scrub(event.Id, 64)}.{number}", 128),
        registry=registry.partition(".")[0],
        message=message,
        origin=_local(record.OriginOfCondition, origin),
        time=scrub(record.EventTimestamp, 40),
        severity=scrub(record.MessageSeverity or record.Severity, 16),
        text=scrub(record.Message, 200),
        args=tuple(scrub(a, 64) for a in args[:8]),
    )


def _local(origin_of_condition: Any, origin: str) -> str:
    link = origin_of_condition.get("@odata.id") if isinstance(origin_of_condition, dict) else origin_of_condition
    try:
        return tidy(local_path(link, origin)) if isinstance(link, str) else ""
    except ValueError:
        return ""


def stated(record: EventRecord) -> tuple[Quantity, float] | None:
    """Return the quantity and value that the event states of its origin, None when it only says that it changed."""
    return _STATES.get((record.registry, record.message))
