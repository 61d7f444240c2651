"""The registry that says what each kind of event means, and the MessageIds of events and conditions."""

from datacenter_api.redfish.shapes import Body

REGISTRY = "Rackwright.1.0"
REGISTRY_VERSION = "1.0.0"
RESOLUTION = "Read the message; where a part is at fault, it is named."

# What happened, by kind; a kind that is not here is `Event`.
KINDS: dict[str, tuple[str, str]] = {
    "endpoint.met": ("EndpointMet", "An endpoint answered for the first time."),
    "endpoint.reachable": ("EndpointReachable", "An endpoint answers again."),
    "endpoint.degraded": ("EndpointDegraded", "An endpoint answers in part."),
    "endpoint.absent": ("EndpointAbsent", "An endpoint does not answer."),
    "leak.dry": ("LeakGone", "A leak detector is dry again."),
    "leak.warning": ("LeakWarning", "A leak detector warns."),
    "leak.critical": ("LeakCritical", "A leak detector reports a leak."),
    "power_state.on": ("PowerOn", "Something was switched on."),
    "power_state.off": ("PowerOff", "Something was switched off."),
    "health.ok": ("HealthOK", "A part is healthy again."),
    "health.warning": ("HealthWarning", "A part reports a warning."),
    "health.critical": ("HealthCritical", "A part reports a critical state."),
    "alarm.set": ("AlarmSet", "A bit of an alarm word was set."),
    "alarm.cleared": ("AlarmCleared", "A bit of an alarm word was cleared."),
    "alarm.over": ("AlarmOver", "What an event told of is over."),
    "alarm.stands": ("AlarmStands", "An alarm wants an answer."),
    "alarm.acknowledged": ("AlarmAcknowledged", "A person acknowledged an alarm."),
    "alarm.shelved": ("AlarmShelved", "A person shelved an alarm for some hours."),
    "alarm.unshelved": ("AlarmUnshelved", "An alarm is shelved no more."),
    "alarm.out_of_service": ("AlarmOutOfService", "A person took an alarm out of service."),
    "alarm.returned": ("AlarmInService", "A person returned an alarm to service."),
    "limit.set": ("LimitSet", "A power limit was asked for; the text says what came of it."),
    "power.on_battery": ("OnBattery", "A battery shelf delivers."),
    "power.on_mains": ("OnMains", "A battery shelf rests again."),
    "interlock.tripped": ("InterlockTripped", "An interlock tripped, or what it ordered came to something."),
    "latch.stands": ("Latched", "An interlock keeps something off until a person clears its latch."),
    "latch.signed": ("LatchSigned", "A person signed for a latch; another one must."),
    "latch.cleared": ("LatchCleared", "A latch was cleared with an inspection record."),
}


def message_id(kind: str) -> str:
    """Return the MessageId of an event kind."""
    if kind.startswith("interlock."):  # the rest names the cause or the act
        kind = "interlock.tripped"
    return f"{REGISTRY}.{KINDS[kind][0] if kind in KINDS else 'Event'}"


def registry() -> Body:
    """Return the message registry of our event kinds."""
    severities = {"dry": "OK", "warning": "Warning", "critical": "Critical", "absent": "Warning", "degraded": "Warning"}
    severities |= {"off": "Warning", "set": "Warning", "on_battery": "Critical"}
    severities |= {"tripped": "Critical", "stands": "Critical", "signed": "Warning"}
    messages = {
        name: {
            "Description": text,
            "Message": "%1",
            "MessageSeverity": severities.get(kind.rsplit(".", 1)[1], "OK"),
            "NumberOfArgs": 1,
            "ParamTypes": ["string"],
            "ArgDescriptions": ["What happened, in full."],
            "ArgLongDescriptions": ["This argument shall contain the event's text."],
            "LongDescription": f"This message shall indicate this: {text}",
            "Resolution": RESOLUTION,
        }
        for kind, (name, text) in {**KINDS, ".ok": ("Event", "Something happened in a rack.")}.items()
    }
    return {
        "@odata.type": "#MessageRegistry.v1_7_0.MessageRegistry",
        "Id": f"Rackwright.{REGISTRY_VERSION}",
        "Name": "Events of a rack",
        "Language": "en",
        "Description": "What Rackwright tells of racks.",
        "RegistryPrefix": "Rackwright",
        "RegistryVersion": REGISTRY_VERSION,
        "OwningEntity": "Rackwright",
        "Messages": messages,
    }
