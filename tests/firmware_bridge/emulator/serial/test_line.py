"""A line in virtual time: when bytes travel, who answers, and every way it can go wrong."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.serial_bench import bench, exchange, frame, line_of, read

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.serial.line import Line, Spoken
from firmware_bridge.vocabulary.line import Parity
from firmware_bridge.wire.modbus.frame import READ, crc16, read_request
from firmware_bridge.wire.modbus.timing import characters, frame_gap, read_seconds

PSU, PMM, RPU = 0x90, 0x20, 0x0C
ASK = read(PSU, 60, 10)
SIZE = 25


def arrivals(line: Line, request: bytes, at: float = 0.0) -> list[tuple[float, int]]:
    """Return when how many bytes had come."""
    line.hear(request, at, Spoken(line.settings.baud))
    found, count, due = [], 0, line.due()
    while due is not None:
        count += len(line.send(due))
        found.append((due, count))
        due = line.due()
    return found


@pytest.mark.parametrize(("name", "unit", "at", "words"), [("power", PSU, 60, 38), ("coolant", RPU, 0xA000, 46)])
def test_an_exchange_takes_what_the_wire_takes(name: str, unit: int, at: int, words: int) -> None:
    line = line_of(bench(), name)
    settings = line.settings
    came = arrivals(line, read(unit, at, words), 5.0)
    start = 5.0 + characters(settings, 8) + frame_gap(settings)
    assert came[-1][1] == 5 + 2 * words
    assert came[-1][0] == pytest.approx(5.0 + read_seconds(settings, words) - frame_gap(settings))
    for moment, count in came:
        assert moment >= start + characters(settings, count) - 1e-9


def test_many_exchanges_do_not_drift() -> None:
    line = line_of(bench(), "power")
    at, each = 0.0, read_seconds(line.settings, 10)
    for _ in range(1000):
        at = arrivals(line, ASK, at)[-1][0] + frame_gap(line.settings)
    assert at == pytest.approx(1000 * each)


@given(st.integers(1, len(ASK) - 1), st.floats(0.0, 0.008))
def test_a_request_in_pieces_is_one_request(cut: int, pause: float) -> None:
    line = line_of(bench(), "power")
    line.hear(ASK[:cut], 0.0, Spoken(115200))
    assert line.send(0.0) == b""
    assert len(exchange(line, ASK[cut:], pause)) == SIZE


def test_a_pause_within_a_request_ends_it() -> None:
    line = line_of(bench(), "power")
    assert exchange(line, ASK[:5]) == b""
    assert line.spoiled == 1
    assert len(exchange(line, ASK, 1.0)) == SIZE


def test_frames_without_a_gap_are_not_understood() -> None:
    line = line_of(bench(), "power")
    assert exchange(line, ASK + ASK) == b""
    line.hear(ASK, 1.0, Spoken(115200))
    assert exchange(line, ASK, 1.001) == b""
    assert len(exchange(line, ASK, 2.0)) == SIZE


def test_a_master_that_talks_into_a_reply_gets_no_reply_worth_having() -> None:
    line = line_of(bench(), "power")
    line.hear(read(PSU, 60, 38), 0.0, Spoken(115200))
    got = exchange(line, ASK, 0.006)
    assert read_request(got) is None
    assert line.requests == 1
    assert len(exchange(line, ASK, 1.0)) == SIZE


@pytest.mark.parametrize("request_", [ASK[:-1] + b"\0", read(0x77, 0, 1), b"\x90", b"\xff" * 300])
def test_silence_for_what_is_wrong_or_meant_for_nobody(request_: bytes) -> None:
    line = line_of(bench(), "power")
    assert exchange(line, request_) == b""
    assert len(exchange(line, ASK, 5.0)) == SIZE


def test_an_unknown_function_is_refused_after_the_frame_ends_in_silence() -> None:
    assert exchange(line_of(bench(), "power"), frame(PSU, 0x2B, 1))[:3] == bytes((PSU, 0xAB, 1))


def test_a_broadcast_is_executed_by_all_and_answered_by_none() -> None:
    line = line_of(bench(), "power")
    assert exchange(line, frame(0, 6, 95, 3)) == b""
    assert [s.kept.get(95) for a, s in line.slaves.items() if a >= PSU] == [3] * 18
    assert exchange(line, read(0, 95, 1), 1.0) == b""


@pytest.mark.parametrize(
    ("name", "spoken", "understood"),
    [
        ("power", Spoken(115200), True),
        ("power", Spoken(115200, Parity.EVEN), True),
        ("power", Spoken(115200, Parity.ODD), False),
        ("power", Spoken(115200, Parity.NONE), False),
        ("power", Spoken(19200, Parity.EVEN), False),
        ("power", Spoken(0), False),
        ("coolant", Spoken(19200, Parity.NONE), True),
        ("coolant", Spoken(19200, Parity.EVEN), False),
        ("coolant", Spoken(9600), False),
    ],
)
def test_only_the_lines_own_speed_and_parity_are_understood(name: str, spoken: Spoken, understood: bool) -> None:
    line = line_of(bench(), name)
    request = read(PSU, 60, 1) if name == "power" else read(RPU, 0x9000, 1)
    assert bool(exchange(line, request, spoken=spoken)) is understood


def good(data: bytes) -> bool:
    return len(data) > 4 and crc16(data[:-2]) == data[-2:]


def test_a_crc_storm_spoils_only_its_units_replies() -> None:
    line = line_of(bench(), "power", Fault(what=FaultKind.CRC_STORM, where="*/u06/psu0"))
    got = exchange(line, ASK)
    assert (len(got), good(got)) == (SIZE, False)
    assert good(exchange(line, read(PSU + 1, 60, 10), 1.0))


def test_a_wrong_unit_answers_with_a_right_crc() -> None:
    got = exchange(line_of(bench(), "power", Fault(what=FaultKind.WRONG_UNIT, where="*/u06")), ASK)
    assert good(got)
    assert got[0] == PSU + 1


def test_a_late_reply_comes_when_nobody_waits_any_more() -> None:
    line = line_of(bench(), "power", Fault(what=FaultKind.LATE_REPLY, where="*/u06/psu0", seconds=1.0, times=1))
    line.hear(ASK, 0.0, Spoken(115200))
    assert len(exchange(line, read(PSU + 1, 60, 10), 0.3, until=0.5)) == SIZE  # the line is free meanwhile
    assert line.due() == pytest.approx(1.0 + read_seconds(line.settings, 10) - frame_gap(line.settings))
    assert good(line.send(2.0))
    assert good(exchange(line, ASK, 3.0))


def test_two_replies_at_once_spoil_each_other() -> None:
    line = line_of(bench(), "power", Fault(what=FaultKind.LATE_REPLY, where="*/u06/psu0", seconds=1.0, times=1))
    line.hear(ASK, 0.0, Spoken(115200))
    assert not good(exchange(line, read(PSU + 1, 60, 10), 1.0)[:SIZE])


def test_a_gap_inside_a_reply() -> None:
    line = line_of(bench(), "power", Fault(what=FaultKind.REPLY_GAP, where="*/u06/psu0", seconds=0.5))
    came = arrivals(line, ASK)
    assert came[-1] == (pytest.approx(0.5 + read_seconds(line.settings, 10) - frame_gap(line.settings)), SIZE)
    line.hear(ASK, 5.0, Spoken(115200))
    assert len(line.send(5.4)) == SIZE // 2
    assert len(line.send(5.6)) == SIZE - SIZE // 2


def test_a_duplicate_address_makes_garbage() -> None:
    got = exchange(line_of(bench(), "power", Fault(what=FaultKind.DUPLICATE_ADDRESS, where="*/u06/psu0")), ASK)
    assert (len(got), good(got)) == (SIZE, False)


def test_an_exception_by_code_and_by_register() -> None:
    fault = Fault(what=FaultKind.EXCEPTION, where="*/u06/psu0", uri="3/0x003c", code=6)
    line = line_of(bench(), "power", fault)
    assert exchange(line, ASK)[:3] == bytes((PSU, READ | 0x80, 6))
    assert len(exchange(line, read(PSU, 61, 1), 1.0)) == 7


@pytest.mark.parametrize("what", [FaultKind.SILENCE, FaultKind.REMOVED])
def test_a_unit_that_is_gone_says_nothing_and_does_nothing(what: FaultKind) -> None:
    line = line_of(bench(), "power", Fault(what=what, where="*/u06/psu0"))
    assert exchange(line, frame(PSU, 6, 95, 3)) == b""
    assert not line.slaves[PSU].kept
    assert good(exchange(line, read(PMM, 87, 1), 1.0))


def test_a_stuck_bus_answers_nobody_and_a_fault_on_a_line_meets_all_its_units() -> None:
    line = line_of(bench(), "power", Fault(what=FaultKind.BUS_STUCK, where="*/lines/power"))
    assert exchange(line, ASK) == b""
    line.faults.set([Fault(what=FaultKind.EXCEPTION, where="*/lines/power")])
    assert [exchange(line, read(u, 0, 1), n)[1] for n, u in enumerate(line.slaves)] == [0x83] * 21
    line.faults.set([Fault(what=FaultKind.BUS_STUCK, where="*/lines/battery")])
    assert good(exchange(line, ASK, 30.0))


def test_a_babbling_line_talks_unasked_and_over_others_until_it_ends() -> None:
    on = bench()
    line = line_of(on, "power", Fault(what=FaultKind.BABBLE, where="*/lines/power", until=10.0))
    line.renew(0.0)
    moments, due = [], line.due()
    while due is not None and due < 1.0:
        moments.append(due) if line.send(due) else None
        due = line.due()
    assert len(moments) > 10
    on.state = dataclasses.replace(on.state, time=11.0)
    line.send(1.1)
    assert good(exchange(line, ASK, 5.0, until=0.04))


def test_faults_end_when_they_are_used_up() -> None:
    line = line_of(bench(), "power", Fault(what=FaultKind.SILENCE, where="*", times=2))
    assert [bool(exchange(line, ASK, float(n))) for n in range(4)] == [False, False, True, True]
