"""One pushed subscription as it is kept on disk, and what a client may write of it.  Knows no queue and no socket."""

from collections.abc import Mapping
from typing import Any

import msgspec

from datacenter_api.redfish.push.selection import RESOURCE_TYPES, Selection
from datacenter_api.redfish.shapes import Body, ref, refs, resource, told
from firmware_bridge.redfish_service.event_hub import EVENT_TYPES, SEVERITIES
from firmware_bridge.redfish_service.messages import RequestRefused, refuse

TERMINATE, SUSPEND, FOREVER = "TerminateAfterRetries", "SuspendRetries", "RetryForever"
BACKING_OFF = "RetryForeverWithBackoff"
POLICIES = (TERMINATE, SUSPEND, FOREVER, BACKING_OFF)
MOST_TEXT, MOST_LISTED, MOST_HEADERS = 1024, 64, 16
_OURS = frozenset(("host", "content-length", "content-type", "connection", "transfer-encoding", "te", "upgrade"))
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LISTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "EventTypes": ("event_types", EVENT_TYPES),
    "RegistryPrefixes": ("registry_prefixes", ()),
    "ResourceTypes": ("resource_types", RESOURCE_TYPES),
    "MessageIds": ("message_ids", ()),
    "Severities": ("severities", SEVERITIES),
    "ExcludeRegistryPrefixes": ("exclude_registry_prefixes", ()),
    "ExcludeMessageIds": ("exclude_message_ids", ()),
}
WRITABLE = frozenset(("Context", "DeliveryRetryPolicy", "HttpHeaders", "VerifyCertificate"))
_MADE_WITH = WRITABLE | _LISTS.keys() | {"Destination", "Protocol", "Name", "EventFormatType", "SubscriptionType"}
_MADE_WITH |= {"OriginResources", "SubordinateResources"}


class Subscription(msgspec.Struct, kw_only=True):
    """`since_ns` and `sent_ids`: nothing older is sent again after a restart (Unix ns; ids of its last events).

    `certificates`: PEM texts by id, what its listener is trusted by.
    """

    id: str
    user: str
    destination: str
    name: str = ""
    context: str = ""
    policy: str = TERMINATE
    verify: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    selection: Selection = Selection()
    suspended: bool = False
    since_ns: int = 0
    sent_ids: tuple[str, ...] = ()
    certificates: dict[str, str] = {}

    def change(self, changes: Mapping[str, Any]) -> None:
        """Take checked changes (see `check_changes`)."""
        self.context = changes.get("Context", self.context)
        self.policy = changes.get("DeliveryRetryPolicy", self.policy)
        self.verify = changes.get("VerifyCertificate", self.verify)
        if "HttpHeaders" in changes:
            self.headers = _headers(changes["HttpHeaders"])


def subscription_body(kept: Subscription, uri: str, failing: bool) -> Body:
    """Return the EventDestination.  Headers may hold a secret: they are never shown, as the schema asks."""
    chosen = {name: list(getattr(kept.selection, field)) for name, (field, _) in _LISTS.items()}
    body = resource(
        "EventDestination",
        uri,
        kept.name or f"Events pushed for {kept.user}",
        Protocol="Redfish",
        SubscriptionType="RedfishEvent",
        EventFormatType="Event",
        Destination=kept.destination,
        Context=kept.context,
        DeliveryRetryPolicy=kept.policy,
        VerifyCertificate=kept.verify,
        Certificates=ref(f"{uri}/Certificates"),
        HttpHeaders=[],
        Status={"State": "Disabled" if kept.suspended else "Enabled", "Health": "Warning" if failing else "OK"},
        **told(**{name: listed or None for name, listed in chosen.items()}),
        Actions={
            f"#EventDestination.{verb}": {"target": f"{uri}/Actions/EventDestination.{verb}"}
            for verb in ("ResumeSubscription", "SuspendSubscription")
        },
    )
    if kept.selection.origin_resources:
        body |= refs("OriginResources", kept.selection.origin_resources)
        body["SubordinateResources"] = kept.selection.subordinate_resources
    return body


def check_wish(body: Mapping[str, Any], prefixes: tuple[str, ...]) -> Selection:
    """Check the body of a POST and return what it selects.  Raises RequestRefused by the property at fault."""
    needed = ("Destination", "Protocol")
    faults = [("PropertyUnknown", n) for n in body if n not in _MADE_WITH and not n.startswith("@odata.")]
    faults += [("PropertyMissing", name) for name in needed if name not in body]
    refuse([RequestRefused(message, name, related=(f"#/{name}",)) for message, name in faults])
    for name in needed:
        _of_type(body[name], str, name)
    _one_of(body, "Protocol", ("Redfish",))
    _one_of(body, "EventFormatType", ("Event",))
    _one_of(body, "SubscriptionType", ("RedfishEvent",))
    _text(body, "Name")
    check_changes({name: value for name, value in body.items() if name in WRITABLE}, needed=False)
    chosen: dict[str, Any] = {
        field: _listed(body, name, known) for name, (field, known) in _LISTS.items() if name in body
    }
    if chosen.get("registry_prefixes"):
        _listed(body, "RegistryPrefixes", prefixes)
    subordinate = body.get("SubordinateResources", False)
    _of_type(subordinate, bool, "SubordinateResources")
    return Selection(**chosen, origin_resources=_origins(body), subordinate_resources=subordinate)


