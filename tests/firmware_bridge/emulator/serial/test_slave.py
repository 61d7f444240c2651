"""A unit by the standard's rules, and values that are the plant's."""

import numpy as np
import pytest
from support.serial_bench import bench, frame, read, slaves, with_state

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.serial.slave import Slave
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.wire.modbus.frame import Request, read_request
from firmware_bridge.wire.modbus.values import decode

PSU, PMM, BBU, RPU = 0x90, 0x20, 0x30, 0x0C


def ask(slave: Slave, request: bytes) -> bytes:
    parsed = read_request(request)
    assert isinstance(parsed, Request)
    return slave.answer(parsed)[:-2]


def value(slave: Slave, name: str) -> object:
    register = slave.image.register_map.by_name[name]
    return decode(register, slave.read(register.at, register.words))


def refused(unit: int, function: int, code: int) -> bytes:
    return bytes((unit, function | 0x80, code))


def test_a_supply_reads_as_the_plant_has_it() -> None:
    on = bench()
    units = slaves(on, "power")
    assert sorted(units) == [0x20, 0x21, 0x22, *range(0x90, 0x96), *range(0x9A, 0xA0), *range(0xAA, 0xB0)]
    for shelf, first in enumerate((0x90, 0x9A, 0xAA)):
        for n in range(6):
            supply = units[first + n]
            assert value(supply, "output_power") == pytest.approx(on.state.psu_output[0, shelf, n], abs=0.1)
            assert value(supply, "output_voltage") == pytest.approx(on.state.bus_voltage[0], abs=0.001)
    assert value(units[0x9B], "mfr_serial") == "EMU-TEST_A_R01_K01_U07-PSU1"


def test_a_supply_saturates_at_8_19_kilowatts() -> None:
    on = bench()
    with_state(on, psu_output=np.full_like(on.state.psu_output, 9000.0))
    assert value(slaves(on, "power")[PSU], "output_power") == pytest.approx(8191.875)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (read(PSU, 58, 1), 2),  # a gap
        (read(PSU, 57, 2), 2),
        (read(PSU, 0xFFFF, 2), 2),
        (read(PSU, 60, 0), 3),
        (read(PSU, 0, 126), 3),
        (frame(PSU, 4, 0, 1), 1),
        (frame(PSU, 0x2B, 0, 1), 1),
        (frame(PSU, 6, 79, 1), 2),  # only read
        (frame(PSU, 16, 94, 2, data=b"\x04\0\1\0\1"), 0),
        (frame(PSU, 16, 79, 1, data=b"\x02\0\1"), 2),
        (frame(PSU, 16, 94, 0, data=b"\x00"), 3),
        (frame(PSU, 16, 94, 2, data=b"\x02\0\1"), 3),
        (frame(PSU, 16, 94, 200, data=b"\x02\0\1"), 3),
        (frame(PSU, 20, data=b"\x07\6\0\1\0\0\0\1"), 2),
        (frame(PSU, 20, data=b"\x06\6\0\1\0\0\0"), 3),
    ],
)
def test_refusals_are_the_standards(request_: bytes, code: int) -> None:
    answer = ask(slaves(bench(), "power")[PSU], request_)
    assert answer == (refused(PSU, request_[1], code) if code else request_[:6])


def test_what_may_be_written_reads_back_and_nothing_else_moves() -> None:
    units = slaves(bench(), "power")
    assert ask(units[PMM], frame(PMM, 6, 0x7B, 1)) == frame(PMM, 6, 0x7B, 1)[:-2]
    assert units[PMM].read(0x7B, 1) == [1]
    assert ask(units[PMM], read(PMM, 87, 1)) == bytes((PMM, 3, 2, 0, 0b111111))  # polling goes on all the same
    assert ask(units[PSU], frame(PSU, 16, 94, 3, data=b"\x06\0\1\0\3\0\4")) == bytes((PSU, 16, 0, 94, 0, 3))
    assert units[PSU].read(94, 3) == [1, 3, 4]
    # A refused write changes nothing, not even the words that could have been written.
    ask(units[PSU], frame(PSU, 16, 97, 2, data=b"\x04\0\7\0\7"))
    assert units[PSU].read(97, 1) == [0]


def test_a_clock_is_set_and_runs_on() -> None:
    on = bench()
    supply = slaves(on, "power")[PSU]
    now = 1_790_000_000
    ask(supply, frame(PSU, 16, 90, 2, data=b"\x04" + now.to_bytes(4, "big")))
    assert value(supply, "unix_time") == now
    with_state(on, time=on.time + 75.0)
    assert value(supply, "unix_time") == now + 75
    ask(supply, frame(PSU, 6, 91, 0))  # half of it
    assert value(supply, "unix_time") == (now + 75) >> 16 << 16


