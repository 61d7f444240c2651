"""The command line's terminal: escapes at the beginning of a line only, and restored in every case."""

import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.patience import PATIENCE

from datacenter_api.cli.console import _moment
from datacenter_api.cli.console_terminal import Escapes, Key
from datacenter_api.cli.main import run
from firmware_bridge.vocabulary.errors import ConfigurationError


def typed(*pieces: bytes) -> list[bytes | Key]:
    escapes = Escapes()
    return [out for piece in pieces for out in escapes.feed(piece)]


@pytest.mark.parametrize(
    ("pieces", "out"),
    [
        ((b"~.",), [Key.END]),
        ((b"~", b"."), [Key.END]),
        ((b"ls\r~B",), [b"ls\r", Key.BREAK]),
        ((b"~?~.",), [Key.HELP, Key.END]),
        ((b"~~.",), [b"~."]),
        ((b"~x",), [b"~x"]),
        ((b"a~.",), [b"a~."]),
        ((b"cd ~\r",), [b"cd ~\r"]),
        ((b"\x03~.",), [b"\x03~."]),
        ((b"",), []),
    ],
)
def test_escapes_are_told_from_what_is_typed(pieces: tuple[bytes, ...], out: list[bytes | Key]) -> None:
    assert typed(*pieces) == out


@given(st.lists(st.binary(max_size=6), max_size=10))
def test_what_holds_no_tilde_is_sent_as_it_is(pieces: list[bytes]) -> None:
    plain = [piece.replace(b"~", b"") for piece in pieces]
    assert b"".join(out for out in typed(*plain) if isinstance(out, bytes)) == b"".join(plain)


def test_a_time_is_an_age_or_passed_on() -> None:
    assert _moment("") is None
    assert _moment("2026-11-22T20:00Z") == "2026-11-22T20:00Z"
    assert (_moment("10m") or "").endswith("+00:00")
    with pytest.raises(ConfigurationError):
        _moment("999999999d")


def test_wrong_wishes_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["console", "u12", "--watch", "--take", "why", "--state", str(tmp_path)]) == 2
    assert "one of them" in capsys.readouterr().err
    assert run(["console", "key", "user@host"]) == 2
    assert "ADDRESS" in capsys.readouterr().err
    assert run(["console", "u12", "--state", str(tmp_path)]) == 2
    assert "no API is known" in capsys.readouterr().err
    assert run(["console", "key", "127.0.0.1:1"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


RAW = """
import signal, sys, time
from datacenter_api.cli.console_terminal import raw_terminal
with raw_terminal() as is_tty:
    print("raw" if is_tty else "no", flush=True)
    if sys.argv[1] == "raise":
        raise ValueError("x")
    while sys.argv[1] == "wait":
        time.sleep(0.05)
"""


@pytest.mark.parametrize(
    ("how", "number"), [("end", 0), ("raise", 0), ("wait", signal.SIGTERM), ("wait", signal.SIGHUP)]
)
def test_the_terminal_is_as_before_however_it_ends(how: str, number: int) -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = subprocess.Popen([sys.executable, "-c", RAW, how], stdin=slave, stdout=slave, stderr=subprocess.DEVNULL)
    seen, deadline = b"", time.monotonic() + 30
    while b"raw" not in seen:
        assert time.monotonic() < deadline
        seen += os.read(master, 100)
    if number:
        assert termios.tcgetattr(slave) != before
        process.send_signal(number)
    process.wait(30 * PATIENCE)
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
