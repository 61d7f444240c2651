"""Generations from files: what is right loads, what is wrong is pointed at."""

from pathlib import Path

import pytest

from firmware_bridge.generations.load import generation_folders, load_generation
from firmware_bridge.generations.register_maps import load_register_map
from firmware_bridge.plant.design import design_of
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from firmware_bridge.vocabulary.generation import ColdPlate, Generation, TrayKind
from firmware_bridge.vocabulary.quantities import ReadingClass

SMALL = """\
schema_version: 1
name: small
title: Two trays
height_u: 10
periods_s: {safety: 1, power: 1, slow: 10, static: 600}
busbar: {voltage_nominal_v: 50, power_max_w: 33000, power_usable_w: 33000}
feeds: [{name: a, phases: 3, voltage_nominal_v: 415}]
domains: [{name: nvl0, gpus: 8}]
coolant: {supply_nominal_c: 30, flow_rated_lpm: 20, heat_capacity_j_per_l_k: 3870}
tray_types:
  compute:
    kind: compute
    title: Compute
    components: [{name: gpu, count: 4}]
    endpoints: [{name: bmc, protocol: redfish, driver: redfish/compute_tray}]
  shelf:
    kind: power_shelf
    title: Shelf
placements:
  - {tray: compute, units: ["2-3"], domain: nvl0}
  - {tray: shelf, units: [1], feeds: [[a]]}
"""
PLATE = "{junction_k_per_w: 0.006, convection_k_per_w: 0.01}"


def small(tmp_path: Path, *changes: tuple[str, str], name: str = "small") -> Generation:
    text = SMALL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    (folder / "rack.yaml").write_text(text)
    return load_generation(name, [tmp_path])


def test_gb200_is_the_rack_the_field_knows() -> None:
    rack = load_generation("gb200-nvl72")
    counts = {kind: len(rack.slots_of(kind)) for kind in TrayKind}
    assert counts[TrayKind.COMPUTE] == 18
    assert counts[TrayKind.SWITCH] == 9
    assert counts[TrayKind.POWER_SHELF] == 8
    assert counts[TrayKind.COOLANT_UNIT] == 1
    assert (rack.count("gpu"), rack.count("psu"), rack.count("nvswitch")) == (72, 48, 18)
    assert rack.busbar.power_max == 8 * 6 * 5500
    assert [d.gpus for d in rack.domains] == [72]
    enabled = [e.name for s in rack.slots for e in s.tray.endpoints if e.enabled]
    assert (enabled.count("host"), len(enabled) - enabled.count("host")) == (18, 45)


def test_nvl36x2_is_one_rack_of_two_with_serial_power_and_cooling() -> None:
    rack = load_generation("orv3-hpr-nvl36x2")
    counts = {kind: len(rack.slots_of(kind)) for kind in TrayKind}
    assert counts == {
        TrayKind.COMPUTE: 9,
        TrayKind.SWITCH: 9,
        TrayKind.POWER_SHELF: 3,
        TrayKind.BATTERY_SHELF: 3,
        TrayKind.COOLANT_UNIT: 1,
    }
    assert (rack.count("gpu"), rack.count("cpu"), rack.count("psu"), rack.count("bbu")) == (36, 18, 18, 18)
    assert [(d.gpus, d.racks) for d in rack.domains] == [(72, 2)]
    assert rack.racks_together * rack.count("gpu") == 72
    assert [str(line.settings) for line in rack.lines] == ["115200 8E1", "115200 8E1", "19200 8N1"]
    assert rack.busbar.power_max == 18 * 5500


def test_every_units_address_is_one_that_its_map_allows() -> None:
    """And every unit's map speaks at the speed of the line it hangs on."""
    for name in generation_folders():
        rack = load_generation(name)
        for slot in rack.slots:
            for endpoint in slot.tray.endpoints:
                for unit in endpoint.units_of(slot.index):
                    for found in map(load_register_map, unit.maps):
                        assert found.covers(unit.address), (name, slot.name, unit)
                        assert found.line == rack.line(str(endpoint.line)).settings


def test_the_other_seeds_differ_from_gb200_where_they_should() -> None:
    gb200, gb300, rubin = map(load_generation, ("gb200-nvl72", "gb300-nvl72", "nvl144"))
    gpu = gb300.slots_of(TrayKind.COMPUTE)[0].tray.component("gpu")
    assert gpu is not None
    assert (gpu.limit_min, gpu.limit_default, gpu.limit_max) == (500, 1400, 1600)
    assert (gb300.count("gpu"), len(gb300.slots_of(TrayKind.POWER_SHELF))) == (72, 6)
    assert gb300.slots_of(TrayKind.SWITCH)[0].tray.power_max == gb200.slots_of(TrayKind.SWITCH)[0].tray.power_max
    assert (rubin.name, rubin.confirmed, rubin.count("gpu")) == ("vera-rubin-nvl72", False, 72)
    assert not any(fact.confirmed for fact in rubin.facts.values())


def test_every_fact_of_every_seed_has_a_source() -> None:
    for name in generation_folders():
        for path, fact in load_generation(name).facts.items():
            assert fact.source, (name, path)


def test_a_generation_nobody_wrote_code_for_loads_from_its_folder_alone(tmp_path: Path) -> None:
    rack = small(tmp_path)
    assert [s.name for s in rack.slots] == ["u01", "u02", "u03"]
    assert rack.slots[0].feeds == ("a",)
    assert rack.periods[ReadingClass.SLOW] == 10


