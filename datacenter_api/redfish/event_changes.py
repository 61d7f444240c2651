"""What a client may change of the EventService: subscriptions, their actions, how often delivery is tried, test events.

Each change and each refused aim is in the audit trail.
"""

import re
from collections.abc import Mapping
from typing import Any

from datacenter_api.redfish import events
from datacenter_api.redfish.accounts import sees
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.push.courier import Courier
from datacenter_api.redfish.push.subscription import WRITABLE, check_changes
from datacenter_api.redfish.push.trusted import add_certificate
from datacenter_api.redfish.world import World
from firmware_bridge.redfish_service.event_hub import asked_record
from firmware_bridge.redfish_service.messages import RequestRefused, refuse
from firmware_bridge.vocabulary.units import Seconds

_ACTION = re.compile(
    re.escape(events.SUBSCRIPTIONS) + r"/([^/]+)/Actions/EventDestination\.(Resume|Suspend)Subscription"
)
_CERTIFICATES = re.compile(re.escape(events.SUBSCRIPTIONS) + r"/([^/]+)/Certificates(?:/([^/]+))?")
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_RULES = {"DeliveryRetryAttempts": (0, 100), "DeliveryRetryIntervalSeconds": (1, 3_600)}
ALLOW_MANY, ALLOW_ONE, ALLOW_SERVICE = "GET, HEAD, POST", "GET, HEAD, PATCH, DELETE", "GET, HEAD, PATCH"


def owns(uri: str) -> bool:
    """Tell whether a URI is changed here."""
    return uri == events.SERVICE or uri.startswith(f"{events.SERVICE}/")


def methods(uri: str) -> str:
    """Return what a URI takes that has no document: the stream, and actions."""
    if uri == events.STREAM:
        return "GET"
    return "POST" if uri == events.TEST_EVENT or _ACTION.fullmatch(uri) else ""


def privilege(uri: str, method: str) -> str:
    """Return the least privilege of a change, as the privilege registry has it."""
    if uri in (events.SERVICE, events.TEST_EVENT):
        return "ConfigureManager"
    return "ConfigureComponents" if uri == events.SUBSCRIPTIONS else "ConfigureSelf"


async def post(world: World, uri: str, body: Mapping[str, Any], caller: Caller) -> str | None:
    """Subscribe (and return the new URI), or run an action.  Raises RequestRefused."""
    if uri == events.SUBSCRIPTIONS:
        return await _subscribe(world, body, caller)
    if uri == events.TEST_EVENT:
        events.publish_test(world, asked_record(dict(body)))
        _audit(world, caller, "event.test", uri, "ok", str(body.get("MessageId"))[:64])
        return None
    listed = _CERTIFICATES.fullmatch(uri)
    if listed is not None:
        return f"{uri}/{_trust(world, listed[1], body, caller)}"
    match = _ACTION.fullmatch(uri)
    if match is None:
        raise RequestRefused("OperationNotAllowed")
    name, verb = match[1], f"EventDestination.{match[2]}Subscription"
    courier = _mine(world, name, caller)
    if courier is None:
        raise RequestRefused("ActionNotSupported", verb)
    if match[2] == "Resume":
        courier.resume(_within(body, verb))
    else:
        _only(body, verb)
        courier.suspend()
    _audit(world, caller, f"subscription.{match[2].lower()}", name, "ok")
    return None


def patch(world: World, uri: str, body: Mapping[str, Any], caller: Caller) -> None:
    """Change the retry rules, or a subscription.  Raises RequestRefused."""
    if uri == events.SERVICE:
        _change_rules(world, body, caller)
        return
    name = uri.rsplit("/", 1)[1]
    courier = _mine(world, name, caller)
    if courier is None:
        for prop in sorted(body.keys() & (WRITABLE - {"Context"})):
            raise RequestRefused("PropertyNotWritable", prop, related=(f"#/{prop}",))
        check_changes(body)
        world.streams.open[name].context = body["Context"]
    else:
        check_changes(body)
        courier.kept.change(body)
        world.desk.changed()
    _audit(world, caller, "subscription.change", name, "ok", ", ".join(sorted(body)))


