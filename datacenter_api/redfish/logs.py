"""The racks' events as LogEntries."""

import time

from datacenter_api.events.log import KEPT
from datacenter_api.redfish.managers import SERVICE, find_endpoint
from datacenter_api.redfish.registry import RESOLUTION, message_id
from datacenter_api.redfish.shapes import Body, collection, gathered, ref, resource, time_text, told
from datacenter_api.redfish.world import RackLook, World
from firmware_bridge.vocabulary.generation import TrayKind
from rack_controller.model.event import Event, Severity

LOG = "events"
SEVERITY = {Severity.OK: "OK", Severity.WARNING: "Warning", Severity.CRITICAL: "Critical"}


def build_services(world: World, uri: str, *_ids: str) -> Body | None:
    """Return the logs of a rack, a compute tray, an endpoint, or of this service: one each."""
    found = _about(world, uri)
    if found is None:
        return None
    return {**collection("LogService", uri, f"Logs of {found[1]}", [LOG]), "Description": f"Logs of {found[1]}"}


def build_service(world: World, uri: str, _owner: str, log: str) -> Body | None:
    """Return an event log."""
    found = _about(world, uri)
    return None if found is None or log != LOG else _service(uri, f"Events of {found[1]}")


def build_entries(world: World, uri: str, _owner: str, log: str) -> Body | None:
    """Return the events of whoever the log is of, newest first, each in full."""
    found = _about(world, uri)
    if found is None or log != LOG:
        return None
    return {**_entries(world, uri, f"Events of {found[1]}", found[0]), "Description": f"Events of {found[1]}"}


def build_entry(world: World, uri: str, _owner: str, log: str, entry: str) -> Body | None:
    """Return one event."""
    found = _about(world, uri)
    return None if found is None or log != LOG else _one(world, uri, entry, found[0])


def _about(world: World, uri: str) -> tuple[str | None, str] | None:
    """Return the place whose events a log holds (None: all) and what it is called; None where there is no log."""
    kind, owner = uri.split("/")[3:5]
    if kind == "Managers":
        if owner == SERVICE:
            return None, "all racks"
        endpoint = find_endpoint(world, owner)
        return None if endpoint is None or not endpoint[1].enabled else (endpoint[1].place, owner)
    if kind == "Systems":
        tray = world.tray(owner, TrayKind.COMPUTE)
        return None if tray is None else (tray.plan.place, owner)
    rack = world.rack(owner)
    return None if rack is None else (rack.layout.rack, f"rack {owner}")


def _service(uri: str, name: str) -> Body:
    """The newest events of all racks are kept; the oldest give way."""
    return resource(
        "LogService",
        uri,
        name,
        Description=name,
        LogEntryType="Event",
        LogPurposes=["Operations"],
        MaxNumberOfRecords=KEPT,
        OverWritePolicy="WrapsWhenFull",
        ServiceEnabled=True,
        DateTime=time_text(time.time_ns() // 1_000_000_000 * 1_000_000_000),
        DateTimeLocalOffset="+00:00",
        Status={"State": "Enabled", "Health": "OK"},
        Entries=ref(f"{uri}/Entries"),
    )


def _entries(world: World, uri: str, name: str, place: str | None) -> Body:
    events = world.parts.events.newest(KEPT, place)
    return gathered("LogEntry", uri, name, [_entry(world, f"{uri}/{event.id}", event) for event in events])


def _one(world: World, uri: str, entry: str, place: str | None) -> Body | None:
    events = world.parts.events.newest(KEPT, place)
    return next((_entry(world, uri, event) for event in events if event.id == entry), None)


def _entry(world: World, uri: str, event: Event) -> Body:
    rack = world.rack_of(event.place)
    return resource(
        "LogEntry",
        uri,
        event.kind,
        EntryType="Event",
        Created=time_text(event.unix_ns),
        Severity=SEVERITY[event.severity],
        MessageId=message_id(event.kind),
        Message=event.message,
        MessageArgs=[event.message],
        Resolution=RESOLUTION,
        **told(EventTimestamp=event.device_time if _is_time(event.device_time) else None),
        **({} if rack is None else {"Links": {"OriginOfCondition": ref(origin_of(rack, event.place))}}),
    )


def origin_of(rack: RackLook, place: str) -> str:
    """Return the chassis that an event is about: its tray, or the rack."""
    parts = place.split("/")
    tray = f"{rack.id}-{parts[4]}" if len(parts) > 4 else ""
    return f"/redfish/v1/Chassis/{tray if tray in rack.trays else rack.id}"


def _is_time(text: str | None) -> bool:
    return text is not None and len(text) >= 20 and text[10] == "T" and (text.endswith("Z") or text[-6] in "+-")
