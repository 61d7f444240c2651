"""Register maps: what cannot be true is refused with file, line and field; the shipped ones are the devices' own."""

import json
from pathlib import Path

import pytest

from firmware_bridge.generations.register_maps import load_register_map, register_map_files
from firmware_bridge.vocabulary.circuit import Circuit
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from firmware_bridge.vocabulary.line import Parity
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.wire.modbus.map_file import read_map
from firmware_bridge.wire.modbus.register_map import Kind, Severity

PEERS = Path(__file__).parents[5] / "shared" / "data" / "rackmon" / "register_map"
GOOD = """
kind: register_map
schema_version: 1
name: pump
title: A pump
source: invented
line: {baud: 19200, parity: none}
addresses: ["0x0c", 14, "0x20-0x2a"]
probe: 5
clock: {at: 7, words: 2, every_s: 3600}
registers:
  - {at: 5, name: flow, scale: 0.1, quantity: flow, class: safety, urgent: true}
  - {at: 7, words: 2, name: clock}
  - at: 6
    name: alarms
    type: flags
    quantity: alarms
    class: safety
    bits:
      0: low
      3: {name: wet, severity: critical, leak: leak0}
"""


def test_a_map_says_what_stands_where() -> None:
    found = read_map(GOOD, "pump.yaml")
    assert found.line.parity is Parity.NONE
    assert [r.at for r in found.registers] == [5, 6, 7]
    assert found.by_name["flow"].quantity is Quantity.FLOW
    assert found.by_name["alarms"].bits[1].leak == "leak0"
    assert found.by_name["alarms"].bits[1].severity is Severity.CRITICAL
    assert found.covers(0x0C)
    assert found.covers(14)
    assert found.covers(0x2A)
    assert not found.covers(0x2B)


