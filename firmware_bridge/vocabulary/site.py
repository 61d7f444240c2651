"""A site as data: which racks stand where, and at which address each endpoint answers."""

from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.vocabulary.line import LineSettings
from firmware_bridge.vocabulary.neighbour import Neighbour
from firmware_bridge.vocabulary.place import Place


@dataclass(frozen=True, slots=True)
class SiteRack:
    """A rack of the site.  `armed` false: the controller only observes (DESIGN §4.10).

    `domains` maps a domain of the generation to its name in the site: racks that share a name share the domain.
    """

    place: Place
    generation: str
    armed: bool = False
    domains: dict[str, str] = field(default_factory=dict)

    def domain_id(self, domain: str) -> str:
        """Return the site-wide name of a domain; without an entry it is this rack's own: `k07.nvl0`."""
        return self.domains.get(domain) or f"{self.place.rsplit('/', 1)[-1]}.{domain}"


@dataclass(frozen=True, slots=True)
class SiteEndpoint:
    """Where one endpoint answers.  `credential` names an entry of the vault; no secret stands in a site file.

    `pin` is `sha256//<base64 of the SHA-256 of the certificate's public key>`; None means not yet pinned.
    """

    place: Place
    address: str | None = None
    port: int | None = None
    tty: str | None = None
    pin: str | None = None
    credential: str | None = None
    enabled: bool = True
    line: LineSettings | None = None  # a serial line that is not set as its devices' register maps say
    agent: bool = False  # it has no address: an agent on the host speaks by itself over the rack's bus
    neighbours: tuple[Neighbour, ...] = ()  # where its management cables are plugged in

    @property
    def url(self) -> str:
        """Return `https://address:port`."""
        return f"https://{self.address}:{self.port}"


DEFAULT_CONSOLE_PORT = 2200
"""Where OpenBMC's SSH console listens (Redfish SerialConsole.SSH.Port of bmcweb)."""


@dataclass(frozen=True, slots=True)
class SiteConsole:
    """Where one serial console is reached: `address` and `port` by SSH, or `tty`.  No secret stands here.

    `host_key` is the SSH host key's fingerprint as `ssh-keygen -l` prints it (`SHA256:…`); None means not yet pinned,
    and what is not pinned is not logged into.
    """

    place: Place
    address: str | None = None
    port: int | None = None
    tty: str | None = None
    host_key: str | None = None
    credential: str | None = None
    enabled: bool = True
    line: LineSettings | None = None  # a tty that is not set as the generation says


@dataclass(frozen=True, slots=True)
class SiteEvents:
    """Where devices without an event stream send their events to: an address of the controller's machine.

    `certificate` and `key` are files (PEM), named from the site file's folder; only loopback goes without.
    """

    address: str
    port: int
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """One site: racks, endpoints, feeds and the building's own identifiers.

    `coolant_loops`: by name, racks whose coolant units feed one loop together; every other rack has a loop of its own.
    """

    name: str
    racks: tuple[SiteRack, ...]
    endpoints: tuple[SiteEndpoint, ...]
    feeds: dict[str, Any] = field(default_factory=dict)
    building: dict[str, Any] = field(default_factory=dict)
    consoles: tuple[SiteConsole, ...] = ()
    events: SiteEvents | None = None
    coolant_loops: dict[str, tuple[Place, ...]] = field(default_factory=dict)

    def consoles_of(self, rack: Place) -> tuple[SiteConsole, ...]:
        """Return the serial consoles that stand in `rack`."""
        prefix = rack + "/"
        return tuple(c for c in self.consoles if c.place.startswith(prefix))

    def endpoints_of(self, rack: Place) -> tuple[SiteEndpoint, ...]:
        """Return the endpoints that stand in `rack`."""
        prefix = rack + "/"
        return tuple(e for e in self.endpoints if e.place.startswith(prefix))
