"""Plays a rack controller on a real nats-server: real frames, tables, layouts and replies, from made-up numbers.

Nothing here pretends to succeed: what the API asks is answered as the contracts say, or refused.
"""

import asyncio
import contextlib
import itertools
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec
import nats
import numpy as np
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import StreamConfig

from datacenter_api.cli.nats_config import BusFiles, write_bus_config
from firmware_bridge.generations.alarms import load_alarm_rules
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import CommandRefused, TargetUnknown
from firmware_bridge.vocabulary.inventory import EndpointReport, Item, ItemKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import SPECS, Quantity, code_of
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.site import SiteConsole, SiteEndpoint, SiteRack
from firmware_bridge.vocabulary.units import UnixNanoseconds
from rack_controller.decide.alarm_catalogue import catalogue_of
from rack_controller.model.alarm import AlarmList
from rack_controller.model.building_view import BuildingState
from rack_controller.model.command import Command, Reply, check_command, decode_command, encode, refusal
from rack_controller.model.event import Event, Severity, encode_event
from rack_controller.model.frame import Frame, encode_frame
from rack_controller.model.interlock_view import InterlockGlance, InterlockState, Rehearsal
from rack_controller.model.layout import EndpointStatus, Layout, RackState, StateChanged, StateRequest, make_layout
from rack_controller.model.operation import Operation, row_of
from rack_controller.model.power import BootView, PowerLook
from rack_controller.model.power_view import BudgetGlance, PowerView
from rack_controller.model.report import stored_report
from rack_controller.model.subjects import EVENT_STREAM, ROOT, TELEMETRY_STREAM, RackSubjects
from rack_controller.model.table import SeriesTable, encode_table, make_table
from support.asked_building import glance_at
from support.interlocked import seeded_policy
from support.patience import PATIENCE

SITE = "lab1"
NATS_SERVER = Path(sys.executable).with_name("nats-server")
Q = Quantity
T = TypeVar("T")


def rack_place(number: int = 1) -> Place:
    return Place(f"{SITE}/a/r01/k{number:02d}")


@cache
def gb200_layout(place: Place) -> Layout:
    generation = load_generation("gb200-nvl72")
    endpoints = tuple(
        SiteEndpoint(join_place(place, slot.name, spec.name), "127.0.0.1", 443, enabled=spec.enabled)
        for slot in generation.slots
        for spec in slot.tray.endpoints
    )
    consoles = tuple(
        SiteConsole(join_place(place, slot.name, spec.name), "127.0.0.1", 2200)
        for slot in generation.slots
        for spec in slot.tray.consoles
    )
    return make_layout(SiteRack(place, "gb200-nvl72", armed=True), generation, endpoints, consoles)


def gb200_table(layout: Layout, extra_sensors: int = 0) -> SeriesTable:
    """The core series that the ports promise, plus `extra_sensors` per compute tray."""
    lines: list[tuple[str, Quantity]] = []
    for tray in layout.trays:
        lines += [(tray.place, q) for q in _TRAY[tray.kind]]
        for part in tray.components:
            for n in range(part.count):
                lines += [(f"{tray.place}/{part.name}{n}", q) for q in _PART.get(part.name, ())]
        if tray.kind == "compute":
            lines += [(f"{tray.place}/board_{n}_temp", Q.TEMPERATURE) for n in range(extra_sensors)]
    series = [Series(Place(p), q, SPECS[q].reading_class, label=p.rsplit("/", 1)[-1].upper()) for p, q in lines]
    return make_table(Place(layout.rack), series)


