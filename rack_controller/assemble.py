"""The only module that names concrete drivers: site and generations in, racks under control out."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.drivers import (
    EventListener,
    ListenAt,
    PushPart,
    SerialLines,
    SerialPart,
    UnfitSource,
    make_driver,
    needs_credential,
)
from firmware_bridge.generations.alarms import load_alarm_rules
from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.register_maps import load_register_map, register_folders
from firmware_bridge.generations.site_edit import SiteDraft
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.generations.xid_catalogue import load_xids
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ConfigurationError, TargetUnknown
from firmware_bridge.vocabulary.generation import EndpointSpec, Generation, Slot
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.settings import PlaceCheck, SlotSays
from firmware_bridge.vocabulary.site import Site, SiteEndpoint, SiteRack
from rack_controller.accounts import EndpointAccount, account_of, give_own_entry
from rack_controller.assemble_budget import budget_station
from rack_controller.assemble_building import building_station
from rack_controller.assemble_consoles import console_shop
from rack_controller.assemble_policies import load_interlocks
from rack_controller.decide.places import expected_number
from rack_controller.images import Images
from rack_controller.model.expectation import Expectation, ExpectedAddresses, ExpectedPlace
from rack_controller.model.layout import Layout, make_layout
from rack_controller.run.audited import Audited
from rack_controller.run.budget.station import BudgetStation
from rack_controller.run.building.station import BuildingStation
from rack_controller.run.journal import Journal
from rack_controller.run.operate.planning_unit import UnitPlanning
from rack_controller.run.precedence import Precedence
from rack_controller.run.rack import RackUnderControl
from rack_controller.run.watch.hosts import GpuRules, rules_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything a controller process runs."""

    site: Site
    racks: tuple[RackUnderControl, ...]
    building: BuildingStation | None = None
    budget: BudgetStation | None = None


def assemble(
    site_file: Path,
    vault: Vault,
    journal: Journal,
    clock: Clock,
    boot: str,
    search: Sequence[Path] = (),
    console_logs: Path | None = None,
    audited: Audited | None = None,
    images: Path | None = None,
    broker: Path | None = None,
) -> Assembly:
    """Build every rack of the site; `search` are folders with generations of its own, before the seeds.

    `console_logs` is where consoles are logged; None leaves them alone.  `audited`: what enters into the audit log;
    `images`: where firmware images lie.  `broker` is the bus's folder, where the building is met; None leaves it alone.

    Raises ConfigurationError, FileInvalid or EnvironmentUnfit: a site that cannot be read whole is not begun.
    """
    site = read_site(site_file)
    if not site.racks:
        raise ConfigurationError(f"{site_file} lists no rack", advice="add one under `racks`")
    generations = {name: load_generation(name, search) for name in sorted({r.generation for r in site.racks})}
    lines = SerialLines(clock)
    listener = EventListener(listen_at(site, site_file))
    workshop = _Workshop(site, vault, clock, lines, tuple(search), listener)
    desk = FileDesk(site_file, vault, clock, lines, tuple(search), listener, generations)
    xids, alarm_rules = load_xids(search), load_alarm_rules(search)
    shop = (
        None if console_logs is None else console_shop(site, vault, clock, console_logs, search, desk.console_entries)
    )
    building = None if broker is None else building_station(site, broker, clock, search)
    precedence = Precedence(clock)
    budget = budget_station(site, site_file, generations, journal, clock, search)
    loops = {rack: loop for racks in site.coolant_loops.values() for loop in [list[UnitPlanning]()] for rack in racks}
    return Assembly(
        site,
        tuple(
            RackUnderControl(
                make_layout(rack, generation, site.endpoints_of(rack.place), site.consoles_of(rack.place)),
                generation.periods,
                workshop.sources(rack, generation),
                journal,
                clock,
                boot,
                desk,
                gpu_rules=GpuRules(xids, rules_of(generation)),
                consoles=None if shop is None else shop.consoles(rack, generation),
                sequence=generation.sequence,
                alarm_rules=alarm_rules,
                refusals=listener.refusals,
                interlocks=load_interlocks(Place(rack.place), generation.name, search),
                audited=audited,
                images=None if images is None else Images(images),
                building=None if building is None else building.rack(rack.place),
                budget=budget,
                precedence=precedence,
                loop=loops.get(Place(rack.place)),
            )
            for rack in site.racks
            for generation in (generations[rack.generation],)
        ),
        building,
        budget,
    )


