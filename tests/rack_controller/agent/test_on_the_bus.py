"""The whole road on a real nats-server: a GPU library, an agent with its rack's key, the controller's source."""

import asyncio
import ctypes
from pathlib import Path

import pytest
from nats.errors import Error as NatsError
from support.bus_server import SITE, NatsProcess, until
from support.nvml import SONAME, FakeGpus, build_library
from support.patience import PATIENCE

from datacenter_api.cli.nats_config import write_bus_config
from datacenter_api.cli.state_directory import free_port
from datacenter_api.listen import Listen
from firmware_bridge.drivers.nvml.gpu_host import AgentGpuHost
from firmware_bridge.drivers.nvml.host import NvmlHost
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.agent.bus import AgentBus, BusLogin
from rack_controller.agent.command import main
from rack_controller.agent.host import HostAgent
from rack_controller.model.subjects import RackSubjects
from rack_controller.run.bus import Bus, BusAddress
from rack_controller.run.clock import SystemClock
from rack_controller.run.ending import end
from rack_controller.run.outbox import Outbox

TRAY = Place(f"{SITE}/a/r01/k01/u11")
HOST = Place(f"{TRAY}/host")
SUBJECTS = RackSubjects(SITE, "k01")


def login(server: NatsProcess, rack: str = "k01") -> BusLogin:
    return BusLogin(server.files.url, server.folder / f"agent-{rack}.nk")


