"""The only module that names concrete drivers: site and generations in, racks under control out."""

from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.drivers import make_driver
from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import Generation
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.site import Site, SiteRack
from rack_controller.model.layout import make_layout
from rack_controller.run.journal import Journal
from rack_controller.run.rack import RackUnderControl


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything a controller process runs."""

    site: Site
    racks: tuple[RackUnderControl, ...]


def assemble(site_file: Path, vault: Vault, journal: Journal, clock: Clock, boot: str) -> Assembly:
    """Build every rack of the site.

    Raises ConfigurationError, FileInvalid or EnvironmentUnfit: a site that cannot be read whole is not begun.
    """
    site = read_site(site_file)
    if not site.racks:
        raise ConfigurationError(f"{site_file} lists no rack", advice="add one under `racks`")
    generations = {name: load_generation(name) for name in sorted({r.generation for r in site.racks})}
    racks = tuple(_rack(site, rack, generations[rack.generation], vault, journal, clock, boot) for rack in site.racks)
    return Assembly(site, racks)


def _rack(
    site: Site, rack: SiteRack, generation: Generation, vault: Vault, journal: Journal, clock: Clock, boot: str
) -> RackUnderControl:
    endpoints = site.endpoints_of(rack.place)
    layout = make_layout(rack, generation, endpoints)
    sources = _sources(site, rack, generation, vault, clock)
    return RackUnderControl(layout, generation.periods, sources, journal, clock, boot)


def _sources(
    site: Site, rack: SiteRack, generation: Generation, vault: Vault, clock: Clock
) -> dict[Place, TelemetrySource]:
    by_place = {e.place: e for e in site.endpoints_of(rack.place) if e.enabled}
    credentials: dict[str, Credential] = {}
    sources: dict[Place, TelemetrySource] = {}
    for slot in generation.slots:
        tray = join_place(rack.place, slot.name)
        for spec in slot.tray.endpoints:
            endpoint = by_place.pop(join_place(tray, spec.name), None)
            if endpoint is None:
                continue
            if endpoint.credential is None:
                raise ConfigurationError(f"{endpoint.place} has no credential", advice="name a vault entry for it")
            if endpoint.credential not in credentials:
                credentials[endpoint.credential] = vault.fetch(endpoint.credential)
            sources[endpoint.place] = make_driver(spec, tray, endpoint, credentials[endpoint.credential], clock)
    if by_place:
        raise ConfigurationError(
            f"{next(iter(by_place))} is no endpoint of generation {generation.name}",
            advice="compare the site file's places with the generation's trays",
        )
    return sources