@pytest.mark.parametrize(
    ("old", "new", "field", "said"),
    [
        ("at: 7, words: 2, name: clock", "at: 6, words: 2, name: clock", "registers[2].at", "belongs to"),
        ("name: clock}", "name: flow}", "registers[1].name", "once"),
        ("at: 7, words: 2, name", "at: 65535, words: 2, name", "registers[1].words", "0xFFFF"),
        ("at: 7, words: 2, name", "at: 7, words: 9, name", "registers[1].words", "at most 4 words"),
        ("probe: 5", "probe: 99", "probe", "covers"),
        ("clock: {at: 7", "clock: {at: 8", "clock.at", "covers"),
        ("0x20-0x2a", "0x2a-0x20", "addresses[2]", "rising"),
        ("0x20-0x2a", "many", "addresses[2]", "address"),
        ("0x20-0x2a", "0x20-0x100", "addresses[2]", "1 to 255"),
        ("3: {name", "16: {name", "registers[2].bits.16", "0 to 15"),
        ("scale: 0.1", "scale: 0", "registers[0].scale", "other than 0"),
        ("quantity: flow, class: safety", "quantity: flow", "registers[0].quantity", "class"),
        ("quantity: flow", "quantity: flux", "registers[0].quantity", "flux"),
        ("type: flags", "type: number", "registers[2].bits", "flags"),
        ("type: flags", "type: flags\n    precision: 3", "registers[2]", "no precision"),
        ("baud: 19200", "baud: 19201", "line.baud", "19201"),
        ("parity: none", "parity: mark", "line.parity", "mark"),
        ("kind: register_map", "kind: site", "kind", "site"),
        ("quantity: flow", "quantity: flow, least: 1", "registers[0].least", "both of them"),
        ("quantity: flow", "quantity: flow, least: 9, most: 1, writable: true", "registers[0].least", "below most"),
        ("quantity: flow", "quantity: flow, least: 1, most: 9", "registers[0].least", "writable number"),
        (
            "quantity: flow",
            "quantity: flow, least: 1, most: 99999, writable: true",
            "registers[0].most",
            "can hold",
        ),
        ("source: invented", "sauce: invented", "", "unknown field"),
    ],
)
def test_what_cannot_be_true_is_pointed_at(old: str, new: str, field: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(FileInvalid) as caught:
        read_map(GOOD.replace(old, new), "pump.yaml")
    assert caught.value.field == (field or "(document)")
    assert said in caught.value.expected
    assert caught.value.file == "pump.yaml"


def test_a_map_says_over_which_conductors_its_electrical_registers_go() -> None:
    power = "  - {at: 9, name: power, quantity: power, class: power}\n"
    line = "  - {at: 10, name: line, quantity: current, class: power, circuit: Line1}\n"
    read = read_map(GOOD.replace("probe: 5", "probe: 5\ncircuit: Total") + power + line, "pump.yaml").by_name
    assert (read["power"].circuit, read["line"].circuit, read["flow"].circuit) == (Circuit.TOTAL, Circuit.LINE_1, None)
    assert read_map(GOOD + power, "pump.yaml").by_name["power"].circuit is None
    with pytest.raises(FileInvalid, match="electrical"):
        read_map(GOOD.replace("name: flow,", "name: flow, circuit: Total,"), "pump.yaml")


def test_a_map_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(FileInvalid, match="mapping"):
        read_map("- 1", "pump.yaml")


def test_maps_are_found_by_name_own_folders_first(tmp_path: Path) -> None:
    (tmp_path / "pump.yaml").write_text(GOOD)
    assert load_register_map("pump", [tmp_path]).title == "A pump"
    with pytest.raises(ConfigurationError, match="orv3-rpu"):
        load_register_map("pump")
    (tmp_path / "other.yaml").write_text(GOOD)
    with pytest.raises(ConfigurationError, match="name it like its file"):
        load_register_map("other", [tmp_path])


@pytest.mark.parametrize("name", sorted(register_map_files()))
def test_every_shipped_map_loads_and_names_each_series_once(name: str) -> None:
    found = load_register_map(name)
    keys = [(r.part, r.quantity) for r in found.registers if r.quantity is not None]
    assert len(keys) == len(set(keys))
    assert {r.shown_as for r in found.registers} >= {"serial_number", "part_number", "firmware"}


@pytest.mark.skipif(not PEERS.is_dir(), reason="needs ../shared/data/rackmon")
@pytest.mark.parametrize("name", sorted(register_map_files()))
def test_shipped_maps_are_wire_compatible_with_the_public_ones(name: str) -> None:
    ours = load_register_map(name)
    path = PEERS / f"{name.replace('-', '_').replace('power_tether', 'power_recv')}.json"
    public = json.loads(path.read_text())
    kinds = {"STRING": Kind.TEXT, "FLAGS": Kind.FLAGS, "RAW": Kind.RAW, "INTEGER": Kind.NUMBER, "FLOAT": Kind.NUMBER}
    theirs = {
        (
            r["begin"],
            r["length"],
            kinds[r.get("format", "RAW")],
            r.get("precision", 0),
            r.get("sign", False),
            r.get("endian", "B"),
        )
        for r in public["registers"]
    }
    assert {(r.at, r.words, r.kind, r.precision, r.signed, "L" if r.little else "B") for r in ours.registers} == theirs
    assert sorted(ours.addresses) == sorted(tuple(a) for a in public["address_range"])
    assert ours.line.baud == public["baudrate"]
    assert ours.line.parity == public.get("parity", "EVEN").lower()
    assert ours.probe == public["probe_register"]
    assert ours.most_words == public.get("max_span_length", 120)
    bits = {r["begin"]: {b for b, _ in r["flags"]} for r in public["registers"] if r.get("flags")}
    assert {r.at: {b.number for b in r.bits} for r in ours.registers if r.bits} == bits


AIR = "  - {at: 9, name: air, quantity: temperature, class: slow, part: air}\n"
DAMP = "  - {at: 10, name: damp, quantity: humidity, class: slow, part: damp, air: air}\n"


def test_a_humidity_names_the_temperature_of_the_same_sensor() -> None:
    read = read_map(GOOD + AIR + DAMP, "pump.yaml")
    assert [(r.name, r.air) for r in read.humidities] == [("damp", "air")]


@pytest.mark.parametrize(
    ("registers", "said"),
    [
        (DAMP, "'air' is none"),
        (AIR.replace("temperature", "flow") + DAMP, "'air' is none"),
        (AIR.replace("slow", "power") + DAMP, "of the same class, slow"),
        (AIR + DAMP.replace("humidity", "percent"), "beside the quantity humidity only"),
    ],
)
def test_a_humidity_that_names_no_temperature_of_its_own_is_refused(registers: str, said: str) -> None:
    with pytest.raises(FileInvalid, match="air") as caught:
        read_map(GOOD + registers, "pump.yaml")
    assert said in caught.value.expected


SWITCH = (
    GOOD.replace("    type: flags\n", "    type: flags\n    writable: true\n")
    + "switch: {register: alarms, stop: wet, turns: [flow]}\n"
)


def test_a_map_says_how_its_unit_is_stopped() -> None:
    found = read_map(SWITCH, "pump.yaml").switch
    assert found is not None
    assert (found.stop, found.cycle, found.keeps, [r.name for r in found.turns]) == (8, 0, 0, ["flow"])
    rpu = load_register_map("orv3-rpu").switch
    assert rpu is not None
    assert (rpu.stop, rpu.cycle, rpu.keeps) == (1 << 5, 1 << 6, 0b11_1001_1111)


@pytest.mark.parametrize(
    ("old", "new", "field", "said"),
    [
        ("register: alarms", "register: flow", "switch.register", "writable flags"),
        ("register: alarms", "register: none", "switch.register", "'none' is none"),
        ("stop: wet", "stop: dry", "switch.stop", "'dry' is none"),
        ("stop: wet", "stop: wet, keeps: [wet]", "switch.keeps", "neither the stop bit"),
        ("stop: wet", "stop: wet, cycle: dry", "switch.cycle", "'dry' is none"),
        ("stop: wet", "stop: wet, up_time: flow", "switch.up_time", "both of them or neither"),
        ("turns: [flow]", "turns: [alarms]", "switch.turns", "expected a number"),
        ("turns: [flow]", "turns: []", "switch.turns", "1"),
        ("    writable: true\n", "", "switch.register", "writable flags"),
    ],
)
def test_a_switch_that_cannot_be_is_refused(old: str, new: str, field: str, said: str) -> None:
    assert old in SWITCH
    with pytest.raises(FileInvalid, match=said) as found:
        read_map(SWITCH.replace(old, new), "pump.yaml")
    assert field in str(found.value)
