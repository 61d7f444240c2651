"""The only module that names concrete drivers: site and generations in, racks under control out."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.drivers import SerialLines, SerialPart, UnfitSource, make_driver, needs_credential
from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.register_maps import load_register_map, register_folders
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import EndpointSpec, Generation, Slot
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.site import Site, SiteEndpoint, SiteRack
from rack_controller.model.layout import make_layout
from rack_controller.run.journal import Journal
from rack_controller.run.rack import RackUnderControl

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything a controller process runs."""

    site: Site
    racks: tuple[RackUnderControl, ...]


def assemble(
    site_file: Path, vault: Vault, journal: Journal, clock: Clock, boot: str, search: Sequence[Path] = ()
) -> Assembly:
    """Build every rack of the site; `search` are folders with generations of its own, before the seeds.

    Raises ConfigurationError, FileInvalid or EnvironmentUnfit: a site that cannot be read whole is not begun.
    """
    site = read_site(site_file)
    if not site.racks:
        raise ConfigurationError(f"{site_file} lists no rack", advice="add one under `racks`")
    generations = {name: load_generation(name, search) for name in sorted({r.generation for r in site.racks})}
    workshop = _Workshop(site, vault, clock, SerialLines(clock), tuple(search))
    return Assembly(
        site,
        tuple(
            RackUnderControl(
                make_layout(rack, generation, site.endpoints_of(rack.place)),
                generation.periods,
                workshop.sources(rack, generation),
                journal,
                clock,
                boot,
            )
            for rack in site.racks
            for generation in (generations[rack.generation],)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Workshop:
    """What making the drivers of a site needs."""

    site: Site
    vault: Vault
    clock: Clock
    lines: SerialLines
    search: tuple[Path, ...]

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
                credential = _credential(endpoint, self.vault, credentials) if needs_credential(spec) else None
                sources[endpoint.place] = make_driver(spec, tray, endpoint, credential, self.clock)
        if by_place:
            raise ConfigurationError(
                f"{next(iter(by_place))} is no endpoint of generation {generation.name}",
                advice="compare the site file's places with the generation's trays",
            )
        return sources

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


def _credential(endpoint: SiteEndpoint, vault: Vault, known: dict[str, Credential]) -> Credential:
    if endpoint.credential is None:
        raise ConfigurationError(f"{endpoint.place} has no credential", advice="name a vault entry for it")
    if endpoint.credential not in known:
        known[endpoint.credential] = vault.fetch(endpoint.credential)
    return known[endpoint.credential]
