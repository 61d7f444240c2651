"""Emulated endpoints inside a test's own event loop: real HTTPS on a loopback address, gone when the test ends.

Not for production and not for measuring: the caller shares its loop with the devices.
"""

import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.emulator.account_service import WithAccounts
from firmware_bridge.emulator.accounts import SoleAccount
from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.certificates import keep_identity, server_context
from firmware_bridge.emulator.device import Device
from firmware_bridge.emulator.door import Doorway, port_of
from firmware_bridge.emulator.faults import Fault, FaultTable
from firmware_bridge.emulator.faulty_door import FaultyDoor
from firmware_bridge.emulator.hall import Hall, HallOptions
from firmware_bridge.emulator.nvue_service import NvueService
from firmware_bridge.emulator.recorded import RecordedTree
from firmware_bridge.emulator.template import load_template
from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.redfish_service.event_hub import EventHub
from firmware_bridge.redfish_service.service import RedfishService
from firmware_bridge.redfish_service.sessions import SessionTable
from firmware_bridge.redfish_service.source import ResourceSource
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.site import Site, SiteEndpoint

DEFAULT_PLACE = "test/a/r01/k01/u11/bmc"


@dataclass(frozen=True)
class ServedEndpoint:
    """One endpoint that answers now.

    `pin` is the pin a site file would hold; with a certificate fault the endpoint shows another one.
    `faults.set([...])` changes what goes wrong; `sessions` can be looked at or cleared; `seen` counts requests by URI;
    `follow_faults()` shows another certificate from then on when the faults say so.
    """

    url: str
    address: str
    port: int
    pin: str
    user: str
    password: str = field(repr=False)
    place: str
    faults: FaultTable
    sessions: SessionTable
    seen: dict[str, int]
    follow_faults: Callable[[], None] = lambda: None


@asynccontextmanager
async def serve_tree(
    tree: dict[str, Any] | ResourceSource,
    *,
    faults: Iterable[Fault] = (),
    user: str = "root",
    password: str | None = None,
    place: str = DEFAULT_PLACE,
    folder: Path | None = None,
    events: EventHub | None = None,
    must_change: bool = False,
) -> AsyncIterator[ServedEndpoint]:
    """Serve a recorded tree `{uri: body}` (or any ResourceSource) over HTTPS on 127.0.0.1 and a free port.

    `faults` strike from the start (certificate faults then, later by `follow_faults`); a password is made when none is
    given; `events` adds subscriptions and a stream; with `must_change` its password lets nobody in but to change it.
    """
    table, seen = FaultTable(faults), dict[str, int]()
    password = password if password is not None else secrets.token_urlsafe(12)
    source = RecordedTree(tree) if isinstance(tree, dict) else tree
    sessions = SessionTable()
    account = SoleAccount(user, password, must_change)
    behind = WithAccounts(source, account)
    service = RedfishService(behind, account, sessions=sessions, owns_sessions=False, events=events)
    door = FaultyDoor(service, place, table, lambda: 0.0)

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        seen[scope["path"]] = seen.get(scope["path"], 0) + 1
        await door(scope, receive, send)

    doorway = Doorway.make()
    with tempfile.TemporaryDirectory(prefix="rackwright-") as scratch:
        kept = folder or Path(scratch)
        identity = keep_identity(kept, "127.0.0.1")
        kind = table.certificate_kind(place)
        context = server_context(keep_identity(kept, "127.0.0.1", kind))
        server = await doorway.listen(counted, "127.0.0.1", 0, context)
        port = port_of(server)

        def follow_faults() -> None:
            context.load_cert_chain(keep_identity(kept, "127.0.0.1", table.certificate_kind(place)).pem)
            doorway.drop_connections()

        try:
            yield ServedEndpoint(
                url=f"https://127.0.0.1:{port}",
                address="127.0.0.1",
                port=port,
                pin=identity.pin,
                user=user,
                password=password,
                place=place,
                faults=table,
                sessions=sessions,
                seen=seen,
                follow_faults=follow_faults,
            )
        finally:
            server.close()
            await doorway.close()


@dataclass(frozen=True)
class ServedSystem:
    """One switch tray's NVOS that answers now; `bench.advance(seconds, faults)` moves its plant."""

    url: str
    address: str
    port: int
    pin: str
    credential: Credential
    tray: Place
    bench: Bench
    faults: FaultTable
    seen: dict[str, int]


@asynccontextmanager
async def serve_nvos(
    generation: str = "gb200-nvl72", index: int = 0, *, faults: Iterable[Fault] = (), device: str = "nvos"
) -> AsyncIterator[ServedSystem]:
    """Serve the NVOS of the generation's switch tray `index` over HTTPS on 127.0.0.1 and a free port.

    `faults` strike replies; those of ports take `bench.advance(seconds, faults)`.  `seen` counts requests by path.
    """
    design, rack = load_generation(generation), Place("test/a/r01/k01")
    slot = next(s for s in design.slots_of(TrayKind.SWITCH) if s.index == index)
    bench = Bench(design, [rack], None)
    tray, table, seen = join_place(rack, slot.name), FaultTable(faults), dict[str, int]()
    credential = Credential("admin", secrets.token_urlsafe(12))
    template = load_template(device, slot.tray)
    account = SoleAccount(credential.user, credential.secret)
    service = NvueService(Device(template, bench, 0, slot, join_place(tray, "nvos")), account)
    door = FaultyDoor(service, f"{tray}/nvos", table, lambda: bench.time)

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        seen[scope["path"]] = seen.get(scope["path"], 0) + 1
        await door(scope, receive, send)

    doorway = Doorway.make()
    with tempfile.TemporaryDirectory(prefix="rackwright-") as scratch:
        identity = keep_identity(Path(scratch), "127.0.0.1")
        server = await doorway.listen(counted, "127.0.0.1", 0, server_context(identity))
        port = port_of(server)
        url = f"https://127.0.0.1:{port}"
        try:
            yield ServedSystem(url, "127.0.0.1", port, identity.pin, credential, tray, bench, table, seen)
        finally:
            server.close()
            await doorway.close()


@dataclass(frozen=True)
class RunningEmulator:
    """Whole racks that answer now.  `site_path` is the site file, `vault` holds the passwords."""

    hall: Hall
    state: Path
    site_path: Path
    site: Site
    vault: Vault

    def endpoint(self, ending: str) -> SiteEndpoint:
        """Return the first endpoint whose place ends so, e.g. `u11/bmc`."""
        return next(e for e in self.site.endpoints if e.place.endswith(ending))

    def credential(self, endpoint: SiteEndpoint) -> Credential:
        """Return an endpoint's user and password."""
        return self.vault.fetch(endpoint.credential or "")


@asynccontextmanager
async def running_emulator(
    state: Path, racks: str = "gb200-nvl72", *, faults: Iterable[Fault] = (), speed: float = 1.0, **options: Any
) -> AsyncIterator[RunningEmulator]:
    """Emulate whole racks in this event loop, with `state` (a tmp_path) as state directory.

    Further options are those of HallOptions (`load_trace`, `site_name`, `address_block`).  `hall.advance(seconds)`
    moves emulated time, `hall.faults.set([...])` changes what goes wrong, `speed=0` stops the clock in between.
    """
    hall = Hall(HallOptions(state=state, racks=racks, faults=tuple(faults), speed=speed, **options))
    try:
        await hall.start()
        yield RunningEmulator(hall, state, hall.site_file, read_site(hall.site_file), Vault(state / "credentials"))
    finally:
        await hall.stop()
