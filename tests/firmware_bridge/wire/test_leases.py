"""Three lease files, each with one address given back and one that was renewed."""

import pytest

from firmware_bridge.wire.leases import Lease, LeasesUnknown, parse_leases

ISC = """# The format of this file is documented in dhcpd.leases(5)
authoring-byte-order little-endian;
lease 10.4.7.12 {
  starts 4 2026/01/01 00:00:00;
  binding state free;
  hardware ethernet AA:bb:cc:00:00:12;
}
lease 10.4.7.12 {
  binding state active;
  hardware ethernet aa:bb:cc:00:00:12;
  client-hostname "bmc-u12";
}
lease 10.4.7.13 {
  binding state active;
  hardware ethernet aa:bb:cc:00:00:13;
}
lease 10.4.7.13 {
  binding state free;
}
lease 10.4.7.14 {
  binding state active;
  hardware ethernet aa:bb:cc:00:00:14;
}
"""
KEA = """address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
10.4.7.12,aa:bb:cc:00:00:12,,4000,1760000000,1,0,0,bmc-u12,0,,0
10.4.7.13,aa:bb:cc:00:00:13,,4000,1760000000,1,0,0,,0,,0
10.4.7.13,aa:bb:cc:00:00:13,,0,1760000000,1,0,0,,2,,0
10.4.7.14,aa:bb:cc:00:00:14,,4000,1760000000,1,0,0,,0,,0
"""
DNSMASQ = """1760000000 aa:bb:cc:00:00:12 10.4.7.12 bmc-u12 01:aa:bb:cc:00:00:12
1760000000 aa:bb:cc:00:00:14 10.4.7.14 * *
duid 00:01:00:01:2c:33
1760000000 12345 fd00::12 bmc6 00:01
"""


@pytest.mark.parametrize("text", [ISC, KEA])
def test_the_newest_word_on_an_address_counts(text: str) -> None:
    assert parse_leases(text) == (
        Lease("10.4.7.12", "aa:bb:cc:00:00:12", "bmc-u12"),
        Lease("10.4.7.14", "aa:bb:cc:00:00:14", ""),
    )


def test_dnsmasq_with_its_own_words_for_nothing() -> None:
    assert [(lease.address, lease.name) for lease in parse_leases(DNSMASQ)] == [
        ("10.4.7.12", "bmc-u12"),
        ("10.4.7.14", ""),
        ("fd00::12", "bmc6"),
    ]


def test_a_hostile_name_becomes_one_printable_line() -> None:
    (lease,) = parse_leases("1760000000 aa:bb:cc:00:00:12 10.4.7.12 bmc\u202e\x1b[31m x\n")
    assert lease.name.isprintable()


@pytest.mark.parametrize("text", ["", "# nothing\n", "hello\n", "{}", "lease 10.4.7.12 {"])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(LeasesUnknown):
        parse_leases(text)