def check_changes(changes: Mapping[str, Any], needed: bool = True) -> None:
    """Check what may be changed later too.  Raises RequestRefused by the property at fault."""
    fixed = [name for name in changes if name not in WRITABLE and not name.startswith("@odata.")]
    shown = _MADE_WITH | {"Id", "Status", "Actions"}
    messages = [("PropertyNotWritable" if name in shown else "PropertyUnknown", name) for name in fixed]
    refuse([RequestRefused(message, name, related=(f"#/{name}",)) for message, name in messages])
    if needed and not any(name in WRITABLE for name in changes):
        raise RequestRefused("PropertyMissing", "Context", related=("#/Context",))
    _text(changes, "Context")
    _one_of(changes, "DeliveryRetryPolicy", POLICIES)
    _of_type(changes.get("VerifyCertificate", False), bool, "VerifyCertificate")
    _headers(changes.get("HttpHeaders", []))


def _headers(given: Any) -> tuple[tuple[str, str], ...]:
    if given is None:
        return ()
    _of_type(given, list, "HttpHeaders")
    pairs: list[tuple[Any, Any]] = [
        pair for entry in given for pair in (entry.items() if isinstance(entry, dict) else ((None, None),))
    ]
    if len(pairs) > MOST_HEADERS:
        raise RequestRefused("ArraySizeTooLong", "HttpHeaders", str(MOST_HEADERS), related=("#/HttpHeaders",))
    for name, value in pairs:
        if not isinstance(name, str) or not isinstance(value, str):
            raise RequestRefused("PropertyValueTypeError", "(not shown)", "HttpHeaders", related=("#/HttpHeaders",))
        plain = set(name) <= _TOKEN and value.isascii() and value.isprintable()
        if not name or not plain or name.lower() in _OURS or len(name) + len(value) > MOST_TEXT:
            raise RequestRefused("PropertyValueFormatError", "(not shown)", "HttpHeaders", related=("#/HttpHeaders",))
    return tuple(pairs)


def _listed(body: Mapping[str, Any], name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    values = body[name] if body[name] is not None else []
    _of_type(values, list, name)
    if len(values) > MOST_LISTED:
        raise RequestRefused("ArraySizeTooLong", name, str(MOST_LISTED), related=(f"#/{name}",))
    for value in values:
        _of_type(value, str, name)
        if len(value) > MOST_TEXT or (known and value not in known):
            raise RequestRefused("PropertyValueNotInList", value[:64], name, related=(f"#/{name}",))
    return tuple(values)


def _origins(body: Mapping[str, Any]) -> tuple[str, ...]:
    links = body.get("OriginResources") or []
    _of_type(links, list, "OriginResources")
    uris = [link.get("@odata.id") if isinstance(link, dict) else None for link in links]
    if len(uris) > MOST_LISTED:
        raise RequestRefused("ArraySizeTooLong", "OriginResources", str(MOST_LISTED), related=("#/OriginResources",))
    for uri in uris:
        if not isinstance(uri, str):
            raise RequestRefused(
                "PropertyValueTypeError", str(uri)[:64], "OriginResources", related=("#/OriginResources",)
            )
        if not uri.startswith("/redfish/v1/") or len(uri) > MOST_TEXT:
            raise RequestRefused(
                "PropertyValueFormatError", uri[:64], "OriginResources", related=("#/OriginResources",)
            )
    return tuple(str(uri).rstrip("/") for uri in uris)


def _text(body: Mapping[str, Any], name: str) -> None:
    text = body.get(name, "")
    _of_type(text, str, name)
    if len(text) > MOST_TEXT:
        raise RequestRefused("StringValueTooLong", name, str(MOST_TEXT), related=(f"#/{name}",))


def _one_of(body: Mapping[str, Any], name: str, known: tuple[str, ...]) -> None:
    if name not in body:
        return
    _of_type(body[name], str, name)
    if body[name] not in known:
        raise RequestRefused("PropertyValueNotInList", body[name][:64], name, related=(f"#/{name}",))


def _of_type(value: Any, kind: type, name: str) -> None:
    if type(value) is not kind:
        raise RequestRefused("PropertyValueTypeError", str(value)[:64], name, related=(f"#/{name}",))
