"""Which Redfish services are there?  Ranges, lease files and lists in, a table and a proposal for the site file out.

Needs no server and no login, writes nothing to a device, and asks only addresses that the operator names.
"""

import csv
import io
import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from firmware_bridge.drivers.redfish.discover import NotOne, Pace, Service, find_services
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.addresses import RangeInvalid, addresses_of, public_ones
from firmware_bridge.wire.leases import LeasesUnknown, parse_leases

__all__ = ["FEW", "HTTPS", "Finding", "Pace", "Target", "check_scope", "discover", "finding_document", "proposal"]
__all__ += ["targets_from_leases", "targets_from_list", "targets_from_ranges", "targets_from_site"]
FEW = 1024
"""More addresses than this are only searched when that is confirmed."""
HTTPS = 443


@dataclass(frozen=True, slots=True)
class Target:
    """One address to ask, and what is known of it already: hardware address, name, place in a site file, its pin."""

    address: str
    port: int
    mac: str = ""
    name: str = ""
    place: str = ""
    pin: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What an address turned out to be.  `note` says what does not fit: a pin that differs, a service seen twice."""

    target: Target
    answer: Service | NotOne
    note: str = ""


def targets_from_ranges(ranges: Iterable[str], ports: Sequence[int] = (HTTPS,)) -> list[Target]:
    """Return the addresses of ranges on every port.  Raises ConfigurationError."""
    try:
        return [Target(str(address), port) for address in addresses_of(ranges) for port in ports]
    except RangeInvalid as err:
        raise ConfigurationError(str(err), advice="10.4.7.0/26, 10.4.7.10-45, or one address") from err


def targets_from_leases(file: Path, ports: Sequence[int] = (HTTPS,)) -> list[Target]:
    """Return the addresses that a DHCP server has given out.  Raises ConfigurationError."""
    try:
        leases = parse_leases(_text_of(file))
    except LeasesUnknown as err:
        raise ConfigurationError(
            f"{file}: {err}", advice="name dhcpd.leases, kea-leases4.csv or dnsmasq.leases"
        ) from err
    return [Target(lease.address, port, lease.mac, lease.name) for lease in leases for port in ports]


def targets_from_site(file: Path) -> list[Target]:
    """Return the addresses of a site file's HTTPS endpoints, enabled or not.  Raises what `read_site` raises."""
    return [
        Target(e.address, e.port or HTTPS, place=e.place, pin=e.pin or "")
        for e in read_site(file).endpoints
        if e.address is not None
    ]


def targets_from_list(file: Path) -> list[Target]:
    """Return the addresses of a CSV file with the columns `address` and, if wanted, `port`, `place`, `name`.

    Raises ConfigurationError with the line at fault.
    """
    rows = csv.DictReader(io.StringIO(_text_of(file)))
    if "address" not in (rows.fieldnames or ()):
        raise ConfigurationError(f"{file}: no column `address`", advice="the first line names the columns")
    found = []
    for row in rows:
        address, port = (row.get("address") or "").strip(), (row.get("port") or "").strip() or str(HTTPS)
        try:
            ipaddress.ip_address(address)
            number = int(port)
        except ValueError as err:
            raise ConfigurationError(f"{file}:{rows.line_num}: {err}", advice="address,port") from err
        if not 1 <= number <= 65_535:
            raise ConfigurationError(f"{file}:{rows.line_num}: port {port}", advice="1 to 65535")
        found.append(Target(address, number, name=row.get("name") or "", place=row.get("place") or ""))
    return found


def check_scope(targets: Sequence[Target], confirmed: bool) -> None:
    """Refuse a search that is larger than a few racks, or leaves private space, unless it was confirmed.

    Raises ConfigurationError.
    """
    if not targets:
        raise ConfigurationError("no address to ask", advice="name a range, a lease file or a site file")
    if confirmed:
        return
    if len(targets) > FEW:
        raise ConfigurationError(f"{len(targets)} addresses are many", advice="say --yes if you mean all of them")
    strange = next(public_ones(ipaddress.ip_address(t.address) for t in targets), None)
    if strange is not None:
        raise ConfigurationError(f"{strange} is a public address", advice="say --yes if this network is yours")


async def discover(
    targets: Sequence[Target],
    known: Sequence[Target] = (),
    pace: Pace | None = None,
    told: Callable[[int], None] = lambda _: None,
) -> list[Finding]:
    """Ask every target once and return what was found.  Place and pin of `known` ones (the site's) are compared."""
    once = list({(t.address, t.port): t for t in targets}.values())
    listed = {(t.address, t.port): t for t in known}
    answers = await find_services(((t.address, t.port) for t in once), pace, told)
    findings: list[Finding] = []
    seen: dict[str, str] = {}
    for target, answer in zip(once, answers, strict=True):
        at = listed.get((target.address, target.port))
        if at is not None:
            target = replace(target, place=target.place or at.place, pin=target.pin or at.pin)
        findings.append(Finding(target, answer, _note(target, answer, seen)))
    return findings


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain JSON values; what is not known is null."""
    target, answer = finding.target, finding.answer
    document: dict[str, Any] = {
        "address": target.address,
        "port": target.port,
        "redfish": isinstance(answer, Service),
        "mac": target.mac or None,
        "name": target.name or None,
        "place": target.place or None,
        "note": finding.note,
    }
    if isinstance(answer, NotOne):
        return document | {"why": answer.why, "silent": answer.silent}
    leaf = answer.leaf
    return document | {
        "vendor": answer.vendor or None,
        "product": answer.product or None,
        "redfish_version": answer.version or None,
        "uuid": answer.uuid or None,
        "pin": leaf.pin,
        "certificate_subject": leaf.subject,
        "certificate_begins": leaf.not_before.isoformat() if leaf.not_before else None,
        "certificate_expires": leaf.not_after.isoformat(),
        "requests": answer.requests,
    }


def proposal(findings: Iterable[Finding]) -> str:
    """Return entries for a site file: not enabled, without pins, to be completed and enrolled one by one.

    The pin each one showed stands in a comment: it counts only once a person or a serial number has confirmed it.
    """
    lines = [
        "# Found by `rackwright discover`.  Complete the places, then `rackwright enrol` each of them.",
        "endpoints:",
    ]
    for finding in findings:
        answer = finding.answer
        if isinstance(answer, NotOne):
            continue
        target = finding.target
        what = " ".join(filter(None, (answer.vendor, answer.product))) or "a Redfish service"
        said = ", ".join(filter(None, (what, answer.uuid and f"uuid {answer.uuid}", target.mac, target.name)))
        place = target.place or "SITE/HALL/ROW/RACK/SLOT/bmc"
        lines.append(f"# {said}; shows {answer.leaf.pin}")
        lines.append(f"- {{place: {place}, address: '{target.address}', port: {target.port}, enabled: false}}")
    return "\n".join(lines) + "\n"


def _note(target: Target, answer: Service | NotOne, seen: dict[str, str]) -> str:
    if isinstance(answer, NotOne):
        return answer.why
    notes = []
    if target.pin and target.pin != answer.leaf.pin:
        notes.append("shows another certificate than the pinned one")
    if answer.leaf.expired():
        notes.append("its certificate has expired")
    where = f"{target.address}:{target.port}"
    if answer.uuid and (twin := seen.setdefault(answer.uuid, where)) != where:
        notes.append(f"the same UUID as {twin}")
    return "; ".join(notes)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as err:
        raise ConfigurationError(f"cannot read {file}: {err.strerror}", advice="name an existing file") from err
