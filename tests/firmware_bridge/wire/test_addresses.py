"""Ranges as operators write them: counted exactly, capped, public ones told apart."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.wire.addresses import MOST_ADDRESSES, RangeInvalid, addresses_in, addresses_of, public_ones


@pytest.mark.parametrize(
    ("text", "first", "last", "count"),
    [
        ("10.4.7.12", "10.4.7.12", "10.4.7.12", 1),
        ("10.4.7.0/26", "10.4.7.1", "10.4.7.62", 62),
        ("10.4.7.9/31", "10.4.7.8", "10.4.7.9", 2),
        ("10.4.7.9/32", "10.4.7.9", "10.4.7.9", 1),
        ("10.4.7.10-45", "10.4.7.10", "10.4.7.45", 36),
        (" 10.4.6.250 - 10.4.7.5 ", "10.4.6.250", "10.4.7.5", 12),
        ("fd00::10-fd00::1f", "fd00::10", "fd00::1f", 16),
    ],
)
def test_a_range_names_these(text: str, first: str, last: str, count: int) -> None:
    found = addresses_in(text)
    assert (str(found[0]), str(found[-1]), len(found)) == (first, last, count)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rack7",
        "10.4.7.300",
        "10.4.7.9-",
        "10.4.7.45-10",
        "10.4.7.1-fd00::1",
        "10.0.0.0/8",
        "fd00::/64",
        "1.2.3.4-2.2.3.4",
    ],
)
def test_what_is_no_range_or_names_too_many_is_refused(text: str) -> None:
    with pytest.raises(RangeInvalid):
        addresses_in(text)


def test_several_ranges_name_each_address_once_and_are_capped_together() -> None:
    assert len(addresses_of(["10.4.7.1-4", "10.4.7.3-6"])) == 6
    with pytest.raises(RangeInvalid, match="together"):
        addresses_of(["10.1.0.0/17", "10.2.0.0/16"])


@given(st.ip_addresses(v=4), st.integers(0, 300))
def test_a_run_has_its_ends_and_its_length(first: ipaddress.IPv4Address, more: int) -> None:
    if int(first) + more >= 2**32:
        return
    found = addresses_in(f"{first}-{first + more}")
    assert (found[0], found[-1], len(found)) == (first, first + more, more + 1)
    assert more < MOST_ADDRESSES


def test_public_addresses_are_told_apart() -> None:
    stated = [
        ipaddress.ip_address(a) for a in ("10.1.1.1", "192.168.0.1", "127.0.0.1", "169.254.1.1", "fd00::1", "8.8.8.8")
    ]
    assert [str(a) for a in public_ones(stated)] == ["8.8.8.8"]