_TRAY = {
    "compute": (Q.POWER, Q.POWER_STATE, Q.LOCATE, Q.MANAGEMENT),
    "switch": (Q.POWER, Q.POWER_STATE, Q.LOCATE, Q.MANAGEMENT),
    "power_shelf": (Q.POWER, Q.POWER_INPUT, Q.VOLTAGE, Q.CURRENT, Q.POWER_STATE, Q.TEMPERATURE),
    "coolant_unit": (
        *(Q.FLOW, Q.TEMPERATURE_SUPPLY, Q.TEMPERATURE_RETURN, Q.PRESSURE_SUPPLY),
        *(Q.PRESSURE_RETURN, Q.PRESSURE_DELTA, Q.HEAT, Q.POWER_STATE),
    ),
}
_PART = {
    "gpu": (Q.POWER, Q.TEMPERATURE, Q.POWER_LIMIT, Q.ENERGY),
    "cpu": (Q.POWER, Q.TEMPERATURE),
    "leak": (Q.LEAK,),
    "psu": (
        *(Q.POWER, Q.POWER_INPUT, Q.VOLTAGE, Q.CURRENT, Q.TEMPERATURE, Q.FAN_SPEED),
        *(Q.POWER_STATE, Q.HEALTH),
    ),
    "pump": (Q.PUMP_SPEED, Q.HEALTH),
}
_USUAL = {
    Q.POWER: 900.0,
    Q.POWER_INPUT: 930.0,
    Q.POWER_LIMIT: 1200.0,
    Q.TEMPERATURE: 45.5,
    Q.TEMPERATURE_SUPPLY: 30.25,
    Q.TEMPERATURE_RETURN: 38.5,
    Q.VOLTAGE: 50.1,
    Q.CURRENT: 300.0,
    Q.FAN_SPEED: 12_000.0,
    Q.PUMP_SPEED: 62.0,
    Q.FLOW: 180.0,
    Q.PRESSURE_SUPPLY: 220.0,
    Q.PRESSURE_RETURN: 120.0,
    Q.PRESSURE_DELTA: 100.0,
    Q.HEAT: 105_000.0,
    Q.POWER_STATE: code_of(Q.POWER_STATE, "on"),
    Q.MANAGEMENT: code_of(Q.MANAGEMENT, "reachable"),
}
_USUAL_AT = {"compute": 5_400.0, "switch": 400.0, "power_shelf": 12_900.0, "battery_shelf": 0.0, "coolant_unit": 300.0}


@dataclass
class PlayedRack:
    """One rack: change `gauges`, `quality`, `ages` or `endpoints`, and the next frame says so."""

    layout: Layout
    table: SeriesTable
    revision: int = 1
    boot: str = "boot-1"
    deliveries_refused: dict[str, int] = field(default_factory=dict)
    sequence: int = 0
    gauges: np.ndarray = field(init=False)
    counters: np.ndarray = field(init=False)
    ages: np.ndarray = field(init=False)
    quality: np.ndarray = field(init=False)
    absent: set[str] = field(default_factory=set)
    boards: dict[str, tuple[str, str, list[str]]] = field(default_factory=dict)  # endpoint -> state, why, missing
    commands: list[str] = field(default_factory=list)
    boots: dict[str, BootView] = field(default_factory=dict)  # endpoint -> its boot source override
    restarts: dict[str, list[str]] = field(default_factory=dict)  # endpoint -> how its controller can be restarted
    outputs: dict[str, dict[str, list[str]]] = field(default_factory=dict)  # endpoint -> what of a shelf it switches
    asked: list[Command] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    interlocks: InterlockState | None = None
    alarms: AlarmList | None = None
    building: BuildingState | None = None
    budget: PowerView | None = None
    budget_glance: BudgetGlance | None = None
    offered: list[str] = field(default_factory=lambda: ["force_off", "force_restart", "graceful_off", "on"])

    def __post_init__(self) -> None:
        kinds = {t.place: t.kind for t in self.layout.trays}
        usual = [_USUAL.get(s.quantity, 0.0) for s in self.table.gauges]
        for n, s in enumerate(self.table.gauges):
            if s.quantity is Q.POWER and s.place in kinds:
                usual[n] = _USUAL_AT[kinds[s.place]]
        lines = len(self.table.series)
        self.gauges = np.array(usual, dtype=np.float32)
        self.counters = np.full(len(self.table.counters), 1_234_567_890_123, dtype=np.int64)
        self.ages = np.full(lines, 20, dtype=np.uint16)
        self.quality = np.zeros(lines, dtype=np.uint8)

    @property
    def place(self) -> Place:
        return Place(self.layout.rack)

    @property
    def name(self) -> str:
        return self.place.rsplit("/", 1)[1]

    def line(self, below: str, quantity: Quantity) -> int:
        place = Place(f"{self.place}/{below}" if below else self.place)
        return next(n for n, s in enumerate(self.table.series) if (s.place, s.quantity) == (place, quantity))

    def set(self, below: str, quantity: Quantity, value: float | None) -> None:
        at = self.line(below, quantity)
        self.gauges[at] = np.nan if value is None else value
        self.quality[at] = Quality.MISSING if value is None else Quality.GOOD

    def frame(self, unix_ns: int | None = None) -> Frame:
        self.sequence += 1
        return Frame(
            self.table.table_id,
            self.sequence,
            UnixNanoseconds(unix_ns or time.time_ns()),
            self.gauges.copy(),
            self.counters.copy(),
            self.ages.copy(),
            self.quality.copy(),
        )

    def look(self, tray: str) -> PowerLook:
        """What a controller says of a tray's power; it reads "on" as everything here does until it is set."""
        boot = self.boots.get(f"{tray}/bmc")
        return PowerLook(tray, "on", "none", "2026-01-01T00:00:00Z", "", self.offers(f"{tray}/bmc"), boot, 0.1)

    def offers(self, endpoint: str) -> list[str]:
        return self.offered if endpoint.endswith("/bmc") else []

    def state(self) -> RackState:
        places = [e.place for t in self.layout.trays for e in t.endpoints if e.enabled]
        rows = [
            EndpointStatus(p, "unknown", "absent", 12.0, 60.0, "no reply: timed out")
            if p in self.absent
            else EndpointStatus(
                p,
                "on",
                "reachable",
                100.0,
                0.4,
                power_actions=self.offers(p),
                boot=self.boots.get(p),
                restarts=self.restarts.get(p, []),
                outputs=self.outputs.get(p, {}),
            )
            for p in places
        ]
        for n, row in enumerate(rows):
            if row.place in self.boards:
                state, why, missing = self.boards[row.place]
                rows[n] = msgspec.structs.replace(
                    row, subtree="hmc", subtree_state=state, subtree_why=why, subtree_missing=missing
                )
        refused = self.deliveries_refused
        said, glance = self.interlocks, None
        if said is not None:
            glance = InterlockGlance(
                said.armed, said.tripped, sum(n.open and not n.shadow for n in said.latches), 0, said.bypasses
            )
        return RackState(
            *(self.place, self.revision, self.table.table_id, self.boot, rows),
            deliveries_refused=refused,
            interlocks=glance,
            alarm_glance=None if self.alarms is None else self.alarms.glance,
            building=None if self.building is None else glance_at(self.building),
            budget=self.budget_glance,
        )