async def test_from_the_library_to_the_controller(
    bus_server: NatsProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeGpus(tmp_path / "nvml.txt")
    monkeypatch.setenv("FAKE_NVML_DATA", str(fake.path))
    ctypes.CDLL(str(build_library() / SONAME))
    clock = SystemClock()
    source = AgentGpuHost(TRAY, HOST, (0, 1, 2, 3), clock)
    controller = Bus(BusAddress(bus_server.files.url, bus_server.folder / "controller.nk"), SITE, "test-controller")
    controller.hear(SUBJECTS.agent_telemetry("*"), lambda subject, body: source.deliver(body))
    bus = AgentBus(login(bus_server), "test-agent")
    agent = HostAgent(SUBJECTS.agent_telemetry("u11"), NvmlHost(clock), bus.say, clock, "boot-a")
    works = [asyncio.create_task(w) for w in (controller.run({SUBJECTS.event: Outbox(10)}), bus.run(), agent.run())]
    try:
        await until(lambda: not source.faults and source._is_fresh(), within=20)
        series = await source.discover()
        assert len(series) == 4 * 24
        readings = {(r.place, r.quantity): r for r in await source.read(ReadingClass.SAFETY)}
        assert readings[Place(f"{TRAY}/gpu2"), Quantity.POWER_AVERAGE].value == 812.5
        fake.fire(3, 79)
        told: list[object] = []
        await until(lambda: bool(told.extend(source.happened()) or told), within=20)
        (event,) = told
        assert (event.kind, event.gpu, event.number) == ("xid", 3, 79)  # type: ignore[attr-defined]
    finally:
        await end(works)


async def test_a_grant_goes_to_the_library_and_back(
    bus_server: NatsProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_NVML_DATA", str(FakeGpus(tmp_path / "nvml.txt").path))
    ctypes.CDLL(str(build_library() / SONAME))
    clock, gpus = SystemClock(), [Place(f"{TRAY}/gpu{n}") for n in range(4)]
    source = AgentGpuHost(TRAY, HOST, (0, 1, 2, 3), clock)
    controller = Bus(BusAddress(bus_server.files.url, bus_server.folder / "controller.nk"), SITE, "test-controller")
    controller.hear(SUBJECTS.agent_telemetry("*"), lambda subject, body: source.deliver(body))
    bus = AgentBus(login(bus_server), "test-agent")
    agent = HostAgent(SUBJECTS.agent_telemetry("u11"), NvmlHost(clock), bus.say, clock, "boot-a")
    bus.hear(SUBJECTS.agent_cap("u11"), agent.hear)
    works = [asyncio.create_task(w) for w in (controller.run({SUBJECTS.event: Outbox(10)}), bus.run(), agent.run())]
    try:
        await until(source._is_fresh, within=20)
        assert source.kept() is None

        def kept(watts: float) -> bool:
            found = source.kept()
            return found is not None and set(found.limits.values()) == {watts} and len(found.limits) == 4

        asked = source.grant(3, 1, Seconds(3.0), dict.fromkeys(gpus, (800.0, 600.0)))
        await controller.tell(SUBJECTS.agent_cap("u11"), asked)
        await until(lambda: kept(800.0))
        found = source.kept()
        assert found is not None
        assert (found.epoch, found.number, found.refused) == (3, 1, {})
        assert found.ends_at > found.heard_at
        older = source.grant(2, 9, Seconds(60.0), dict.fromkeys(gpus, (1200.0, 1200.0)))
        await controller.tell(SUBJECTS.agent_cap("u11"), older)
        await until(lambda: "followed by 3" in (source.kept() or found).refused.get(HOST, ""))
        await until(lambda: kept(600.0))  # nobody renews it
    finally:
        await end(works)


async def test_nobody_but_the_controller_may_grant(bus_server: NatsProcess) -> None:
    cap = SUBJECTS.agent_cap("u11")
    agent = await bus_server.connect("agent-k01")
    heard = await agent.subscribe(cap)
    await agent.flush()
    for user in ("api", "agent-k01", "agent-k02", "controller"):
        speaker = await bus_server.connect(user)
        await speaker.publish(cap, user.encode())
        await speaker.flush()
        await speaker.close()
    assert (await heard.next_msg(timeout=10 * PATIENCE)).data == b"controller"
    with pytest.raises((TimeoutError, NatsError)):
        await heard.next_msg(timeout=0.2)
    await agent.close()


async def test_an_agent_outlives_its_bus(bus_server: NatsProcess) -> None:
    bus = AgentBus(login(bus_server), "test-agent")
    task = asyncio.create_task(bus.run())
    try:
        await until(lambda: bus._client is not None and bus._client.is_connected)
        subject = SUBJECTS.agent_telemetry("u11")
        assert await bus.say(subject, b"one")
        bus_server.kill()
        client = bus._client
        assert client is not None
        await until(lambda: not client.is_connected)
        assert not await bus.say(subject, b"two")
        bus_server.start()
        await until(lambda: client.is_connected, within=25)
        assert await bus.say(subject, b"three")
    finally:
        await end([task])


async def test_an_agent_may_speak_for_its_own_rack_only(bus_server: NatsProcess) -> None:
    controller = await bus_server.connect("controller")
    heard = await controller.subscribe(f"rw.v1.{SITE}.*.agent.*.telemetry")
    await controller.flush()
    agent = await bus_server.connect("agent-k01")
    for subject in (
        f"rw.v1.{SITE}.k02.agent.u11.telemetry",
        f"rw.v1.{SITE}.k01.telemetry",
        f"rw.v1.{SITE}.k01.command",
        f"rw.v1.{SITE}.k01.agent.u11.cap",
        f"rw.v1.{SITE}.k01.agent.u11.telemetry",
    ):
        await agent.publish(subject, b"x")
    await agent.flush()
    assert (await heard.next_msg(timeout=10 * PATIENCE)).subject == f"rw.v1.{SITE}.k01.agent.u11.telemetry"
    with pytest.raises((TimeoutError, NatsError)):
        await heard.next_msg(timeout=0.2)
    await agent.close()
    await controller.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--place"),
        (["--place", "tx1/a/r03/k07"], "no tray"),
        (["--place", "tx1/a/r03/k07/u11"], "--bus is missing"),
        (["--place", "tx1/a/r03/k07/u11", "--bus", "nats://127.0.0.1:1", "--seed", "/nowhere"], "no such file"),
        (["--place", "tx1/a/r03/k.7/u11", "--bus", "nats://127.0.0.1:1", "--seed", "SEED"], "without dots"),
        (["--place", "tx1/a/r03/k07/u11", "--bus", "nats://127.0.0.1:1", "--seed", "OPEN"], "chmod 600"),
        (["--place", "tx1/a/r03/k07/u11", "--bus", "x", "--seed", "SEED", "--ca", "/nowhere"], "authority"),
    ],
)
def test_a_wrong_start_is_one_line_that_says_what_to_do(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, mode in (("SEED", 0o600), ("OPEN", 0o644)):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(mode)
    argv = [str(tmp_path / o) if o in ("SEED", "OPEN") else o for o in options]
    assert main(argv) == ConfigurationError.exit_code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


async def test_from_another_machine_the_bus_is_reached_with_tls_only(tmp_path: Path) -> None:
    port = free_port()
    files = write_bus_config(tmp_path / "nats", SITE, ["k01"], Listen("127.0.0.1", port))
    server = NatsProcess(tmp_path / "nats", files)
    server.start()
    authority = server.folder / "tls" / "ca.pem"
    bus = AgentBus(BusLogin(files.url, server.folder / "agent-k01.nk", authority), "test-agent")
    task = asyncio.create_task(bus.run())
    try:
        controller = await server.connect("controller")
        heard = await controller.subscribe(SUBJECTS.agent_telemetry("u11"))
        await controller.flush()
        await until(lambda: bus._client is not None and bus._client.is_connected)
        assert await bus.say(SUBJECTS.agent_telemetry("u11"), b"one")
        assert (await heard.next_msg(timeout=10 * PATIENCE)).data == b"one"
        await controller.close()
    finally:
        await end([task])
        server.kill()
    with pytest.raises(ConfigurationError, match="TLS only"):
        AgentBus(BusLogin("nats://10.0.0.1:4222", server.folder / "agent-k01.nk"), "test-agent")


async def test_a_bus_with_another_authority_is_not_spoken_to(tmp_path: Path) -> None:
    files = write_bus_config(tmp_path / "nats", SITE, ["k01"], Listen("127.0.0.1", free_port()))
    stranger = write_bus_config(tmp_path / "other", SITE, ["k01"], Listen("127.0.0.1", free_port())).config.parent
    server = NatsProcess(tmp_path / "nats", files)
    server.start()
    bus = AgentBus(BusLogin(files.url, server.folder / "agent-k01.nk", stranger / "tls" / "ca.pem"), "test-agent")
    task = asyncio.create_task(bus.run())
    try:
        await (await server.connect("controller")).close()
        done, _ = await asyncio.wait([task], timeout=0.5)
        assert not done
        assert bus._client is None
    finally:
        await end([task])
        server.kill()


def test_a_rack_whose_name_cannot_stand_in_a_subject_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"k\.7"):
        write_bus_config(tmp_path / "nats", SITE, ["k.7"])
