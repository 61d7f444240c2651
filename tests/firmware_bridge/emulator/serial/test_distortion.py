"""Registers that say something else than the device knows: frozen, or with the wrong sign; and a second master."""

from support.serial_bench import bench, exchange, line_of, read, with_state

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.serial.distortion import negated
from firmware_bridge.emulator.serial.line import Line
from firmware_bridge.wire.modbus.frame import crc16, read_request
from firmware_bridge.wire.modbus.values import decode

PSU, NEIGHBOUR = 0x90, 0x91


def value(line: Line, unit: int, name: str, at: float) -> float:
    register = line.slaves[unit].image.register_map.by_name[name]
    reply = exchange(line, read(unit, register.at, register.words), at)
    assert crc16(reply[:-2]) == reply[-2:]
    words = [int.from_bytes(reply[3 + 2 * n : 5 + 2 * n], "big") for n in range(register.words)]
    return float(decode(register, words))


def test_a_stuck_register_stays_while_its_neighbours_move() -> None:
    on = bench()
    line = line_of(on, "power", Fault(FaultKind.STUCK, where="*/psu0", register="output_*"))
    before = value(line, PSU, "output_power", 0.0)
    inlet = value(line, PSU, "input_power", 1.0)
    beside = value(line, NEIGHBOUR, "output_power", 1.0)
    with_state(on, psu_output=on.state.psu_output * 2, psu_input=on.state.psu_input * 2)
    assert value(line, PSU, "output_power", 2.0) == before
    assert value(line, PSU, "input_power", 3.0) > 1.9 * inlet
    assert value(line, NEIGHBOUR, "output_power", 4.0) > 1.9 * beside
    line.faults.set([])
    assert value(line, PSU, "output_power", 5.0) > 1.9 * before


def test_a_flipped_sign_is_twos_complement() -> None:
    on = bench()
    line = line_of(on, "power")
    right = value(line, PSU, "output_current", 0.0)
    line.faults.set([Fault(FaultKind.SIGN_FLIP, where="*/psu0", register="output_current")])
    wrong = value(line, PSU, "output_current", 1.0)
    register = line.slaves[PSU].image.register_map.by_name["output_current"]
    assert right > 0
    span = 0.0 if register.signed else float(1 << 16 * register.words) / (1 << register.precision)
    assert wrong == span - right
    assert negated(register, negated(register, [0x1234] * register.words)) == [0x1234] * register.words


def test_texts_and_flags_keep_their_words() -> None:
    line = line_of(bench(), "power", Fault(FaultKind.SIGN_FLIP))
    register = line.slaves[PSU].image.register_map.by_name["mfr_model"]
    assert b"EMU-HPR" in exchange(line, read(PSU, register.at, register.words))


def test_another_master_is_heard_and_talks_over_what_is_said() -> None:
    line = line_of(bench(), "power", Fault(FaultKind.TWO_MASTERS, seconds=0.5))
    line.renew(0.0)
    heard, due = b"", line.due()
    while due is not None and due < 0.4:
        heard += line.send(due)
        due = line.due()
    question = read_request(heard[:8])
    assert question is not None
    assert heard[8] == question.unit
    asked = read(PSU, 60, 38)
    replies = [exchange(line, asked, 1.0 + 0.1 * n, until=0.09) for n in range(20)]
    assert any(len(r) != 81 or crc16(r[:-2]) != r[-2:] for r in replies)
    assert any(len(r) == 81 and crc16(r[:-2]) == r[-2:] for r in replies)
