"""One rack on a real bus: frames, events, answers, commands."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from nats.aio.client import Client
from support.bus_server import SITE, NatsProcess, ScriptedTray, until
from support.patience import PATIENCE

from firmware_bridge.generations.load import load_generation
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.errors import EndpointUnreachable, ReplyMalformed
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from rack_controller.model.command import Command, Reply, decode_reply, encode
from rack_controller.model.event import Event, decode_event
from rack_controller.model.frame import Frame, decode_frame
from rack_controller.model.layout import Layout, RackState, StateRequest, make_layout
from rack_controller.model.roles import Role
from rack_controller.model.table import SeriesTable, decode_table
from rack_controller.run.bus import Bus, BusAddress
from rack_controller.run.clock import SystemClock
from rack_controller.run.commands import BEGUN
from rack_controller.run.ending import end
from rack_controller.run.journal import CommandRecord, Journal
from rack_controller.run.rack import RackUnderControl

RACK = Place(f"{SITE}/a/r01/k01")
TRAY = Place(f"{RACK}/u11")
BMC = Place(f"{TRAY}/bmc")
FAR = 2**62


@dataclass
class RunningRack:
    """A rack with one scripted tray, seen through the bus."""

    tray: ScriptedTray
    client: Client
    journal: Journal
    controlled: RackUnderControl

    async def ask(self, want: str, place: str = "") -> bytes:
        body = msgspec.json.encode(StateRequest(want, place))
        return (await self.client.request(f"rw.v1.{SITE}.k01.state", body, timeout=5 * PATIENCE)).data

    async def do(self, command: Command) -> Reply:
        return decode_reply(
            (await self.client.request(f"rw.v1.{SITE}.k01.command", encode(command), timeout=5 * PATIENCE)).data
        )

    async def frame_with_power(self) -> tuple[SeriesTable, Frame]:
        """Return the first frame that carries the tray's power, and its table."""
        sub = await self.client.subscribe(f"rw.v1.{SITE}.k01.telemetry")
        deadline = time.monotonic() + 15 * PATIENCE
        while time.monotonic() < deadline:
            frame = decode_frame((await sub.next_msg(timeout=10 * PATIENCE)).data)
            table = decode_table(await self.ask("table"))
            if table.table_id == frame.table_id and (TRAY, Quantity.POWER) in table.gauge_index:
                return table, frame
        raise AssertionError("no frame with the tray's power")


@pytest.fixture
async def rack(bus_server: NatsProcess, tmp_path: Path) -> AsyncIterator[RunningRack]:
    clock = SystemClock()
    tray = ScriptedTray(BMC, power=5432.0)
    sources: dict[Place, TelemetrySource] = {BMC: tray}
    generation = load_generation("gb200-nvl72")
    layout = make_layout(SiteRack(RACK, generation.name, armed=True), generation, (SiteEndpoint(BMC, "127.0.0.1", 1),))
    journal = Journal(tmp_path / "journal.db")
    controlled = RackUnderControl(layout, generation.periods, sources, journal, clock, "boot1")
    bus = Bus(BusAddress(bus_server.files.url, bus_server.folder / "controller.nk"), SITE, "test")
    controlled.attach(bus)
    running = [
        asyncio.create_task(controlled.run(bus)),
        asyncio.create_task(
            bus.run({controlled.subjects.telemetry: controlled.frames, controlled.subjects.event: controlled.events})
        ),
    ]
    client = await bus_server.connect("api")
    await until(lambda: bus.serving)
    yield RunningRack(tray, client, journal, controlled)
    await client.close()
    await end(running)
    assert tray.closed


async def test_what_a_tray_says_arrives_in_a_frame(rack: RunningRack) -> None:
    table, frame = await rack.frame_with_power()
    column = table.gauge_index[TRAY, Quantity.POWER]
    assert frame.gauges[column] == 5432.0
    assert frame.ages[column] < 300
    assert frame.sequence > 0


async def test_the_layers_above_learn_layout_and_both_axes(rack: RunningRack) -> None:
    layout = msgspec.json.decode(await rack.ask("layout"), type=Layout)
    assert (layout.gpus, len(layout.trays), layout.armed) == (72, 36, True)
    await rack.frame_with_power()
    state = msgspec.json.decode(await rack.ask("endpoints"), type=RackState)
    assert [(e.place, e.management, e.state) for e in state.endpoints] == [(BMC, "reachable", "on")]
    assert state.boot == "boot1"


async def test_an_endpoint_that_refuses_one_resource_says_which(rack: RunningRack) -> None:
    await rack.frame_with_power()
    uri = "/redfish/v1/Chassis/X/Sensors/Y"
    rack.tray.partly = {uri: ReplyMalformed(BMC, "read slow", "NaN is no JSON")}
    (status,) = msgspec.json.decode(await rack.ask("endpoints"), type=RackState).endpoints
    assert (status.management, status.faults) == ("reachable", 1)
    assert status.error == f"ReplyMalformed: NaN is no JSON ({uri})"


