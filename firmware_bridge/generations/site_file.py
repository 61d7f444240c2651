"""`site.yaml` read and written: racks, addresses, pins and credential references; never a secret."""

import ipaddress
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit
from firmware_bridge.vocabulary.neighbour import Neighbour
from firmware_bridge.vocabulary.place import RACK_PARTS, TRAY_PARTS, Place, parse_place, rack_of
from firmware_bridge.vocabulary.site import DEFAULT_CONSOLE_PORT, Site, SiteConsole, SiteEndpoint, SiteEvents, SiteRack
from firmware_bridge.wire.located_yaml import Located, convert, parse
from firmware_bridge.wire.modbus.map_file import LineFile

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
HostKey = Annotated[str, msgspec.Meta(pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Pin = Annotated[str, msgspec.Meta(pattern=r"^sha256//[A-Za-z0-9+/]{43}=$")]


class _RackFile(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    place: str
    generation: str
    armed: bool = False
    domains: dict[str, str] = {}


class _NeighbourFile(msgspec.Struct, forbid_unknown_fields=True):
    system: Name
    port: Name


class _EndpointFile(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    place: str
    address: str | None = None
    port: Port | None = None
    tty: str | None = None
    pin: Pin | None = None
    credential: str | None = None
    enabled: bool = True
    line: LineFile | None = None
    agent: bool = False
    neighbour: _NeighbourFile | list[_NeighbourFile] | None = None


class _ConsoleFile(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    place: str
    address: str | None = None
    port: Port | None = None
    tty: str | None = None
    host_key: HostKey | None = None
    credential: str | None = None
    enabled: bool = True
    line: LineFile | None = None


class _EventsFile(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    listen: str
    certificate: str | None = None
    key: str | None = None


class _SiteFile(msgspec.Struct, omit_defaults=True):
    kind: Literal["site"]
    schema_version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    site: str
    racks: list[_RackFile]
    endpoints: list[_EndpointFile]
    feeds: dict[str, Any] = {}
    building: dict[str, Any] = {}
    consoles: list[_ConsoleFile] = []
    events: _EventsFile | None = None
    coolant_loops: dict[Name, Annotated[list[str], msgspec.Meta(min_length=2)]] = {}


def read_site(path: Path) -> Site:
    """Read and check a site file.  Raises ConfigurationError or FileInvalid (file, line, field, expected)."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        said = getattr(err, "strerror", None) or err
        raise ConfigurationError(f"cannot read {path}: {said}", advice="name an existing site file") from err
    return parse_site(text, path)


def parse_site(text: str, path: Path) -> Site:
    """Check the text of a site file; `path` is only named in complaints.  Raises FileInvalid."""
    document = parse(text, str(path))
    file = convert(document, "", _SiteFile)
    racks = tuple(_rack(document, n, file.site, r) for n, r in enumerate(file.racks))
    names = [r.place.rsplit("/", 1)[1] for r in racks]
    if len(set(names)) != len(names):
        raise document.complaint("racks", "expected rack names (last part of the place) that are unique in the site")
    known = {r.place for r in racks}
    endpoints = tuple(_endpoint(document, n, e) for n, e in enumerate(file.endpoints))
    consoles = tuple(_console(document, n, c) for n, c in enumerate(file.consoles))
    places = {f"endpoints[{n}].place": e.place for n, e in enumerate(endpoints)}
    places |= {f"consoles[{n}].place": c.place for n, c in enumerate(consoles)}
    for where, place in places.items():
        if rack_of(place) not in known:
            raise document.complaint(where, "expected a place inside one of the racks")
    said = (file.feeds, file.building, consoles, _events(document, file.events), _loops(document, file, known))
    return Site(file.site, racks, endpoints, *said)


def write_site(path: Path, site: Site) -> None:
    """Write a site file; write-then-rename.  Raises EnvironmentUnfit when the folder cannot be written."""
    file = _SiteFile(
        kind="site",
        schema_version=1,
        site=site.name,
        racks=[_RackFile(r.place, r.generation, r.armed, r.domains) for r in site.racks],
        endpoints=[
            _EndpointFile(
                *(e.place, e.address, e.port, e.tty, e.pin, e.credential, e.enabled, _line(e), e.agent),
                neighbour=_neighbours_file(e),
            )
            for e in site.endpoints
        ],
        feeds=site.feeds,
        building=site.building,
        consoles=[
            _ConsoleFile(c.place, c.address, c.port, c.tty, c.host_key, c.credential, c.enabled, _line(c))
            for c in site.consoles
        ],
        events=None if site.events is None else _events_file(site.events),
        coolant_loops={name: list(racks) for name, racks in site.coolant_loops.items()},
    )
    content = yaml.dump(msgspec.to_builtins(file), Dumper=_DUMPER, sort_keys=False, default_flow_style=None, width=200)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except OSError as err:
        raise EnvironmentUnfit(f"cannot write {path}: {err.strerror}", advice="free space or fix permissions") from err


def _loops(document: Located, file: _SiteFile, known: set[Place]) -> dict[str, tuple[Place, ...]]:
    """Return the racks of each coolant loop; each rack lies on one."""
    owner: dict[str, str] = {}
    for name, racks in file.coolant_loops.items():
        for n, rack in enumerate(racks):
            where = f"coolant_loops.{name}[{n}]"
            if rack not in known:
                raise document.complaint(where, f"expected a rack of the site: {', '.join(sorted(known))}")
            if rack in owner:
                raise document.complaint(where, f"expected a rack of no other loop, it lies on {owner[rack]} already")
            owner[rack] = name
    return {name: tuple(Place(rack) for rack in racks) for name, racks in file.coolant_loops.items()}


_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _rack(document: Located, n: int, site: str, rack: _RackFile) -> SiteRack:
    try:
        place = parse_place(rack.place)
    except ValueError as err:
        raise document.complaint(f"racks[{n}].place", str(err)) from err
    if place.count("/") != RACK_PARTS - 1 or not place.startswith(site + "/"):
        raise document.complaint(f"racks[{n}].place", f"expected {site}/<hall>/<row>/<rack>")
    return SiteRack(place, rack.generation, rack.armed, rack.domains)


def _endpoint(document: Located, n: int, endpoint: _EndpointFile) -> SiteEndpoint:
    try:
        place = parse_place(endpoint.place)
    except ValueError as err:
        raise document.complaint(f"endpoints[{n}].place", str(err)) from err
    if endpoint.agent and (endpoint.address or endpoint.tty):
        raise document.complaint(f"endpoints[{n}].agent", "expected no address and no tty: an agent speaks by itself")
    if endpoint.enabled and not endpoint.agent and not endpoint.tty and not (endpoint.address and endpoint.port):
        raise document.complaint(f"endpoints[{n}]", "expected address and port, or tty, for an enabled endpoint")
    if endpoint.line is not None and not endpoint.tty:
        raise document.complaint(f"endpoints[{n}].line", "expected tty beside line: only a serial line has a speed")
    return SiteEndpoint(
        place,
        endpoint.address,
        endpoint.port,
        endpoint.tty,
        endpoint.pin,
        endpoint.credential,
        endpoint.enabled,
        None if endpoint.line is None else endpoint.line.settings(),
        endpoint.agent,
        _neighbours(document, n, endpoint),
    )


def _neighbours(document: Located, n: int, endpoint: _EndpointFile) -> tuple[Neighbour, ...]:
    named = endpoint.neighbour
    if named is not None and not endpoint.address:
        raise document.complaint(f"endpoints[{n}].neighbour", "expected address beside it: only a network port has one")
    each = named if isinstance(named, list) else [named] if named is not None else []
    return tuple(Neighbour(one.system, one.port) for one in each)


def _neighbours_file(endpoint: SiteEndpoint) -> _NeighbourFile | list[_NeighbourFile] | None:
    each = [_NeighbourFile(one.system, one.port) for one in endpoint.neighbours]
    return each if len(each) > 1 else each[0] if each else None


def _console(document: Located, n: int, console: _ConsoleFile) -> SiteConsole:
    try:
        place = parse_place(console.place)
    except ValueError as err:
        raise document.complaint(f"consoles[{n}].place", str(err)) from err
    if place.count("/") != TRAY_PARTS:
        raise document.complaint(f"consoles[{n}].place", "expected the console's own place: …/<slot>/<console>")
    if bool(console.tty) == bool(console.address):
        raise document.complaint(f"consoles[{n}]", "expected address (SSH) or tty, one of them")
    return SiteConsole(
        place,
        console.address,
        console.port or (DEFAULT_CONSOLE_PORT if console.address else None),
        console.tty,
        console.host_key,
        console.credential,
        console.enabled,
        None if console.line is None else console.line.settings(),
    )


def _events(document: Located, events: _EventsFile | None) -> SiteEvents | None:
    if events is None:
        return None
    host, _, port = events.listen.rpartition(":")
    try:
        address, number = ipaddress.ip_address(host.strip("[]")), int(port) if port.isdigit() else 0
    except ValueError:
        address, number = ipaddress.ip_address(0), 0
    if address.is_unspecified or not 1 <= number <= 65535:
        expected = "expected ADDRESS:PORT: an IP address of this machine that the devices can reach"
        raise document.complaint("events.listen", expected)
    if (events.certificate is None) != (events.key is None):
        raise document.complaint("events", "expected certificate and key, or neither of them")
    if events.certificate is None and not address.is_loopback:
        raise document.complaint("events", "expected certificate and key: only loopback is listened at without TLS")
    return SiteEvents(str(address), number, events.certificate, events.key)


def _events_file(events: SiteEvents) -> _EventsFile:
    host = f"[{events.address}]" if ":" in events.address else events.address
    return _EventsFile(f"{host}:{events.port}", events.certificate, events.key)


def _line(endpoint: SiteEndpoint | SiteConsole) -> LineFile | None:
    line = endpoint.line
    return None if line is None else LineFile.of(line)
