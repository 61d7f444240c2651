"""Putting an endpoint under a site: look at its certificate, prove who it is, write its entry.  Nothing is silent.

A pin is only written when somebody has confirmed the certificate, or when the serial number that is read after a login
is the one that was expected.  Whoever expects a serial number lets the password be sent to whoever answers there.
"""

import csv
import io
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish.enrolled import certificate_of, read_identity
from firmware_bridge.drivers.redfish.link import NORMAL, RedfishLink
from firmware_bridge.drivers.redfish.tree import Tree
from firmware_bridge.drivers.redfish.trust import fetch_leaf
from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.site_edit import SiteDraft
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import DEFAULT_TIMEOUT, EndpointSpec
from firmware_bridge.vocabulary.identity import Certificate, Identity
from firmware_bridge.vocabulary.place import Place, join_place, parse_place, rack_of
from firmware_bridge.vocabulary.site import Site, SiteEndpoint

HTTPS = 443


@dataclass(frozen=True, slots=True)
class Newcomer:
    """One endpoint to enrol: where it belongs and answers, which vault entry opens it, which serial it must say."""

    place: Place
    address: str
    port: int = HTTPS
    credential: str = ""
    serial: str = ""


def read_newcomers(file: Path) -> list[Newcomer]:
    """Return the rows of a CSV file: place, address and, if wanted, port, credential, serial.

    Raises ConfigurationError that names the line.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {file}: {err}", advice="name an existing file") from err
    rows = csv.DictReader(io.StringIO(text))
    if not {"place", "address"} <= set(rows.fieldnames or ()):
        raise ConfigurationError(
            f"{file}: no columns `place` and `address`", advice="the first line names them; also port,credential,serial"
        )
    found = []
    for row in rows:
        told = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
        try:
            found.append(
                newcomer(told["place"], told["address"], told.get("port"), told.get("credential"), told.get("serial"))
            )
        except ConfigurationError as err:
            raise ConfigurationError(f"{file}:{rows.line_num}: {err.what}", advice=err.advice) from err
    return found


def newcomer(
    place: str, address: str, port: str | None = None, credential: str | None = None, serial: str | None = None
) -> Newcomer:
    """Return a newcomer from what a person typed; the address may carry its port.  Raises ConfigurationError."""
    host, number = _split(address, port)
    try:
        ipaddress.ip_address(host)
        parsed = parse_place(place)
        if place.count("/") != 5:
            raise ValueError(f"{place!r} is no endpoint")
    except ValueError as err:
        raise ConfigurationError(str(err), advice="SITE/HALL/ROW/RACK/SLOT/ENDPOINT and ADDRESS[:PORT]") from err
    return Newcomer(parsed, host, number, credential or "", serial or "")


def expected_endpoint(site: Site, place: Place, search: Sequence[Path] = ()) -> EndpointSpec:
    """Return what the rack's generation expects at a place.

    Raises ConfigurationError for a rack that the site does not list, a place that the generation does not have, and an
    endpoint that is none of Redfish.
    """
    rack = next((r for r in site.racks if r.place == rack_of(place)), None)
    if rack is None:
        known = ", ".join(r.place for r in site.racks) or "none"
        raise ConfigurationError(f"the site lists no rack {rack_of(place)}", advice=f"it lists {known}")
    generation = load_generation(rack.generation, search)
    specs = {join_place(rack.place, s.name, e.name): e for s in generation.slots for e in s.tray.endpoints}
    spec = specs.get(place)
    if spec is None:
        slot = [p.rsplit("/", 1)[1] for p in specs if p.startswith(place.rsplit("/", 1)[0] + "/")]
        advice = f"that slot has {', '.join(slot)}" if slot else "see `rackwright tray list` for its slots"
        raise ConfigurationError(f"{place} is no endpoint of generation {generation.name}", advice=advice)
    if spec.protocol != "redfish":
        raise ConfigurationError(f"{place} speaks {spec.protocol}", advice="write its entry into the site file by hand")
    return spec


async def first_look(who: Newcomer) -> Certificate:
    """Return the certificate that the newcomer shows; nothing is sent.  Raises EndpointUnreachable, TrustRefused."""
    return certificate_of(await fetch_leaf(who.place, who.address, who.port, DEFAULT_TIMEOUT))


async def prove(who: Newcomer, pin: str, credential: Credential, spec: EndpointSpec | None = None) -> Identity:
    """Log in to whoever holds the key behind `pin` and return who they say they are.  Raises DeviceError."""
    limits = spec.limits if spec is not None else None
    link = RedfishLink(who.place, who.address, who.port, pin, limits, credential)
    try:
        tree = Tree(link, NORMAL)
        await tree.root()
        return await read_identity(tree)
    finally:
        await link.close()


def entry_of(draft: SiteDraft, who: Newcomer, shown: Certificate) -> SiteEndpoint:
    """Return the site entry that enrolment would write.

    Raises ConfigurationError when the place already has another pin: that is a change, and changes are confirmed apart.
    """
    known = next((e for e in draft.site.endpoints if e.place == who.place), None)
    if known is not None and known.pin is not None and known.pin != shown.pin:
        raise ConfigurationError(
            f"{who.place} is already pinned to another certificate", advice="see `rackwright endpoint repin`"
        )
    twin = next((e for e in draft.site.endpoints if e.pin == shown.pin and e.place != who.place), None)
    if twin is not None:
        raise ConfigurationError(
            f"the certificate at {who.address} is the one of {twin.place}", advice="is the address the right one?"
        )
    credential = who.credential or (known.credential if known is not None else None)
    if credential is None:
        raise ConfigurationError(f"{who.place}: no credential", advice="name a vault entry with --credential")
    return SiteEndpoint(who.place, who.address, who.port, None, shown.pin, credential, enabled=True)


def _split(address: str, port: str | None) -> tuple[str, int]:
    host, number = address.strip(), (port or "").strip()
    if not number and host.startswith("["):
        host, _, number = host[1:].partition("]")
        number = number.removeprefix(":")
    elif not number and host.count(":") == 1:
        host, _, number = host.partition(":")
    number = number or str(HTTPS)
    if not number.isdigit() or not 1 <= int(number) <= 65_535:
        raise ConfigurationError(f"port {number!r}", advice="1 to 65535")
    return host, int(number)


__all__ = [
    "Newcomer",
    "SiteDraft",
    "entry_of",
    "expected_endpoint",
    "first_look",
    "newcomer",
    "prove",
    "read_newcomers",
]