def played_rack(number: int = 1, extra_sensors: int = 0) -> PlayedRack:
    return PlayedRack(*_gb200(number, extra_sensors))


@cache
def _gb200(number: int, extra_sensors: int) -> tuple[Layout, SeriesTable]:
    layout = gb200_layout(rack_place(number))
    return layout, gb200_table(layout, extra_sensors)


@dataclass
class Stage:
    """The bus of a state directory with played controllers on it."""

    state: Path
    bus: BusFiles
    client: Client
    racks: dict[str, PlayedRack]
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def subjects(self, rack: PlayedRack) -> RackSubjects:
        return RackSubjects(SITE, rack.name)

    async def say(self, rack: PlayedRack) -> None:
        """Publish one frame."""
        await self.client.publish(self.subjects(rack).telemetry, encode_frame(rack.frame()))
        await self.client.flush()

    async def say_event(self, rack: PlayedRack, kind: str, severity: Severity, message: str, below: str = "") -> Event:
        number = next(self._numbers)
        place = f"{rack.place}/{below}" if below else rack.place
        event = Event(f"{time.time_ns():020d}-{number:06d}", time.time_ns(), place, kind, severity, message)
        await self.client.publish(self.subjects(rack).event, encode_event(event))
        await self.client.flush()
        return event

    async def say_changed(self, rack: PlayedRack) -> None:
        rack.revision += 1
        change = StateChanged(rack.place, rack.revision, rack.table.table_id, rack.boot)
        await self.client.publish(self.subjects(rack).state_changed, msgspec.json.encode(change))
        await self.client.flush()

    async def answer_state(self, message: Msg) -> None:
        await self.answering.wait()
        rack = self.racks[message.subject.split(".")[3]]
        request = msgspec.json.decode(message.data, type=StateRequest)
        match request.want:
            case "layout":
                body = msgspec.json.encode(rack.layout)
            case "table":
                body = encode_table(rack.table)
            case "endpoints":
                body = msgspec.json.encode(rack.state())
            case "report" if any(e.place == request.place for e in rack.state().endpoints):
                item = Item(ItemKind.GPU, "GPU_0", serial_number="EMULATED-1", uris=("/redfish/v1/x",))
                body = msgspec.json.encode(
                    stored_report(EndpointReport({"place": request.place}, (item,)), time.time_ns(), 12.0)
                )
            case "alarms" if rack.alarms is not None:
                body = msgspec.json.encode(rack.alarms)
            case "alarm_catalogue":
                body = msgspec.json.encode(catalogue_of(load_alarm_rules(), seeded_policy()))
            case "interlocks" if rack.interlocks is not None:
                body = msgspec.json.encode(rack.interlocks)
            case "power_budget" if rack.budget is not None:
                body = msgspec.json.encode(rack.budget)
            case "building":
                body = msgspec.json.encode(rack.building or BuildingState(rack.place, agreed=False))
            case "interlock_test":
                body = msgspec.json.encode(Rehearsal(request.place, rack.layout.armed, [], "it is bypassed"))
            case "interlock_policy":
                body = msgspec.json.encode(seeded_policy())
            case "operations":
                body = msgspec.json.encode([row_of(o) for o in rack.operations])
            case "operation" if found := next((o for o in rack.operations if o.id == request.place), None):
                body = msgspec.json.encode(found)
            case "power" if request.place.rsplit("/", 1)[1] in ("u11", "u12"):
                body = msgspec.json.encode(rack.look(request.place))
            case _:
                body = msgspec.json.encode({"error": f"no endpoint {request.place!r}", "code": "TargetUnknown"})
        await message.respond(body)

    async def answer_command(self, message: Msg) -> None:
        rack, command = self.racks[message.subject.split(".")[3]], decode_command(message.data)
        try:
            check_command(command, rack.revision, time.time_ns())
            if not any(t.place == command.target for t in rack.layout.trays) and command.target != rack.place:
                raise TargetUnknown(f"no tray {command.target!r}")
        except CommandRefused as err:
            await message.respond(encode(refusal(command.id, err)))
            return
        rack.commands.append(f"{command.verb} {command.target} by {command.actor}")
        rack.asked.append(command)
        await message.respond(encode(Reply(command.id, accepted=True, operation=f"op-{command.id}")))


