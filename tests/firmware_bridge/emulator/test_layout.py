"""Rack specs, places, addresses: the same state directory always gets the same ones."""

from pathlib import Path

import pytest

from firmware_bridge.emulator.layout import (
    Block,
    choose_blocks,
    endpoints_of,
    is_free,
    keep_block,
    parse_racks,
    serial_endpoints_of,
)
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit

GENERATION = load_generation("gb200-nvl72")


def test_racks_are_counted_through() -> None:
    plans = parse_racks("gb200-nvl72*2, other", "tx1")
    assert [(p.place, p.generation) for p in plans] == [
        ("tx1/a/r01/k01", "gb200-nvl72"),
        ("tx1/a/r01/k02", "gb200-nvl72"),
        ("tx1/a/r01/k03", "other"),
    ]


def test_a_domain_over_two_racks_gives_two_racks_that_share_it() -> None:
    plans = parse_racks("gb200-nvl72,orv3-hpr-nvl36x2*2,nvl144", "s", load_generation)
    assert [(p.place[-3:], p.generation, p.domains) for p in plans] == [
        ("k01", "gb200-nvl72", {}),
        ("k02", "orv3-hpr-nvl36x2", {"nvl0": "k02.nvl0"}),
        ("k03", "orv3-hpr-nvl36x2", {"nvl0": "k02.nvl0"}),
        ("k04", "orv3-hpr-nvl36x2", {"nvl0": "k04.nvl0"}),
        ("k05", "orv3-hpr-nvl36x2", {"nvl0": "k04.nvl0"}),
        ("k06", "vera-rubin-nvl72", {}),
    ]
    with pytest.raises(ConfigurationError):
        parse_racks("orv3-hpr-nvl36x2*101", "s", load_generation)


def test_serial_endpoints_have_no_address() -> None:
    design = load_generation("orv3-hpr-nvl36x2")
    plans = parse_racks(design.name, "s", load_generation)
    generations = {design.name: design}
    assert len(endpoints_of(plans, generations, Block(7, 20, 8443))) == 54
    serial = serial_endpoints_of(plans, generations)
    assert len(serial) == 14
    assert [(p.place, p.rack, p.row) for p in serial[::13]] == [
        ("s/a/r01/k01/u01/serial", 0, 0),
        ("s/a/r01/k02/u13/pmm", 1, 1),
    ]


@pytest.mark.parametrize(
    ("spec", "site"), [("", "s"), ("x*0", "s"), ("x*", "s"), ("x;y", "s"), ("x*999", "s"), ("x", "Not a place")]
)
def test_bad_specs_are_refused(spec: str, site: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_racks(spec, site)


def test_every_enabled_endpoint_gets_an_address_of_its_own() -> None:
    endpoints = endpoints_of(parse_racks("gb200-nvl72*10", "s"), {"gb200-nvl72": GENERATION}, Block(7, 20, 8443))
    assert len(endpoints) == 450
    assert len({e.address for e in endpoints}) == 450
    assert {e.address.rsplit(".", 1)[0] for e in endpoints} == {f"127.7.{20 + r}" for r in range(10)}
    compute = next(e for e in endpoints if e.place == "s/a/r01/k03/u11/bmc")
    assert (compute.row, compute.slot.index, compute.spec.device) == (2, 0, "gb200-compute-tray")


def test_a_state_directory_keeps_its_block_and_others_start_elsewhere(tmp_path: Path) -> None:
    first, second = choose_blocks(tmp_path / "one", "auto", 10), choose_blocks(tmp_path / "two", "auto", 10)
    assert first == choose_blocks(tmp_path / "one", "auto", 10)
    assert first[0] != second[0]
    assert all(1 <= b.a <= 253 and b.b + 10 <= 255 for b in first)
    keep_block(tmp_path, first[3])
    assert choose_blocks(tmp_path, "auto", 10) == [first[3]]


def test_a_block_can_be_asked_for(tmp_path: Path) -> None:
    assert choose_blocks(tmp_path, "127.9.3:9000", 2) == [Block(9, 3, 9000)]
    for wrong in ("10.0.0", "127.1.254", "127.1.2:80", "127.1"):
        with pytest.raises(ConfigurationError):
            choose_blocks(tmp_path, wrong, 10)


def test_a_spoilt_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "emulator.json").write_text("{")
    with pytest.raises(EnvironmentUnfit, match=r"emulator\.json"):
        choose_blocks(tmp_path, "auto", 1)


def test_a_taken_block_is_seen(tmp_path: Path) -> None:
    import socket

    block = choose_blocks(tmp_path, "auto", 1)[0]
    with socket.socket() as taken:
        taken.bind((block.address(0, 0), 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(Block(block.a, block.b, port), 1)
    assert is_free(Block(block.a, block.b, port), 1)
