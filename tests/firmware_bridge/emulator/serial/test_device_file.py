"""Device files of kind modbus: all of ours compile and read, bad ones are pointed at."""

from pathlib import Path

import pytest
from support.serial_bench import bench, slaves

from firmware_bridge.emulator.serial.device_file import load_images
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.wire.modbus.values import decode

GOOD = """\
schema: 1
kind: modbus
device: x
source: test
parts:
  - part: psu
    map: orv3-hpr-psu
    registers:
      output_power: {live: psu.output, scale: 2}
      mfr_model: Model
      vin_min: 200.5
      setting_register: {bits: {pulse_mgmt_enable: true, vo_sel_pin_enable: psu.lost}}
    writes:
      - {register: setting_register, bits: [clear_faults_latch], does: leaked.clear}
"""


def written(tmp_path: Path, *change: str) -> Path:
    path = tmp_path / "x.yaml"
    old, new = change or ("", "")
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1))
    return path


def test_a_good_file_becomes_an_image(tmp_path: Path) -> None:
    image = load_images(written(tmp_path), TrayKind.POWER_SHELF)["psu"]
    names = image.register_map.by_name
    assert image.resting[names["vin_min"].at] == [round(200.5 * 64)]
    assert image.resting[names["mfr_model"].at][:2] == [0x4D6F, 0x6465]
    assert image.resting[names["fault_counter"].at] == [0]  # nobody says what stands there
    assert names["output_power"].at in image.sources
    assert {90, 91, 94, 95, 96, 97, 103} == image.writable


@pytest.mark.parametrize(
    ("change", "line", "expected"),
    [
        (("kind: modbus", "kind: bus"), 2, "kind"),
        ((", bits: [clear_faults_latch]", ""), 14, "a number of one word without them"),
        (("output_power:", "output_pwr:"), 9, "none called 'output_pwr'"),
        (("output_power:", '"output_pwr*":'), 9, "none fits 'output_pwr*'"),
        (("psu.output,", "psu.outpt,"), 9, "psu.output"),
        (("scale: 2", "factor: 2"), 9, "got factor"),
        (("scale: 2", "scale: two"), 9, "numbers"),
        (("mfr_model: Model", "mfr_model: 7"), 10, "type text"),
        (("mfr_model: Model", "mfr_model: {live: psu.output}"), 10, "number or flags"),
        (("vin_min: 200.5", "vin_min: much"), 11, "type number"),
        (("vin_min: 200.5", "vin_min: [1]"), 11, "a mapping with one of live"),
        (("vin_min: 200.5", "vin_min: {leaks: true}"), 11, "name leak detectors"),
        (("vin_min: 200.5", "vin_min: {dead: 1}"), 11, "live, serial"),
        (("pulse_mgmt_enable: true", "pulse: true"), 12, "pulse_mgmt_enable"),
        (("clear_faults_latch", "clear"), 14, "clear_faults_latch"),
        (("does: leaked.clear", "does: dance"), 14, "leaked.clear"),
        (("map: orv3-hpr-psu", "map: orv3-hpr-psu\n    colour: blue"), 7, "colour"),
    ],
)
def test_a_bad_file_is_pointed_at(tmp_path: Path, change: tuple[str, str], line: int, expected: str) -> None:
    with pytest.raises(FileInvalid) as caught:
        load_images(written(tmp_path, *change), TrayKind.POWER_SHELF)
    assert expected in str(caught.value)
    assert abs(caught.value.line - line) <= 1


def test_an_unknown_map_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        load_images(tmp_path / "nowhere.yaml", TrayKind.POWER_SHELF)
    with pytest.raises(ConfigurationError, match="orv9"):
        load_images(written(tmp_path, "orv3-hpr-psu", "orv9"), TrayKind.POWER_SHELF)


def test_every_register_of_every_unit_of_ours_reads() -> None:
    on = bench()
    for line in ("power", "battery", "coolant"):
        for slave in slaves(on, line).values():
            for register in slave.image.register_map.registers:
                assert len(slave.read(register.at, register.words)) == register.words


def test_a_glob_names_the_registers_that_have_no_entry_of_their_own(tmp_path: Path) -> None:
    path = written(tmp_path, "vin_min: 200.5", 'vin_min: 200.5\n      "vin_m*": 300')
    image = load_images(path, TrayKind.POWER_SHELF)["psu"]
    names = image.register_map.by_name
    assert image.resting[names["vin_max"].at] == [300 * 64]
    assert image.resting[names["vin_min"].at] == [round(200.5 * 64)]


def test_a_pumping_unit_shows_its_rails_and_the_air_side() -> None:
    on = bench()
    unit = slaves(on, "coolant")[0x0C]
    names = unit.image.register_map.by_name

    def shown(name: str) -> float:
        register = names[name]
        return float(decode(register, unit.read(register.at, register.words)))

    assert shown("pump2_hsc_p48v_vin_volt_v") == pytest.approx(float(on.state.bus_voltage[0]), abs=0.01)
    assert shown("hex_air_outlet9_temp_c") > shown("hex_air_inlet4_temp_c") == 25
    assert shown("pump1_hsc_p48v_pin_pwr_w") == pytest.approx(shown("power_w") / 4, abs=0.2)
    assert shown("hex_fan14_tach_rpm") > 500
    assert shown("pump1_fan_1_tach_rpm") == 0  # nobody says what stands there
