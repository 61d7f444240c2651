"""Words become readings: leaks, health, power state, and numbers at the end of their range."""

from firmware_bridge.generations.register_maps import load_register_map
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.modbus.readings import alarm_registers, health_of, readings_of, series_of
from firmware_bridge.wire.modbus.register_map import RegisterMap
from firmware_bridge.wire.modbus.spans import Span

TRAY = Place("x/a/r01/k01/u06")
NOW = Seconds(5.0)


def read(register_map: RegisterMap, part: str, **words: int) -> dict[tuple[str, Quantity], Reading]:
    found = {}
    for name, value in words.items():
        register = register_map.by_name[name]
        span = Span(register.at, register.words, (register,))
        for reading in readings_of(TRAY, part, span, [value], NOW, "unit"):
            found[reading.place.removeprefix(TRAY).lstrip("/"), reading.quantity] = reading
    return found


def test_a_leak_bit_is_its_detector_and_a_blind_detector_is_unknown_not_dry() -> None:
    rpu = load_register_map("orv3-rpu")
    dry = read(rpu, "", leakage=0)
    assert {dry[f"leak{n}", Quantity.LEAK].value for n in range(6)} == {0.0}
    wet = read(rpu, "", leakage=1 << 4)
    assert wet["leak0", Quantity.LEAK].value == 2.0
    blind = read(rpu, "", leakage=1 << 13)
    assert blind["leak5", Quantity.LEAK].value is None
    assert blind["leak5", Quantity.LEAK].quality is Quality.FLAGGED
    both = read(rpu, "", leakage=1 << 13 | 1 << 9)
    assert both["leak5", Quantity.LEAK].value == 2.0  # a wet word is believed


def test_a_number_at_the_end_of_its_register_is_flagged() -> None:
    psu = load_register_map("orv3-hpr-psu")
    assert read(psu, "psu0", output_power=24000)["psu0", Quantity.POWER].quality is Quality.GOOD
    full = read(psu, "psu0", output_power=0xFFFF)["psu0", Quantity.POWER]
    assert (full.quality, round(float(full.value or 0))) == (Quality.FLAGGED, 8192)


def test_a_signed_number_at_either_end_is_flagged_too() -> None:
    rpu = load_register_map("orv3-rpu")
    name = "coolant_outlet_pressure_kpa"
    for raw, quality in (
        (0x7FFF, Quality.FLAGGED),
        (0x8000, Quality.FLAGGED),
        (0x7FFE, Quality.GOOD),
        (0, Quality.GOOD),
    ):
        assert read(rpu, "", **{name: raw})["", Quantity.PRESSURE_SUPPLY].quality is quality


def test_output_voltage_says_whether_a_supply_is_on() -> None:
    psu = load_register_map("orv3-hpr-psu")
    assert read(psu, "psu3", output_voltage=0xCC00)["psu3", Quantity.POWER_STATE].value == 1.0
    assert read(psu, "psu3", output_voltage=0)["psu3", Quantity.POWER_STATE].value == 0.0


def test_health_is_the_worst_bit_and_unknown_without_words() -> None:
    psu = load_register_map("orv3-hpr-psu")
    words = alarm_registers(psu)
    assert health_of(words, {}) is None
    general = "general_alarm_status_register"
    assert health_of(words, {general: 0}) == 0.0
    assert health_of(words, {general: 1 << 11}) == 1.0
    assert health_of(words, {general: 1 << 11 | 1 << 8}) == 2.0


def test_every_reading_has_a_series_and_modes_only_inform() -> None:
    bbu = load_register_map("orv3-hpr-bbu")
    series = {(s.place, s.quantity): s for s in series_of(TRAY, "bbu0", bbu)}
    assert series[Place(f"{TRAY}/bbu0_mode"), Quantity.ALARMS].bits[1] == "~discharge"
    assert not series[Place(f"{TRAY}/bbu0"), Quantity.ALARMS].bits[0].startswith("~")
    for register in bbu.registers:
        if register.quantity is not None:
            span = Span(register.at, register.words, (register,))
            for reading in readings_of(TRAY, "bbu0", span, [0] * register.words, NOW, "unit"):
                assert (reading.place, reading.quantity) in series
