"""One line and its owner: order, gaps, and every way in which a line can be wrong, told apart by name."""

import asyncio
import itertools
import os
import pty
import termios
import tty
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice
from support.patience import PATIENCE
from support.serial_line import LoopClock, PlainLine, plain_line

from firmware_bridge.drivers.modbus.bus import EVERYBODYS_TURN, TURN_ROUND, Ask, SerialBus, Urgency
from firmware_bridge.vocabulary.errors import DeviceError, EndpointRefused, EndpointUnreachable, ReplyMalformed
from firmware_bridge.vocabulary.line import LineSettings, Parity
from firmware_bridge.wire.modbus.frame import Request, reply_read
from firmware_bridge.wire.modbus.timing import frame_gap

EVEN, NONE = LineSettings(115200, Parity.EVEN), LineSettings(19200, Parity.NONE)


@pytest.fixture
def line() -> Iterator[PlainLine]:
    with plain_line() as served:
        served.units = {5: {n: n * 3 for n in range(200)}, 6: {0: 1}}
        yield served


@pytest.fixture
async def bus(line: PlainLine) -> AsyncIterator[SerialBus]:
    owned = SerialBus(line.tty, LoopClock())
    yield owned
    await owned.close()


def ask(at: int = 0, words: int = 1, unit: int = 5, settings: LineSettings = EVEN) -> Ask:
    return Ask("x/a/r/k/u06/pmm", unit, at, words, settings)


async def test_words_come_back(bus: SerialBus) -> None:
    assert await bus.read(ask(10, 120), Urgency.SLOW) == [n * 3 for n in range(10, 130)]


async def test_the_most_urgent_goes_first(bus: SerialBus, line: PlainLine) -> None:
    slow = [asyncio.create_task(bus.read(ask(n), Urgency.SLOW)) for n in range(4)]
    alarm = asyncio.create_task(bus.read(ask(100), Urgency.ALARM))
    await asyncio.gather(*slow, alarm)
    assert [r.address for r in line.asked] == [100, 0, 1, 2, 3]


async def test_a_line_full_of_urgent_questions_asks_the_others_too(bus: SerialBus, line: PlainLine) -> None:
    async def insist() -> None:
        for n in range(2 * EVERYBODYS_TURN):
            await bus.read(ask(100 + n), Urgency.POWER)

    insisting = [asyncio.create_task(insist()) for _ in range(2)]
    await asyncio.sleep(0)
    await bus.read(ask(7), Urgency.BACKGROUND)
    assert not any(one.done() for one in insisting)
    assert len(line.asked) <= 2 * EVERYBODYS_TURN
    await asyncio.gather(*insisting)


async def test_the_line_is_silent_between_frames(bus: SerialBus, line: PlainLine) -> None:
    times: list[float] = []
    loop = asyncio.get_running_loop()
    for n in range(5):
        await bus.read(ask(n, settings=NONE), Urgency.SLOW)
        times.append(loop.time())
    between = [after - before for before, after in itertools.pairwise(times)]
    assert min(between) >= frame_gap(NONE)


async def test_silence_is_unreachable_and_the_unit_is_left_alone_for_a_moment(bus: SerialBus, line: PlainLine) -> None:
    with pytest.raises(EndpointUnreachable, match=r"unit 0x07 at 115200 8E1: no answer"):
        await bus.read(ask(unit=7), Urgency.SLOW)
    with pytest.raises(EndpointUnreachable, match="waited out"):
        await bus.read(ask(unit=7), Urgency.SLOW)
    assert await bus.read(ask(), Urgency.SLOW) == [0]  # nobody else waits for it
    assert (bus.counters.silences, bus.counters.transactions) == (1, 2)


async def test_an_exception_is_an_answer(bus: SerialBus) -> None:
    with pytest.raises(EndpointRefused, match="illegal address") as caught:
        await bus.read(ask(1000), Urgency.SLOW)
    assert caught.value.status == 2


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda q, r: r[:-1] + bytes((r[-1] ^ 0xFF,)), "wrong CRC"),
        (lambda q, r: reply_read(9, [1]), "unit 0x09 answered instead"),
        (lambda q, r: reply_read(q.unit, [1, 2]), "2 words instead of 1"),
        (lambda q, r: r[:3], "wrong CRC in 3 bytes"),
    ],
    ids=["crc", "unit", "length", "half"],
)
async def test_what_is_no_reply_is_malformed(bus: SerialBus, line: PlainLine, spoilt: object, said: str) -> None:
    line.spoil = spoilt  # type: ignore[assignment]
    with pytest.raises(ReplyMalformed, match=said):
        await bus.read(ask(), Urgency.SLOW)
    line.spoil = None
    assert await bus.read(ask(3), Urgency.SLOW) == [9]


async def test_a_late_reply_is_never_taken_for_another_answer(bus: SerialBus, line: PlainLine) -> None:
    line.delay = TURN_ROUND + 0.04  # just after our patience ends
    with pytest.raises(EndpointUnreachable):
        await bus.read(ask(1), Urgency.SLOW)
    line.delay = 0.0
    line.units[6] = {n: 7000 + n for n in range(10)}
    assert await bus.read(ask(2, unit=6), Urgency.SLOW) == [7002]


