"""A rack and its building over a real nats-server: asked, confirmed, silent, away and back; and who may say what."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.bus_server import SITE, NatsProcess, until

from datacenter_api.cli.nats_config import write_bus_config
from datacenter_api.cli.state_directory import free_port
from datacenter_api.listen import Listen
from firmware_bridge.emulator.building import valves
from firmware_bridge.emulator.building.building import EmulatedBuilding
from firmware_bridge.emulator.building.client import BuildingClient
from firmware_bridge.emulator.faults import Fault, FaultKind, FaultTable
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.wire.mqtt.session import Session
from rack_controller.decide.interlock import Order
from rack_controller.model.building_view import BuildingState, Isolation
from rack_controller.model.interlock import REQUESTS, SWITCHES_OFF, Act
from rack_controller.run.building.rack_building import RackBuilding
from rack_controller.run.building.telling import state_of
from rack_controller.run.clock import SystemClock
from tests.support.building import RACK, Stranger, emulated_at, station_at
from tests.support.interlocked import InterlockedRack, seeded_policy

POLICY = seeded_policy()
CONFIRM_S = 30.0


@dataclass
class Joined:
    """A rack whose interlocks speak to an emulated building through a real broker."""

    bus: Path
    rack: RackBuilding
    building: EmulatedBuilding
    client: BuildingClient
    faults: FaultTable
    plant: InterlockedRack = field(default_factory=InterlockedRack)

    def tick(self, seconds: int = 1) -> list[Order]:
        """Let the rack's second pass at once; what the building said meanwhile is seen in it."""
        before = len(self.plant.orders)
        for _ in range(seconds):
            now = self.rack.ground.clock.now()
            self.plant.building = self.rack.sight(now)
            self.plant.now += 1
            self.plant.tick()
            self.rack.see(self.plant.look())
            self.rack.follow(self.plant.standings.values(), POLICY, now)
        return self.plant.orders[before:]

    def leak(self, code: float = 2) -> None:
        for tray in ("u31", "u36"):
            self.plant.set(f"{tray}/leak1", Quantity.LEAK, code)

    def fault(self, kind: FaultKind, **details: float) -> None:
        self.faults.add([Fault(kind, f"{RACK}/building", **details)])  # type: ignore[arg-type]

    @property
    def state(self) -> BuildingState:
        return state_of(self.rack, CONFIRM_S, self.rack.ground.clock.now())

    @property
    def isolation(self) -> list[Isolation]:
        return [one.state for one in self.state.isolation]

    def quality(self, point: str) -> str:
        return next(p.quality for p in self.state.points if p.point == point)


@asynccontextmanager
async def joined(server: NatsProcess, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Joined]:
    monkeypatch.setattr(valves, "MOVES_AFTER_S", 0.1)
    station, faults = station_at(server.folder, SystemClock()), FaultTable()
    rack = station.rack(RACK)
    assert rack is not None
    rack.armed = lambda: True
    with emulated_at(server.folder, faults) as (building, client):
        works = [asyncio.create_task(station.run())]
        try:
            it = Joined(server.folder, rack, building, client, faults)
            await until(lambda: rack.ground.link.connected)
            works.append(asyncio.create_task(client.run()))
            await until(lambda: len(rack.lines) == 11 and rack.ground.heartbeat is not None)
            await until(lambda: it.quality("RackElectricalIsolationStatus") == "good")
            yield it
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)


async def ticking(it: Joined, true: Callable[[], bool]) -> None:
    """Look at the rack again and again until something is so."""

    def look() -> bool:
        it.tick()
        return true()

    await until(look)


