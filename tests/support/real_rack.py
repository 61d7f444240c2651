"""A rack of real Redfish endpoints on loopback under a controller without a bus: site file, vault, journal."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.emulator.harness import ServedEndpoint
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.assemble import assemble
from rack_controller.model.command import Command, Reply, decode_reply, encode
from rack_controller.model.event import Event, decode_event
from rack_controller.model.layout import EndpointStatus, RackState, StateRequest
from rack_controller.model.roles import Role
from rack_controller.run.budget.station import run_budget
from rack_controller.run.building.station import run_station
from rack_controller.run.bus import Bus, BusAddress
from rack_controller.run.ending import end
from rack_controller.run.journal import Journal
from rack_controller.run.rack import RackUnderControl
from support.patience import PATIENCE
from tests.support.interlocked import SEEDED

RACK = Place("lab1/a/r01/k01")
QUICKER = 4.0  # s of the controller's time in a second of ours: devices answer as they do, nobody waits as long
FAR = 2**62


class QuickClock:
    """The vocabulary's Clock, running faster."""

    def now(self) -> Seconds:
        return Seconds(time.monotonic() * QUICKER)

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(time.time_ns())

    async def sleep_until(self, when: Seconds) -> None:
        await asyncio.sleep(max(0.0, (when - self.now()) / QUICKER))


def entry_of(served: ServedEndpoint) -> str:
    """Return the name of an endpoint's vault entry."""
    return f"lab/{served.place.split('/')[-2]}"


def site_text(
    served: Iterable[ServedEndpoint],
    armed: bool = True,
    generation: str = "gb200-nvl72",
    ttys: Iterable[SiteEndpoint] = (),
    agents: Iterable[Place] = (),
) -> str:
    entries = [
        f"- {{place: {s.place}, address: {s.address}, port: {s.port}, pin: {s.pin}, credential: {entry_of(s)}}}"
        for s in served
    ]
    entries += [f"- {{place: {e.place}, tty: {e.tty}}}" for e in ttys]
    entries += [f"- {{place: {place}, agent: true}}" for place in agents]
    head = f"kind: site\nschema_version: 1\nsite: lab1\nracks:\n- {{place: {RACK}, generation: {generation}, armed: "
    return f"{head}{str(armed).lower()}}}\nendpoints:\n" + "\n".join(entries) + ("\n" if entries else " []\n")


@dataclass
class RealRack:
    """A rack that is being read.  `site` is its site file."""

    state: Path
    controlled: RackUnderControl
    journal: Journal

    @property
    def site(self) -> Path:
        return self.state / "site.yaml"

    async def ask(self, want: str, place: str = "", path: str = "") -> bytes:
        return await self.controlled._state.answer(msgspec.json.encode(StateRequest(want, place, path=path)))

    async def status(self, place: str) -> EndpointStatus:
        state = msgspec.json.decode(await self.ask("endpoints"), type=RackState)
        unread = EndpointStatus(place, "unknown", "absent", 0.0, None)
        return next((e for e in state.endpoints if e.place == place), unread)

    async def do(self, verb: str, target: str, role: Role = Role.ADMIN, by: str = "ada", **arguments: Any) -> Reply:
        command = Command(secrets.token_hex(4), by, role, verb, target, FAR, arguments)
        return decode_reply(await self.controlled._commands.answer(encode(command)))

    def events(self, kind: str) -> list[Event]:
        found = [decode_event(message.body) for message in self.controlled.events._waiting]
        return [event for event in found if event.kind == kind]


@asynccontextmanager
async def real_rack(
    state: Path,
    served: Iterable[ServedEndpoint],
    armed: bool = True,
    broker: Path | None = None,
    generation: str = "gb200-nvl72",
    clock: Clock | None = None,
    ttys: Iterable[SiteEndpoint] = (),
    agents: Iterable[Place] = (),
) -> AsyncIterator[RealRack]:
    """Run a rack of these endpoints; a site file that is already there is used as it is.

    `broker`: the folder of a bus where the rack, there called K01, meets its building.  `clock`: one that runs faster,
    unless said.
    """
    endpoints = list(served)
    site = state / "site.yaml"
    vault = Vault(state / "credentials")
    if not site.exists():
        agreed = "" if broker is None else f"building: {{integration: RACKWRIGHT, racks: {{{RACK}: K01}}}}\n"
        site.write_text(site_text(endpoints, armed, generation, ttys, agents) + agreed)
        vault.store_all({entry_of(s): Credential(s.user, s.password) for s in endpoints})
    with journal_at(state / "journal.db") as journal:
        own, images = [_own_policies(state)], state / "images"
        assembly = assemble(site, vault, journal, clock or QuickClock(), "boot1", own, images=images, broker=broker)
        (controlled,) = assembly.racks
        bus = Bus(BusAddress("nats://127.0.0.1:1", state / "none.nk"), "lab1", "test")  # never run: nobody listens
        running = asyncio.create_task(controlled.run(bus))
        listening = asyncio.create_task(run_station(assembly.building))
        sharing = asyncio.create_task(run_budget(assembly.budget))
        try:
            yield RealRack(state, controlled, journal)
        finally:
            await end([running, listening, sharing])
            if not running.cancelled():
                running.result()


def _own_policies(state: Path) -> Path:
    """Return a folder with the seeded interlocks, but for unknown flow: nobody plays a coolant unit here."""
    policies = state / "own" / "policies"
    policies.mkdir(parents=True, exist_ok=True)
    seeded = SEEDED.read_text(encoding="utf-8")
    before, row, after = seeded.partition("- cause: flow.unknown")
    (policies / "interlock.yaml").write_text(before + row + after.replace("blocks: true", "blocks: false", 1))
    return state / "own"


@contextmanager
def journal_at(path: Path) -> Iterator[Journal]:
    journal = Journal(path)
    try:
        yield journal
    finally:
        journal.close()


async def eventually(look: Any, within: float = 20.0) -> Any:
    """Await `look()` until it gives something true."""
    async with asyncio.timeout(within * PATIENCE):
        while not (seen := await look()):  # noqa: ASYNC110 - what is looked at tells nobody
            await asyncio.sleep(0.02)
    return seen