def test_alarms_and_the_monitor_follow_the_supplies() -> None:
    on = bench()
    units = slaves(on, "power")
    assert (value(units[PSU + 3], "pfc_alarm_status_register"), value(units[PMM], "module_alert")) == (0, 0)
    on.advance(1.0, (Fault(what=FaultKind.PSU_FAIL, where="*/u06/psu3"),))
    assert value(units[PSU + 3], "pfc_alarm_status_register") == 1 << 8 | 1 << 11
    assert value(units[PSU + 3], "output_power") == 0
    assert (value(units[PMM], "module_present"), value(units[PMM], "module_alert")) == (0b111111, 0b001000)
    assert value(units[PMM], "general_alarm_status_register") == 1 << 8
    on.advance(1.0, (Fault(what=FaultKind.REMOVED, where="*/u06/psu3"),))
    assert (value(units[PMM], "module_present"), value(units[PMM], "module_alert")) == (0b110111, 0)
    assert value(units[PMM], "general_alarm_status_register") == 1 << 8 | 1
    assert value(units[PMM + 1], "module_present") == 0b111111


def test_batteries_say_what_they_hold_and_give() -> None:
    on = bench()
    units = slaves(on, "battery")
    assert sorted(units) == [0x10, 0x11, 0x12, *range(0x30, 0x36), *range(0x3A, 0x40), *range(0x5A, 0x60)]
    battery = units[BBU]
    assert value(battery, "relative_state_of_charge") == 100
    assert value(battery, "mode") == 0
    on.advance(10.0, (Fault(what=FaultKind.PSU_FAIL, where="*"),))
    given = on.state.bbu_output[0, 0, 0]
    assert given > 0
    assert value(battery, "mode") == 0b10
    volts, amperes = value(battery, "battery_voltage"), value(battery, "battery_current")
    assert isinstance(volts, float)
    assert isinstance(amperes, float)
    assert -volts * amperes == pytest.approx(given, rel=0.01)
    assert value(battery, "shelf_busbar_voltage") == pytest.approx(on.state.bus_voltage[0], abs=0.01)


def test_leak_bits_follow_the_detectors_and_latches_stay_until_cleared() -> None:
    on = bench()
    pump = slaves(on, "coolant")[RPU]
    on.advance(1.0, (Fault(what=FaultKind.LEAK, where="*/u01/leak4", level="warning"),))
    assert value(pump, "leakage") == 1 << 8
    assert value(pump, "sticky_hex_rack_pan_leakage") == 1
    on.advance(1.0)
    assert value(pump, "leakage") == 0
    assert value(pump, "sticky_hex_rack_pan_leakage") == 1
    assert on.leaked[TrayKind.COOLANT_UNIT].max() == 1
    ask(pump, frame(RPU, 6, 0x9410, 1 << 11 | 1 << 3))
    assert value(pump, "sticky_hex_rack_pan_leakage") == 0
    assert value(pump, "control") == 1 << 3  # the bit that clears does not stay set


def test_a_pumping_unit_shows_the_loop() -> None:
    on = bench()
    pump = slaves(on, "coolant")[RPU]
    assert value(pump, "coolant_flow_rate_lpm") == pytest.approx(on.state.flow[0], abs=0.06)
    assert value(pump, "coolant_outlet_temp_c") == pytest.approx(on.state.supply[0], abs=0.06)
    on.advance(20.0, (Fault(what=FaultKind.PUMP_FAIL, where="*/u01/pump2"),))
    assert [value(pump, f"pump{n}_status") for n in (1, 2, 3, 4)] == [1, 1, 0, 1]
    assert value(pump, "aalc_status_alarm") == 1 << 6


def test_a_pumping_unit_stops_at_its_bit_starts_without_it_and_counts_anew() -> None:
    on = bench()
    unit = slaves(on, "coolant")[RPU]
    (control,) = unit.read(0x9410, 1)
    assert control == 1 << 3  # it follows its flow target
    flowing = float(on.state.flow[0])
    assert ask(unit, frame(RPU, 6, 0x9410, control | 1 << 5))[:1] == bytes((RPU,))
    on.advance(30.0)
    assert unit.read(0x9410, 1) == [1 << 3 | 1 << 5]
    assert (on.state.flow[0] < 0.01 * flowing, value(unit, "pump1_tach_rpm")) == (True, 0.0)
    assert (value(unit, "pump1_status"), value(unit, "time_since_last_on")) == (1.0, 30.0)
    assert ask(unit, frame(RPU, 6, 0x9410, control | 1 << 6))[:1] == bytes((RPU,))  # no stop bit any more, and a cycle
    on.advance(20.0)
    assert unit.read(0x9410, 1) == [1 << 3], "a cycle is a moment"
    assert on.state.flow[0] > 0.5 * flowing
    assert value(unit, "total_up_time") == 50.0
    assert value(unit, "time_since_last_on") == pytest.approx(19.0, abs=1.0)


def test_a_power_cycle_stands_for_a_moment_and_a_unit_that_is_stopped_stays_so() -> None:
    on = bench()
    unit = slaves(on, "coolant")[RPU]
    ask(unit, frame(RPU, 6, 0x9410, 1 << 3 | 1 << 6))
    on.advance(3.0)
    assert value(unit, "pump1_tach_rpm") < 0.5 * 6000.0  # type: ignore[operator]
    on.advance(20.0)
    assert value(unit, "time_since_last_on") == pytest.approx(17.0, abs=1.0)
    ask(unit, frame(RPU, 6, 0x9410, 1 << 5 | 1 << 6))
    on.advance(30.0)
    assert value(unit, "pump1_tach_rpm") == 0.0