async def test_speed_and_parity_change_with_the_unit(bus: SerialBus, line: PlainLine) -> None:
    seen: list[tuple[int, bool, bool]] = []
    descriptor = os.open(line.tty, os.O_RDWR | os.O_NOCTTY)

    def look(_request: Request, reply: bytes) -> bytes:
        iflag, _, _, _, _, speed, _ = termios.tcgetattr(descriptor)
        seen.append((speed, bool(iflag & termios.INPCK), bool(iflag & termios.IGNPAR)))
        return reply

    line.spoil = look
    for settings in (EVEN, NONE, EVEN):
        await bus.read(ask(settings=settings), Urgency.SLOW)
    os.close(descriptor)
    assert seen == [
        (termios.B115200, True, False),
        (termios.B19200, False, True),
        (termios.B115200, True, False),
    ]


async def test_what_a_library_throws_is_told_and_the_line_goes_on(
    bus: SerialBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bus.read(ask(), Urgency.SLOW)

    async def broken(*_: object) -> list[int]:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("firmware_bridge.drivers.modbus.port.ModbusPort.read", broken)
        with pytest.raises(DeviceError, match="RuntimeError: a bug"):
            await asyncio.wait_for(bus.read(ask(), Urgency.SLOW), 5 * PATIENCE)
    assert await bus.read(ask(3), Urgency.SLOW) == [9]


async def test_writes_arrive(bus: SerialBus, line: PlainLine) -> None:
    await bus.write(Ask("x", 5, 90, 2, EVEN, (0x1234, 0x5678)), Urgency.BACKGROUND)
    assert (line.units[5][90], line.units[5][91]) == (0x1234, 0x5678)


@pytest.mark.parametrize(("make", "said"), [("absent", "no such serial device"), ("plain", "not a serial device")])
async def test_what_is_no_tty_is_named(tmp_path: Path, make: str, said: str) -> None:
    path = tmp_path / "tty0"
    if make == "plain":
        path.write_text("")
    bus = SerialBus(str(path), LoopClock())
    for _ in range(2):  # the second is refused without touching the file
        with pytest.raises(EndpointUnreachable, match=said):
            await bus.read(ask(), Urgency.SLOW)
    await bus.close()


async def test_a_line_that_another_master_holds_is_named(bus: SerialBus, line: PlainLine) -> None:
    await bus.read(ask(), Urgency.SLOW)
    second = SerialBus(line.tty, LoopClock())
    with pytest.raises(EndpointUnreachable, match=r"another program holds it|busy"):
        await second.read(ask(), Urgency.SLOW)
    await second.close()


async def test_whoever_waits_when_the_line_closes_is_told(line: PlainLine) -> None:
    bus = SerialBus(line.tty, LoopClock())
    line.delay = 0.05
    waiting = [asyncio.create_task(bus.read(ask(n), Urgency.SLOW)) for n in range(3)]
    await asyncio.sleep(0)
    await bus.close()
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(err, EndpointUnreachable) for err in told)


async def test_a_line_that_hangs_up_is_opened_again_when_it_is_back() -> None:
    master, slave = pty.openpty()
    bus = SerialBus(os.ttyname(slave), LoopClock())
    reading = asyncio.create_task(bus.read(ask(), Urgency.SLOW))
    await asyncio.sleep(0.02)  # until the request is out; however far it is, the end is the same
    os.close(master)
    os.close(slave)
    with pytest.raises(EndpointUnreachable):
        await reading
    with pytest.raises(EndpointUnreachable):
        await bus.read(ask(unit=9), Urgency.SLOW)
    await bus.close()


async def test_our_master_polls_pymodbus_own_server() -> None:
    """An independent peer at the far end: pymodbus' server on the other side of a relayed pair of terminals."""
    near_master, near = pty.openpty()
    far_master, far = pty.openpty()
    for descriptor in (near_master, near, far_master, far):
        tty.setraw(descriptor)
    loop = asyncio.get_running_loop()
    loop.add_reader(near_master, lambda: os.write(far_master, os.read(near_master, 1024)))
    loop.add_reader(far_master, lambda: os.write(near_master, os.read(far_master, 1024)))
    device = SimDevice(5, [SimData(0, values=list(range(100)), datatype=DataType.REGISTERS)])
    server = ModbusSerialServer(device, framer=FramerType.RTU, port=os.ttyname(far), baudrate=19200)
    serving = asyncio.create_task(server.serve_forever())
    bus = SerialBus(os.ttyname(near), LoopClock())
    try:
        await _listening(server)
        assert await bus.read(ask(40, 60), Urgency.SLOW) == list(range(40, 100))
        with pytest.raises(EndpointRefused):
            await bus.read(ask(99, 5), Urgency.SLOW)
    finally:
        await bus.close()
        await server.shutdown()
        await asyncio.gather(serving, return_exceptions=True)
        loop.remove_reader(near_master)
        loop.remove_reader(far_master)
        for descriptor in (near_master, near, far_master, far):
            os.close(descriptor)


async def _listening(server: ModbusSerialServer) -> None:
    async with asyncio.timeout(5 * PATIENCE):
        while server.transport is None:  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.005)
