"""Every emulated rack of one process: listeners, plants, faults, credentials, the site file.  Stepped on the loop."""

import asyncio
import secrets
import sys
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from pathlib import Path

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.emulator.account_service import WithAccounts
from firmware_bridge.emulator.accounts import SoleAccount
from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.building.hall_building import HallBuilding
from firmware_bridge.emulator.busbar import Busbars
from firmware_bridge.emulator.cabling import cable_of
from firmware_bridge.emulator.certificates import Identity, keep_identities
from firmware_bridge.emulator.consoles.hall_consoles import HallConsoles, Surroundings, files_needed
from firmware_bridge.emulator.delivery import Delivery
from firmware_bridge.emulator.device import Device, wall_text
from firmware_bridge.emulator.device_files import device_folder
from firmware_bridge.emulator.door import Doorway
from firmware_bridge.emulator.event_strikes import EventStrikes
from firmware_bridge.emulator.faults import Fault, FaultTable
from firmware_bridge.emulator.faulty_door import FaultyDoor
from firmware_bridge.emulator.floor_meters import FloorMeters
from firmware_bridge.emulator.gpu_hosts import GpuHosts
from firmware_bridge.emulator.happenings import Happenings
from firmware_bridge.emulator.layout import (
    Block,
    EndpointPlan,
    RackPlan,
    choose_blocks,
    endpoints_of,
    is_free,
    keep_block,
    parse_racks,
    serial_endpoints_of,
)
from firmware_bridge.emulator.listener import Listener
from firmware_bridge.emulator.nvue_service import NvueService
from firmware_bridge.emulator.places import all_places, names_any
from firmware_bridge.emulator.process import FILES_PER_LINE
from firmware_bridge.emulator.reporting import Reporting
from firmware_bridge.emulator.serial.lines import SerialLines
from firmware_bridge.emulator.template import DeviceTemplate, load_template
from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.generations.site_file import write_site
from firmware_bridge.long_running import settled
from firmware_bridge.plant.trace import LoadTrace, parse_trace
from firmware_bridge.redfish_service.event_hub import SERVICE as EVENT_SERVICE
from firmware_bridge.redfish_service.event_hub import EventHub, PassOn
from firmware_bridge.redfish_service.query import Features
from firmware_bridge.redfish_service.service import RedfishService
from firmware_bridge.redfish_service.sessions import SessionTable
from firmware_bridge.vocabulary.errors import EnvironmentUnfit, FileInvalid
from firmware_bridge.vocabulary.generation import Generation
from firmware_bridge.vocabulary.place import Place, rack_name, tray_of
from firmware_bridge.vocabulary.site import Site, SiteEndpoint, SiteRack

USER = "root"
NVUE, NVOS_USER = "nvue", "admin"
TICK_S = 0.2
BEAT_S = 15.0  # how often an open event stream gets a comment
DEFAULT_TRACE = "traces/synthetic.csv"


@dataclass(frozen=True, slots=True)
class HallOptions:
    """What `python -m firmware_bridge.emulator` was asked for."""

    state: Path
    racks: str = "gb200-nvl72"
    load_trace: Path | None = None
    speed: float = 1.0
    site_name: str = "emulated"
    address_block: str = "auto"
    faults: tuple[Fault, ...] = ()
    sound: bool = False  # device trees without the oddities of the devices they are shaped after
    search: tuple[Path, ...] = ()  # further folders with generations, before the seeds


@dataclass(slots=True)
class Endpoint:
    """One endpoint that listens."""

    plan: EndpointPlan
    pin: str
    sessions: SessionTable
    device: Device
    listener: Listener
    events: EventHub | None


