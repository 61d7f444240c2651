"""Commands without a bus: an id is done once, whoever repeats it and whenever."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from support.bus_server import ScriptedTray
from support.patience import PATIENCE

from firmware_bridge.generations.load import load_generation
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from rack_controller.model.command import Command, Reply, decode_reply, encode
from rack_controller.model.layout import StateRequest, make_layout
from rack_controller.model.roles import Role
from rack_controller.model.table import decode_table, encode_table, make_table
from rack_controller.run.answer import StateAnswers
from rack_controller.run.clock import SystemClock
from rack_controller.run.commands import BEGUN, CommandAnswers
from rack_controller.run.journal import Journal
from rack_controller.run.operate.looking import Looking
from rack_controller.run.stock import Stock
from rack_controller.run.view import RackView

RACK = Place("lab1/a/r01/k01")
TRAY = Place(f"{RACK}/u11")
BMC = Place(f"{TRAY}/bmc")
LOCATE = Command("c1", "ada", Role.TECHNICIAN, "locate", TRAY, 2**62, {"on": True})


@dataclass
class HesitantTray(ScriptedTray):
    """A tray whose light takes until `gate` is set; counts how often it is switched."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    switched: int = 0

    async def set_locate(self, on: bool) -> None:
        self.begun.set()
        await self.gate.wait()
        self.switched += 1
        await super().set_locate(on)


@dataclass
class Bench:
    """The commands of a rack with one tray."""

    tray: HesitantTray
    journal: Journal
    commands: CommandAnswers

    async def do(self, command: Command) -> Reply:
        return decode_reply(await asyncio.wait_for(self.commands.answer(encode(command)), 5 * PATIENCE))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    clock, tray, journal = SystemClock(), HesitantTray(BMC), Journal(tmp_path / "journal.db")
    sources: dict[Place, TelemetrySource] = {BMC: tray}
    generation = load_generation("gb200-nvl72")
    layout = make_layout(SiteRack(RACK, generation.name, armed=True), generation, (SiteEndpoint(BMC, "127.0.0.1", 1),))
    looking = Looking(lambda: layout, {}, Stock(sources, clock), clock)
    commands = CommandAnswers(RackView(layout, "boot1"), sources, looking, journal, clock)
    yield Bench(tray, journal, commands)
    journal.close()


async def test_a_repeat_waits_for_and_gets_the_answer_of_what_is_under_way(bench: Bench) -> None:
    first = asyncio.create_task(bench.do(LOCATE))
    await asyncio.wait_for(bench.tray.begun.wait(), 5 * PATIENCE)
    assert bench.journal.outcome_of("c1") == BEGUN
    second = asyncio.create_task(bench.do(LOCATE))
    await asyncio.sleep(0)
    assert not second.done()
    bench.tray.gate.set()
    assert (await first).accepted
    assert await second == await first
    assert await bench.do(LOCATE) == await first
    assert bench.tray.switched == 1


async def test_who_stops_waiting_does_not_stop_the_command(bench: Bench) -> None:
    first = asyncio.create_task(bench.do(LOCATE))
    await asyncio.wait_for(bench.tray.begun.wait(), 5 * PATIENCE)
    first.cancel()
    second = asyncio.create_task(bench.do(LOCATE))
    await asyncio.sleep(0)
    bench.tray.gate.set()
    assert (await second).accepted
    assert bench.tray.switched == 1


async def test_a_bug_in_a_driver_is_a_refusal_that_stays_the_same(bench: Bench) -> None:
    bench.tray.gate.set()
    bench.tray.error = ZeroDivisionError("a driver's bug")
    reply = await bench.do(LOCATE)
    assert (reply.id, reply.accepted, reply.code) == ("c1", False, "internal_error")
    bench.tray.error = None
    assert await bench.do(LOCATE) == reply
    assert not bench.tray.located


async def test_a_series_table_of_before_is_told_by_its_id(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    table = make_table(RACK, [Series(TRAY, Quantity.POWER, ReadingClass.POWER)])
    journal.keep_table(RACK, table.table_id, encode_table(table), now_ns=1)
    generation = load_generation("gb200-nvl72")
    view = RackView(make_layout(SiteRack(RACK, generation.name), generation, ()), "boot1")
    answers = StateAnswers(view, {}, Stock({}, SystemClock()), journal)
    said = await answers.answer(msgspec.json.encode(StateRequest("table", table_id=table.table_id)))
    assert decode_table(said) == table
    refused = await answers.answer(msgspec.json.encode(StateRequest("table", table_id=7)))
    assert b"no series table 0000000000000007" in refused
    assert b"TargetUnknown" in refused
    journal.close()
