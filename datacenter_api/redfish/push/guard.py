"""Which addresses events may be sent to.  A name is resolved once, every address it has is judged, and the connection
goes to a judged address, so that a name which means something else a moment later (rebinding) leads nowhere else."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from datacenter_api.redfish.push.destination import Destination
from datacenter_api.redfish.push.settings import Address, Network, PushSettings
from firmware_bridge.vocabulary.units import Seconds

RESOLVE_WITHIN = Seconds(5.0)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
Resolve = Callable[[str], Awaitable[list[Address]]]


class Forbidden(Exception):
    """A destination that may not be aimed at; the text says why, for the person who asked."""


@dataclass(frozen=True)
class Guard:
    """`management` gives the networks of the racks' endpoints now, `own_ports` the ports that this product listens at;
    `is_ours` tells whether an address is this machine's."""

    settings: PushSettings
    management: Callable[[], Iterable[Network]]
    own_ports: Callable[[], set[int]]
    resolve: Resolve = field(default=lambda host: resolve(host))
    is_ours: Callable[[Address], bool] = field(default=lambda address: is_ours(address))

    async def address_of(self, destination: Destination) -> Address:
        """Return the address to connect to.  Raises Forbidden when any address of the host is, OSError when none is."""
        try:
            addresses = [ipaddress.ip_address(destination.host)]
        except ValueError:
            async with asyncio.timeout(RESOLVE_WITHIN):
                addresses = await self.resolve(destination.host)
        if not addresses:
            raise OSError("the name has no address")
        for address in addresses:
            self._judge(address, destination.port)
        return addresses[0]

    def _judge(self, address: Address, port: int) -> None:
        meant = unwrapped(address)
        mine = meant.is_loopback or self.is_ours(meant)
        if mine and port in self.own_ports():
            raise Forbidden("It is a port of this service.")
        if any(meant in network for network in self.settings.allowed if network.version == meant.version):
            return
        for wrong, why in (
            (meant.is_loopback, "It is a loopback address."),
            (meant.is_link_local, "It is a link-local address."),
            (meant.is_multicast or meant.is_unspecified, "It is no address of a host."),
            (meant.is_reserved or meant == ipaddress.IPv4Address("255.255.255.255"), "It is a reserved address."),
            (mine, "It is this machine."),
        ):
            if wrong:
                raise Forbidden(why)
        networks = (*self.settings.management, *self.management())
        if any(meant in network for network in networks if network.version == meant.version):
            raise Forbidden("It lies in the management network.")


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for (mapped, compatible, 6to4, NAT64), or the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


async def resolve(host: str) -> list[Address]:
    """Return every address of a name, as the machine's resolver says.  Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]


def is_ours(address: Address) -> bool:
    """Return whether an address is one of this machine's: only such a one can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def around(addresses: Iterable[str]) -> set[Network]:
    """Return the networks that endpoints lie in, `host:port` each: /24, or /64 of IPv6.  Names are left out."""
    found: set[Network] = set()
    for text in addresses:
        host = text.rpartition(":")[0].strip("[]")
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            continue
        found.add(ipaddress.ip_network(f"{host}/{24 if address.version == 4 else 64}", strict=False))
    return found
