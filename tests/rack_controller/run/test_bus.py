"""The bus against a real nats-server: nothing published is lost, nobody says what is not theirs to say."""

import asyncio

import nats
import pytest
from nats.aio.client import Client
from support.bus_server import SITE, NatsProcess, until

from rack_controller.model.subjects import EVENT_STREAM, TELEMETRY_STREAM
from rack_controller.run.bus import Bus, BusAddress, Message, Outbox
from rack_controller.run.ending import end

TELEMETRY = f"rw.v1.{SITE}.k01.telemetry"


def make_bus(server: NatsProcess) -> Bus:
    return Bus(BusAddress(server.files.url, server.folder / "controller.nk"), SITE, "test-controller")


async def stored(client: Client, stream: str) -> list[bytes]:
    info = await client.jetstream().stream_info(stream)
    if not info.state.messages:
        return []
    last = info.state.last_seq
    return [
        (await client.jetstream().get_msg(stream, seq, direct=True)).data or b""
        for seq in range(info.state.first_seq, last + 1)
    ]


async def test_what_is_put_in_the_outbox_ends_up_in_the_stream_in_order(
    bus_server: NatsProcess, api_client: Client
) -> None:
    outbox = Outbox(100)
    for n in range(20):
        outbox.put(Message(TELEMETRY, f"m{n}", str(n).encode()))
    running = asyncio.create_task(make_bus(bus_server).run([outbox]))
    await until(lambda: len(outbox) == 0)
    assert await stored(api_client, TELEMETRY_STREAM) == [str(n).encode() for n in range(20)]
    await end([running])


async def test_a_killed_server_loses_nothing_and_doubles_nothing(bus_server: NatsProcess) -> None:
    outbox = Outbox(1000)
    running = asyncio.create_task(make_bus(bus_server).run([outbox]))
    sent = 0
    for round_ in range(2):
        for _ in range(50):
            outbox.put(Message(TELEMETRY, f"m{sent}", str(sent).encode()))
            sent += 1
            await asyncio.sleep(0)
        if round_ == 0:
            await until(lambda: len(outbox) < 40)
            bus_server.kill()
            for _ in range(10):
                outbox.put(Message(TELEMETRY, f"m{sent}", str(sent).encode()))
                sent += 1
            bus_server.start()
    await until(lambda: len(outbox) == 0)
    client = await bus_server.connect("api")
    assert await stored(client, TELEMETRY_STREAM) == [str(n).encode() for n in range(sent)]
    await client.close()
    await end([running])


async def test_the_controller_runs_before_the_bus_does(bus_server: NatsProcess) -> None:
    bus_server.kill()
    outbox = Outbox(10)
    bus = make_bus(bus_server)
    running = asyncio.create_task(bus.run([outbox]))
    outbox.put(Message(f"rw.v1.{SITE}.k01.event", "e1", b"{}"))
    await bus.tell(f"rw.v1.{SITE}.k01.state.changed", b"nobody hears this")
    assert not bus.connected
    bus_server.start()
    await until(lambda: len(outbox) == 0)
    client = await bus_server.connect("api")
    assert await stored(client, EVENT_STREAM) == [b"{}"]
    await client.close()
    await end([running])


def test_a_full_outbox_drops_the_oldest_and_counts_it() -> None:
    outbox = Outbox(2)
    for n in range(3):
        outbox.put(Message(TELEMETRY, f"m{n}", b""))
    assert (len(outbox), outbox.dropped) == (2, 1)


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("controller", f"rw.v1.{SITE}.k01.command"),
        ("agent", f"rw.v1.{SITE}.k01.command"),
        ("agent", f"rw.v1.{SITE}.k01.telemetry"),
        ("api", f"rw.v1.{SITE}.k01.telemetry"),
        ("api", f"rw.v1.{SITE}.k01.event"),
        ("controller", "rw.v1.othersite.k01.telemetry"),
    ],
)
async def test_nobody_says_what_is_not_theirs(bus_server: NatsProcess, user: str, subject: str) -> None:
    refused: list[str] = []

    async def hear(err: Exception) -> None:
        refused.append(str(err))

    await (await bus_server.connect(user)).close()
    client = await nats.connect(
        bus_server.files.url, nkeys_seed=str(bus_server.folder / f"{user}.nk"), error_cb=hear, allow_reconnect=False
    )
    await client.publish(subject, b"")
    await client.flush()
    await until(lambda: bool(refused))
    assert "permissions violation" in refused[0].lower()
    await client.close()


async def test_without_a_key_nobody_comes_in(bus_server: NatsProcess) -> None:
    await (await bus_server.connect("api")).close()
    with pytest.raises(nats.errors.Error, match=r"(?i)authorization|permissions"):
        await nats.connect(
            bus_server.files.url, allow_reconnect=False, max_reconnect_attempts=0, reconnect_time_wait=0.02
        )


async def test_the_building_cannot_log_in_where_racks_are(bus_server: NatsProcess) -> None:
    await (await bus_server.connect("api")).close()
    password = (bus_server.folder / "bms.password").read_text()
    with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
        await nats.connect(
            bus_server.files.url,
            user="bms",
            password=password,
            allow_reconnect=False,
            max_reconnect_attempts=0,
            reconnect_time_wait=0.02,
        )
