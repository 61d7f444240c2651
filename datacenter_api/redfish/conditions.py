"""What stands against a rack or a tray, as Conditions of its Status: the latches that keep it off, and its alarms.

A rack that is not armed has no latches: nothing is kept off there.  Of alarms those are shown that want an answer; one
that stands behind a latch is told by the latch.
"""

from collections.abc import Callable, Sequence

from datacenter_api.redfish.registry import message_id
from datacenter_api.redfish.shapes import ROOT, Body, ref, time_text
from datacenter_api.redfish.world import RackLook, TrayLook
from firmware_bridge.vocabulary.generation import TrayKind
from rack_controller.model.alarm import AlarmBrief, AlarmState
from rack_controller.model.event import Severity
from rack_controller.model.interlock_view import TrippedView

_SEVERITY = {Severity.CRITICAL: "Critical", Severity.WARNING: "Warning", Severity.OK: "OK"}
_KEPT_OFF = (TrayKind.COMPUTE, TrayKind.SWITCH)


def rack_conditions(rack: RackLook) -> list[Body]:
    """Return the latches and alarms of the rack itself, the first cause first."""
    mine = [_condition(rack, trip) for trip in _latched(rack) if trip.place == rack.layout.rack]
    return [*mine, *_alarms(rack, lambda place: place == rack.layout.rack)]


def tray_conditions(tray: TrayLook) -> list[Body]:
    """Return the latches of a tray, of a neighbour whose water may have reached it, and of its rack where they keep
    such a tray off."""
    places = {tray.plan.place, *([tray.rack.layout.rack] if tray.plan.kind in _KEPT_OFF else ())}
    mine = [t for t in _latched(tray.rack) if t.place in places or tray.plan.place in t.wet]
    inside = f"{tray.plan.place}/"
    alarms = _alarms(tray.rack, lambda place: place == tray.plan.place or place.startswith(inside))
    return [*(_condition(tray.rack, trip) for trip in mine), *alarms]


def conditions_of(found: list[Body]) -> Body:
    """Return the property; left out where nothing stands."""
    return {"Conditions": found} if found else {}


def worst(health: str | None, found: Sequence[Body]) -> str | None:
    """Return the health of something against which `found` stands: what refuses power-on is not well, dry or not."""
    said = {condition["Severity"] for condition in found} | {health}
    return next((word for word in ("Critical", "Warning") if word in said), health)


def _latched(rack: RackLook) -> list[TrippedView]:
    said = rack.record.interlocks
    return [] if said is None or not said.armed else [trip for trip in said.tripped if trip.latch]


def _alarms(rack: RackLook, at: Callable[[str], bool]) -> list[Body]:
    said = rack.record.alarms
    told = {(trip.cause, trip.place) for trip in _latched(rack)}
    briefs = [] if said is None else said.briefs
    return [_alarm(rack, a) for a in briefs if at(a.place) and (a.name, a.place) not in told]


def _alarm(rack: RackLook, alarm: AlarmBrief) -> Body:
    at = rack.id if alarm.place == rack.layout.rack else f"{rack.id}-{alarm.place.split('/')[4]}"
    text = f"{alarm.id} {alarm.title}: {alarm.text} ({alarm.state.replace('_', ' ')})"
    return {
        "MessageId": message_id("alarm.stands"),
        "Message": text,
        "MessageArgs": [text],
        "Severity": _SEVERITY[alarm.severity] if alarm.state is not AlarmState.RETURNED else "OK",
        "Timestamp": time_text(alarm.raised_unix_ns),
        "OriginOfCondition": ref(f"{ROOT}/Chassis/{at}"),
        "Resolution": alarm.response,
    }


def _condition(rack: RackLook, trip: TrippedView) -> Body:
    at = rack.id if trip.place == rack.layout.rack else f"{rack.id}-{trip.place.rsplit('/', 1)[1]}"
    return {
        "MessageId": message_id("latch.stands"),
        "Message": trip.chain,
        "MessageArgs": [trip.chain],
        "Severity": _SEVERITY[trip.severity],
        "Timestamp": time_text(trip.since_unix_ns),
        "OriginOfCondition": ref(f"{ROOT}/Chassis/{at}"),
        "Resolution": f"Inspect it, then clear latch {trip.latch} with an inspection record.",
    }
