"""The racks' events as Redfish events (DSP0266 §13): as a stream that is resumed by ids, and pushed to destinations.

An open stream is a subscription that can be seen and deleted.
"""

import itertools
import time
from collections.abc import Sequence

import orjson
from starlette.types import Receive, Scope, Send

from datacenter_api.events.stream import StreamResponse
from datacenter_api.redfish.accounts import sees
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.logs import SEVERITY, origin_of
from datacenter_api.redfish.push.selection import RESOURCE_TYPES, Record
from datacenter_api.redfish.push.subscription import Subscription, subscription_body
from datacenter_api.redfish.push.trusted import certificates_body, trusted_body
from datacenter_api.redfish.registry import message_id
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, resource, time_text, type_of
from datacenter_api.redfish.sse_filter import PROPERTIES, passes, read_filter
from datacenter_api.redfish.streams import TOPIC
from datacenter_api.redfish.world import World
from firmware_bridge.redfish_service.event_hub import SEVERITIES
from firmware_bridge.redfish_service.messages import REGISTRY as BASE
from firmware_bridge.redfish_service.messages import RequestRefused
from rack_controller.model.event import Event

SERVICE = f"{ROOT}/EventService"
STREAM = f"{SERVICE}/SSE"
SUBSCRIPTIONS = f"{SERVICE}/Subscriptions"
TEST_EVENT = f"{SERVICE}/Actions/EventService.SubmitTestEvent"
PREFIXES = ("Base", "Rackwright", "TaskEvent")
_BETWEEN = "~"
_numbers = itertools.count(1)


def event_record(world: World, event: Event) -> tuple[Record, tuple[str, ...]]:
    """Return an event of a rack as an Event record, and the resources that its origin is part of."""
    record: Record = {
        "EventId": event.id,
        "EventType": "Alert",
        "MemberId": "0",
        "EventTimestamp": time_text(event.unix_ns),
        "MessageId": message_id(event.kind),
        "Message": event.message,
        "MessageArgs": [event.message],
        "MessageSeverity": SEVERITY[event.severity],
    }
    rack = world.rack_of(event.place)
    if rack is None:
        return record, ()
    origin = origin_of(rack, event.place)
    record["OriginOfCondition"] = ref(origin)
    whole = f"{ROOT}/Chassis/{rack.id}"
    return record, (whole,) if origin != whole else ()


def event_frame(record: Record, event_id: str, name: str) -> bytes:
    """Return a record as one server-sent event holding one Redfish Event."""
    body = {"@odata.type": type_of("Event"), "Id": event_id, "Name": name, "Events": [record]}
    return b"id: %s\ndata: %s\n\n" % (event_id.encode(), orjson.dumps(body))


def publish(world: World, event: Event) -> None:
    """Tell every stream and every pushed subscription of an event."""
    if world.desk.couriers or world.streams.open:
        record, above = event_record(world, event)
        _tell(world, record, above, event.id, event.kind)
        world.desk.publish(record, above, event.unix_ns)


def publish_record(world: World, record: Record, name: str) -> None:
    """Tell of something that is this service's own and no rack's event."""
    event_id = _id_between(world)
    whole = {"EventId": event_id, **record}
    _tell(world, whole, (), event_id, name)
    world.desk.publish(whole, (), 0)


def publish_test(world: World, asked: Record) -> None:
    """Tell of a test event that a client asked for.

    Its id holds that of the newest real event, so that a reader who has seen it last misses nothing on coming back.
    """
    event_id = _id_between(world)
    record = {
        "EventId": event_id,
        "EventType": "Alert",
        "MemberId": "0",
        "EventTimestamp": time_text(time.time_ns()),
        "Message": "A test event.",
        "MessageArgs": [],
        "MessageSeverity": asked.get("Severity", "OK"),
        **asked,
    }
    _tell(world, record, (), event_id, "Test event")
    world.desk.publish(record, (), 0)


def _id_between(world: World) -> str:
    """Return an id for a record that is no rack's event, after the newest that is."""
    newest = next(iter(world.parts.events.newest(1)), None)
    return f"{newest.id if newest else ''}{_BETWEEN}{time.time_ns():x}.{next(_numbers)}"


def _tell(world: World, record: Record, above: Sequence[str], event_id: str, name: str) -> None:
    broadcaster = world.parts.broadcaster
    topics = [topic for topic, wanted in world.streams.filters() if passes(wanted, record, above)]
    topics += [TOPIC] if broadcaster.wanted(TOPIC) else []
    if topics:
        frame = event_frame(record, event_id, name)
        for topic in topics:
            broadcaster.publish(topic, frame)


def check_wish(headers: dict[bytes, bytes], query: bytes, full: bool) -> None:
    """Refuse a stream that cannot be had: 406 for another media type, 400 or 501 for a query, 503 when too many are."""
    accept = headers.get(b"accept", b"*/*")
    if b"text/event-stream" not in accept and b"*/*" not in accept and b"text/*" not in accept:
        raise RequestRefused("HeaderInvalid", "Accept", status=406)
    read_filter(query)
    if full:
        raise RequestRefused("ServiceTemporarilyUnavailable", "10", headers=((b"retry-after", b"10"),))


