"""Emulated consoles as a driver meets them: a scripted host behind SSH or a pseudo-terminal, with faults as data."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.ssh_bench import until

from firmware_bridge.drivers import make_console
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import Fault
from firmware_bridge.emulator.harness import RunningEmulator, running_emulator
from firmware_bridge.ports.hosts import Console
from firmware_bridge.vocabulary.errors import EndpointUnreachable, TrustRefused
from firmware_bridge.vocabulary.generation import ConsoleProtocol, ConsoleSpec

SSH, TTY = (ConsoleSpec("console", protocol) for protocol in ConsoleProtocol)


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[RunningEmulator]:
    async with running_emulator(tmp_path, "orv3-hpr-nvl36x2", speed=0) as running:
        yield running


async def opened(emulator: RunningEmulator, ending: str) -> Console:
    site = next(c for c in emulator.site.consoles if c.place.endswith(ending))
    credential = emulator.vault.fetch(site.credential) if site.credential else None
    console = make_console(SSH if site.address else TTY, site, credential)
    await console.open()
    return console


async def heard(console: Console, pattern: bytes, within: float = 20.0) -> bytes:
    """Receive until a pattern was seen."""
    got = b""
    async with asyncio.timeout(within):
        while not re.search(pattern, got):
            got += await console.receive()
    return got


async def test_every_compute_and_switch_tray_has_one_with_a_key_of_its_own(emulator: RunningEmulator) -> None:
    consoles = emulator.site.consoles
    assert len(consoles) == 36
    keys = {c.host_key for c in consoles if c.address}
    assert len(keys) == 18
    assert {c.port for c in consoles if c.address} == {2200}
    assert {c.place.rsplit("/", 1)[1] for c in consoles} == {"console"}


@pytest.mark.parametrize("ending", ["k02/u15/console", "k01/u27/console"])
async def test_a_person_logs_in_and_breaks_in(emulator: RunningEmulator, ending: str) -> None:
    console = await opened(emulator, ending)
    slot = ending.split("/")[1].encode()
    await console.send(b"\r")
    await heard(console, slot + b" login: $")
    await console.send(b"root\r")
    await heard(console, b"Password: $")
    await console.send(b"guess\r")
    assert b"guess" not in await heard(console, b"[#$] $")
    await console.send(b"hostnamx\x7fe\r")
    assert slot in await heard(console, slot + rb"\r\n.*[#$] $")
    await console.send(b"exit\r")
    await heard(console, b"login: $")
    await console.send_break()
    if console.__class__.__name__ == "SshConsole":
        await heard(console, b"sysrq: HELP")
    await console.close()


async def test_a_power_cycle_is_seen_from_the_firmware_to_the_login(emulator: RunningEmulator) -> None:
    hall, console = emulator.hall, await opened(emulator, "k02/u15/console")
    await console.send(b"\r")
    await heard(console, b"login: ")
    hall.faults.set([Fault(what=FaultKind.TRAY_OFF, where="*/k02/u15")])
    hall.advance(1.0)
    terminal = hall.consoles.consoles[console.endpoint].terminal
    await until(lambda: terminal.began is None)
    hall.faults.set(())
    hall.advance(0.5)
    await until(lambda: terminal.began is not None)
    for _ in range(40):
        hall.advance(0.5)
        await asyncio.sleep(0)
    text = await heard(console, b"u15 login: ")
    for stage in (b"power good", b"UEFI firmware", b"GNU GRUB", b"Linux version", b"Multi-User System"):
        assert stage in text
    await console.close()


async def test_faults_print_drop_and_change_the_key(emulator: RunningEmulator) -> None:
    hall, console = emulator.hall, await opened(emulator, "k02/u15/console")
    await console.send(b"\r")
    await heard(console, b"login: ")
    xid = "NVRM: Xid (PCI:0009:01:00): 79, GPU has fallen off the bus."
    hall.faults.set([Fault(what=FaultKind.CONSOLE_LINE, where="*/k02/u15/console", text=xid, times=2)])
    await heard(console, b"fallen off the bus.\r\n")
    hall.advance(2.0)
    await heard(console, b"fallen off the bus.\r\n")
    hall.advance(20.0)
    (armed,) = hall.faults.armed()
    assert (armed.struck, armed.left) == (2, 0)
    hall.faults.set([Fault(what=FaultKind.CONSOLE_DROP, where="*/k02/u15/console")])
    with pytest.raises(EndpointUnreachable):
        await heard(console, b"never printed")
    with pytest.raises(EndpointUnreachable):
        await console.open()
    hall.faults.set([Fault(what=FaultKind.CONSOLE_KEY, where="*/k02/u15/console")])
    door = hall.consoles.consoles[console.endpoint].door
    assert door is not None
    await until(lambda: door.is_open)
    with pytest.raises(TrustRefused):
        await console.open()
    hall.faults.set(())
    await console.open()
    await console.close()


async def test_a_flood_goes_as_fast_as_it_is_taken(emulator: RunningEmulator) -> None:
    console = await opened(emulator, "k02/u15/console")
    emulator.hall.faults.set([Fault(what=FaultKind.CONSOLE_FLOOD, where="*/u15/console", text="y" * 70)])
    got = 0
    async with asyncio.timeout(20):
        while got < 500_000:
            got += len(await console.receive())
    await console.close()


async def test_a_controller_that_restarts_takes_its_console_with_it(emulator: RunningEmulator) -> None:
    hall, console = emulator.hall, await opened(emulator, "k02/u15/console")
    endpoint = next(e for e in hall.endpoints if e.plan.place.endswith("k02/u15/bmc"))
    await console.send(b"\r")
    await heard(console, b"login: ")
    endpoint.listener.door.life.restart(30.0, 10.0)
    with pytest.raises(EndpointUnreachable):
        await heard(console, b"never printed")
    hall.advance(31.0)
    door = hall.consoles.consoles[console.endpoint].door
    assert door is not None
    await until(lambda: door.is_open)
    await console.open()
    await console.close()
