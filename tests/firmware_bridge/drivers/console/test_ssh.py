"""A console behind a real SSH server: bytes both ways, a break, pins that differ, ends of every kind."""

import asyncio
import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from support.ssh_bench import LOGIN, PLACE, ssh_bench, until

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.drivers.console import inbox, ssh
from firmware_bridge.drivers.console.ssh import SshConsole, read_host_key
from firmware_bridge.emulator.consoles.keys import fingerprint
from firmware_bridge.vocabulary.errors import EndpointRefused, EndpointUnreachable, LoginRefused, TrustRefused


async def test_bytes_go_both_ways_as_they_are() -> None:
    with ssh_bench() as bench:
        console = bench.console()
        await console.open()
        await bench.listened_to()
        hostile = bytes(range(256)) + b"\x1b]0;x\x07\xff"
        bench.say(hostile)
        got = b""
        while len(got) < len(hostile):
            got += await console.receive()
        assert got == hostile
        await console.send(b"root\r\x03\x00\xff")
        await until(lambda: bytes(bench.typed) == b"root\r\x03\x00\xff")
        await console.send_break()
        await until(lambda: bench.breaks == 1)
        await console.close()
        await until(lambda: not bench.door.sessions)


async def test_lines_come_scrubbed() -> None:
    with ssh_bench() as bench:
        console = bench.console()
        await console.open()
        await bench.listened_to()
        bench.say(b"\x1b[31mred\x1b[0m\r\nnext \x07one\r\n")
        lines = console.lines()
        assert [await anext(lines), await anext(lines)] == ["red", "next  one"]
        await console.close()


async def test_a_changed_host_key_is_refused_before_the_password_is_sent() -> None:
    with ssh_bench() as bench:
        pinned = fingerprint(bench.key)
        bench.new_key()
        with pytest.raises(TrustRefused) as caught:
            await bench.console(host_key=pinned).open()
        assert pinned in str(caught.value)
        assert fingerprint(bench.key) in str(caught.value)
        assert not bench.door.sessions
        assert await read_host_key("127.0.0.1", bench.door.port) == fingerprint(bench.key)


async def test_what_is_not_pinned_is_not_even_called() -> None:
    console = SshConsole(PLACE, "127.0.0.1", 9, None, LOGIN)
    with pytest.raises(TrustRefused, match="not pinned"):
        await console.open()


async def test_a_wrong_password_is_a_refused_login() -> None:
    with ssh_bench() as bench:
        with pytest.raises(LoginRefused):
            await bench.console(credential=Credential("root", "wrong")).open()
        with pytest.raises(LoginRefused):
            await bench.console(credential=Credential("nobody", LOGIN.secret)).open()


async def test_a_credential_that_is_asked_for_is_that_of_the_moment(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.store("k01/u12-bmc", Credential(LOGIN.user, "the one before"))
    with ssh_bench() as bench:
        console = bench.console(credential=partial(vault.fetch, "k01/u12-bmc"))
        with pytest.raises(LoginRefused):
            await console.open()
        vault.begin_change("k01/u12-bmc", vault.fetch("k01/u12-bmc"), LOGIN.secret)
        vault.promote("k01/u12-bmc")
        await console.open()
        await console.close()
        gone = bench.console(credential=partial(vault.fetch, "nobody"))
        with pytest.raises(EndpointRefused, match="no credential named 'nobody'"):
            await gone.open()


async def test_an_end_of_the_connection_is_told_after_what_was_said_before() -> None:
    with ssh_bench() as bench:
        console = bench.console()
        await console.open()
        await bench.listened_to()
        bench.say(b"last words")
        await until(lambda: console._inbox is not None and bool(console._inbox._waiting))
        bench.door.shut()
        assert await console.receive() == b"last words"
        for _ in range(2):
            with pytest.raises(EndpointUnreachable):
                await console.receive()
        with pytest.raises(EndpointUnreachable):
            await console.send(b"x")
        with pytest.raises(EndpointUnreachable):
            await console.open()  # nobody listens now
        bench.door.open()
        await console.open()
        await console.close()


async def test_a_port_that_speaks_no_ssh_or_nothing_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "OPEN_WITHIN", 0.3)
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    console = SshConsole(PLACE, "127.0.0.1", port, "SHA256:" + "A" * 43, LOGIN)
    with pytest.raises(EndpointUnreachable, match="within"):
        await console.open()
    with pytest.raises(EndpointUnreachable, match="within"):
        await read_host_key("127.0.0.1", port)
    silent.close()

    async def chatter(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 \x1b[31mno\r\n" * 500)
        writer.close()

    server = await asyncio.start_server(chatter, "127.0.0.1", 0)
    console = SshConsole(PLACE, "127.0.0.1", server.sockets[0].getsockname()[1], "SHA256:" + "A" * 43, LOGIN)
    with pytest.raises(EndpointUnreachable) as caught:
        await console.open()
    assert str(caught.value).isprintable()
    server.close()


async def test_who_does_not_receive_holds_up_the_sender_and_not_memory() -> None:
    with ssh_bench() as bench:
        console = bench.console()
        await console.open()
        await bench.listened_to()
        sent = 0
        for _ in range(400):  # 25 MB, if somebody took it
            if bench.door.flows:
                bench.say(b"x" * 65536)
                sent += 65536
            await asyncio.sleep(0)
        assert console._inbox is not None
        await until(lambda: console._inbox is not None and console._inbox._held)
        assert len(console._inbox._waiting) <= inbox.FULL + ssh.WINDOW
        assert not bench.door.flows
        got = 0
        while got < sent:
            got += len(await console.receive())
        assert got == sent
        await until(lambda: bench.door.flows)
        await console.close()


def test_a_process_without_ssh_consoles_does_not_load_asyncssh() -> None:
    code = "import firmware_bridge.drivers, firmware_bridge.emulator.hall, rack_controller.assemble, sys; "
    code += "sys.exit('asyncssh' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0


async def test_nothing_of_the_user_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ".ssh"
    folder.mkdir()
    (folder / "config").write_text("Host *\n  User somebody-else\n  ProxyCommand /bin/false\n")
    (folder / "known_hosts").write_text("not even a key\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    with ssh_bench() as bench:
        console = bench.console()
        await console.open()
        await console.close()
    assert sorted(os.listdir(folder)) == ["config", "known_hosts"]
