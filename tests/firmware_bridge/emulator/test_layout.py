"""Rack specs, places, addresses: the same state directory always gets the same ones."""

from pathlib import Path

import pytest

from firmware_bridge.emulator.layout import Block, choose_blocks, endpoints_of, is_free, keep_block, parse_racks
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


@pytest.mark.parametrize(
    ("spec", "site"), [("", "s"), ("x*0", "s"), ("x*", "s"), ("x;y", "s"), ("x*999", "s"), ("x", "Not a place")]
)
def test_bad_specs_are_refused(spec: str, site: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_racks(spec, site)


def test_every_enabled_endpoint_gets_an_address_of_its_own() -> None:
    endpoints = endpoints_of(parse_racks("gb200-nvl72*10", "s"), {"gb200-nvl72": GENERATION}, Block(7, 20, 8443))
    assert len(endpoints) == 360
    assert len({e.address for e in endpoints}) == 360
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
