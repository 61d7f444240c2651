"""The only module that names concrete drivers: site and generations in, racks under control out."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.drivers import SerialLines, SerialPart, UnfitSource, make_driver, needs_credential
from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import Generation
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


def assemble(site_file: Path, vault: Vault, journal: Journal, clock: Clock, boot: str) -> Assembly:
    """Build every rack of the site.

    Raises ConfigurationError, FileInvalid or EnvironmentUnfit: a site that cannot be read whole is not begun.
    """
    site = read_site(site_file)
    if not site.racks:
        raise ConfigurationError(f"{site_file} lists no rack", advice="add one under `racks`")
    generations = {name: load_generation(name) for name in sorted({r.generation for r in site.racks})}
    lines = SerialLines(clock)
    racks = tuple(
        _rack(site, rack, generations[rack.generation], vault, lines, journal, clock, boot) for rack in site.racks
    )
    return Assembly(site, racks)


def _rack(
    site: Site,
    rack: SiteRack,
    generation: Generation,
    vault: Vault,
    lines: SerialLines,
    journal: Journal,
    clock: Clock,
    boot: str,
) -> RackUnderControl:
    endpoints = site.endpoints_of(rack.place)
    layout = make_layout(rack, generation, endpoints)
    sources = _sources(site, rack, generation, vault, lines, clock)
    return RackUnderControl(layout, generation.periods, sources, journal, clock, boot)


def _sources(
    site: Site, rack: SiteRack, generation: Generation, vault: Vault, lines: SerialLines, clock: Clock
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
            serial = SerialPart(lines, spec.units_of(slot.index), rack.armed) if spec.units else None
            credential = _credential(endpoint, vault, credentials) if needs_credential(spec) else None
            spec = replace(spec, read=_with_coolant(spec.read, generation)) if serial else spec
            try:
                sources[endpoint.place] = make_driver(spec, tray, endpoint, credential, clock, serial)
            except ConfigurationError as err:
                if serial is None:
                    raise
                # A wrong register map is no reason to leave a rack's other trays unwatched.
                _log.error("%s: %s", endpoint.place, err)
                sources[endpoint.place] = UnfitSource(endpoint.place, err)
    if by_place:
        raise ConfigurationError(
            f"{next(iter(by_place))} is no endpoint of generation {generation.name}",
            advice="compare the site file's places with the generation's trays",
        )
    return sources


def _credential(endpoint: SiteEndpoint, vault: Vault, known: dict[str, Credential]) -> Credential:
    if endpoint.credential is None:
        raise ConfigurationError(f"{endpoint.place} has no credential", advice="name a vault entry for it")
    if endpoint.credential not in known:
        known[endpoint.credential] = vault.fetch(endpoint.credential)
    return known[endpoint.credential]


def _with_coolant(hints: dict[str, Any], generation: Generation) -> dict[str, Any]:
    """A pumping unit that has no register for its heat needs to know what flows in it."""
    return {"heat_capacity_j_per_l_k": generation.coolant.heat_capacity_j_per_l_k, **hints}
