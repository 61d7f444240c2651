"""The bus against a real nats-server: nothing published is lost, nobody says what is not theirs to say."""

import asyncio
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import DiscardPolicy
from support.bus_server import SITE, NatsProcess, until
from support.patience import PATIENCE

from datacenter_api.cli.nats_config import write_bus_config
from rack_controller.model.outbox import OutboxReport, decode_report
from rack_controller.model.subjects import EVENT_STREAM, TELEMETRY_STREAM
from rack_controller.run.bus import Bus, BusAddress, stream_configs
from rack_controller.run.ending import end
from rack_controller.run.outbox import Message, Outbox

TELEMETRY = f"rw.v1.{SITE}.k01.telemetry"
EVENT = f"rw.v1.{SITE}.k01.event"


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
    running = asyncio.create_task(make_bus(bus_server).run({TELEMETRY: outbox}))
    await until(lambda: len(outbox) == 0)
    assert await stored(api_client, TELEMETRY_STREAM) == [str(n).encode() for n in range(20)]
    await end([running])


async def test_a_killed_server_loses_nothing_and_doubles_nothing(bus_server: NatsProcess) -> None:
    outbox = Outbox(1000)
    running = asyncio.create_task(make_bus(bus_server).run({TELEMETRY: outbox}))
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


async def test_a_server_that_ends_at_the_same_time_costs_no_traceback(
    bus_server: NatsProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = Client.close

    async def closed_already(self: Client) -> None:
        await close(self)
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    monkeypatch.setattr(Client, "close", closed_already)
    bus = make_bus(bus_server)
    running = asyncio.create_task(bus.run({TELEMETRY: Outbox(10)}))
    await until(lambda: bus.serving)
    await end([running])
    assert running.cancelled()


async def test_the_controller_runs_before_the_bus_does(bus_server: NatsProcess) -> None:
    bus_server.kill()
    outbox = Outbox(10)
    bus = make_bus(bus_server)
    running = asyncio.create_task(bus.run({EVENT: outbox}))
    outbox.put(Message(EVENT, "e1", b"{}"))
    await bus.tell(f"rw.v1.{SITE}.k01.state.changed", b"nobody hears this")
    assert not bus.connected
    bus_server.start()
    await until(lambda: len(outbox) == 0)
    client = await bus_server.connect("api")
    assert await stored(client, EVENT_STREAM) == [b"{}"]
    await client.close()
    await end([running])


class Listener:
    """Hears what is said live and what is reported of one rack's outboxes."""

    def __init__(self) -> None:
        self.live: list[bytes] = []
        self.reports: list[OutboxReport] = []

    async def listen(self, client: Client) -> None:
        async def hear(message: Msg) -> None:
            self.live.append(message.data)

        async def note(message: Msg) -> None:
            self.reports.append(decode_report(message.data))

        await client.subscribe(f"{TELEMETRY}.live", cb=hear)
        await client.subscribe(f"rw.v1.{SITE}.k01.outbox", cb=note)
        await client.flush()


async def test_what_the_stream_refuses_is_said_live_named_and_stored_later_in_order(
    bus_server: NatsProcess, caplog: pytest.LogCaptureFixture
) -> None:
    listener, outbox = Listener(), Outbox(5)
    owner, api = await bus_server.connect("controller"), await bus_server.connect("api")
    await listener.listen(api)
    telemetry, _ = stream_configs(SITE)
    stream = owner.jetstream()
    running = asyncio.create_task(make_bus(bus_server).run({TELEMETRY: outbox}))
    outbox.put(Message(TELEMETRY, "m0", b"0"))
    await until(lambda: len(outbox) == 0)
    await stream.update_stream(telemetry, max_msgs=1, discard=DiscardPolicy.NEW)  # from now on it refuses
    for n in range(1, 8):
        outbox.put(Message(TELEMETRY, f"m{n}", str(n).encode()))
        await until(lambda n=n: listener.live[-1:] == [str(n).encode()])
    await until(lambda: bool(listener.reports) and listener.reports[-1].dropped == 2)
    assert listener.reports[-1] == OutboxReport("telemetry", 5, 2, "maximum messages exceeded")
    assert len([r for r in caplog.records if "is not stored" in r.message]) == 1, "said once, not at every try"
    await stream.update_stream(telemetry)
    await until(lambda: len(outbox) == 0)
    await until(lambda: listener.reports[-1].refusal == "")
    assert await stored(api, TELEMETRY_STREAM) == [b"0", *(str(n).encode() for n in range(3, 8))]
    for client in (owner, api):
        await client.close()
    await end([running])


async def test_without_room_for_the_streams_requests_are_answered_and_frames_said_live(
    bus_server: NatsProcess, caplog: pytest.LogCaptureFixture
) -> None:
    bus_server.kill()
    config = bus_server.files.config
    config.write_text(config.read_text().replace("max_file_store: 2GB", "max_file_store: 8MB"))
    bus_server.start()
    listener, outbox, bus = Listener(), Outbox(10), make_bus(bus_server)
    api = await bus_server.connect("api")
    await listener.listen(api)

    async def echo(body: bytes) -> bytes:
        return body

    bus.answer(f"rw.v1.{SITE}.k01.state", echo)
    running = asyncio.create_task(bus.run({TELEMETRY: outbox}))
    outbox.put(Message(TELEMETRY, "m0", b"0"))
    await until(lambda: listener.live == [b"0"])
    assert (await api.request(f"rw.v1.{SITE}.k01.state", b"there?", timeout=5 * PATIENCE)).data == b"there?"
    await until(lambda: bool(listener.reports) and "insufficient storage" in listener.reports[-1].refusal)
    assert not bus.serving
    for n in range(1, 4):
        outbox.put(Message(TELEMETRY, f"m{n}", str(n).encode()))
        await until(lambda n=n: listener.live[-1:] == [str(n).encode()])
    assert len([r for r in caplog.records if "insufficient storage" in r.message]) == 1, "said once, not at every try"
    await api.close()
    await end([running])


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


async def test_an_agent_hears_no_reply_to_anybody_else(bus_server: NatsProcess) -> None:
    """Replies to the API travel to inboxes: console pages, results of commands, state of every rack."""
    refused: list[str] = []

    async def hear(err: Exception) -> None:
        refused.append(str(err))

    await (await bus_server.connect("agent")).close()
    seed = str(bus_server.folder / "agent.nk")
    client = await nats.connect(bus_server.files.url, nkeys_seed=seed, error_cb=hear, allow_reconnect=False)
    await client.subscribe("_INBOX.>")
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


def test_no_password_stands_in_the_configuration(tmp_path: Path) -> None:
    files = write_bus_config(tmp_path, SITE)
    assert (tmp_path / "bms.password").read_text() not in files.config.read_text()
    kept = (tmp_path / "bms.password").read_text()
    write_bus_config(tmp_path, SITE)
    assert (tmp_path / "bms.password").read_text() == kept, "a building's system keeps its password"


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
