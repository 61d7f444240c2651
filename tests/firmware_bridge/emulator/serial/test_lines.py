"""Ptys under independent masters: pymodbus' own client and minimalmodbus read what the plant says."""

import os
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import minimalmodbus
import pytest
from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusIOException
from support.patience import PATIENCE
from support.serial_bench import GENERATION, bench, design

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.faults import Fault, FaultKind, FaultTable
from firmware_bridge.emulator.layout import parse_racks, serial_endpoints_of
from firmware_bridge.emulator.serial.lines import SerialLines
from firmware_bridge.generations.register_maps import load_register_map
from firmware_bridge.vocabulary.line import LineSettings, Parity
from firmware_bridge.wire.modbus.timing import read_seconds
from firmware_bridge.wire.modbus.values import decode

PSU, PMM, RPU = 0x90, 0x20, 0x0C
MARKS = {Parity.EVEN: (termios.INPCK, 0), Parity.ODD: (termios.INPCK, termios.PARODD), Parity.NONE: (termios.IGNPAR, 0)}


@contextmanager
def lines(state: Path, *faults: Fault) -> Iterator[tuple[SerialLines, Bench]]:
    on = bench()
    running = SerialLines(state)
    racks = parse_racks(GENERATION, "test", lambda name: design())[:1]
    try:
        plans = serial_endpoints_of(racks, {GENERATION: design()})
        running.start(racks, plans, {GENERATION: on}, FaultTable(faults), lambda: on.time)
        yield running, on
    finally:
        running.stop()


@contextmanager
def client(tty: Path, baud: int, timeout: float = 1.0) -> Iterator[ModbusSerialClient]:
    master = ModbusSerialClient(str(tty), baudrate=baud, parity="N", timeout=timeout, retries=0)
    assert master.connect()
    try:
        yield master
    finally:
        master.close()


def words(master: ModbusSerialClient, unit: int, at: int, count: int) -> list[int]:
    reply = master.read_holding_registers(at, count=count, device_id=unit)
    assert not reply.isError(), reply
    return list(reply.registers)


def is_answered(master: ModbusSerialClient, unit: int, at: int) -> bool:
    try:
        return not master.read_holding_registers(at, count=1, device_id=unit).isError()
    except ModbusIOException:
        return False


def test_pymodbus_reads_every_supply_as_the_plant_has_it(tmp_path: Path) -> None:
    power = load_register_map("orv3-hpr-psu").by_name["output_power"]
    with lines(tmp_path) as (_, on), client(tmp_path / "tty" / "k01-power", 115200) as master:
        for shelf, first in enumerate((0x90, 0x9A, 0xAA)):
            for n in range(6):
                value = decode(power, words(master, first + n, power.at, 1))
                assert value == pytest.approx(on.state.psu_output[0, shelf, n], abs=0.13)
        assert words(master, PMM, 87, 1) == [0b111111]
        assert not master.write_register(0x7B, 1, device_id=PMM).isError()
        assert words(master, PMM, 0x7B, 1) == [1]
        assert not master.write_registers(90, [0x6AB1, 0x1234], device_id=PSU).isError()
        assert words(master, PSU, 90, 2) == [0x6AB1, 0x1234]
        assert master.read_holding_registers(58, count=1, device_id=PSU).exception_code == 2


def test_pymodbus_reads_the_batteries(tmp_path: Path) -> None:
    level = load_register_map("orv3-hpr-bbu").by_name["relative_state_of_charge"].at
    with lines(tmp_path), client(tmp_path / "tty" / "k01-battery", 115200) as master:
        assert [words(master, a, level, 1) for a in (0x30, 0x3F, 0x5A)] == [[100]] * 3