@dataclass
class Hall:
    """All racks.  `await start()`, then `site_file` and `endpoints` are there; `await stop()` closes everything."""

    options: HallOptions
    faults: FaultTable = field(init=False)
    benches: dict[str, Bench] = field(init=False, default_factory=dict)
    endpoints: list[Endpoint] = field(init=False, default_factory=list)
    speed: float = field(init=False, default=1.0)
    building: HallBuilding | None = field(init=False, default=None)
    _designs: dict[str, Generation] = field(init=False, default_factory=dict)
    _places: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        self.faults = FaultTable(self.options.faults)
        self.speed = self.options.speed
        self.plans = parse_racks(self.options.racks, self.options.site_name, self._design)
        self.serial = SerialLines(self.options.state, self.options.search)
        self.consoles = HallConsoles(self.options.state, self.options.search, self.faults)
        self.doorway = Doorway.make()
        self.happenings, self.delivery = Happenings(), Delivery()
        self.busbars = Busbars(lambda: [e.device for e in self.endpoints])
        self.reporting = Reporting(self.faults)
        self.strikes = EventStrikes(self.faults, lambda: self.time)
        self._listeners: list[Listener] = []
        self._down: set[Listener] = set()  # whose BMC restarts
        self._seen_faults = -1
        self._ticking: asyncio.Task[None] | None = None
        self._templates: dict[tuple[str, str], DeviceTemplate] = {}
        self._features: dict[int, Features] = {}

    @property
    def site_file(self) -> Path:
        """Return where the site file is written."""
        return self.options.state / "site.yaml"

    @property
    def needs(self) -> tuple[int, int]:
        """Return how many endpoints will listen and how many serial lines and consoles will be open."""
        specs = [s for p in self.plans for t in self._design(p.generation).slots for s in t.tray.endpoints]
        listen = sum(s.enabled and s.device is not None and s.line is None for s in specs)
        consoles = files_needed([self._design(p.generation) for p in self.plans]) // FILES_PER_LINE
        return listen, consoles + sum(len(self._design(p.generation).lines) for p in self.plans)

    @property
    def endpoint_count(self) -> int:
        """Return how many endpoints there are: those that listen, those on serial lines, and hosts with an agent."""
        return len(self.endpoints) + len(self.serial.endpoints) + len(self.gpu_hosts.places)

    @property
    def time(self) -> float:
        """Return emulated seconds since the start."""
        return next(iter(self.benches.values())).time if self.benches else 0.0

    async def start(self) -> None:
        """Listen everywhere and write the site file.  Raises ConfigurationError and its children."""
        state = self.options.state
        try:
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as err:
            raise EnvironmentUnfit(f"cannot make {state}: {err.strerror}", advice="choose another --state") from err
        generations = {p.generation: self._design(p.generation) for p in self.plans}
        trace = read_trace(self.options.load_trace)
        for name, generation in generations.items():
            self.benches[name] = Bench(generation, [p.place for p in self.plans if p.generation == name], trace)
        self.gpu_hosts = GpuHosts(self.plans, self.benches, self.faults)
        self.floor_meters = FloorMeters(self.benches.values(), self.gpu_hosts)
        self.building = HallBuilding(
            state, self.plans, self.benches, self.faults, lambda: self.time, self.options.search
        )
        credentials = self._credentials()
        block = await self._listen_somewhere(generations, credentials)
        keep_block(state, block)
        for bench in self.benches.values():
            self.happenings.look(bench)  # what is so at the start has not happened
        self._open_lines(generations)
        self._open_consoles(generations, credentials)
        write_site(self.site_file, self._site())
        settled()
        self._ticking = asyncio.create_task(self._tick(), name="plant")
        self.building.start()

    async def stop(self) -> None:
        """Close listeners and connections; takes no time worth waiting for."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        if self.building is not None:
            await self.building.stop()
        self.serial.stop()
        await self.delivery.stop()
        self.consoles.stop()
        for listener in self._listeners:
            listener.shut()
        await self.doorway.close()
        self._listeners.clear()

    def advance(self, seconds: float) -> None:
        """Move every plant on by emulated seconds."""
        for bench in self.benches.values():
            isolated = () if self.building is None else self.building.in_plant(bench)
            bench.advance(seconds, (*self.faults.in_plant(bench.time), *isolated))
            self.busbars.look(bench)
            self.happenings.look(bench)
        self.reporting.look()
        self.strikes.look()
        self.gpu_hosts.look(time.time_ns())

    def holds(self, fault: Fault) -> bool:
        """Tell whether a fault names any place of this hall."""
        if not self._places:
            self._places = all_places(self.plans, self._designs)
        return names_any(fault.where, self._places)

    def set_demand(self, share: float | None, where: str = "*") -> int:
        """Let GPUs ask for this share of their dynamic range instead of the trace; None returns to the trace.

        `where`: a glob over GPUs' places; returns how many fit.
        """
        return sum([bench.set_demand(share, where) for bench in self.benches.values()])

    def _design(self, name: str) -> Generation:
        if name not in self._designs:
            self._designs[name] = load_generation(name, self.options.search)
        return self._designs[name]

    def _open_lines(self, generations: dict[str, Generation]) -> None:
        plans = serial_endpoints_of(self.plans, generations)
        self.serial.start(self.plans, plans, self.benches, self.faults, lambda: self.time)

    def _open_consoles(self, generations: dict[str, Generation], credentials: dict[str, Credential]) -> None:
        bmcs = {tray_of(e.plan.place): e for e in reversed(self.endpoints)}
        around = Surroundings(
            lambda tray: bmcs[tray].plan.address if tray in bmcs else None,
            lambda tray: tray in bmcs and bmcs[tray].listener.door.life.away,
            credentials,
            credential_name,
            lambda: self.time,
        )
        self.consoles.start(self.plans, generations, self.benches, around)

    async def _tick(self) -> None:
        last = beaten = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            if now - beaten >= BEAT_S:
                beaten = now
                for hub in [e.events for e in self.endpoints if e.events is not None]:
                    hub.beat()
            self.doorway.state.default_headers[:] = [(b"date", formatdate(usegmt=True).encode())]
            if self.speed > 0:
                self.advance((now - last) * self.speed)
            last = now
            await self._renew_listeners()
            self.consoles.tick()

    async def _renew_listeners(self) -> None:
        """Bring back what was away; look at every certificate while there are faults of certificates."""
        faulty = self.faults.has_certificates()
        if faulty or self._seen_faults != self.faults.version:
            self._seen_faults = self.faults.version if not faulty else -1
            looked_at = list(self._listeners)
        else:
            looked_at = list(self._down)
        for listener in looked_at:
            try:
                if await listener.renew():
                    self._down.discard(listener)
            except EnvironmentUnfit as err:
                sys.stderr.write(f"emulator: {err}\n")  # tried again with the next tick

    def _credentials(self) -> dict[str, Credential]:
        vault = Vault(self.options.state / "credentials")
        known = set(vault.names())
        users = {
            credential_name(plan.place, spec.protocol): NVOS_USER if spec.protocol == NVUE else USER
            for plan in self.plans
            for slot in self._design(plan.generation).slots
            for spec in slot.tray.endpoints
            if spec.enabled and spec.line is None
        }
        fresh = {n: Credential(u, secrets.token_urlsafe(12)) for n, u in users.items() if n not in known}
        if fresh:
            vault.store_all(fresh)
        return {name: fresh.get(name) or vault.fetch(name) for name in users}

    async def _listen_somewhere(self, generations: dict[str, Generation], credentials: dict[str, Credential]) -> Block:
        blocks = choose_blocks(self.options.state, self.options.address_block, len(self.plans))
        for n, block in enumerate(blocks):
            last = n == len(blocks) - 1
            if not last and not is_free(block, len(self.plans)):
                continue
            plans = endpoints_of(self.plans, generations, block)
            folder = self.options.state / "certificates"
            identities = keep_identities(folder, [p.address for p in plans])
            try:
                for plan in plans:
                    name = credential_name(_rack(self.plans, plan), plan.spec.protocol)
                    await self._listen(plan, block.port, identities[plan.address], credentials[name])
            except EnvironmentUnfit:
                await self.stop()
                self.endpoints.clear()
                if last:
                    raise
                continue
            return block
        raise AssertionError("choose_blocks returns at least one block")

    async def _listen(self, plan: EndpointPlan, port: int, identity: Identity, credential: Credential) -> None:
        template = self._template(plan)
        bench = self.benches[self.plans[plan.rack].generation]
        device = Device(template, bench, plan.row, plan.slot, plan.place, plan.address, identity.public)
        sessions = SessionTable()
        events = make_hub(device, self.delivery, plan.address, partial(self.strikes.pass_on, plan.place))
        if events is not None:
            self.happenings.join(bench, plan.row, plan.slot, events, template)
            self.reporting.join(device, events)
            if device.update is not None:
                device.update.tell = lambda record: events.publish([record])
        service = self._service(plan, device, SoleAccount(credential.user, credential.secret), sessions, events)
        door = FaultyDoor(service, plan.place, self.faults, lambda: bench.time, device.life)
        listener = Listener(self.doorway, door, plan.address, port, identity, self.options.state / "certificates")

        def restart() -> None:
            sessions.clear()
            device.reset_at = time.time()
            if events is not None:
                events.forget()
            self._down.add(listener)
            listener.shut_soon()

        device.life.on_restart = restart
        await listener.open()
        self._listeners.append(listener)
        self.endpoints.append(Endpoint(plan, identity.pin, sessions, device, listener, events))
        self._port = port

    def _service(
        self,
        plan: EndpointPlan,
        device: Device,
        account: SoleAccount,
        sessions: SessionTable,
        events: EventHub | None,
    ) -> RedfishService | NvueService:
        if plan.spec.protocol == NVUE:
            return NvueService(device, account)
        features = self._features.get(id(device.template))
        service = RedfishService(
            WithAccounts(device, account), account, sessions=sessions, features=features, events=events
        )
        self._features.setdefault(id(device.template), service.features)
        return service

    def _template(self, plan: EndpointPlan) -> DeviceTemplate:
        assert plan.spec.device is not None
        key = (self.plans[plan.rack].generation, plan.spec.device)
        if key not in self._templates:
            folder = device_folder(*key, self.options.search)
            self._templates[key] = load_template(plan.spec.device, plan.slot.tray, folder, sound=self.options.sound)
        return self._templates[key]

    def _site(self) -> Site:
        endpoints = tuple(
            SiteEndpoint(
                place=e.plan.place,
                address=e.plan.address,
                port=self._port,
                pin=e.pin,
                credential=credential_name(self.plans[e.plan.rack].place, e.plan.spec.protocol),
                neighbours=(cable_of(e.plan.place, e.plan.address),) if self._template(e.plan).hears else (),
            )
            for e in self.endpoints
        )
        # Emulated hardware cannot be harmed: its racks start armed.
        racks = tuple(SiteRack(p.place, p.generation, armed=True, domains=p.domains) for p in self.plans)
        listed = (*endpoints, *self.serial.endpoints, *self.gpu_hosts.site_endpoints())
        building = {} if self.building is None else self.building.site_entry
        consoles = tuple(self.consoles.sites)
        return Site(self.options.site_name, racks, listed, building=building, consoles=consoles)


def make_hub(device: Device, delivery: Delivery, address: str, pass_on: PassOn) -> EventHub | None:
    """Return an endpoint's events, None for a device without an EventService; it streams where that says so."""
    service = device.get(EVENT_SERVICE, None)
    if service is None:
        return None
    stream = service.body.get("ServerSentEventUri", "")
    return EventHub(stream, wall_text, partial(delivery.send, source=address), pass_on)


def credential_name(rack: Place, protocol: str = "redfish") -> str:
    """Return the vault entry of a rack's BMC password; a switch's operating system has an account of its own."""
    return f"emulated/{rack_name(rack)}{'-nvos' if protocol == NVUE else ''}"


def read_trace(path: Path | None) -> LoadTrace:
    """Read a load trace; the short synthetic one when none is named.  Raises FileInvalid."""
    path = path or seeds_folder() / DEFAULT_TRACE
    try:
        return parse_trace(path.read_text())
    except OSError as err:
        raise FileInvalid(str(path), 1, "file", f"expected a readable load trace ({err.strerror})") from err
    except UnicodeDecodeError as err:
        raise FileInvalid(str(path), 1, "file", "expected text") from err
    except ValueError as err:
        where, _, what = str(err).partition(": ")
        raise FileInvalid(str(path), int(where.removeprefix("line ") or 1), "row", what) from err


def _rack(plans: list[RackPlan], endpoint: EndpointPlan) -> Place:
    return plans[endpoint.rack].place
