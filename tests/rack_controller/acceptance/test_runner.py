"""A run as a process of its own: killed within a step and between steps it goes on, and stops when it is told to."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.launch import LOG, is_running, start, unfinished
from rack_controller.acceptance.progress import (
    Answer,
    Stop,
    answers_of,
    ask_to_stop,
    asked_of,
    hand_in,
    progress_of,
)
from rack_controller.acceptance.run import EVIDENCE, RunFolder
from rack_controller.prove.accept.verdict import Outcome

STEPS = 6
PLAN = """
schema_version: 1
name: long
title: A plan that takes a while
stop: []
steps:
""" + "".join(
    f"""
  - id: s{n}
    title: Step {n}
    level: L10
    phases: [{{name: full, load: 1.0, for_s: 600, every_s: 2}}]
    measures: [{{id: draws, title: It draws, of: gpu.power, rule: range, least: 900, source: a test, phase: full}}]
"""
    for n in range(STEPS)
)
WITHIN_S = 120.0


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    path = tmp_path / "given.yaml"
    path.write_text(PLAN)
    return begin(Wish("gb200-nvl72", "L10", seed=3, plan=path), tmp_path, "test", "ada")


def runner(folder: RunFolder) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rack_controller.acceptance", str(folder.path.parent.parent), folder.path.name]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def until(folder: RunFolder, process: subprocess.Popen[bytes], steps: int, phase: str) -> None:
    """Wait until so many steps are done, and a phase of the next one runs where one is named."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        now = progress_of(folder.path)
        if len(folder.read().steps) >= steps and (not phase or (now is not None and now.phase == phase)):
            return
        assert process.poll() is None, "it ended before"
        time.sleep(0.005)
    pytest.fail("it does not get there")


@pytest.mark.timeout(240)
def test_a_run_that_is_killed_within_and_between_steps_goes_on_and_repeats_none(folder: RunFolder) -> None:
    assert asked_of(folder.path).actor == "ada"  # type: ignore[union-attr]
    kept: list[object] = []
    for steps, phase in ((1, "full"), (3, "")):
        process = runner(folder)
        until(folder, process, steps, phase)
        process.send_signal(signal.SIGKILL)
        process.wait()
        record = folder.read()
        assert record.outcome is None
        assert record.steps[: len(kept)] == kept
        kept = list(record.steps)
        assert not is_running(folder.path)
        assert [f.path for f in unfinished(folder.path.parent.parent)] == [folder.path]
    assert runner(folder).wait(WITHIN_S) == 0
    record = folder.read()
    assert [s.id for s in record.steps] == [f"s{n}" for n in range(STEPS)]
    assert record.steps[: len(kept)] == kept
    assert record.outcome is Outcome.PASS
    ends = [(s.began_s, s.began_s + s.took_s) for s in record.steps]
    assert all(b[0] >= a[1] for a, b in itertools.pairwise(ends)), "its time goes on where the record ended"
    assert (folder.path / EVIDENCE).exists()
    assert progress_of(folder.path) is None
    assert unfinished(folder.path.parent.parent) == []


@pytest.mark.timeout(120)
def test_two_processes_do_not_have_one_run_and_a_word_stops_it(folder: RunFolder) -> None:
    state = folder.path.parent.parent
    first = runner(folder)
    until(folder, first, 0, "full")
    second = subprocess.run(
        [sys.executable, "-m", "rack_controller.acceptance", str(state), folder.path.name],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 2
    assert "another process has the run" in second.stderr
    ask_to_stop(folder.path, Stop("ada", 1, "lunch"))
    assert first.wait(60) == 9
    record = folder.read()
    assert record.outcome is Outcome.STOPPED
    assert record.why == "stopped by ada: lunch"


@pytest.mark.timeout(120)
def test_a_started_run_outlives_whoever_started_it_and_says_what_is_wrong(folder: RunFolder) -> None:
    state = folder.path.parent.parent
    pid = start(state, folder.path.name)
    deadline = time.monotonic() + 60
    while not is_running(folder.path):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    assert folder.read().outcome is None  # it may be gone on with
    (folder.path / "plan.yaml").write_text(PLAN + "\n# changed\n")
    os.waitpid(start(state, folder.path.name), 0)
    assert "the plan was changed" in (folder.path / LOG).read_text()


def test_an_answer_that_a_crash_cut_short_does_not_count(tmp_path: Path) -> None:
    hand_in(tmp_path, Answer(1, "ada", "wetting", done=True, barcode="B1"))
    with (tmp_path / "answers.jsonl").open("ab") as file:
        file.write(b'{"at_unix_ns": 2, "act')
    (answer,) = answers_of(tmp_path)
    assert (answer.actor, answer.done, answer.barcode) == ("ada", True, "B1")