def listen_at(site: Site, site_file: Path) -> ListenAt | None:
    """Return where devices send their events to; paths are those from the site file's folder."""
    events, folder = site.events, site_file.parent
    if events is None:
        return None
    certificate = folder / events.certificate if events.certificate else None
    return ListenAt(events.address, events.port, certificate, folder / events.key if events.key else None)


def expectations_of(rack: Place, generation: Generation) -> dict[Place, Expectation]:
    """Return what a generation expects of each endpoint of a rack, as far as it expects anything."""
    expected: dict[Place, Expectation] = {}
    for slot in generation.slots:
        for spec in slot.tray.endpoints:
            places = tuple(
                ExpectedPlace(c, expected_number(c, slot, generation.slots), _counted(c, slot))
                for c in spec.place_checks
            )
            bus = _addresses(spec, slot)
            if spec.settings or places or bus:
                expected[join_place(rack, slot.name, spec.name)] = Expectation(spec.settings, places, bus)
    return expected


def with_neighbours(expected: dict[Place, Expectation], endpoints: Iterable[SiteEndpoint]) -> dict[Place, Expectation]:
    """Return the expectations with where the site says each endpoint's cables are plugged in."""
    named = {e.place: e.neighbours for e in endpoints if e.neighbours}
    return expected | {p: replace(expected.get(p, Expectation()), neighbours=n) for p, n in named.items()}


def _addresses(spec: EndpointSpec, slot: Slot) -> ExpectedAddresses | None:
    units = spec.units_of(slot.index)
    if spec.line is None or not units:
        return None
    return ExpectedAddresses(spec.line, tuple(u.address for u in units))


def _counted(check: PlaceCheck, slot: Slot) -> str:
    """Return a name for who is counted together: an index counts one type of tray, a unit or an ordinal several."""
    counted = slot.tray.name if check.says is SlotSays.INDEX else ",".join(check.of)
    return f"{check.name}/{check.says}/{check.offset}/{counted}"


@dataclass(frozen=True, slots=True)
class _Workshop:
    """What making the drivers of a site needs."""

    site: Site
    vault: Vault
    clock: Clock
    lines: SerialLines
    search: tuple[Path, ...]
    listener: EventListener

    def sources(self, rack: SiteRack, generation: Generation) -> dict[Place, TelemetrySource]:
        """Return a driver for every enabled endpoint of a rack.  Raises ConfigurationError."""
        by_place = {e.place: e for e in self.site.endpoints_of(rack.place) if e.enabled}
        credentials: dict[str, Credential] = {}
        sources: dict[Place, TelemetrySource] = {}
        for slot in generation.slots:
            tray = join_place(rack.place, slot.name)
            for spec in slot.tray.endpoints:
                endpoint = by_place.pop(join_place(tray, spec.name), None)
                if endpoint is None:
                    continue
                if spec.units:
                    sources[endpoint.place] = self._serial(spec, slot, tray, endpoint, rack, generation)
                    continue
                sources[endpoint.place] = self.single(spec, tray, endpoint, credentials, rack.armed)
        if by_place:
            raise ConfigurationError(
                f"{next(iter(by_place))} is no endpoint of generation {generation.name}",
                advice="compare the site file's places with the generation's trays",
            )
        return sources

    def single(
        self,
        spec: EndpointSpec,
        tray: Place,
        endpoint: SiteEndpoint,
        credentials: dict[str, Credential],
        armed: bool,
    ) -> TelemetrySource:
        """Return the driver of an endpoint with an address of its own.  Raises ConfigurationError."""
        credential = _credential(endpoint, self.vault, credentials) if needs_credential(spec) else None
        push = PushPart(self.listener, self.site.name, armed)
        return make_driver(spec, tray, endpoint, credential, self.clock, push=push)

    def _serial(
        self,
        spec: EndpointSpec,
        slot: Slot,
        tray: Place,
        endpoint: SiteEndpoint,
        rack: SiteRack,
        generation: Generation,
    ) -> TelemetrySource:
        """A wrong register map is no reason to leave a rack's other trays unwatched: it costs its endpoint."""
        maps = partial(load_register_map, search=register_folders(generation.name, self.search))
        part = SerialPart(self.lines, spec.units_of(slot.index), rack.armed, maps)
        # A pumping unit that has no register for its heat needs to know what flows in it.
        read = {"heat_capacity_j_per_l_k": generation.coolant.heat_capacity_j_per_l_k, **spec.read}
        try:
            return make_driver(replace(spec, read=read), tray, endpoint, None, self.clock, part)
        except ConfigurationError as err:
            _log.error("%s: %s", endpoint.place, err)
            return UnfitSource(endpoint.place, err)


