"""Where events may be sent to: every address that a name has is judged, and the judged one is connected to."""

import ipaddress

import pytest

from datacenter_api.redfish.push.destination import Destination
from datacenter_api.redfish.push.guard import Forbidden, Guard, around, is_ours
from datacenter_api.redfish.push.settings import PushSettings, settings_from
from firmware_bridge.vocabulary.errors import ConfigurationError

NAMES = {
    "good.example": ["198.18.5.7"],
    "mixed.example": ["198.18.5.7", "127.0.0.1"],
    "mapped.example": ["::ffff:169.254.169.254"],
    "none.example": [],
}


async def resolve(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    return [ipaddress.ip_address(text) for text in NAMES[host]]


def guard(*allowed: str) -> Guard:
    settings = PushSettings(tuple(ipaddress.ip_network(text) for text in allowed))
    management = around(["10.20.30.40:443", "[2001:db8:1::5]:443", "/dev/ttyS0", ""])
    mine = ipaddress.ip_address("203.0.113.1")
    return Guard(settings, lambda: management, lambda: {8443}, resolve, lambda address: address == mine)


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("127.0.0.1", "loopback"),
        ("127.9.9.9", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::127.0.0.1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("::ffff:a9fe:a9fe", "link-local"),
        ("fe80::1", "link-local"),
        ("0.0.0.0", "no address of a host"),
        ("::", "no address of a host"),
        ("224.0.0.1", "no address of a host"),
        ("ff02::1", "no address of a host"),
        ("255.255.255.255", "reserved"),
        ("240.0.0.1", "reserved"),
        ("203.0.113.1", "this machine"),
        ("10.20.30.99", "management network"),
        ("::ffff:10.20.30.99", "management network"),
        ("2001:db8:1::99", "management network"),
        ("mixed.example", "loopback"),
        ("mapped.example", "link-local"),
    ],
)
async def test_what_may_not_be_aimed_at_is_refused_however_it_is_written(host: str, why: str) -> None:
    with pytest.raises(Forbidden, match=why):
        await guard().address_of(Destination("https", host, 443, "/"))


async def test_any_other_address_is_fine_and_is_the_one_to_connect_to() -> None:
    assert str(await guard().address_of(Destination("https", "good.example", 443, "/"))) == "198.18.5.7"
    assert str(await guard().address_of(Destination("https", "10.20.31.1", 443, "/"))) == "10.20.31.1"
    with pytest.raises(OSError, match="no address"):
        await guard().address_of(Destination("https", "none.example", 443, "/"))


async def test_what_is_allowed_by_a_setting_is_allowed_but_never_a_port_of_ours() -> None:
    loose = guard("127.0.0.0/8")
    assert str(await loose.address_of(Destination("http", "127.0.0.1", 9000, "/"))) == "127.0.0.1"
    assert await loose.address_of(Destination("http", "::ffff:127.0.0.1", 9000, "/"))
    for port, host in ((8443, "127.0.0.1"), (8443, "::ffff:127.0.0.1"), (443, "::1")):
        with pytest.raises(Forbidden):
            await loose.address_of(Destination("http", host, port, "/"))


def test_only_an_address_of_this_machine_is_ours() -> None:
    assert is_ours(ipaddress.ip_address("127.0.0.1"))
    assert not is_ours(ipaddress.ip_address("192.0.2.77"))


def test_the_settings_are_networks_and_nothing_else() -> None:
    read = settings_from({"RACKWRIGHT_EVENT_LISTENERS": "127.0.0.0/8, ::1"})
    assert (len(read.allowed), read.management) == (2, ())
    with pytest.raises(ConfigurationError, match="RACKWRIGHT_MANAGEMENT_NETWORKS"):
        settings_from({"RACKWRIGHT_MANAGEMENT_NETWORKS": "everywhere"})
