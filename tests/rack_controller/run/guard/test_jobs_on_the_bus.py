"""A domain's job hears of a leak over a real NATS server before switch trays below go, and never holds them long."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import msgspec
from nats.aio.client import Client

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer
from rack_controller.decide.notice import Finding
from rack_controller.model.interlock import Act
from rack_controller.model.subjects import EVENT_STREAM
from rack_controller.run.bus import Bus, BusAddress
from rack_controller.run.clock import SystemClock
from rack_controller.run.ending import end
from rack_controller.run.guard.guard import Guard
from rack_controller.run.guard.jobs import JobTeller
from rack_controller.run.guard.latches import Latches
from rack_controller.run.guard.sheet import Sheet
from rack_controller.run.guard.strike import ACTIONS, Striker
from rack_controller.run.journal import Journal
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.outbox import Message, Outbox
from rack_controller.run.view import RackView
from tests.support.bus_server import SITE, NatsProcess, until
from tests.support.interlocked import RACK
from tests.support.watched import Watched

EVENT = f"rw.v1.{SITE}.k01.event"
LEAKING, SWITCHES = "u28", {"u27", "u26", "u25"}  # the lowest compute tray above the switch trays
JOB_FIRST_S = 0.3


@dataclass
class OnTheBus:
    """A guarded rack that publishes as a controller does.  `asked`: when each tray was struck, and how many events the
    stream had not taken by then."""

    journal: Journal
    bus: Bus
    outbox: Outbox = field(default_factory=lambda: Outbox(100))
    asked: dict[str, tuple[float, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = count()
        self.watched = watched = Watched(self.journal)
        policy, clock, sheet = watched.rack.policy, SystemClock(), Sheet(Ledger(self.journal, RACK))
        assert policy.drip.job_first_s == JOB_FIRST_S
        jobs = JobTeller(watched.said.append, self._publish)
        switch_of = lambda tray: (Place(f"{tray}/bmc"), Switch(self, tray))  # noqa: E731
        striker = Striker(sheet, LeaseBook(clock), switch_of, clock, told=jobs.pending)
        watched.view = RackView(watched.rack.layout, "boot")
        carriers = dict.fromkeys(ACTIONS, striker.carry)
        latches = Latches(sheet, policy, clock.unix_ns)
        watched.guard = Guard(watched.view, policy, latches, clock, watched.said.append, carriers, jobs=jobs)

    def _publish(self, finding: Finding) -> Awaitable[None]:
        message = Message(EVENT, f"e{next(self._numbers)}", msgspec.json.encode({"kind": finding.kind}))
        self.outbox.put(message)
        return self.outbox.taken(message)


@dataclass
class Switch:
    rack: OnTheBus
    tray: Place
    power_actions: frozenset[PowerAction] = frozenset(PowerAction)

    async def switch_power(self, _action: PowerAction) -> PowerAnswer:
        self.rack.asked[leaf_of(tray_of(self.tray))] = (asyncio.get_running_loop().time(), len(self.rack.outbox))
        return PowerAnswer(True, 204, "", "ForceOff")


@asynccontextmanager
async def on_the_bus(server: NatsProcess, folder: Path) -> AsyncIterator[OnTheBus]:
    bus = Bus(BusAddress(server.files.url, server.folder / "controller.nk"), SITE, "test-controller")
    journal = Journal(folder / "journal.db")
    rack = OnTheBus(journal, bus)
    running = asyncio.create_task(bus.run({EVENT: rack.outbox}))
    await until(lambda: bus.serving)
    rack.watched.tick(1)
    yield rack
    await rack.watched.guard.close()
    await end([running])
    journal.close()


async def test_switch_trays_go_once_the_stream_has_what_the_job_hears(
    bus_server: NatsProcess, api_client: Client, tmp_path: Path
) -> None:
    async with on_the_bus(bus_server, tmp_path) as rack:
        rack.watched.leak(f"{LEAKING}/leak1", 2)
        assert {tray: waiting for tray, (_, waiting) in rack.asked.items()} == {LEAKING: 1}, "it waits for nobody"
        await until(lambda: set(rack.asked) == {LEAKING, *SWITCHES})
        assert {rack.asked[tray][1] for tray in SWITCHES} == {0}, "the stream had the event first"
        (kept,) = [await api_client.jetstream().get_msg(EVENT_STREAM, 1, direct=True)]
        assert msgspec.json.decode(kept.data or b"") == {"kind": f"interlock.{Act.STOP_JOB}"}


async def test_a_server_that_hangs_holds_them_for_a_moment_only(bus_server: NatsProcess, tmp_path: Path) -> None:
    async with on_the_bus(bus_server, tmp_path) as rack:
        assert bus_server.process is not None
        os.kill(bus_server.process.pid, signal.SIGSTOP)
        try:
            rack.watched.leak(f"{LEAKING}/leak1", 2)
            await until(lambda: set(rack.asked) == {LEAKING, *SWITCHES})
        finally:
            os.kill(bus_server.process.pid, signal.SIGCONT)
        began = rack.asked[LEAKING][0]
        assert {rack.asked[tray][1] for tray in SWITCHES} == {1}, "nobody took the event"
        assert min(rack.asked[tray][0] for tray in SWITCHES) - began >= JOB_FIRST_S - 0.01
