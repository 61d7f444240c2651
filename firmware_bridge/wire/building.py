"""Topics and messages between a rack and its building, as DSX Exchange writes them.  Pure; nothing is believed here
that a message does not say.

Source: NVIDIA/dsx-exchange, schemas/asyncapi/bms/bms.yaml: `BMS/v1/PUBLISHER/Value or Metadata/OBJECT/POINT/TAG`,
a value is `{value, timestamp in ms, quality}`.  Metadata of a point says which rack it is of, and, where we say its
value, that we are the one who does.
"""

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from firmware_bridge.vocabulary.building import BuildingContract, BuildingPoint, ObjectKind
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.mqtt.packets import check_topic

INTEGRATION = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST_TAG = 512
MOST_NAME = 120
LONGEST_MESSAGE = 16 * 1024
OBJECTS = {ObjectKind.RACK: "Rack", ObjectKind.SYSTEM: "System"}


class TopicKind(StrEnum):
    """What is said on a topic."""

    VALUE = "Value"
    METADATA = "Metadata"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, taken apart.  `point` and `tag` together name a point of a site."""

    publisher: str
    kind: TopicKind
    point: BuildingPoint
    tag: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a point is: `identity` of the rack or system; `integration`: who says its value, None: the building."""

    identity: str
    integration: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """A value as it was said.  `why`: why it cannot be believed, empty when it can; then `value` is None unless it was
    a number at least.  `value` is in our unit; `told_ms`: the sender's own time."""

    value: float | None
    told_ms: int | None
    why: str = ""


def read_topic(text: str, contract: BuildingContract) -> Topic:
    """Take a topic apart.  Raises ValueError that says what is wrong with it."""
    prefix = f"{contract.root}/"
    parts = text.removeprefix(prefix).split("/", 4) if text.startswith(prefix) else []
    if len(parts) < 5 or not all(parts) or "//" in text or text.endswith("/"):
        raise ValueError(f"expected {prefix}<publisher>/<Value or Metadata>/<object>/<point>/<tag>")
    publisher, kind, what, name, tag = parts
    check_topic(text)
    if len(tag) > MOST_TAG:
        raise ValueError(f"its tag is longer than {MOST_TAG} characters")
    if kind not in tuple(TopicKind):
        raise ValueError(f"expected Value or Metadata, not {scrub(kind, 40)}")
    point = contract.points.get(name)
    if point is None or OBJECTS[point.of] != what:
        raise ValueError(f"no point {scrub(what, 40)}/{scrub(name, 64)} is known here")
    return Topic(publisher, TopicKind(kind), point, tag)


def write_topic(contract: BuildingContract, publisher: str, kind: TopicKind, point: BuildingPoint, tag: str) -> str:
    """Return the topic of a point."""
    return "/".join((contract.root, publisher, kind, OBJECTS[point.of], point.name, tag))


def filters(contract: BuildingContract) -> tuple[str, ...]:
    """Return what to subscribe to so as to hear everything that the building says of racks and of itself."""
    return tuple(
        f"{contract.root}/{contract.publisher}/{kind}/{what}/#" for kind in TopicKind for what in OBJECTS.values()
    )


def read_owner(body: bytes, topic: Topic) -> Owner:
    """Read metadata.  Raises ValueError that says what is wrong with it."""
    said = _document(body)
    point = topic.point
    key = "rackLocationId" if point.of is ObjectKind.RACK else "objectId"
    if said.get("objectType") != OBJECTS[point.of] or said.get("pointType") != point.name:
        raise ValueError("its objectType and pointType are not those of its topic")
    unit = said.get("engUnit")
    if point.unit and unit != point.unit:
        raise ValueError(f"engUnit {scrub(unit, 40) or 'is missing'}, expected {point.unit}")
    identity = said.get(key)
    if not isinstance(identity, str) or not identity or identity != scrub(identity, MOST_NAME):
        raise ValueError(f"expected {key}, a name of at most {MOST_NAME} characters")
    integration = said.get("integration")
    if integration is not None and not (isinstance(integration, str) and INTEGRATION.fullmatch(integration)):
        raise ValueError("integration is no name")
    return Owner(identity, integration)


def read_value(body: bytes, point: BuildingPoint, contract: BuildingContract, now_ms: int, *, kept: bool) -> Said:
    """Read a value.  `kept`: the broker had kept it, so that it may be old; what is wrong with it stands in `why`."""
    try:
        said = _document(body)
    except ValueError as err:
        return Said(None, None, f"type: {err}")
    told, value, quality = said.get("timestamp"), said.get("value"), said.get("quality")
    if type(told) is not int:
        return Said(None, None, "time: timestamp is no whole number of milliseconds")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return Said(None, told, f"type: value {scrub(value, 40) or 'is missing'} is no number")
    if point.states and value not in point.states:
        allowed = ", ".join(map(str, point.states))
        return Said(None, told, f"type: value {value:g} is none of {allowed}")
    if not point.least <= value <= point.most:
        return Said(None, told, f"type: value {value:g} {point.unit} is beyond {point.least:g} to {point.most:g}")
    ours = float(value) * point.factor
    if type(quality) is not int or quality != contract.good:
        return Said(ours, told, f"quality: {scrub(quality, 40) or 'is missing'}, {contract.good} is good")
    if told > now_ms + contract.ahead_s * 1000:
        return Said(ours, told, f"time: it says it was said {_span(told - now_ms)} from now")
    late = contract.stale_s if kept else contract.late_s
    if told < now_ms - late * 1000:
        return Said(ours, told, f"time: it says it was said {_span(now_ms - told)} ago")
    return Said(ours, told)


def write_value(value: float, now_ms: int, quality: int) -> bytes:
    """Return a value as it is said."""
    number = int(value) if value == int(value) else value
    return msgspec.json.encode({"value": number, "timestamp": now_ms, "quality": quality})


def _document(body: bytes) -> dict[str, Any]:
    if len(body) > LONGEST_MESSAGE:
        raise ValueError(f"it has {len(body)} bytes, at most {LONGEST_MESSAGE} are read")
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as err:
        raise ValueError("it is no JSON") from err
    if not isinstance(said, dict):
        raise ValueError("it is no JSON object")
    return said


def _span(ms: int) -> str:
    seconds = abs(ms) / 1000
    return f"{seconds:.0f} s" if seconds < 7200 else f"{seconds / 3600:.0f} h" if seconds < 172_800 else "days"
