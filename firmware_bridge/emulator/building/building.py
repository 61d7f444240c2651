"""An emulated building's management system: announces its points, says its values, hears requests.  No socket here."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from firmware_bridge.emulator.building.valves import Feeds
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import FaultTable
from firmware_bridge.vocabulary.building import BuildingContract, BuildingPoint, Meaning, ObjectKind, Speaker
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.wire.building import OBJECTS, Topic, TopicKind, read_topic, read_value, write_topic, write_value

PLACE = "building"
ITSELF = "BMS"
BAD = 0
STEP = 0.5  # a measurement that moved by less than this share of a hundredth is not said again
_STATES = {0: "Clear", 1: "Set", -1: "Unknown"}
_SILENT, _CLOCK = FaultKind.BUILDING_SILENT, FaultKind.BUILDING_CLOCK


class Outgoing(NamedTuple):
    """One message to publish."""

    topic: str
    body: bytes
    kept: bool


Meter = Callable[[Place], Mapping[str, float]]
"""Return what the building measures at a rack, by the leaf of the point, in the point's own unit."""


@dataclass(slots=True)
class EmulatedBuilding:
    """One building of a site.  `feeds` by rack; `called`: what it calls each rack; times in seconds of `now`."""

    contract: BuildingContract
    integration: str
    called: Mapping[Place, str]
    feeds: Mapping[Place, Feeds]
    meter: Meter
    faults: FaultTable
    emulated: Callable[[], float]
    _said: dict[tuple[Place, str], tuple[float, int, float]] = field(default_factory=dict)
    _announced_at: float | None = None
    _beaten_at: float | None = None
    _echo: float | None = None
    _noise_at: float = 0.0

    def joined(self) -> None:
        """Begin anew: everything is announced and said again."""
        self._said.clear()
        self._announced_at = self._beaten_at = None

    def strikes(self, rack: Place) -> dict[FaultKind, float]:
        """Return the faults of the building at a rack that are on now, each with its seconds."""
        place, now = str(join_place(rack, PLACE)), self.emulated()
        return {a.fault.what: a.fault.seconds for a in self.faults.on_building(place) if a.fault.is_on(now)}

    def hear(self, text: str, body: bytes, unix_ms: int, now: float) -> None:
        """Take what an integration says; what is wrong with it is ignored, as buildings do."""
        try:
            topic = read_topic(text, self.contract)
        except ValueError:
            return
        if topic.publisher != self.integration or topic.kind is not TopicKind.VALUE:
            return
        said = read_value(body, topic.point, self.contract, unix_ms, kept=True)
        if said.why or said.value is None:
            return
        if topic.point.means is Meaning.OUR_HEARTBEAT:
            self._echo = said.value
        self._ask(topic, said.value, now)

    def _ask(self, topic: Topic, value: float, now: float) -> None:
        rack = next((place for place, name in self.called.items() if topic.tag == name), None)
        if rack is None or value < 0:
            return
        if topic.point.means is Meaning.LIQUID_WANTED:
            self.feeds[rack].liquid.ask(value > 0, now)
        elif topic.point.means is Meaning.ELECTRICAL_WANTED:
            self.feeds[rack].electrical.ask(value > 0, now)

    def look(self, now: float, unix_ms: int) -> list[Outgoing]:
        """Let time pass and return what is said now."""
        for feeds in self.feeds.values():
            feeds.move(now)
        speaking = {rack: s for rack in self.called if _SILENT not in (s := self.strikes(rack))}
        if self.called and not speaking:
            return []
        found: list[Outgoing] = []
        if self._announced_at is None or now - self._announced_at >= self.contract.republish_s:
            self._announced_at = now
            found += self._announcements()
        found += self._beats(now, unix_ms, speaking)
        for rack, strikes in speaking.items():
            found += self._values(rack, strikes, now, unix_ms)
        if now - self._noise_at >= 1.0:
            self._noise_at = now
            struck = [self.called[rack] for rack, s in speaking.items() if FaultKind.BUILDING_NONSENSE in s]
            found += [said for name in struck for said in self._nonsense(name, unix_ms)]
        return found

    def _announcements(self) -> Iterator[Outgoing]:
        for point in self.contract.points.values():
            if point.means is None and point.quantity is None:
                continue
            integration = {"integration": self.integration} if point.by is Speaker.US else {}
            named = {"objectType": OBJECTS[point.of], "pointType": point.name, **integration}
            if point.of is ObjectKind.SYSTEM:
                name = ITSELF if point.means in (Meaning.HEARTBEAT, Meaning.OUR_ECHO) else self.integration
                yield self._metadata(point, name, {**named, "objectName": name, "objectId": name})
                continue
            measured: dict[str, object] = {"engUnit": point.unit}
            if point.states:
                measured = {"stateText": [{"value": n, "text": _STATES[n]} for n in point.states]}
            for name in self.called.values():
                located = {"rackLocationName": name, "rackLocationId": name}
                yield self._metadata(point, name, {**named, **located, **measured})

    def _metadata(self, point: BuildingPoint, tag: str, said: dict[str, object]) -> Outgoing:
        topic = write_topic(self.contract, self.contract.publisher, TopicKind.METADATA, point, tag)
        return Outgoing(topic, json.dumps(said).encode(), True)

    def _beats(self, now: float, unix_ms: int, speaking: Mapping[Place, Mapping[FaultKind, float]]) -> list[Outgoing]:
        found = []
        if self._beaten_at is None or now - self._beaten_at >= self.contract.heartbeat_s:
            self._beaten_at = now
            ahead = min((s.get(_CLOCK, 0.0) for s in speaking.values()), default=0.0)  # it has one clock for itself
            told = unix_ms + int(ahead * 1000)
            found += self._value(Meaning.HEARTBEAT, ITSELF, told, told, self.contract.good)
        if self._echo is not None:
            found += self._value(Meaning.ECHO, self.integration, self._echo, unix_ms, self.contract.good)
            self._echo = None
        return found

    def _value(self, means: Meaning, tag: str, value: float, unix_ms: int, quality: int) -> list[Outgoing]:
        point = self.contract.meaning(means)
        if point is None:
            return []
        topic = write_topic(self.contract, self.contract.publisher, TopicKind.VALUE, point, tag)
        return [Outgoing(topic, write_value(value, unix_ms, quality), False)]

    def _values(self, rack: Place, strikes: Mapping[FaultKind, float], now: float, unix_ms: int) -> Iterator[Outgoing]:
        feeds = self.feeds[rack]
        signs = {
            Meaning.LEAK: FaultKind.BUILDING_LEAK in strikes,
            Meaning.LEAK_SENSOR_FAULT: FaultKind.BUILDING_SENSOR_FAULT in strikes,
            Meaning.LIQUID_ISOLATED: feeds.liquid.says,
            Meaning.ELECTRICALLY_ISOLATED: feeds.electrical.says,
        }
        measured = self.meter(rack)
        quality = BAD if FaultKind.BUILDING_QUALITY in strikes else self.contract.good
        told = unix_ms + int(strikes.get(_CLOCK, 0.0) * 1000)
        for point in self.contract.points.values():
            if point.quantity is None:
                continue
            value = float(signs[point.means]) if point.means in signs else measured.get(point.leaf)
            if value is None or not self._due(rack, point, value, quality, now, skewed=told != unix_ms):
                continue
            topic = write_topic(self.contract, self.contract.publisher, TopicKind.VALUE, point, self.called[rack])
            # Not every building has its values kept, this one does; a heartbeat that is kept would tell nothing.
            yield Outgoing(topic, write_value(round(value, 2), told, quality), True)

    def _due(self, rack: Place, point: BuildingPoint, value: float, quality: int, now: float, *, skewed: bool) -> bool:
        """Tell whether a value is said: it changed, or it is due again.  A skewed clock shows at once."""
        before = self._said.get((rack, point.name))
        code = quality * 2 + skewed
        if before is not None:
            was, had, at = before
            moved = value != was if point.states else abs(value - was) > STEP * max(abs(was), 1.0) / 100
            if not moved and code == had and now - at < self.contract.republish_s:
                return False
        self._said[rack, point.name] = value, code, now
        return True

    def _nonsense(self, name: str, unix_ms: int) -> Iterator[Outgoing]:
        """Say what no building should: other points, text for numbers, no JSON, a body that is far too large."""
        root = f"{self.contract.root}/{self.contract.publisher}"
        leak = f"{root}/Value/Rack/RackLeakDetect/{name}"
        yield Outgoing(f"{root}/Value/Rack/RackLeekDetect/{name}", write_value(1, unix_ms, 1), False)
        yield Outgoing(f"{root}/Value/Rack/RackLiquidIsolationRequest/{name}", write_value(1, unix_ms, 1), False)
        yield Outgoing(leak, b'{"value": "wet", "timestamp": 1, "quality": 1}', False)
        yield Outgoing(leak, b"not JSON", False)
        yield Outgoing(f"{root}/Metadata/Rack/RackLeakDetect/{name}", b"[]", False)
        yield Outgoing(f"{root}/Value/Rack/RackPower/{name}", b" " * 200_000, False)
