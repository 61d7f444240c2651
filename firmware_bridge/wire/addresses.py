"""Address ranges as an operator writes them: one address, a CIDR block, `10.4.7.10-10.4.7.45` or `10.4.7.10-45`.  Pure.

Expands nothing beyond a cap, and tells apart what lies in private space from what does not.
"""

import ipaddress
from collections.abc import Iterable, Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MOST_ADDRESSES = 65_536
"""No more than a /16 at a time: whoever asks for more has mistyped."""


class RangeInvalid(ValueError):
    """The text is no range of addresses, or names too many."""


def addresses_in(text: str) -> tuple[Address, ...]:
    """Return the addresses that `text` names, in order; a block without its network and broadcast address.

    Raises RangeInvalid.
    """
    stated = text.strip()
    try:
        if "/" in stated:
            return _of_block(stated)
        low, dash, high = stated.partition("-")
        first = ipaddress.ip_address(low.strip())
        last = _last(first, high.strip()) if dash else first
    except ValueError as err:
        if isinstance(err, RangeInvalid):
            raise
        raise RangeInvalid(f"{text!r} names no addresses: {err}") from err
    if first.version != last.version or int(last) < int(first):
        raise RangeInvalid(f"{text!r}: the last address lies before the first")
    if int(last) - int(first) >= MOST_ADDRESSES:
        raise RangeInvalid(f"{text!r} names more than {MOST_ADDRESSES} addresses")
    return tuple(first + n for n in range(int(last) - int(first) + 1))


def addresses_of(texts: Iterable[str]) -> tuple[Address, ...]:
    """Return the addresses of several ranges, each once, in the order they are named.  Raises RangeInvalid."""
    found: dict[Address, None] = {}
    for text in texts:
        found.update(dict.fromkeys(addresses_in(text)))
        if len(found) > MOST_ADDRESSES:
            raise RangeInvalid(f"the ranges name more than {MOST_ADDRESSES} addresses together")
    return tuple(found)


def public_ones(addresses: Iterable[Address]) -> Iterator[Address]:
    """Yield the addresses that lie outside private, link-local and loopback space (RFC 1918, 4193, 3927, 5737)."""
    return (address for address in addresses if not (address.is_private or address.is_link_local))


def _of_block(text: str) -> tuple[Address, ...]:
    block = ipaddress.ip_network(text, strict=False)
    if block.num_addresses > MOST_ADDRESSES:
        raise RangeInvalid(f"{text!r} holds more than {MOST_ADDRESSES} addresses")
    return tuple(block.hosts())


def _last(first: Address, text: str) -> Address:
    """Return the end of a run; `45` stands for the first address with its last part replaced."""
    if text.isdigit() and first.version == 4:
        return ipaddress.ip_address(f"{str(first).rpartition('.')[0]}.{text}")
    return ipaddress.ip_address(text)
