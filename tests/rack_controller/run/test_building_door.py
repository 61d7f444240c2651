"""The building's door: MQTT logs into BMS only, and no topic there leads to a rack's subject."""

import asyncio
import json
import struct

import pytest
from support.bus_server import SITE, NatsProcess
from support.patience import PATIENCE

CONNACK, SUBACK, PUBLISH = 0x20, 0x90, 0x30
REFUSED = 0x80


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


def packet(kind: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([kind, len(body)]) + body


class Building:
    """A few packets of MQTT 3.1.1, spoken by hand so that the test needs no client of ours."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, kind: int, body: bytes) -> tuple[int, bytes]:
        self._writer.write(packet(kind, body))
        head = await asyncio.wait_for(self._reader.readexactly(2), 10 * PATIENCE)
        return head[0] & 0xF0, await self._reader.readexactly(head[1])

    async def log_in(self, user: str, password: str) -> int:
        flags = 0b1100_0010  # user, password, clean session
        body = text("MQTT") + bytes([4, flags]) + struct.pack(">H", 30) + text("bms-1") + text(user) + text(password)
        kind, answer = await self.ask(0x10, body)
        assert kind == CONNACK
        return answer[1]

    async def subscribe(self, topic: str) -> int:
        kind, answer = await self.ask(0x82, struct.pack(">H", 7) + text(topic) + b"\x00")
        assert kind == SUBACK
        return answer[2]

    def publish(self, topic: str, body: bytes) -> None:
        self._writer.write(packet(PUBLISH, text(topic) + body))


@pytest.fixture
async def building(bus_server: NatsProcess) -> Building:
    await (await bus_server.connect("api")).close()  # the server is up
    port = json.loads((bus_server.folder / "ports.json").read_text())["mqtt"]
    return Building(*await asyncio.open_connection("127.0.0.1", port))


async def test_the_building_hears_its_own_topics_and_no_racks(bus_server: NatsProcess, building: Building) -> None:
    assert await building.log_in("bms", (bus_server.folder / "bms.password").read_text()) == 0
    assert await building.subscribe("BMS/v1/#") == 0
    assert await building.subscribe("rw/#") == REFUSED
    assert await building.subscribe("#") == REFUSED


async def test_what_the_building_says_never_arrives_at_a_rack(bus_server: NatsProcess, building: Building) -> None:
    rack = await bus_server.connect("controller")
    heard = await rack.subscribe(f"rw.v1.{SITE}.*.command")
    await rack.flush()
    assert await building.log_in("bms", (bus_server.folder / "bms.password").read_text()) == 0
    building.publish(f"rw/v1/{SITE}/k01/command", b"{}")
    assert await building.subscribe("BMS/v1/#") == 0  # the publish before it has been worked off
    await rack.flush()
    assert heard.pending_msgs == 0
    await rack.close()


async def test_a_wrong_password_does_not_come_in(building: Building) -> None:
    assert await building.log_in("bms", "guess") != 0