def start_bus(state: Path) -> tuple[BusFiles, "subprocess.Popen[bytes]"]:
    """Start nats-server with the accounts and rights that `rackwright up` gives it."""
    state.mkdir(parents=True, exist_ok=True)
    bus = write_bus_config(state / "nats", SITE)
    (state / "site-name").write_text(SITE + "\n")
    return bus, subprocess.Popen([str(NATS_SERVER), "-c", str(bus.config), "-l", str(state / "nats.log")])


@contextlib.asynccontextmanager
async def stage(state: Path, racks: int = 1, extra_sensors: int = 0) -> AsyncIterator[Stage]:
    """Start nats-server on `state` and a controller for each rack; every rack has said one frame."""
    bus, server = start_bus(state)
    try:
        client = await _connected(bus.url, str(state / "nats" / "controller.nk"))
        js = client.jetstream()
        await js.add_stream(StreamConfig(TELEMETRY_STREAM, subjects=[f"{ROOT}.{SITE}.*.telemetry"], max_msgs=1_000))
        await js.add_stream(StreamConfig(EVENT_STREAM, subjects=[f"{ROOT}.{SITE}.*.event"], max_msgs=10_000))
        played = {rack.name: rack for rack in (played_rack(n + 1, extra_sensors) for n in range(racks))}
        scene = Stage(state, bus, client, played)
        scene.answering.set()
        for rack in played.values():
            await client.subscribe(scene.subjects(rack).state, cb=scene.answer_state)
            await client.subscribe(scene.subjects(rack).command, cb=scene.answer_command)
            await scene.say(rack)
        yield scene
        await client.close()
    finally:
        server.kill()
        server.wait()


async def until(what: Callable[[], T], within: float = 10.0) -> T:
    """Return what `what()` gives as soon as it is true."""
    deadline = time.monotonic() + within * PATIENCE
    while time.monotonic() < deadline:
        if found := what():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not true within {within} s: {what}")


async def _quiet(_error: Exception) -> None:
    """A server that is still starting is no news."""


async def _connected(url: str, seed: str) -> Client:
    deadline = time.monotonic() + 10 * PATIENCE
    while True:
        try:
            return await nats.connect(
                url,
                nkeys_seed=seed,
                connect_timeout=1,
                allow_reconnect=False,
                reconnect_time_wait=0.05,  # type: ignore[arg-type]  # what it waits before it gives a server up
                error_cb=_quiet,
            )
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