async def stream(world: World, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one stream until its reader, its login, its subscription or the server ends."""
    headers, parts = dict(scope["headers"]), world.parts
    wanted = read_filter(scope["query_string"])
    last = headers.get(b"last-event-id", b"").decode("latin-1")[:192]
    missed = b""
    for record, above, event_id, name in _missed(world, last):
        if wanted is None or passes(wanted, record, above):
            missed += event_frame(record, event_id, name)
    host, port = scope.get("client") or ("unknown", 0)
    name, mine = world.streams.add(caller.who.user, f"redfish-sse://{host}:{port}", wanted)
    try:
        await StreamResponse(
            parts.broadcaster,
            mine.topic,
            missed,
            lambda: not mine.ended and parts.doorkeeper.still_welcome(caller.who),
            opened=mine.serve_from,
        )(scope, receive, send)
    finally:
        world.streams.forget(name)


def _missed(world: World, last: str) -> list[tuple[Record, Sequence[str], str, str]]:
    """Return what came after the event `last`; first that something is lost, when that event is no longer known."""
    real = last.partition(_BETWEEN)[0]
    if not last:
        return []
    log = world.parts.events
    found: list[tuple[Record, Sequence[str], str, str]] = []
    if real not in log:
        event_id = _id_between(world)
        record: Record = {
            "EventId": event_id,
            "EventType": "Other",
            "MemberId": "0",
            "EventTimestamp": time_text(time.time_ns()),
            "MessageId": f"{BASE}.EventBufferExceeded",
            "Message": "Events were lost: the last one that was seen is older than what is kept.",
            "MessageArgs": [],
            "MessageSeverity": "Warning",
        }
        return [(record, (), event_id, "Events were lost")]
    for event in log.after(real):
        record, above = event_record(world, event)
        found.append((record, above, event.id, event.kind))
    return found


def build_service(world: World, uri: str) -> Body:
    """Return the EventService: a stream with filters, and push."""
    rules = world.desk.rules
    return resource(
        "EventService",
        uri,
        "Events",
        ServiceEnabled=True,
        Status={"State": "Enabled", "Health": "OK"},
        ServerSentEventUri=STREAM,
        DeliveryRetryAttempts=rules.attempts,
        DeliveryRetryIntervalSeconds=int(rules.interval),
        EventFormatTypes=["Event"],
        RegistryPrefixes=list(PREFIXES),
        ResourceTypes=list(RESOURCE_TYPES),
        Severities=list(SEVERITIES),
        ExcludeMessageId=True,
        ExcludeRegistryPrefix=True,
        OriginResourcesSupported=True,
        SubordinateResourcesSupported=True,
        IncludeOriginOfConditionSupported=False,
        SSEIncludeOriginOfConditionSupported=False,
        SSEFilterPropertiesSupported={name: name != "MetricReportDefinition" for name in PROPERTIES},
        Subscriptions=ref(f"{uri}/Subscriptions"),
        Actions={"#EventService.SubmitTestEvent": {"target": TEST_EVENT}},
    )


def build_subscriptions(world: World, uri: str) -> Body:
    """Return the open streams and the pushed subscriptions: my own, everybody's to whoever manages accounts."""
    caller = world.asking()
    names = [name for name, stream in world.streams.open.items() if sees(caller, stream.user)]
    names += [name for name, courier in world.desk.couriers.items() if sees(caller, courier.kept.user)]
    return collection("EventDestination", uri, "Open streams and pushed subscriptions", names)


def build_certificates(world: World, uri: str, name: str) -> Body | None:
    """Return the certificates of a pushed subscription's listener; a stream has none."""
    kept = _pushed(world, name)
    return None if kept is None else certificates_body(kept, uri)


def build_certificate(world: World, uri: str, name: str, _certificate: str) -> Body | None:
    """Return one certificate of a pushed subscription's listener."""
    kept = _pushed(world, name)
    return None if kept is None else trusted_body(kept, uri)


def _pushed(world: World, name: str) -> Subscription | None:
    courier = world.desk.couriers.get(name)
    return courier.kept if courier is not None and sees(world.asking(), courier.kept.user) else None


def build_subscription(world: World, uri: str, name: str) -> Body | None:
    """Return one pushed subscription or one open stream."""
    kept = _pushed(world, name)
    if kept is not None:
        return subscription_body(kept, uri, world.desk.couriers[name].failing is not None)
    found = world.streams.open.get(name)
    if found is None or not sees(world.asking(), found.user):
        return None
    return resource(
        "EventDestination",
        uri,
        f"Stream of {found.user}",
        Protocol="Redfish",
        SubscriptionType="SSE",
        EventFormatType="Event",
        Destination=found.destination,
        Context=found.context,
        DeliveryRetryPolicy="TerminateAfterRetries",
        Status={"State": "Enabled", "Health": "OK"},
    )
