"""Two controller processes on one rack: who was stopped and comes back changes nothing any more."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import two_controllers
from support.two_controllers import FENCED, TRAYS

pytestmark = pytest.mark.timeout(60)
SCRIPT = str(Path(two_controllers.__file__))


def process(folder: Path, which: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, SCRIPT, str(folder), which], stdout=subprocess.PIPE, text=True)


def test_a_controller_that_was_stopped_and_succeeded_changes_nothing(tmp_path: Path) -> None:
    first = process(tmp_path, "first")
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "asked\n"  # its request has reached the tray, nothing is written of an answer
        os.kill(first.pid, signal.SIGSTOP)
        second = process(tmp_path, "second")
        told = second.communicate(timeout=40)[0].splitlines()
        assert (second.returncode, told[-1]) == (0, "done 2 of 2")
        reached = (tmp_path / "trays.log").read_text()
        assert [line.split()[-1] for line in reached.splitlines()] == TRAYS  # each once: what was sent was seen
        os.kill(first.pid, signal.SIGCONT)
        said = first.communicate(timeout=40)[0]
    finally:
        first.kill()
    assert first.returncode == FENCED, said
    assert said.startswith("fenced: ")
    assert (tmp_path / "trays.log").read_text() == reached, "the one who was succeeded sent something"
    assert f"by {first.pid} {TRAYS[0]}" in reached
    assert f"by {second.pid} {TRAYS[1]}" in reached
