"""The consoles of a site put together: generation, site file and vault in, each rack's consoles out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.drivers import make_console
from firmware_bridge.generations.console_patterns import load_console_patterns
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import ConsoleProtocol, ConsoleSpec, Generation
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.site import Site, SiteConsole, SiteRack
from rack_controller.model.subjects import subjects_of
from rack_controller.run.consoles.log import LogCaps
from rack_controller.run.consoles.rack_consoles import ConsoleKit, ConsolePlan, Consoles


@dataclass(frozen=True, slots=True)
class ConsoleShop:
    """What making the consoles of a site needs."""

    site: Site
    vault: Vault
    clock: Clock
    kit: ConsoleKit
    moved: Mapping[Place, str] = field(default_factory=dict)  # vault entries that consoles were given since the start

    def consoles(self, rack: SiteRack, generation: Generation) -> Consoles | None:
        """Return the rack's consoles, None when its design has none.  Raises ConfigurationError."""
        by_place = {c.place: c for c in self.site.consoles_of(rack.place)}
        plans = []
        for slot in generation.slots:
            for spec in slot.tray.consoles:
                place = join_place(rack.place, slot.name, spec.name)
                plans.append(self._plan(place, spec, by_place.pop(place, None)))
        if by_place:
            raise ConfigurationError(
                f"{next(iter(by_place))} is no console of generation {generation.name}",
                advice="compare the site file's places with the generation's `consoles`",
            )
        return Consoles(plans, self.kit, rack.armed, subjects_of(rack.place), self.clock) if plans else None

    def _plan(self, place: Place, spec: ConsoleSpec, console: SiteConsole | None) -> ConsolePlan:
        if console is None or not (console.enabled and spec.enabled):
            return ConsolePlan(place, spec.protocol, "", None)
        credential = self._credential(console) if spec.protocol is ConsoleProtocol.SSH else None
        address = f"{console.address}:{console.port}" if console.address else console.tty or ""
        return ConsolePlan(place, spec.protocol, address, make_console(spec, console, credential))

    def _credential(self, console: SiteConsole) -> Callable[[], Credential]:
        """Return where its credential is asked for at each login: it may be changed while the controller runs."""
        if console.credential is None:
            raise ConfigurationError(f"{console.place} has no credential", advice="name a vault entry for it")
        self.vault.fetch(console.credential)  # one that is not there is said at the start
        first, moved, vault = console.credential, self.moved, self.vault
        return lambda: vault.fetch(moved.get(console.place, first))


def console_shop(
    site: Site, vault: Vault, clock: Clock, logs: Path, search: Sequence[Path], moved: Mapping[Place, str]
) -> ConsoleShop:
    """Return what makes the consoles of a site, with their logs below `logs`.  Raises ConfigurationError.

    `moved` says which vault entries consoles were given meanwhile; it is read at each login.
    """
    return ConsoleShop(site, vault, clock, ConsoleKit(logs, load_console_patterns(search), LogCaps()), moved)