async def test_a_rack_that_is_not_armed_is_only_observed(rack: RunningRack) -> None:
    rack.controlled._view.layout = msgspec.structs.replace(rack.controlled._view.layout, armed=False)
    reply = await rack.do(Command("c9", "ada", Role.ADMIN, "locate", TRAY, FAR, {"on": True}))
    assert (reply.accepted, reply.code) == (False, "precondition_failed")
    assert "only observed" in reply.reason
    assert not rack.tray.located


async def test_an_endpoint_met_is_an_event_in_the_stream(rack: RunningRack) -> None:
    sub = await rack.client.jetstream().subscribe(f"rw.v1.{SITE}.*.event", ordered_consumer=True)
    event: Event = decode_event((await sub.next_msg(timeout=15 * PATIENCE)).data)
    assert (event.kind, event.place, event.severity) == ("endpoint.met", BMC, "ok")


async def test_a_report_is_read_on_request(rack: RunningRack) -> None:
    assert msgspec.json.decode(await rack.ask("report", BMC))["endpoint"] == {"place": BMC}
    refused = msgspec.json.decode(await rack.ask("report", f"{TRAY}/nobody"))
    assert refused["code"] == "TargetUnknown"
    assert "no endpoint" in refused["error"]
    assert msgspec.json.decode(await rack.ask("nonsense"))["status"] == 404


async def test_locate_switches_the_light_once_per_command_id(rack: RunningRack) -> None:
    command = Command("c1", "ada", Role.TECHNICIAN, "locate", TRAY, FAR, {"on": True})
    reply = await rack.do(command)
    assert (reply.accepted, reply.result) == (True, {"on": True, "lights": 1})
    assert rack.tray.located
    rack.tray.located = False
    assert await rack.do(command) == reply
    assert not rack.tray.located
    assert rack.journal.outcome_of("c1") is not None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"role": Role.VIEWER}, "role_insufficient"),
        ({"verb": "power_off"}, "target_unknown"),
        ({"target": f"{RACK}/u06"}, "target_unknown"),
        ({"target": "nonsense"}, "target_unknown"),
        ({"deadline_unix_ns": 1}, "deadline_passed"),
        ({"precondition_revision": 999}, "precondition_failed"),
        ({"arguments": {"on": "yes"}}, "arguments_invalid"),
    ],
)
async def test_what_must_not_be_done_is_refused_and_recorded(
    rack: RunningRack, change: dict[str, object], code: str
) -> None:
    command = msgspec.structs.replace(
        Command("c2", "ada", Role.TECHNICIAN, "locate", TRAY, FAR, {"on": True}), **change
    )
    reply = await rack.do(command)
    assert (reply.accepted, reply.code) == (False, code)
    assert not rack.tray.located
    assert rack.journal.outcome_of("c2") is not None


async def test_a_device_that_refuses_is_told_as_its_own_error(rack: RunningRack) -> None:
    rack.tray.error = EndpointUnreachable(BMC, "set_locate", "no reply")
    reply = await rack.do(Command("c3", "ada", Role.ADMIN, "locate", TRAY, FAR, {"on": True}))
    assert (reply.accepted, reply.code) == (False, "device_error")
    assert "no reply" in reply.reason


async def test_without_a_journal_frames_go_on_and_commands_are_refused(rack: RunningRack) -> None:
    rack.journal.close()
    _, first = await rack.frame_with_power()
    _, second = await rack.frame_with_power()
    assert second.sequence > first.sequence
    reply = await rack.do(Command("c5", "ada", Role.ADMIN, "locate", TRAY, FAR, {"on": True}))
    assert not reply.accepted
    assert "journal" in reply.reason
    assert not rack.tray.located


async def test_a_command_begun_before_a_crash_is_held_not_repeated(rack: RunningRack) -> None:
    rack.journal.record_command(CommandRecord("c6", 1, "ada", "locate", TRAY, {"on": True}, BEGUN))
    reply = await rack.do(Command("c6", "ada", Role.ADMIN, "locate", TRAY, FAR, {"on": True}))
    assert (reply.accepted, reply.code) == (False, "held")
    assert not rack.tray.located


async def test_a_rescan_meets_the_endpoints_again(rack: RunningRack) -> None:
    await rack.frame_with_power()
    before = rack.tray.discovered
    reply = await rack.do(Command("c4", "ada", Role.TECHNICIAN, "rescan", RACK, FAR))
    assert (reply.accepted, reply.result) == (True, {"endpoints": 1})
    await until(lambda: rack.tray.discovered > before)