def delete(world: World, uri: str, caller: Caller) -> None:
    """End a subscription or a stream, or trust one certificate of its listener no longer."""
    listed = _CERTIFICATES.fullmatch(uri)
    if listed is not None:
        courier = _mine(world, listed[1], caller)
        if courier is None or courier.kept.certificates.pop(listed[2], None) is None:
            raise RequestRefused("ResourceMissingAtURI", uri)
        world.desk.changed()
        _audit(world, caller, "subscription.distrust", listed[1], "ok", listed[2])
        return
    name = uri.rsplit("/", 1)[1]
    if _mine(world, name, caller) is None:
        world.streams.end(name)
    else:
        world.desk.drop(name)
    _audit(world, caller, "subscription.remove", name, "ok")


async def _subscribe(world: World, body: Mapping[str, Any], caller: Caller) -> str:
    try:
        made = await world.desk.subscribe(body, caller.who.user, events.PREFIXES)
    except RequestRefused as err:
        _audit(world, caller, "subscription.create", events.SUBSCRIPTIONS, "refused", err.what)
        raise
    _audit(world, caller, "subscription.create", made.id, "ok", made.destination)
    return f"{events.SUBSCRIPTIONS}/{made.id}"


def _trust(world: World, name: str, body: Mapping[str, Any], caller: Caller) -> str:
    """Keep a certificate that the listener of a subscription is trusted by; return its id."""
    courier = _mine(world, name, caller)
    if courier is None:
        raise RequestRefused("ResourceMissingAtURI", f"{events.SUBSCRIPTIONS}/{name}/Certificates")
    made = add_certificate(courier.kept, body)
    world.desk.changed()
    _audit(world, caller, "subscription.trust", name, "ok", made)
    return made


def _mine(world: World, name: str, caller: Caller) -> Courier | None:
    """Return a pushed subscription that the caller may change, None for a stream.  Raises RequestRefused (404)."""
    courier, stream = world.desk.couriers.get(name), world.streams.open.get(name)
    owner = courier.kept.user if courier is not None else stream.user if stream is not None else None
    if owner is None or not sees(caller, owner):
        raise RequestRefused("ResourceMissingAtURI", f"{events.SUBSCRIPTIONS}/{name}")
    return courier


def _change_rules(world: World, body: Mapping[str, Any], caller: Caller) -> None:
    refuse([fault for name, value in body.items() if (fault := _rule_fault(world, name, value)) is not None])
    if not body.keys() & _RULES.keys():
        raise RequestRefused("PropertyMissing", "DeliveryRetryAttempts", related=("#/DeliveryRetryAttempts",))
    rules = world.desk.rules
    rules.attempts = body.get("DeliveryRetryAttempts", rules.attempts)
    rules.interval = Seconds(float(body.get("DeliveryRetryIntervalSeconds", rules.interval)))
    world.desk.changed()
    _audit(world, caller, "events.change", events.SERVICE, "ok", ", ".join(sorted(body)))


def _rule_fault(world: World, name: str, value: Any) -> RequestRefused | None:
    """Return what is wrong with a change of a retry rule, None when nothing is."""
    related = (f"#/{name}",)
    if name.startswith("@odata."):
        return None
    if name not in _RULES:
        known = name in events.build_service(world, events.SERVICE)
        return RequestRefused("PropertyNotWritable" if known else "PropertyUnknown", name, related=related)
    if type(value) is not int:
        return RequestRefused("PropertyValueTypeError", str(value)[:64], name, related=related)
    least, most = _RULES[name]
    if not least <= value <= most:
        return RequestRefused("PropertyValueOutOfRange", str(value)[:64], name, related=related)
    return None


def _within(body: Mapping[str, Any], verb: str) -> Seconds | None:
    """Return how old a waiting event may be to be delivered still, None: as old as it is."""
    name = "DeliverBufferedEventDuration"
    _only(body, verb, name)
    if name not in body:
        return None
    text = body[name]
    if not isinstance(text, str):
        raise RequestRefused("ActionParameterValueTypeError", str(text)[:64], name, verb)
    match = _DURATION.fullmatch(text) if len(text) <= 32 else None
    if match is None or not any(match.groups()):
        raise RequestRefused("ActionParameterValueFormatError", text[:64], name, verb)
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return Seconds(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _only(body: Mapping[str, Any], verb: str, *known: str) -> None:
    for name in body:
        if name not in known:
            raise RequestRefused("ActionParameterNotSupported", name, verb)


def _audit(world: World, caller: Caller, what: str, target: str, outcome: str, detail: str = "") -> None:
    world.parts.store.audit(caller.who.user, caller.who.address, what, target, outcome, detail)