def test_minimalmodbus_reads_the_pumping_unit(tmp_path: Path) -> None:
    with lines(tmp_path) as (_, on):
        instrument = minimalmodbus.Instrument(str(tmp_path / "tty" / "k01-coolant"), RPU)
        try:
            instrument.serial.timeout = 1.0
            assert instrument.read_register(0x9000, 1) == pytest.approx(on.state.flow[0], abs=0.06)
            assert instrument.read_register(0x9001, 1) == pytest.approx(on.state.supply[0], abs=0.06)
            assert instrument.read_string(0x19CC, 8).rstrip("\0") == "EMU-RPU-HEX"
            instrument.write_register(0x9403, 40)
            assert instrument.read_register(0x9403) == 40
            with pytest.raises(minimalmodbus.IllegalRequestError):
                instrument.read_register(0x1000)
        finally:
            instrument.serial.close()


def test_another_speed_is_not_understood_and_the_right_one_is_afterwards(tmp_path: Path) -> None:
    tty = tmp_path / "tty" / "k01-coolant"
    with lines(tmp_path):
        with client(tty, 9600, timeout=0.15) as wrong:
            assert not is_answered(wrong, RPU, 0x9000)
        with client(tty, 19200) as right:
            words(right, RPU, 0x9000, 1)


@pytest.mark.parametrize("claimed", list(Parity))
def test_a_claimed_parity_must_be_the_lines(tmp_path: Path, claimed: Parity) -> None:
    with lines(tmp_path), client(tmp_path / "tty" / "k01-power", 115200, timeout=0.15) as master:
        settings = termios.tcgetattr(master.socket.fileno())
        iflag, cflag = MARKS[claimed]
        settings[0] = settings[0] & ~(termios.INPCK | termios.IGNPAR) | iflag
        settings[2] = settings[2] & ~termios.PARODD | cflag
        termios.tcsetattr(master.socket.fileno(), termios.TCSANOW, settings)
        assert is_answered(master, PSU, 60) is (claimed is Parity.EVEN)


def test_no_reply_comes_sooner_than_the_wire_allows(tmp_path: Path) -> None:
    settings = LineSettings(19200, Parity.NONE)
    with lines(tmp_path), client(tmp_path / "tty" / "k01-coolant", 19200) as master:
        began = time.monotonic()
        for _ in range(3):
            words(master, RPU, 0xA000, 46)
        assert time.monotonic() - began >= 3 * (read_seconds(settings, 46) - 0.002)  # the master's own gap is not ours


def test_faults_strike_and_change_while_it_runs(tmp_path: Path) -> None:
    storm = Fault(what=FaultKind.CRC_STORM, where="*/u06/psu0")
    with lines(tmp_path, storm) as (running, _), client(tmp_path / "tty" / "k01-power", 115200, 0.15) as master:
        assert not is_answered(master, PSU, 60)
        words(master, PSU + 1, 60, 1)
        line = running.ports[next(p for p in running.ports if p.endswith("power"))].line
        line.faults.set([Fault(what=FaultKind.BABBLE, where="*/lines/power")])
        deadline = time.monotonic() + 5 * PATIENCE
        while not master.socket.in_waiting:  # an idle line finds out by itself
            assert time.monotonic() < deadline
            time.sleep(0.02)
        line.faults.set([])
        while not is_answered(master, PSU, 60):  # what was babbled before is still in the buffer
            assert time.monotonic() < deadline
            master.socket.reset_input_buffer()


def test_names_are_stable_and_gone_when_it_ends(tmp_path: Path) -> None:
    for _ in range(2):
        with lines(tmp_path) as (running, _):
            found = {e.place.partition("k01/")[2]: e.tty for e in running.endpoints}
            assert found["u01/serial"] == str(tmp_path / "tty" / "k01-coolant")
            assert found["u06/pmm"] == found["u08/pmm"] == str(tmp_path / "tty" / "k01-power")
            assert found["u13/pmm"] == str(tmp_path / "tty" / "k01-battery")
            assert len(found) == 7
            assert all(os.path.realpath(str(t)).startswith("/dev/pts/") for t in found.values())
        assert not list((tmp_path / "tty").iterdir())
