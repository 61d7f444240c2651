"""The socket of the building's link, against brokers that refuse, fall silent, break the protocol or come back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from firmware_bridge.drivers.building import mqtt_link
from firmware_bridge.drivers.building.mqtt_link import BrokerAddress, MqttLink
from firmware_bridge.vocabulary.building import BuildingMessage
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.mqtt import packets
from firmware_bridge.wire.mqtt.packets import Kind, Packet, Reader
from rack_controller.run.clock import SystemClock
from tests.support.bus_server import until

WELCOME, GRANTED = b"\x20\x02\x00\x00", b"\x01"
Answer = Callable[[Packet, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Ear:
    heard: list[BuildingMessage] = field(default_factory=list)
    taken_topics: list[str] = field(default_factory=list)
    fails: bool = False

    def hear(self, message: BuildingMessage) -> None:
        if self.fails:
            raise KeyError("a bug")
        self.heard.append(message)

    def taken(self, topic: str) -> None:
        self.taken_topics.append(topic)


@dataclass
class Broker:
    """Answers as a test wants it to; by default as a broker that is well."""

    code: int = 0
    grants: bytes = GRANTED
    mute: bool = False
    says: bytes = b""
    logins: int = 0
    got: list[packets.Published] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cut = Reader()
        while data := await reader.read(65_536):
            for packet in cut.feed(data):
                self.answer(packet, writer)
        writer.close()

    def answer(self, packet: Packet, writer: asyncio.StreamWriter) -> None:
        if self.mute:
            return
        match packet.kind:
            case Kind.CONNECT:
                self.logins += 1
                writer.write(WELCOME[:3] + bytes([self.code]))
            case Kind.SUBSCRIBE:
                writer.write(bytes([0x90, 2 + len(self.grants)]) + packet.body[:2] + self.grants + self.says)
            case Kind.PUBLISH:
                said = packets.published(packet)
                self.got.append(said)
                assert said.number is not None
                writer.write(packets.puback(said.number))
            case Kind.PINGREQ:
                writer.write(b"\xd0\x00")


@asynccontextmanager
async def link_to(broker: Broker, ear: Ear | None = None) -> AsyncIterator[MqttLink]:
    server = await asyncio.start_server(broker.serve, "127.0.0.1", broker.port)
    broker.port = server.sockets[0].getsockname()[1]
    link = MqttLink(lambda: BrokerAddress("127.0.0.1", broker.port, "u", "secret"), "c", ["BMS/#"], SystemClock())
    running = asyncio.create_task(link.run(ear or Ear()))
    try:
        yield link
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        server.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_link, "SHORTEST_PAUSE_S", 0.02)
    monkeypatch.setattr(mqtt_link, "LONGEST_PAUSE_S", 0.02)


@pytest.mark.parametrize(
    ("broker", "why"),
    [
        (Broker(code=4), "user or password is wrong"),
        (Broker(grants=b"\x80"), "does not let us hear BMS/#"),
        (Broker(says=b"\x82\x00"), "packet type 8"),
    ],
)
async def test_a_broker_that_refuses_is_told_and_tried_again(broker: Broker, why: str) -> None:
    async with link_to(broker) as link:
        await until(lambda: broker.logins >= 2)
        assert why in link.error
        assert not link.connected


async def test_a_broker_that_says_nothing_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_link, "QUIET_S", 0.02)
    monkeypatch.setattr(mqtt_link, "DEAD_S", 0.08)
    async with link_to(Broker(mute=True)) as link:
        await until(lambda: "said nothing" in link.error)


async def test_a_quiet_broker_that_answers_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_link, "QUIET_S", 0.01)
    monkeypatch.setattr(mqtt_link, "DEAD_S", 1.0)
    broker = Broker()
    async with link_to(broker) as link:
        await until(lambda: link.connected)
        await asyncio.sleep(0.1)
        assert (link.connected, broker.logins) == (True, 1)


async def test_what_is_kept_is_said_until_it_is_taken_and_again_after_the_broker_was_away() -> None:
    broker, ear = Broker(), Ear()
    async with link_to(broker, ear) as link:
        link.say("a", b"1", kept=True)
        link.say("beat", b"0", kept=False)
        assert link.waiting == 1
        await until(lambda: link.waiting == 0)
        link.say("a", b"2", kept=True)
        link.say("beat", b"1", kept=False)
        await until(lambda: len(broker.got) == 3)
        await until(lambda: link.counts.taken == 3)
        assert [(m.topic, m.payload, m.retained) for m in broker.got] == [
            ("a", b"1", True),
            ("a", b"2", True),
            ("beat", b"1", False),
        ]
        assert ear.taken_topics == ["a", "a"]
        assert (link.counts.published, link.counts.republished) == (3, 0)


async def test_a_bug_of_who_hears_costs_one_message() -> None:
    says = packets.publish("BMS/a", b"1", retained=True, number=None)
    broker, ear = Broker(says=says), Ear(fails=True)
    async with link_to(broker, ear) as link:
        await until(lambda: link.counts.received == 1)
        assert link.connected


async def test_a_message_that_is_too_large_is_handed_on_as_its_head() -> None:
    says = packets.publish("BMS/a", b"x" * 300_000, retained=False, number=5)
    ear = Ear()
    async with link_to(Broker(says=says), ear):
        await until(lambda: len(ear.heard) == 1)
    assert (ear.heard[0].topic, ear.heard[0].size, ear.heard[0].whole) == ("BMS/a", 300_000, False)


async def test_without_an_address_it_waits_and_says_why() -> None:
    def nowhere() -> BrokerAddress:
        raise ConfigurationError("the bus was not started", advice="start it")

    link = MqttLink(nowhere, "c", ["BMS/#"], SystemClock())
    running = asyncio.create_task(link.run(Ear()))
    await until(lambda: "not started" in link.error)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_a_password_is_never_shown() -> None:
    assert "secret" not in repr(BrokerAddress("h", 1, "u", "secret"))