async def test_two_trays_leak_all_go_off_the_building_is_asked_and_confirms(
    bus_server: NatsProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with joined(bus_server, monkeypatch) as it:
        it.tick()
        assert it.isolation == [Isolation.NONE, Isolation.NONE]
        await until(lambda: it.rack.ground.link.waiting == 0)
        assert not it.building.feeds[RACK].liquid.asked
        it.leak()
        first = it.tick()
        assert [len(o.targets) for o in first if o.act is Act.FORCE_OFF and o.cause == "leak.two_trays"] == [27]
        assert not [o for o in first if o.act in REQUESTS], "trays first"
        tripped = it.plant.standings[("leak.two_trays", RACK)].tripped_at
        assert tripped is not None
        asked = [o for o in it.tick(2) if o.act in REQUESTS]
        assert {o.act for o in asked if o.cause == "leak.two_trays"} == set(REQUESTS)
        assert it.plant.standings[("leak.two_trays", RACK)].done[1] - tripped <= 2.0
        assert Isolation.CONFIRMED not in it.isolation, "asked is not confirmed"
        it.plant.switch(on=False, trays=[t.place for t in it.plant.look().trays])
        await ticking(it, lambda: it.isolation == [Isolation.CONFIRMED] * 2)
        feeds = it.building.feeds[RACK]
        assert (feeds.liquid.isolated, feeds.electrical.isolated) == (True, True)
        assert {f.what for f in feeds.in_plant()} >= {FaultKind.PUMP_FAIL, FaultKind.TRAY_OFF}
        assert ("isolation.unconfirmed", RACK) not in it.plant.standings
        assert it.state.refused == []


async def test_a_building_that_does_nothing_is_an_alarm_and_the_trays_are_off_all_the_same(
    bus_server: NatsProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with joined(bus_server, monkeypatch) as it:
        it.fault(FaultKind.BUILDING_STUCK)
        it.tick()
        it.leak()
        off = [o for o in it.tick() if o.act in SWITCHES_OFF and o.cause == "leak.two_trays"]
        assert [len(o.targets) for o in off] == [27]
        it.tick(2)
        await until(lambda: it.isolation == [Isolation.REQUESTED] * 2)
        it.tick(31)
        assert it.plant.standings[("isolation.unconfirmed", RACK)].tripped_at is not None
        assert it.isolation == [Isolation.REQUESTED] * 2


async def test_a_broker_that_was_away_gets_every_request_again(
    bus_server: NatsProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with joined(bus_server, monkeypatch) as it:
        it.tick()
        link = it.rack.ground.link
        await until(lambda: link.waiting == 0)
        bus_server.kill()
        await until(lambda: not link.connected)
        it.leak()
        off = [o for o in it.tick() if o.act in SWITCHES_OFF]
        assert off, "a building that is away holds nothing back"
        it.tick(2)
        assert it.isolation == [Isolation.ASKED] * 2
        assert link.waiting >= 2
        bus_server.start()
        await ticking(it, lambda: it.isolation == [Isolation.CONFIRMED] * 2)
        assert link.waiting == 0
        assert (link.counts.connections, link.counts.republished) == (2, 3)
        late = await Stranger.come(it.bus, "bms", (it.bus / "bms.password").read_text(), "late")
        assert await late.log_in()
        assert await late.subscribe("BMS/v1/RACKWRIGHT/Value/Rack/#") == ()
        while len(late.heard) < 3:
            assert await late.next() is not None
        kept = {m.topic.split("/")[5]: json.loads(m.payload)["value"] for m in late.heard if m.retained}
        assert kept["RackLiquidIsolationRequest"] == kept["RackElectricalIsolationRequest"] == 1
        late.close()


async def test_what_a_building_says_wrongly_is_flagged_and_its_own_leak_is_the_racks(
    bus_server: NatsProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with joined(bus_server, monkeypatch) as it:
        it.fault(FaultKind.BUILDING_NONSENSE)
        wrong = {"topic", "type", "metadata", "size"}
        await until(lambda: {one.why.partition(":")[0] for one in it.state.refused} >= wrong)
        it.faults.set([])
        it.fault(FaultKind.BUILDING_QUALITY)
        await until(lambda: it.quality("RackLeakDetect") == "flagged")
        assert it.state.leak is None
        it.faults.set([])
        it.fault(FaultKind.BUILDING_LEAK)
        await ticking(it, lambda: ("leak.rack", RACK) in it.plant.standings)
        assert [o for o in it.plant.ordered("force_off") if o.cause == "leak.rack"]
        it.faults.set([])
        it.fault(FaultKind.BUILDING_CLOCK, seconds=3600.0)
        await until(lambda: it.quality("RackLeakDetect") == "flagged")
        assert it.state.leak is None


async def test_nobody_says_what_is_the_others_to_say(bus_server: NatsProcess) -> None:
    controller = await bus_server.connect("controller")
    heard = await controller.subscribe(f"rw.v1.{SITE}.*.command")
    await controller.flush()
    passwords = {user: (bus_server.folder / f"{user}.password").read_text() for user in ("bms", "rackwright")}
    us = await Stranger.come(bus_server.folder, "rackwright", passwords["rackwright"], "us")
    assert await us.log_in()
    assert await us.subscribe("rw/#", "#", "BMS/v1/PUB/#") == ("rw/#", "#")
    building = await Stranger.come(bus_server.folder, "bms", passwords["bms"], "building")
    assert await building.log_in()
    assert await building.subscribe("BMS/v1/#", "rw/v1/#", "$SYS/#") == ("rw/v1/#", "$SYS/#")
    for topic in ("rw/v1/lab1/k01/command", "BMS/v1/RACKWRIGHT/Value/Rack/RackLiquidIsolationRequest/K01"):
        building.session.publish(topic, b"forged", retained=True)
    us.session.publish("BMS/v1/PUB/Value/Rack/RackLiquidIsolationStatus/K01", b"forged", retained=True)
    us.session.publish("BMS/v1/RACKWRIGHT/Value/Rack/RackLeakDetectTray/K01", b"ours", retained=True)
    building.session.publish("BMS/v1/PUB/Value/Rack/RackPower/K01", b"theirs", retained=False)
    building.session.publish("rw/v1/lab1/k01/command", b"forged", retained=False)
    us.writer.write(us.session.take_bytes())
    building.writer.write(building.session.take_bytes())
    while not us.heard:
        await us.next()
    while len(building.heard) < 2:
        await building.next()
    assert {m.payload for m in us.heard} == {b"theirs"}
    assert {m.payload for m in building.heard} == {b"ours", b"theirs"}
    await controller.flush()
    assert heard.pending_msgs == 0
    for one in (us, building):
        one.close()
    await controller.close()


@pytest.mark.parametrize("topic", ["BMS/v1/PUB/Value/Rack/+/K01", "BMS/v1/PUB/#"])
async def test_a_wildcard_is_not_published_on(bus_server: NatsProcess, topic: str) -> None:
    await (await bus_server.connect("api")).close()
    password = (bus_server.folder / "bms.password").read_text()
    one = await Stranger.come(bus_server.folder, "bms", password)
    assert await one.log_in()
    raw = topic.encode()
    one.writer.write(bytes([0x30, len(raw) + 3, 0, len(raw)]) + raw + b"1")
    assert await one.next() is None, "the server hangs up"


@pytest.mark.parametrize(("user", "password"), [("rackwright", "guess"), ("bms", ""), ("controller", "guess")])
async def test_a_wrong_login_does_not_come_in(bus_server: NatsProcess, user: str, password: str) -> None:
    await (await bus_server.connect("api")).close()
    assert not await (await Stranger.come(bus_server.folder, user, password)).log_in()


async def test_a_building_elsewhere_is_met_with_tls_only(tmp_path: Path) -> None:
    folder = tmp_path / "nats"
    server = NatsProcess(folder, write_bus_config(folder, SITE, building=Listen("127.0.0.1", free_port())))
    server.start()
    try:
        await (await server.connect("api")).close()
        assert (folder / "mqtt").read_text().startswith("mqtts://127.0.0.1:")
        station = station_at(folder, SystemClock())
        running = asyncio.create_task(station.run())
        rack = station.rack(RACK)
        assert rack is not None
        await until(lambda: rack.ground.link.connected)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        port = int((folder / "mqtt").read_text().rpartition(":")[2])
        plain = Stranger(Session("plain", "bms", "x"), *await asyncio.open_connection("127.0.0.1", port))
        with contextlib.suppress(ConnectionError, ValueError):
            assert not await plain.log_in()
    finally:
        server.kill()