def test_a_gpus_cold_plate_is_its_designs_own_or_that_of_a_gb200(tmp_path: Path) -> None:
    said = f"{{name: gpu, count: 4, cold_plate: {PLATE}}}"
    own = small(tmp_path, ("{name: gpu, count: 4}", said))
    assert design_of(own).plate == ColdPlate(junction=0.006, convection=0.01)
    assert design_of(small(tmp_path)).plate == design_of(load_generation("gb200-nvl72")).plate == ColdPlate()
    assert design_of(load_generation("vera-rubin-nvl72")).plate != ColdPlate()


def test_a_later_section_does_not_break_this_loader(tmp_path: Path) -> None:
    assert small(tmp_path, ("schema_version: 1", "schema_version: 1\nwormholes: {count: 3}")).name == "small"


@pytest.mark.parametrize(
    ("change", "line", "field", "expected"),
    [
        (("height_u: 10", "height_u: ten"), 4, "height_u", "int"),
        (("count: 4", "count: 0"), 14, "tray_types", ">= 1"),
        (("count: 4}", "count: 4, cold_plate: {junction_k_per_w: 0, convection_k_per_w: 1}}"), 14, "tray_types", "> 0"),
        (("count: 4}", "count: 4, cold_plate: {junction_k_per_w: 0.1}}"), 14, "tray_types", "convection_k_per_w"),
        (("count: 4}", f"count: 4}}, {{name: cpu, count: 2, cold_plate: {PLATE}}}"), 14, "tray_types", "gpu only"),
        (("kind: compute", "kind: toaster"), 12, "tray_types", "toaster"),
        (("tray: compute,", "tray: compte,"), 20, "placements[0].tray", "expected one of compute, shelf"),
        (("domain: nvl0}", "domain: nvl9}"), 20, "placements[0].domain", "expected one of nvl0"),
        (("feeds: [[a]]", "feeds: [[z]]"), 21, "placements[1].feeds", "out of a"),
        (("units: [1]", "units: [3]"), 21, "placements[1].units", "U3 already holds compute"),
        (('["2-3"]', '["2-30"]'), 20, "placements[0].units", "units 1 to 10"),
        (("units: [1]", "units: [top]"), 21, "placements[1].units", "a unit (11) or a run"),
        (("static: 600", "sttic: 600"), 5, "periods_s", "sttic"),
        ((", static: 600", ""), 5, "periods_s", "missing static"),
        (("schema_version: 1", "schema_version: 99"), 1, "schema_version", "<= 1"),
        (("title: Shelf", "title: Shelf\n    colour: blue"), 16, "tray_types", "colour"),
        (("title: Two trays", "title: Two trays\ntitle: again"), 4, "title", "once"),
        (("height_u: 10", "height_u: [10"), 5, "(syntax)", ""),
        (("height_u: 10", "height_u: !!python/object:os.system x"), 4, "height_u", "custom tag"),
    ],
)
def test_a_bad_file_gets_file_line_field_and_what_was_expected(
    tmp_path: Path, change: tuple[str, str], line: int, field: str, expected: str
) -> None:
    with pytest.raises(FileInvalid) as caught:
        small(tmp_path, change)
    assert caught.value.file == str(tmp_path / "small" / "rack.yaml")
    assert caught.value.line == line
    assert caught.value.field.startswith(field)
    assert expected in caught.value.expected


def test_an_unknown_generation_is_told_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="gb200-nvl72"):
        load_generation("gb999")


def test_extends_lays_one_file_over_another_and_still_points_at_the_right_one(tmp_path: Path) -> None:
    small(tmp_path)
    child = tmp_path / "child"
    child.mkdir()
    (child / "rack.yaml").write_text("extends: small\nname: child\naliases: [kid]\nbusbar: {power_usable_w: 20000}\n")
    rack = load_generation("kid", [tmp_path])
    assert (rack.name, rack.busbar.power_usable, rack.busbar.power_max) == ("child", 20000, 33000)
    (child / "rack.yaml").write_text("extends: small\nname: child\nbusbar: {power_usable_w: much}\n")
    with pytest.raises(FileInvalid) as caught:
        load_generation("child", [tmp_path])
    assert (caught.value.file, caught.value.line) == (str(child / "rack.yaml"), 3)


@pytest.mark.parametrize(
    "endpoint",
    [
        "{name: bmc, protocol: redfish, driver: redfish/compute_tray, subtree: hmc, subtree_parts: [gpus]}",
        "{name: bmc, protocol: redfish, driver: redfish/compute_tray, subtree_parts: [gpu]}",
    ],
)
def test_what_is_behind_an_endpoint_is_a_component_of_its_tray(tmp_path: Path, endpoint: str) -> None:
    small(tmp_path)
    child = tmp_path / "child"
    child.mkdir()
    tray = f"{{kind: compute, title: t, components: [{{name: gpu, count: 2}}], endpoints: [{endpoint}]}}"
    (child / "rack.yaml").write_text(f"extends: small\nname: child\ntray_types: {{extra: {tray}}}\n")
    with pytest.raises(FileInvalid, match="subtree_parts"):
        load_generation("child", [tmp_path])


@pytest.mark.parametrize("base", ["[small]", "{small: 1}", "3", "unknown"])
def test_extends_names_a_generation(tmp_path: Path, base: str) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "rack.yaml").write_text(f"name: one\nextends: {base}\n")
    with pytest.raises(FileInvalid, match="expected a known generation") as caught:
        load_generation("one", [tmp_path])
    assert (caught.value.line, caught.value.field) == (2, "extends")


def test_a_circle_of_extends_ends(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / one).mkdir()
        (tmp_path / one / "rack.yaml").write_text(f"extends: {other}\nname: {one}\n")
    with pytest.raises(FileInvalid, match="without a circle"):
        load_generation("a", [tmp_path])