@dataclass(frozen=True, slots=True)
class FileDesk:
    """The site file while its racks run: read anew at each question, edited entry by entry (see ports in run/desk)."""

    site_file: Path
    vault: Vault
    clock: Clock
    lines: SerialLines
    search: tuple[Path, ...]
    listener: EventListener
    generations: dict[str, Generation] = field(default_factory=dict)  # as they were when the controller started
    console_entries: dict[Place, str] = field(default_factory=dict)  # vault entries that consoles were given since

    def source(self, place: Place, pin: str | None = None) -> TelemetrySource:
        """Return a new driver for an endpoint as the file has it now, with `pin` instead of its own when given.

        Raises ConfigurationError and its children.
        """
        site = read_site(self.site_file)
        endpoint = next((e for e in site.endpoints if e.place == place), None)
        rack = next((r for r in site.racks if place.startswith(f"{r.place}/")), None)
        if endpoint is None or rack is None or not endpoint.enabled:
            raise TargetUnknown(f"{self.site_file} has no enabled endpoint {place}", advice="enrol it first")
        generation = load_generation(rack.generation, self.search)
        for slot in generation.slots:
            tray = join_place(rack.place, slot.name)
            for spec in slot.tray.endpoints:
                if join_place(tray, spec.name) != place:
                    continue
                if spec.units:
                    raise TargetUnknown(f"{place} is on a serial line", advice="start the controller again instead")
                workshop = _Workshop(site, self.vault, self.clock, self.lines, self.search, self.listener)
                return workshop.single(spec, tray, replace(endpoint, pin=pin or endpoint.pin), {}, rack.armed)
        raise TargetUnknown(f"{place} is no endpoint of generation {generation.name}")

    def repin(self, place: Place, pin: str) -> None:
        """Write another pin into the file.  Raises ConfigurationError or EnvironmentUnfit."""
        draft = SiteDraft(self.site_file)
        draft.put(replace(self._endpoint(draft.site, place), pin=pin))
        draft.save()

    def account(self, place: Place) -> EndpointAccount:
        """Return the account by which an endpoint is read.  Raises TargetUnknown."""
        return account_of(self._endpoint(SiteDraft(self.site_file).site, place), self.vault)

    def password_states(self, rack: Place) -> dict[Place, str]:
        """Return the endpoints whose password is `factory` or `pending`.  Raises ConfigurationError."""
        unsettled = self.vault.unsettled()
        if not unsettled:
            return {}
        endpoints = read_site(self.site_file).endpoints_of(rack)
        return {e.place: unsettled[e.credential] for e in endpoints if e.credential in unsettled}

    def own_account(self, place: Place, secret: str) -> EndpointAccount:
        """Put a new password into an entry of the endpoint's own.  Raises ConfigurationError or EnvironmentUnfit."""
        draft = SiteDraft(self.site_file)
        account = give_own_entry(draft, self._endpoint(draft.site, place), self.vault, secret)
        self.console_entries.update(
            {c.place: c.credential for c in draft.site.consoles if c.credential == account.name}
        )
        return account

    def _endpoint(self, site: Site, place: Place) -> SiteEndpoint:
        found = next((e for e in site.endpoints if e.place == place), None)
        if found is None:
            raise TargetUnknown(f"{self.site_file} has no endpoint {place}", advice="enrol it first")
        return found

    def expectations(self, rack: Place, generation: str) -> dict[Place, Expectation]:
        """Return what a generation expects of a rack's endpoints.  Raises ConfigurationError and its children."""
        known = self.generations.get(generation) or load_generation(generation, self.search)
        return with_neighbours(expectations_of(rack, known), read_site(self.site_file).endpoints_of(rack))

    def layout(self, rack: Place) -> Layout:
        """Return the rack's layout as the file has it now.  Raises ConfigurationError and its children."""
        site = read_site(self.site_file)
        found = next((r for r in site.racks if r.place == rack), None)
        if found is None:
            raise TargetUnknown(f"{self.site_file} lists no rack {rack}")
        generation = load_generation(found.generation, self.search)
        return make_layout(found, generation, site.endpoints_of(rack), site.consoles_of(rack))


def _credential(endpoint: SiteEndpoint, vault: Vault, known: dict[str, Credential]) -> Credential:
    if endpoint.credential is None:
        raise ConfigurationError(f"{endpoint.place} has no credential", advice="name a vault entry for it")
    if endpoint.credential not in known:
        known[endpoint.credential] = vault.fetch(endpoint.credential)
    return known[endpoint.credential]
