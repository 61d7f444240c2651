"""A console on a real pseudo-terminal: bytes both ways, nobody beside us, a line that hangs up."""

import asyncio
import os
import termios
import tty
from collections.abc import Iterator

import pytest
from support.patience import PATIENCE
from support.ssh_bench import until

from firmware_bridge.drivers.console import inbox
from firmware_bridge.drivers.console.tty import TtyConsole
from firmware_bridge.vocabulary.errors import EndpointUnreachable
from firmware_bridge.vocabulary.generation import CONSOLE_LINE
from firmware_bridge.vocabulary.place import Place

PLACE = Place("lab1/a/r01/k01/u20/console")


@pytest.fixture
def ends() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    path = os.ttyname(slave)
    os.close(slave)
    yield master, path
    os.close(master)


async def test_bytes_go_both_ways_at_115200(ends: tuple[int, str]) -> None:
    master, path = ends
    console = TtyConsole(PLACE, path, CONSOLE_LINE)
    await console.open()
    assert termios.tcgetattr(master)[5] == termios.B115200
    os.write(master, bytes(range(256)))
    got = b""
    while len(got) < 256:
        got += await console.receive()
    assert got == bytes(range(256))
    await console.send(b"\x03root\r")
    assert os.read(master, 100) == b"\x03root\r"
    await console.send_break()
    await console.close()


async def test_it_is_ours_alone_and_says_when_it_is_not(ends: tuple[int, str]) -> None:
    console, rival = TtyConsole(PLACE, ends[1], CONSOLE_LINE), TtyConsole(PLACE, ends[1], CONSOLE_LINE)
    await console.open()
    with pytest.raises(EndpointUnreachable, match="another program holds it"):
        await rival.open()
    await console.close()
    await rival.open()
    await rival.close()
    with pytest.raises(EndpointUnreachable, match="no such file"):
        await TtyConsole(PLACE, ends[1] + "9999", CONSOLE_LINE).open()


async def test_a_line_that_hangs_up_is_told() -> None:
    master, slave = os.openpty()
    path = os.ttyname(slave)
    tty.setraw(slave)
    console = TtyConsole(PLACE, path, CONSOLE_LINE)
    await console.open()
    os.close(slave)
    os.close(master)
    with pytest.raises(EndpointUnreachable):
        await asyncio.wait_for(console.receive(), 20 * PATIENCE)
    with pytest.raises(EndpointUnreachable):
        await console.send(b"x")
    await console.close()
    with pytest.raises(EndpointUnreachable, match="not open"):
        await console.receive()


async def test_who_does_not_receive_holds_up_the_sender(ends: tuple[int, str]) -> None:
    master, path = ends
    console = TtyConsole(PLACE, path, CONSOLE_LINE)
    await console.open()
    sent = 0
    while console._inbox is not None and not console._inbox._held:
        try:
            sent += os.write(master, b"x" * 4096)
        except BlockingIOError:
            await asyncio.sleep(0)
    assert console._inbox is not None
    assert len(console._inbox._waiting) <= inbox.FULL + 64 * 1024
    got = 0
    while got < sent:
        got += len(await console.receive())
    os.write(master, b"goes on")
    await until(lambda: console._inbox is not None and console._inbox._waiting == b"goes on")
    await console.close()
