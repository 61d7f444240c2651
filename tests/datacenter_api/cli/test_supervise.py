"""Children stay alive, their logs stay small, and a full disk does not end the watch over them."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from support.bus_server import until
from support.patience import PATIENCE

from datacenter_api.cli import supervise
from datacenter_api.cli.supervise import Child, Supervisor, turn_over
from firmware_bridge.vocabulary.errors import EnvironmentUnfit

WAITS = [sys.executable, "-c", "import time; time.sleep(60)"]
CHATTERS = [sys.executable, "-uc", "import sys, time\nwhile True: print('x' * 99, file=sys.stderr); time.sleep(0.0005)"]


def test_a_log_is_turned_over_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    writer = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(writer, b"old line\n" * 3)
    turn_over(log, most=10)
    os.write(writer, b"new line\n")
    os.close(writer)
    assert log.read_text() == "new line\n"
    assert (tmp_path / "child.log.1").read_text() == "old line\n" * 3
    turn_over(log, most=10)
    assert log.read_text() == "new line\n"


def test_when_the_old_lines_cannot_be_kept_they_are_given_up(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_text("old line\n" * 3)
    (tmp_path / "child.log.1").mkdir()
    turn_over(log, most=10)
    assert log.stat().st_size == 0


async def test_a_chattering_child_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "LOOK_AT_LOGS_SECONDS", 0.02)
    monkeypatch.setattr(supervise.turn_over, "__defaults__", (5_000,))
    supervisor = Supervisor(tmp_path, lambda _: None)
    supervisor.start(Child("chatter", CHATTERS))
    await until(lambda: (tmp_path / "chatter.log.1").exists())
    await until(lambda: 0 < (tmp_path / "chatter.log").stat().st_size <= 5_000)
    await supervisor.stop()


async def test_a_child_that_is_started_anew_has_another_pid(tmp_path: Path) -> None:
    notes: list[str] = []
    supervisor = Supervisor(tmp_path, notes.append)
    child = supervisor.start(Child("sleeper", WAITS))
    await until(lambda: child.pid is not None)
    first = child.pid
    supervisor.start_anew("sleeper")
    await until(lambda: child.pid not in (None, first))
    assert child.restarts == 1
    await supervisor.stop()


async def test_a_ready_file_that_cannot_be_written_ends_no_watch(tmp_path: Path) -> None:
    notes: list[str] = []

    def full() -> None:
        raise EnvironmentUnfit("cannot write ready.json: No space left on device")

    supervisor = Supervisor(tmp_path, notes.append, full)
    child = supervisor.start(Child("sleeper", WAITS))
    await until(lambda: child.pid is not None and bool(notes))
    first = child.pid
    supervisor.start_anew("sleeper")
    await until(lambda: child.pid not in (None, first))
    assert "No space left" in notes[0]
    await asyncio.wait_for(supervisor.stop(), 10 * PATIENCE)
