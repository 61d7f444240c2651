"""Lease files of DHCP servers: who was given which address.  Pure; reads ISC dhcpd, Kea (CSV) and dnsmasq.

The newest entry of an address counts; addresses given back or expired by the file's own word are left out.
"""

import csv
import io
import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from firmware_bridge.vocabulary.text import scrub

MOST_LEASES = 100_000
_ISC_LEASE = re.compile(r"^\s*lease\s+(\S+)\s*\{(.*?)^\s*\}", re.DOTALL | re.MULTILINE)
_ISC_MAC = re.compile(r"^\s*hardware\s+ethernet\s+([0-9a-fA-F:]{11,17})\s*;", re.MULTILINE)
_ISC_NAME = re.compile(r'^\s*client-hostname\s+"([^"]*)"\s*;', re.MULTILINE)
_ISC_STATE = re.compile(r"^\s*binding\s+state\s+(\w+)\s*;", re.MULTILINE)
_DNSMASQ = re.compile(r"\d+ [0-9a-fA-F:]{11,}\s")
_KEA_ADDRESS, _KEA_GIVEN = "address", "0"


@dataclass(frozen=True, slots=True)
class Lease:
    """One address with the hardware address and the name its holder gave; empty where the file says none."""

    address: str
    mac: str = ""
    name: str = ""


class LeasesUnknown(ValueError):
    """The text is none of the lease files that are known."""


def parse_leases(text: str) -> tuple[Lease, ...]:
    """Return the addresses in use by a lease file, in the order of the file.

    Formats: ISC dhcpd.leases(5), Kea's memfile CSV, dnsmasq.leases.  Raises LeasesUnknown.
    """
    reader = _format_of(text)
    found: dict[str, Lease | None] = {}
    for address, lease in reader(text):
        try:
            key = str(ipaddress.ip_address(address))
        except ValueError:
            continue
        found.pop(key, None)
        found[key] = None if lease is None else Lease(key, scrub(lease.mac.lower(), 32), scrub(lease.name, 128))
        if len(found) > MOST_LEASES:
            raise LeasesUnknown(f"more than {MOST_LEASES} leases")
    return tuple(lease for lease in found.values() if lease is not None)


Entries = Iterator[tuple[str, Lease | None]]


def _format_of(text: str) -> Callable[[str], Entries]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise LeasesUnknown("the file holds no lease")
    if lines[0].startswith("address,hwaddr,"):
        return _kea
    if _ISC_LEASE.search(text):
        return _isc
    if _DNSMASQ.match(lines[0]) or lines[0].startswith("duid "):
        return _dnsmasq
    raise LeasesUnknown("expected a lease file of ISC dhcpd, Kea (CSV) or dnsmasq")


def _isc(text: str) -> Entries:
    for address, body in _ISC_LEASE.findall(text):
        state, mac, name = (found.search(body) for found in (_ISC_STATE, _ISC_MAC, _ISC_NAME))
        given = state is None or state[1] == "active"
        yield address, Lease(address, mac[1] if mac else "", name[1] if name else "") if given else None


def _kea(text: str) -> Entries:
    for row in csv.DictReader(io.StringIO(text)):
        address = row.get(_KEA_ADDRESS) or ""
        given = (row.get("state") or _KEA_GIVEN) == _KEA_GIVEN and (row.get("valid_lifetime") or "1") != "0"
        yield address, Lease(address, row.get("hwaddr") or "", row.get("hostname") or "") if given else None


def _dnsmasq(text: str) -> Entries:
    for line in text.splitlines():
        parts = line.split()
        if len(parts) >= 4 and parts[0].isdigit():
            yield parts[2], Lease(parts[2], parts[1], "" if parts[3] == "*" else parts[3])
