"""Power limits of parts and trays: as `PowerLimitWatts` shows them, and set through the rack's `limit` command.

No rule of limits is here: what the controller or the device refuses is told by the property that asked for it.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from datacenter_api.commands import error_of, send_command
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.registry import message_id
from datacenter_api.redfish.shapes import ROOT, Body, told
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.redfish_service.messages import RequestRefused, refuse
from firmware_bridge.vocabulary.errors import (
    ArgumentsInvalid,
    Latched,
    PreconditionFailed,
    RackwrightError,
    TargetUnknown,
)
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.limit import LimitRow, LimitState, SetPoint
from rack_controller.model.roles import PRIVILEGES, Privilege

LIMIT, SET_POINT = "PowerLimitWatts", "SetPoint"
MOST_W = 1e9
"""What no limit comes near: a number that is meant as none."""
_ENVIRONMENT = re.compile(rf"{ROOT}/(?:Chassis|Systems)/([^/]+)(?:/Processors/([^/]+))?/EnvironmentMetrics")
_CONTROL = re.compile(rf"{ROOT}/Chassis/([^/]+)/Controls/(?:([^/]+)\.)?{Quantity.POWER_LIMIT}")

_READ_ONLY = frozenset(
    {
        *("Id", "Name", "Status", "PowerWatts", "TemperatureCelsius", "EnergyJoules", "DataSourceUri", "AllowableMin"),
        *("AllowableMax", "DefaultSetPoint", "ControlType", "SetPointUnits", "RelatedItem", "Reading"),
    }
)


def owns(uri: str) -> bool:
    """Tell whether a URI is of a kind that may hold a power limit."""
    return bool(_ENVIRONMENT.fullmatch(uri) or _CONTROL.fullmatch(uri))


def control_id(part: str) -> str:
    """Return the id of a part's limit among its tray's Controls (empty: of the tray's own)."""
    return f"{part}.{Quantity.POWER_LIMIT}" if part else Quantity.POWER_LIMIT.value


def limit_of(world: World, tray: TrayLook, part: str) -> Body | None:
    """Return the limit of a part as resources quote it, None where the rack reads none."""
    if tray.line(part, Quantity.POWER_LIMIT) is None:
        return None
    uri = f"{ROOT}/Chassis/{tray.id}/Controls/{control_id(part)}"
    return {"DataSourceUri": uri, SET_POINT: held(world, tray, part), **allowed(world, tray, part)}


def held(world: World, tray: TrayLook, part: str) -> float | None:
    """Return the limit that a part holds now (W), whoever set it; None while nobody knows.

    What read back after it was set here counts until a frame has a later reading.
    """
    value, line, view = tray.value(part, Quantity.POWER_LIMIT), tray.line(part, Quantity.POWER_LIMIT), tray.rack.view
    known = world.limits.read_back(_place(tray, part))
    if known is None or line is None or view is None:
        return value
    age = view.age(line)
    return value if age is not None and tray.rack.now - age > known[1] else known[0]


def allowed(world: World, tray: TrayLook, part: str) -> Body:
    """Return what the device allows (W); nothing where it does not say, or nobody has asked yet."""
    world.limits.want(tray.rack.record)
    row = _row(world, tray, part)
    return {} if row is None else told(AllowableMin=row.least, AllowableMax=row.most, DefaultSetPoint=row.default)


def settable(world: World, uri: str) -> bool:
    """Tell whether the limit at a URI can be set: a device takes it, and the rack is armed.

    Before its controller has said which limits can be set, every one that is read may be tried.
    """
    at = _target(world, uri)
    if at is None or not at[0].rack.layout.armed:
        return False
    tray, part = at
    known = _row(world, tray, part) is not None or not world.limits.knows(tray.rack.id)
    return known and tray.line(part, Quantity.POWER_LIMIT) is not None


async def set_limit(world: World, uri: str, body: Mapping[str, Any], caller: Caller) -> Body:
    """Set the limit at a URI; return annotations of its resource: nothing, or why it is not confirmed yet.

    Raises RequestRefused and what the controller refuses with.
    """
    at = _target(world, uri)
    if at is None:
        raise RequestRefused("ResourceMissingAtURI", uri)
    if Privilege.LIMIT not in PRIVILEGES[caller.who.role]:
        raise RequestRefused("InsufficientPrivilege")
    watts, pointer = _wished(uri, body)
    place = _place(*at)
    point = await _asked(world, at[0], place, watts, pointer, caller)
    world.limits.learn(point)
    if point.state is LimitState.REFUSED:
        raise RequestRefused("PropertyValueIncorrect", SET_POINT, f"{watts:g}", related=(pointer,), detail=point.detail)
    if point.state is LimitState.REQUESTED:
        return {f"{pointer[2:].partition('/')[0]}@Message.ExtendedInfo": [_pending(point, pointer)]}
    return {}


async def _asked(world: World, tray: TrayLook, place: str, watts: float, pointer: str, caller: Caller) -> SetPoint:
    reply = await send_command(world.parts, caller.who, tray.rack.id, "limit", place, {"watts": watts})
    if reply.accepted:
        return msgspec.convert(reply.result["limits"][0], SetPoint)
    raise _told_by(error_of(reply, place, "limit"), watts, pointer)


def _told_by(refused: RackwrightError, watts: float, pointer: str) -> RackwrightError:
    """Return a refusal of the controller as one of the property: final, with its reason."""
    said = str(refused)
    if isinstance(refused, ArgumentsInvalid):
        return RequestRefused("PropertyValueOutOfRange", f"{watts:g}", SET_POINT, related=(pointer,), detail=said)
    if isinstance(refused, TargetUnknown):
        return RequestRefused("PropertyNotWritable", SET_POINT, related=(pointer,), detail=said)
    if isinstance(refused, PreconditionFailed) and not isinstance(refused, Latched):
        # 412 would speak of an entity tag, and of asking again.
        return RequestRefused(
            "PropertyValueIncorrect", SET_POINT, f"{watts:g}", status=409, related=(pointer,), detail=said
        )
    return refused


def _wished(uri: str, body: Mapping[str, Any]) -> tuple[float, str]:
    """Return the watts that a body asks for and where they stand in it, each wrong property with its own message."""
    within = () if _CONTROL.fullmatch(uri) else (LIMIT,)
    faults, at = [], "#"
    for name in within:
        faults += _strangers(body, name, at)
        at = f"{at}/{name}"
        if name not in body:
            refuse([*faults, RequestRefused("PropertyMissing", name, related=(at,))])
        if not isinstance(body[name], dict):
            refuse([*faults, RequestRefused("PropertyValueTypeError", str(body[name])[:64], name, related=(at,))])
        body = body[name]
    faults += _strangers(body, SET_POINT, at)
    at = f"{at}/{SET_POINT}"
    value = body.get(SET_POINT)
    if SET_POINT not in body:
        faults.append(RequestRefused("PropertyMissing", SET_POINT, related=(at,)))
    elif isinstance(value, bool) or not isinstance(value, int | float):
        faults.append(RequestRefused("PropertyValueTypeError", str(value)[:64], SET_POINT, related=(at,)))
    elif not 0 < value < MOST_W:
        faults.append(RequestRefused("PropertyValueOutOfRange", str(value)[:64], SET_POINT, related=(at,)))
    refuse(faults)
    assert isinstance(value, int | float)
    return float(value), at


def _strangers(body: Mapping[str, Any], known: str, at: str) -> list[RequestRefused]:
    return [
        RequestRefused(
            "PropertyNotWritable" if name in _READ_ONLY else "PropertyUnknown", name, related=(f"{at}/{name}",)
        )
        for name in body
        if name != known and not name.startswith("@odata.")
    ]


def _pending(point: SetPoint, pointer: str) -> Body:
    said = (
        f"{point.value:g} W is wanted and not confirmed: {point.detail or 'nothing read back'}; it is asked for again"
    )
    return {
        "@odata.type": "#Message.v1_1_1.Message",
        "MessageId": message_id("limit.set"),
        "Message": said,
        "MessageArgs": [said],
        "MessageSeverity": "Warning",
        "RelatedProperties": [pointer],
        "Resolution": "Read the limit again later.",
    }


def _target(world: World, uri: str) -> tuple[TrayLook, str] | None:
    match = _ENVIRONMENT.fullmatch(uri) or _CONTROL.fullmatch(uri)
    tray = world.tray(match[1]) if match is not None else None
    return None if match is None or tray is None else (tray, match[2] or "")


def _row(world: World, tray: TrayLook, part: str) -> LimitRow | None:
    return world.limits.row(tray.rack.id, _place(tray, part))


def _place(tray: TrayLook, part: str) -> str:
    return f"{tray.plan.place}/{part}" if part else tray.plan.place
