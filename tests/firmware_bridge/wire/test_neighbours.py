"""Who is heard over LLDP: ids as the schema wants them, as controllers ship them, and as NVOS shows them."""

import pytest

from firmware_bridge.vocabulary.neighbour import SeenNeighbour
from firmware_bridge.wire.nvue.neighbours import neighbours_of
from firmware_bridge.wire.redfish.neighbours import neighbour_of


def heard(**receive: object) -> SeenNeighbour | None:
    return neighbour_of({"Ethernet": {"LLDPReceive": receive}}, "eth0")


def test_a_port_in_octets_is_its_text_and_keeps_its_octets() -> None:
    seen = heard(ChassisId="8C:85:C1:A2:AE:80", SystemName="oob-a", PortId="73:77:70:31:32", PortIdSubtype="IfName")
    assert seen == SeenNeighbour("eth0", ("oob-a", "8C:85:C1:A2:AE:80"), ("swp12", "73:77:70:31:32"))


def test_ids_with_their_kind_before_them_are_read_with_and_without_it() -> None:
    """As NVIDIA's BlueField BMC writes them, subtypes as numbers."""
    seen = heard(
        ChassisId="MAC: 8c:85:c1:a2:ae:80", PortId="Ifname: 1/1/5", PortIdSubtype=5, ManagementAddressIPv4="10.60.7.238"
    )
    assert seen is not None
    assert seen.ports == ("1/1/5", "Ifname: 1/1/5")
    assert seen.systems == ("8c:85:c1:a2:ae:80", "MAC: 8c:85:c1:a2:ae:80", "10.60.7.238")


@pytest.mark.parametrize(("port", "said"), [("31", ("31",)), ("Eth1/5", ("Eth1/5",)), ("00:1b:21:aa:bb:cc", None)])
def test_what_may_be_a_number_or_an_address_is_not_decoded(port: str, said: tuple[str, ...] | None) -> None:
    seen = heard(SystemName="a", PortId=port)
    assert seen is not None
    assert seen.ports == (said or (port,))


@pytest.mark.parametrize(
    "receive",
    [
        {},
        {"SystemName": "a"},
        {"PortId": "1"},
        {"SystemName": "No Link", "PortId": "Not Available"},
        {"SystemName": None, "ChassisId": 7, "PortId": ["x"]},
        {"ChassisId": "NotTransmitted", "ManagementAddressIPv4": "0.0.0.0", "PortId": "swp1"},
    ],
)
def test_who_says_nothing_of_use_is_nobody(receive: dict[str, object]) -> None:
    assert heard(**receive) is None


@pytest.mark.parametrize("port", [{}, {"Ethernet": None}, {"Ethernet": {"LLDPReceive": []}}, {"Ethernet": "up"}])
def test_a_port_of_any_shape_costs_nothing(port: dict[str, object]) -> None:
    assert neighbour_of(port, "1") is None


def test_hostile_text_is_scrubbed_and_short() -> None:
    seen = heard(SystemName="a\u202e\r\n" + "x" * 999, PortId="p\x1b[31m")
    assert seen is not None
    assert all(text.isprintable() and len(text) <= 160 for text in (*seen.systems, *seen.ports))


def test_nvos_names_its_neighbours() -> None:
    chassis = {"chassis-id": "02:00:00:00:00:01", "system-name": "oob-a", "management-address-ipv4": "10.0.0.1"}
    document = {
        "oob-a": {"chassis": chassis, "port": {"name": "swp7", "type": "ifname", "description": "to u18 nvos"}},
        "odd": 3,
        "bare": {"port": {}},
    }
    (seen,) = neighbours_of(document, "eth0")
    assert seen.systems == ("oob-a", "02:00:00:00:00:01", "10.0.0.1")
    assert seen.ports == ("swp7", "to u18 nvos")
