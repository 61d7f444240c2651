"""The event service of one Redfish service: subscriptions, streams, the last events for those who reconnect.

It knows no device: whoever owns the resources calls `publish`.  It sends nothing by itself either: pushing to a
destination is what `deliver` is for.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson

from firmware_bridge.redfish_service.event_stream import EventStream
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import READ, Document, Outcome, Principal

SERVICE = "/redfish/v1/EventService"
SUBSCRIPTIONS = SERVICE + "/Subscriptions"
TEST_ACTION = "EventService.SubmitTestEvent"
TEST_EVENT = f"{SERVICE}/Actions/{TEST_ACTION}"
MOST_SUBSCRIPTIONS = 20
KEPT_EVENTS = 64
_OPTIONAL = frozenset(
    (
        *("Context", "Name", "EventFormatType", "RegistryPrefixes", "ResourceTypes", "MessageIds", "SubscriptionType"),
        *("HttpHeaders", "DeliveryRetryPolicy", "EventTypes", "OriginResources", "SubordinateResources"),
    )
)
_TEST_FIELDS = {
    "EventId": str,
    "EventTimestamp": str,
    "EventType": str,
    "Severity": str,
    "MessageSeverity": str,
    "Message": str,
    "MessageId": str,
    "MessageArgs": list,
    "OriginOfCondition": str,
    "EventGroupId": int,
}
SEVERITIES = ("OK", "Warning", "Critical")
EVENT_TYPES = ("Alert", "Other", "ResourceAdded", "ResourceRemoved", "ResourceUpdated", "StatusChange")
_TEST_VALUES = {"EventType": EVENT_TYPES, "Severity": SEVERITIES, "MessageSeverity": SEVERITIES}
MOST_TEXT = 1024
Deliver = Callable[["Subscription", bytes], None]
PassOn = Callable[[str, Callable[[], None]], None]
"""Takes the URI that a message is about and what sends it, and sends it; faults of an emulated service do otherwise."""


@dataclass(slots=True)
class Subscription:
    """One subscriber: a destination to push to, or an open stream."""

    id: str
    destination: str
    context: str = ""
    stream: EventStream | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def body(self) -> dict[str, Any]:
        """Return the EventDestination resource; what the subscriber wants sent along as headers is never shown."""
        return {
            "@odata.id": f"{SUBSCRIPTIONS}/{self.id}",
            "@odata.type": "#EventDestination.v1_15_0.EventDestination",
            "Id": self.id,
            "Name": f"Event Destination {self.id}",
            "Protocol": "Redfish",
            "SubscriptionType": "RedfishEvent" if self.stream is None else "SSE",
            "Context": self.context,
            "Destination": self.destination,
            "EventFormatType": "Event",
            "DeliveryRetryPolicy": "TerminateAfterRetries",
        }


class EventHub:
    """Subscriptions of one service.  `stream_uri` is where it streams, empty when it cannot; `clock` gives the
    timestamp of events."""

    __slots__ = ("_clock", "_deliver", "_kept", "_number", "_pass_on", "_subscriber", "stream_uri", "subscriptions")

    def __init__(
        self,
        stream_uri: str,
        clock: Callable[[], str],
        deliver: Deliver | None = None,
        pass_on: PassOn = lambda _origin, send: send(),
    ) -> None:
        self.stream_uri, self._clock, self._deliver, self._pass_on = stream_uri, clock, deliver, pass_on
        self.subscriptions: dict[str, Subscription] = {}
        self._kept: deque[tuple[int, bytes]] | None = None  # made with the first subscription: most never have one
        self._number = 0
        self._subscriber = 0

    # Events

    def publish(self, records: Iterable[dict[str, Any]]) -> None:
        """Tell every subscriber of `records` (MessageId, Message, Severity, OriginOfCondition …) in one Event."""
        if self._kept is None:
            return
        self._number += 1
        number = str(self._number)
        events = [
            {"EventId": number, "EventTimestamp": self._clock(), "EventType": "Alert", "MemberId": str(n), **record}
            for n, record in enumerate(records)
        ]
        body = {"@odata.type": "#Event.v1_7_0.Event", "Id": number, "Name": "Event Log", "Events": events}
        origin = next((r["OriginOfCondition"]["@odata.id"] for r in events if "OriginOfCondition" in r), "")
        self._pass_on(origin, partial(self._tell, self._number, body))

    def publish_report(self, report: dict[str, Any]) -> None:
        """Tell every subscriber of a MetricReport as it is (DSP0266 §13.5.3: it is the whole message)."""
        if self._kept is None:
            return
        self._number += 1
        self._pass_on(report.get("@odata.id", ""), partial(self._tell, self._number, report))

    def _tell(self, number: int, body: dict[str, Any]) -> None:
        assert self._kept is not None
        frame = b"id: %d\ndata: %s\n\n" % (number, orjson.dumps(body))
        self._kept.append((number, frame))
        for subscription in list(self.subscriptions.values()):
            if subscription.stream is not None:
                subscription.stream.put(frame)
            elif self._deliver is not None:
                self._deliver(subscription, orjson.dumps({**body, "Context": subscription.context}))

    def beat(self) -> None:
        """Send every stream a comment, so that both ends notice a dead connection."""
        for subscription in self.subscriptions.values():
            if subscription.stream is not None:
                subscription.stream.put(b": alive\n\n")

    def forget(self) -> None:
        """Lose all subscriptions and end all streams, as a restarting BMC does."""
        for subscription in self.subscriptions.values():
            if subscription.stream is not None:
                subscription.stream.end()
        self.subscriptions.clear()

    def open_stream(self, client: str, last_seen: str) -> Subscription:
        """Make a stream; it begins with what came after the event `last_seen`.  Raises RequestRefused (limit)."""
        stream = EventStream()
        subscription = self._add(f"{client or 'sse'}", stream=stream)
        after = int(last_seen) if last_seen.isdigit() and len(last_seen) < 19 else self._number
        for number, frame in self._kept or ():
            if number > after:
                stream.put(frame)
        return subscription

    def drop(self, subscription: Subscription) -> None:
        """Take a subscription out: its stream has ended."""
        self.subscriptions.pop(subscription.id, None)

    # Resources

    def owns(self, uri: str) -> bool:
        """Tell whether a URI is answered here: subscriptions and the test action; the service itself is not."""
        return uri in (TEST_EVENT, SUBSCRIPTIONS) or uri.startswith(SUBSCRIPTIONS + "/")

    def get(self, uri: str) -> Document | None:
        """Return the collection or one subscription."""
        if uri == SUBSCRIPTIONS:
            members = [{"@odata.id": f"{SUBSCRIPTIONS}/{name}"} for name in self.subscriptions]
            body = {
                "@odata.id": SUBSCRIPTIONS,
                "@odata.type": "#EventDestinationCollection.EventDestinationCollection",
                "Name": "Event Destination Collection",
                "Members": members,
                "Members@odata.count": len(members),
            }
            return Document.of(body, READ + ", POST")
        found = self.subscriptions.get(uri.removeprefix(SUBSCRIPTIONS + "/"))
        return None if found is None else Document.of(found.body(), READ + ", DELETE")

    def methods(self, uri: str) -> str:
        """Return POST for the test action."""
        return "POST" if uri == TEST_EVENT else ""

    def privilege(self, uri: str, method: str) -> str:
        """Return what a change needs."""
        return "ConfigureManager"

    async def post(self, uri: str, body: dict[str, Any], principal: Principal) -> Outcome:
        """Subscribe, or raise a test event.  Raises RequestRefused."""
        if uri == TEST_EVENT:
            self.publish([asked_record(body)])
            return Outcome(204)
        _check_subscription(body)
        headers = tuple((str(k), str(v)) for h in body.get("HttpHeaders") or () for k, v in h.items())
        made = self._add(body["Destination"], str(body.get("Context") or ""), headers=headers)
        return Outcome(201, Document.of(made.body()), f"{SUBSCRIPTIONS}/{made.id}")

    async def delete(self, uri: str, principal: Principal) -> Outcome:
        """End a subscription and its stream."""
        found = self.subscriptions.pop(uri.removeprefix(SUBSCRIPTIONS + "/"), None)
        if found is None:
            raise RequestRefused("ResourceMissingAtURI", uri)
        if found.stream is not None:
            found.stream.end()
        return Outcome(204)

    def _add(self, destination: str, context: str = "", **more: Any) -> Subscription:
        if len(self.subscriptions) >= MOST_SUBSCRIPTIONS:
            raise RequestRefused("EventSubscriptionLimitExceeded")
        if self._kept is None:
            self._kept = deque(maxlen=KEPT_EVENTS)
        self._subscriber += 1
        made = Subscription(str(self._subscriber), destination, context, **more)
        self.subscriptions[made.id] = made
        return made


def _check_subscription(body: dict[str, Any]) -> None:
    for name in ("Destination", "Protocol"):
        if not isinstance(body.get(name), str):
            raise RequestRefused("PropertyMissing", name, related=(f"#/{name}",))
    for name in body:
        if name not in _OPTIONAL and name not in ("Destination", "Protocol"):
            raise RequestRefused("PropertyUnknown", name, related=(f"#/{name}",))
    if body["Protocol"] != "Redfish":
        raise RequestRefused("PropertyValueNotInList", str(body["Protocol"])[:64], "Protocol", related=("#/Protocol",))
    headers = body.get("HttpHeaders") or []
    if not isinstance(headers, list) or not all(isinstance(h, dict) and _plain(h) for h in headers):
        raise RequestRefused("PropertyValueTypeError", "", "HttpHeaders", related=("#/HttpHeaders",))
    if urlsplit(body["Destination"]).scheme not in ("http", "https"):
        raise RequestRefused("PropertyValueNotInList", "", "Destination", related=("#/Destination",))


def _plain(header: dict[str, Any]) -> bool:
    return all(isinstance(v, str) and (k + v).isprintable() and (k + v).isascii() for k, v in header.items())


def asked_record(body: dict[str, Any]) -> dict[str, Any]:
    """Return the Event record that the body of SubmitTestEvent asks for.  Raises RequestRefused."""
    for name, value in body.items():
        if name not in _TEST_FIELDS:
            raise RequestRefused("ActionParameterNotSupported", name, TEST_ACTION)
        texts = _TEST_FIELDS[name] is list and isinstance(value, list) and all(isinstance(v, str) for v in value)
        if type(value) is not _TEST_FIELDS[name] or (isinstance(value, list) and not texts):
            raise RequestRefused("ActionParameterValueTypeError", str(value)[:64], name, TEST_ACTION)
        if name in _TEST_VALUES and value not in _TEST_VALUES[name]:
            raise RequestRefused("ActionParameterValueNotInList", str(value)[:64], name, TEST_ACTION)
        if isinstance(value, str) and len(value) > MOST_TEXT:
            raise RequestRefused("ActionParameterValueFormatError", value[:64], name, TEST_ACTION)
    if "MessageId" not in body:
        raise RequestRefused("ActionParameterMissing", TEST_ACTION, "MessageId")
    record = {name: value for name, value in body.items() if name != "OriginOfCondition"}
    if "OriginOfCondition" in body:
        record["OriginOfCondition"] = {"@odata.id": body["OriginOfCondition"]}
    return record
