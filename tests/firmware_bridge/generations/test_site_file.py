"""Site files: read, written, refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from firmware_bridge.generations.site_file import read_site, write_site
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit, FileInvalid
from firmware_bridge.vocabulary.neighbour import Neighbour
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.site import Site, SiteEndpoint, SiteEvents, SiteRack

RACK = Place("lab1/a/r01/k01")
PIN = "sha256//" + "A" * 43 + "="
SITE = Site(
    "lab1",
    (SiteRack(RACK, "gb200-nvl72", armed=True),),
    (
        SiteEndpoint(Place(f"{RACK}/u11/bmc"), "127.9.9.1", 8443, pin=PIN, credential="emulated/k01"),
        SiteEndpoint(Place(f"{RACK}/u11/dpu0"), enabled=False),
        SiteEndpoint(Place(f"{RACK}/u06/psu"), tty="/dev/ttyRS485-1"),
    ),
)


LOOPS = replace(
    SITE,
    racks=(*SITE.racks, SiteRack(Place("lab1/a/r01/k02"), "gb200-nvl72")),
    coolant_loops={"row-1": (RACK, Place("lab1/a/r01/k02"))},
)


def test_racks_on_one_coolant_loop_are_named_and_each_lies_on_one(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    write_site(path, LOOPS)
    assert read_site(path) == LOOPS
    text = path.read_text()
    for old, new, expected in (
        ("[lab1/a/r01/k01, lab1/a/r01/k02]", "[lab1/a/r01/k01]", "length"),
        ("[lab1/a/r01/k01, lab1/a/r01/k02]", "[lab1/a/r01/k01, lab1/a/r01/k09]", "rack of the site"),
        ("[lab1/a/r01/k01, lab1/a/r01/k02]", "[lab1/a/r01/k01, lab1/a/r01/k01]", "lies on row-1 already"),
    ):
        assert old in text
        path.write_text(text.replace(old, new))
        with pytest.raises(FileInvalid, match=expected):
            read_site(path)


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    write_site(tmp_path / "site.yaml", SITE)
    assert read_site(tmp_path / "site.yaml") == SITE
    assert "password" not in (tmp_path / "site.yaml").read_text()
    assert [p.name for p in tmp_path.iterdir()] == ["site.yaml"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("port: 8443", "port: 99999", "<= 65535"),
        ("generation: gb200-nvl72", "generatoin: gb200-nvl72", "generat"),
        ("lab1/a/r01/k01/u11/bmc", "lab1/a/r01/k09/u11/bmc", "inside one of the racks"),
        ("place: lab1/a/r01/k01,", "place: lab2/a/r01/k01,", "lab1/<hall>"),
        (PIN, "sha256//short", "regex"),
        ("kind: site", "kind: sight", "sight"),
        ("tty: /dev/ttyRS485-1", "enabled: true", "address and port, or tty"),
        ("127.9.9.1", "null", "address and port"),
        ("tty: /dev/ttyRS485-1", "tty: /dev/t, neighbour: {system: a, port: b}", "address beside it"),
        ("port: 8443", "port: 8443, neighbour: {system: a}", "port"),
        ("port: 8443", "port: 8443, neighbour: {system: '', port: b}", "length"),
    ],
)
def test_what_is_wrong_is_pointed_at(tmp_path: Path, old: str, new: str, expected: str) -> None:
    path = tmp_path / "site.yaml"
    write_site(path, SITE)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(FileInvalid, match=expected) as caught:
        read_site(path)
    assert caught.value.file == str(path)


@pytest.mark.parametrize(
    "events",
    [
        SiteEvents("127.0.0.1", 9443),
        SiteEvents("10.4.0.2", 9443, "events.pem", "events.key"),
        SiteEvents("fd00::2", 9443, "/etc/rackwright/events.pem", "/etc/rackwright/events.key"),
    ],
)
def test_where_events_are_sent_to_reads_back(tmp_path: Path, events: SiteEvents) -> None:
    site = replace(SITE, events=events)
    write_site(tmp_path / "site.yaml", site)
    assert read_site(tmp_path / "site.yaml") == site


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("{listen: '0.0.0.0:9443'}", "an IP address of this machine"),
        ("{listen: '10.4.0.2'}", "ADDRESS:PORT"),
        ("{listen: 'controller:9443'}", "ADDRESS:PORT"),
        ("{listen: '127.0.0.1:99999'}", "ADDRESS:PORT"),
        ("{listen: '10.4.0.2:9443'}", "only loopback is listened at without TLS"),
        ("{listen: '10.4.0.2:9443', certificate: a.pem}", "certificate and key, or neither"),
        ("{listen: '127.0.0.1:9443', tls: true}", "tls"),
        ("{}", "listen"),
    ],
)
def test_where_events_cannot_be_sent_to_is_pointed_at(tmp_path: Path, events: str, expected: str) -> None:
    path = tmp_path / "site.yaml"
    write_site(path, SITE)
    path.write_text(f"{path.read_text()}events: {events}\n")
    with pytest.raises(FileInvalid, match=expected):
        read_site(path)


def test_two_racks_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    twin = SiteRack(Place("lab1/b/r01/k01"), "gb200-nvl72")
    write_site(path, Site("lab1", (*SITE.racks, twin), SITE.endpoints))
    with pytest.raises(FileInvalid, match="unique"):
        read_site(path)


def test_a_missing_file_and_an_unwritable_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        read_site(tmp_path / "none.yaml")
    with pytest.raises(EnvironmentUnfit, match="cannot write"):
        write_site(tmp_path / "absent" / "site.yaml", SITE)


@pytest.mark.parametrize("count", [1, 2])
def test_where_cables_are_plugged_in_reads_back(tmp_path: Path, count: int) -> None:
    first, *others = SITE.endpoints
    cables = tuple(Neighbour(f"oob-{n}", "swp12") for n in range(count))
    site = replace(SITE, endpoints=(replace(first, neighbours=cables), *others))
    write_site(tmp_path / "site.yaml", site)
    assert read_site(tmp_path / "site.yaml") == site
