"""A building that a test speaks for, over a link that is no socket; and one by MQTT, over a real one."""

import asyncio
import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware_bridge.emulator.building.building import EmulatedBuilding
from firmware_bridge.emulator.building.client import BuildingClient
from firmware_bridge.emulator.building.valves import Feeds
from firmware_bridge.emulator.faults import FaultTable
from firmware_bridge.generations.building import load_building_contract
from firmware_bridge.generations.load import load_generation
from firmware_bridge.ports.building import BuildingEar
from firmware_bridge.vocabulary.building import BuildingMessage, BuildingSide, LinkCounts
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from firmware_bridge.wire.mqtt.packets import Published, check_topic
from firmware_bridge.wire.mqtt.session import Denied, Event, Granted, Session
from rack_controller.run.building.rack_building import RackBuilding
from rack_controller.run.building.station import BuildingStation
from support.patience import PATIENCE
from tests.support.interlocked import RACK

NAME, OURS = "K01", "RACKWRIGHT"
CONTRACT = load_building_contract()
START_MS = 1_790_000_000_000


@dataclass
class HandClock:
    """A clock that a test moves."""

    at: float = 1000.0

    def now(self) -> Seconds:
        return Seconds(self.at)

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds((START_MS + int(self.at * 1000)) * 1_000_000)

    async def sleep_until(self, when: Seconds) -> None:
        await asyncio.sleep(0)

    @property
    def ms(self) -> int:
        return START_MS + int(self.at * 1000)


@dataclass
class PaperLink:
    """A link that writes down what is said.  `there` false: the broker is away."""

    there: bool = True
    said: list[tuple[str, dict[str, Any], bool]] = field(default_factory=list)
    counts: LinkCounts = field(default_factory=LinkCounts)
    broker: str = "127.0.0.1:1883"
    waiting: int = 0

    @property
    def connected(self) -> bool:
        return self.there

    @property
    def since(self) -> float | None:
        return 0.0 if self.there else None

    @property
    def error(self) -> str:
        return "" if self.there else "the broker is away"

    async def run(self, ear: BuildingEar) -> None:
        await asyncio.Event().wait()

    def say(self, topic: str, payload: bytes, *, kept: bool) -> None:
        check_topic(topic)
        self.said.append((topic, json.loads(payload), kept))

    def last(self, point: str) -> dict[str, Any] | None:
        """Return what was said last of a point of ours."""
        return next((body for topic, body, _ in reversed(self.said) if f"/{point}/" in topic), None)


class Spoken:
    """A station, and a building that a test speaks for: everything is announced, nothing is said yet."""

    def __init__(self, *, announce: bool = True) -> None:
        self.clock, self.link = HandClock(), PaperLink()
        self.station = BuildingStation(BuildingSide(OURS, {RACK: NAME}), CONTRACT, self.link, self.clock)
        found = self.station.rack(RACK)
        assert found is not None
        self.rack: RackBuilding = found
        self.rack.armed = lambda: True
        self.paper = EmulatedBuilding(
            CONTRACT, OURS, {RACK: NAME}, {RACK: feeds()}, lambda _rack: {}, FaultTable(), lambda: 0.0
        )
        if announce:
            for topic, body, kept in self.paper._announcements():
                self.hear(topic, body, kept=kept)

    def hear(self, topic: str, body: bytes, *, kept: bool = False, size: int | None = None) -> None:
        """Let a message arrive."""
        self.station.hear(BuildingMessage(topic, body, kept, len(body) if size is None else size))

    def says(self, point: str, value: float, *, kept: bool = False, tag: str = NAME, **fields: Any) -> None:
        """Let the building say a value."""
        body = {"value": value, "timestamp": self.clock.ms, "quality": 1, **fields}
        of = "System" if point.startswith("Heartbeat") else "Rack"
        self.hear(f"BMS/v1/PUB/Value/{of}/{point}/{tag}", json.dumps(body).encode(), kept=kept)

    def beats(self) -> None:
        """Let the building's heartbeat come."""
        self.says("HeartbeatTimestampBms", self.clock.ms, tag="BMS")


def feeds() -> Feeds:
    """Return the valve and breaker of the rack."""
    return Feeds(RACK, load_generation("gb200-nvl72"))


def station_at(bus: Path, clock: Clock) -> BuildingStation:
    """Return a station that meets the building at a real bus."""
    from firmware_bridge.vocabulary.site import Site, SiteRack
    from rack_controller.assemble_building import building_station

    agreed = {"integration": OURS, "racks": {RACK: NAME}}
    site = Site("lab1", (SiteRack(RACK, "gb200-nvl72", armed=True),), (), building=agreed)
    station = building_station(site, bus, clock)
    assert station is not None
    return station


@contextmanager
def emulated_at(bus: Path, faults: FaultTable) -> Iterator[tuple[EmulatedBuilding, BuildingClient]]:
    """Give an emulated building and its client, which is not running yet."""
    measured = {"supply": 25.0, "return": 33.0, "flow": 80.0, "power": 101.5}
    one = EmulatedBuilding(CONTRACT, OURS, {RACK: NAME}, {RACK: feeds()}, lambda _rack: measured, faults, lambda: 0.0)
    one.feeds[RACK].faults = lambda: frozenset(one.strikes(RACK))
    yield one, BuildingClient(one, bus)


@dataclass
class Stranger:
    """Somebody else at the building's door, over a real socket."""

    session: Session
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[Published] = field(default_factory=list)
    _waiting: deque[Event] = field(default_factory=deque)

    @classmethod
    async def come(cls, bus: Path, user: str, password: str, client: str = "stranger") -> "Stranger":
        port = json.loads((bus / "ports.json").read_text())["mqtt"]
        return cls(Session(client, user, password), *await asyncio.open_connection("127.0.0.1", port))

    async def log_in(self) -> bool:
        """Return whether the login was taken."""
        self.session.log_in()
        event = await self.next()
        return event is not None and not isinstance(event, Denied)

    async def subscribe(self, *filters: str) -> tuple[str, ...]:
        """Return the filters that were refused."""
        self.session.subscribe(filters)
        while True:
            event = await self.next()
            assert event is not None, "the server hung up"
            if isinstance(event, Granted):
                return event.refused

    async def next(self) -> Event | None:
        """Return the next event, None when the server hangs up; messages are written down too."""
        while not self._waiting:
            self.writer.write(self.session.take_bytes())
            async with asyncio.timeout(10 * PATIENCE):
                data = await self.reader.read(65_536)
            if not data:
                return None
            self._waiting += self.session.feed(data)
        event = self._waiting.popleft()
        if isinstance(event, Published):
            self.heard.append(event)
        return event

    def close(self) -> None:
        self.writer.close()


__all__ = ["CONTRACT", "NAME", "RACK", "PaperLink", "Place", "Spoken", "Stranger", "emulated_at", "feeds", "station_at"]
