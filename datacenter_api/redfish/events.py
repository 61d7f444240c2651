"""Events as a Redfish server-sent event stream (DSP0266 §13.5): the API's own events, resumed by their ids.

An open stream is a subscription that can be seen and deleted.  Pushing to a destination is not offered.
"""

import orjson
from starlette.types import Receive, Scope, Send

from datacenter_api.events.stream import StreamResponse
from datacenter_api.redfish.accounts import sees
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.logs import SEVERITY, message_id, origin_of
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, resource, time_text, type_of
from datacenter_api.redfish.world import World
from firmware_bridge.redfish_service.messages import RequestRefused
from rack_controller.model.event import Event

STREAM = f"{ROOT}/EventService/SSE"
SUBSCRIPTIONS = f"{ROOT}/EventService/Subscriptions"
TOPIC = "redfish-events"
_FILTERS = (
    *("EventFormatType", "MessageId", "MetricReportDefinition", "OriginResource", "RegistryPrefix"),
    *("ResourceType", "SubordinateResources"),
)


def event_frame(world: World, event: Event) -> bytes:
    """Return an event of a rack as one server-sent event holding one Redfish Event."""
    record: Body = {
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
    if rack is not None:
        record["OriginOfCondition"] = ref(origin_of(rack, event.place))
    body = {"@odata.type": type_of("Event"), "Id": event.id, "Name": event.kind, "Events": [record]}
    return b"id: %s\ndata: %s\n\n" % (event.id.encode(), orjson.dumps(body))


def check_wish(headers: dict[bytes, bytes], query: bytes, full: bool) -> None:
    """Refuse a stream that cannot be had: 406 for another media type, 501 for a filter, 503 when too many are open."""
    accept = headers.get(b"accept", b"*/*")
    if b"text/event-stream" not in accept and b"*/*" not in accept and b"text/*" not in accept:
        raise RequestRefused("HeaderInvalid", "Accept", status=406)
    if query.startswith(b"$") or b"&$" in query:
        raise RequestRefused("QueryNotSupported")
    if full:
        raise RequestRefused("ServiceTemporarilyUnavailable", "10", headers=((b"retry-after", b"10"),))


async def stream(world: World, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one stream until its reader, its login, its subscription or the server ends."""
    headers, parts = dict(scope["headers"]), world.parts
    last = headers.get(b"last-event-id", b"").decode("latin-1")[:128]
    missed = b"".join(event_frame(world, event) for event in parts.events.after(last))
    host, port = scope.get("client") or ("unknown", 0)
    name, mine = world.streams.add(caller.who.user, f"redfish-sse://{host}:{port}")
    try:
        await StreamResponse(
            parts.broadcaster,
            TOPIC,
            missed,
            lambda: not mine.ended and parts.doorkeeper.still_welcome(caller.who),
            opened=mine.serve_from,
        )(scope, receive, send)
    finally:
        world.streams.forget(name)


def build_service(_world: World, uri: str) -> Body:
    """Return the EventService: a stream, and no push."""
    return resource(
        "EventService",
        uri,
        "Events",
        ServiceEnabled=True,
        Status={"State": "Enabled", "Health": "OK"},
        ServerSentEventUri=STREAM,
        EventFormatTypes=["Event"],
        RegistryPrefixes=["Rackwright"],
        ResourceTypes=[],
        ExcludeMessageId=False,
        ExcludeRegistryPrefix=False,
        OriginResourcesSupported=False,
        SubordinateResourcesSupported=False,
        IncludeOriginOfConditionSupported=False,
        SSEIncludeOriginOfConditionSupported=False,
        SSEFilterPropertiesSupported=dict.fromkeys(_FILTERS, False),
        Subscriptions=ref(f"{uri}/Subscriptions"),
    )


def build_subscriptions(world: World, uri: str) -> Body:
    """Return the open streams: my own, everybody's to whoever manages accounts."""
    caller = world.asking()
    names = [name for name, stream in world.streams.open.items() if sees(caller, stream.user)]
    return collection("EventDestination", uri, "Open streams", names)


def build_subscription(world: World, uri: str, name: str) -> Body | None:
    """Return one open stream."""
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
        Context=None,
        DeliveryRetryPolicy="TerminateAfterRetries",
        Status={"State": "Enabled", "Health": "OK"},
    )
