"""A line nobody described: who answers is found by family, at the family's own speed, and nothing is written."""

from pathlib import Path

import pytest
from support.serial_line import LoopClock, plain_line

from firmware_bridge.generations.register_maps import load_register_map
from firmware_bridge.vocabulary.errors import ConfigurationError, EndpointUnreachable
from firmware_bridge.wire.modbus.values import encode
from rack_controller.scan import found_document, scan_line


def words(name: str, **texts: str) -> dict[int, int]:
    register_map = load_register_map(name)
    found = dict.fromkeys(register_map.readable, 0)
    for register_name, value in texts.items():
        register = register_map.by_name[register_name]
        found.update({register.at + n: word for n, word in enumerate(encode(register, value))})
    return found


async def test_units_are_found_with_their_identity_and_only_read() -> None:
    told: list[str] = []
    with plain_line() as line:
        line.units = {
            0x0C: words("orv3-rpu", mfr_serial="EMU-PUMP"),
            0x91: words("orv3-hpr-psu", mfr_serial="EMU-PSU", mfr_model="M1"),
        }
        found = await scan_line(line.tty, LoopClock(), [0x0C, 0x0D, 0x90, 0x91], told=told.append)
        assert {r.function for r in line.asked} == {3}
    assert [(u.address, u.map, u.line) for u in found] == [
        (0x0C, "orv3-rpu", "19200 8N1"),
        (0x91, "orv3-hpr-psu", "115200 8E1"),
    ]
    assert found[1].identity["serial_number"] == "EMU-PSU"
    assert found_document(found[0])["address_hex"] == "0x0c"
    assert any("orv3-rpu at 19200 8N1: 1 addresses" in text for text in told)


async def test_where_families_overlap_the_one_that_is_answered_is_kept() -> None:
    with plain_line() as line:
        line.units = {0xB0: words("orv3-hpr-psu")}  # has no word 104, where an ORv2 supply is probed
        both = await scan_line(line.tty, LoopClock(), [0xB0], ["orv2-psu", "orv3-hpr-psu"])
        one = await scan_line(line.tty, LoopClock(), [0xB0], ["orv2-psu"])
    assert [(u.map, u.note) for u in both] == [("orv3-hpr-psu", "")]
    assert "illegal address" in one[0].note


async def test_a_line_that_is_none_and_a_map_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(EndpointUnreachable, match="no such serial device"):
        await scan_line(str(tmp_path / "tty0"), LoopClock(), [0x0C], ["orv3-rpu"])
    with pytest.raises(ConfigurationError, match="unknown register map"):
        await scan_line(str(tmp_path / "tty0"), LoopClock(), [0x0C], ["orv9"])
