"""A run whose process dies at any of its writes: gone on with, it ends as if nothing had been, or says what had been.

Nothing is said to have passed that is not sealed.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import msgspec
import pytest
from support.accepted import short_run
from support.crashes import Death, Killed, dies_writing
from support.scripted_rack import parts
from support.sealed_runs import sealed_run
from support.together import SupplyRack

from datacenter_api.acceptance.desk import AcceptanceDesk
from datacenter_api.acceptance.waivers import add_waiver, waivers_of
from rack_controller.acceptance import virtual_run
from rack_controller.acceptance.begin import Wish, begin, begin_together
from rack_controller.acceptance.launch import unfinished
from rack_controller.acceptance.progress import Answer, answers_of, hand_in
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.run import EVIDENCE, FOLDER, RunFolder, runs_in
from rack_controller.acceptance.runner import go_on_with
from rack_controller.evaluation.from_run import read_sealed_run
from rack_controller.prove.accept.verdict import Finding, Outcome
from rack_controller.prove.report.model import Waiver
from rack_controller.prove.run_files import look_at_run
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

GENERATION, K01 = "gb200-nvl72", "s/h/r/k01"
WAIVERS_AT_ONCE = 8
PLAN = """
schema_version: 1
name: crashes
title: Supplies go
steps:
  - id: held
    title: Supplies are there
    level: L10
    retest: 0
    phases: [{name: held, for_s: 3, every_s: 1}]
    measures: [{id: gives, title: It gives, of: psu.power, rule: range, phase: held, least: 2000, source: a test}]
  - id: pulled
    title: A supply can go
    level: L11
    retest: 1
    phases: [{name: pulled, each: psu, places: [u06/psu0], do: pull, for_s: 3, every_s: 1}]
    measures: [{id: gone, title: Gone, of: psu.power, rule: responds, phase: pulled, within: -1000, source: a test}]
"""


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have runs of virtual racks on a scripted one, which is read once: nothing but the folder is of interest here."""
    monkeypatch.setattr(virtual_run, "recorded_load", lambda path: None)
    monkeypatch.setattr(virtual_run, "design_of_run", lambda record, state: None)
    monkeypatch.setattr(virtual_run, "gone_on_with", lambda record, design: record)
    monkeypatch.setattr("datacenter_api.acceptance.desk.suspects_of", lambda record, design: [])
    one = parts()
    monkeypatch.setattr("support.scripted_rack.parts", lambda: one)
    monkeypatch.setattr("support.together.parts", lambda: one)
    monkeypatch.setattr(virtual_run, "VirtualRig", lambda *given: SupplyRack(name="virtual").rig())


def begun(state: Path) -> RunFolder:
    SigningKeys(state / KEYS).signer()
    return begin(Wish(GENERATION, "L11", seed=1, plan_text=PLAN), state, "test", "ada")


def undisturbed(step: StepRecord) -> StepRecord:
    """Return a step without what tells how it came about: archives have the time in them."""
    return msgspec.structs.replace(step, cut=0, raw="", raw_sha256="")


def copied(state: Path, to: Path) -> Path:
    shutil.copytree(state, to)
    return to


def died(at: int, do: Callable[[], Any]) -> Death:
    """Do something and die in it at moment `at`; in none where it has fewer."""
    death = Death(at)
    with pytest.MonkeyPatch.context() as patch:
        dies_writing(patch, death)
        try:
            do()
        except Killed:
            assert death.is_dead
    return death


@pytest.mark.usefixtures("scripted")
def test_a_run_that_dies_at_any_write_ends_as_one_that_did_not_and_is_told_to_have_passed_when_sealed(
    tmp_path: Path,
) -> None:
    folder = begun(tmp_path / "begun")
    run = folder.path.name
    whole = copied(tmp_path / "begun", tmp_path / "whole")
    moments = died(0, lambda: go_on_with(whole, run)).seen
    wanted, evidence = RunFolder(whole / FOLDER / run).read(), (whole / FOLDER / run / EVIDENCE).read_bytes()
    assert wanted.outcome is Outcome.PASS
    for name in ("raw-held-1.npz", "facts.json", "run.json", EVIDENCE, f"{EVIDENCE}.dsse"):
        assert f"rename to {name}" in moments
    cuts = set[tuple[int, ...]]()
    for at in range(1, len(moments) + 1):
        state = copied(tmp_path / "begun", tmp_path / f"s{at}")
        assert died(at, lambda state=state: go_on_with(state, run)).is_dead  # type: ignore[misc]
        steps = len(RunFolder(state / FOLDER / run).read().steps)
        ended = as_it_is_told(state, run, moments[at - 1])
        record = go_on_with(state, run)
        cuts.add(tuple(s.cut for s in record.steps))
        assert [undisturbed(s) for s in record.steps] == [undisturbed(s) for s in wanted.steps], moments[at - 1]
        assert (record.outcome, record.why) == (wanted.outcome, wanted.why)
        assert [s.cut for s in record.steps[:steps]] == [0] * steps, "a step that was done is not done again"
        if not any(s.cut for s in record.steps):
            assert (state / FOLDER / run / EVIDENCE).read_bytes() == evidence
        checked = AcceptanceDesk(state).verify(run)
        assert (checked.holds, checked.faults) == (True, []), (moments[at - 1], ended)
        assert AcceptanceDesk(state).row(RunFolder(state / FOLDER / run)).outcome is Outcome.PASS
        assert unfinished(state) == []
        shutil.rmtree(state)
    assert cuts == {(0, 0), (1, 0), (0, 1)}, "whoever reads the record is told which step was begun anew"


def as_it_is_told(state: Path, run: str, moment: str) -> bool:
    """Return whether a run that was cut is sealed; where it is not, nobody takes it for one that has passed."""
    folder, desk = RunFolder(state / FOLDER / run), AcceptanceDesk(state)
    if folder.is_sealed:
        assert read_sealed_run(folder.path, SigningKeys(state / KEYS).names()).passed
        return True
    assert desk.row(folder).outcome is None, moment
    assert desk.show(run).record.outcome is None
    assert read_sealed_run(folder.path, SigningKeys(state / KEYS).names()).passed is None
    assert not desk.verify(run).holds
    assert [f.path.name for f in unfinished(state)] == [run]
    return False


def test_a_beginning_that_dies_leaves_no_rack_taken_that_nobody_can_free(tmp_path: Path) -> None:
    racks = ("lab1/a/r01/k01", "lab1/a/r01/k02")
    plan = PLAN.replace("level: L11", "level: L12")

    def both(state: Path) -> list[RunFolder]:
        return begin_together(Wish(GENERATION, "L12", plan_text=plan), racks, state, "test", "ada")

    moments = died(0, lambda: both(tmp_path / "whole")).seen
    assert len(moments) > 12
    for at in range(1, len(moments) + 1):
        state = tmp_path / f"s{at}"
        died(at, lambda state=state: both(state))  # type: ignore[misc]
        led = [f for f in runs_in(state) if f.read().together and next(iter(f.read().together)) == f.path.name]
        if not led:
            assert unfinished(state) == [], "nothing goes on that nobody leads"
            led = both(state)[:1]
        assert [f.path for f in unfinished(state)] == [led[0].path]
        shutil.rmtree(state)


@pytest.mark.usefixtures("scripted")
def test_one_that_ended_before_it_was_sealed_is_gone_on_with_over_the_desk_and_waived_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = begun(tmp_path)
    run, started = folder.path.name, list[str]()
    monkeypatch.setattr(RunFolder, "finish", lambda *given: (_ for _ in ()).throw(Killed("seal")))
    with pytest.raises(Killed):
        go_on_with(tmp_path, run)
    assert folder.read().outcome is Outcome.PASS
    monkeypatch.undo()
    monkeypatch.setattr("datacenter_api.acceptance.desk.start", lambda state, name, token: started.append(name))
    (folder.path / "started").unlink(missing_ok=True)
    desk = AcceptanceDesk(tmp_path)
    assert desk.go_on(run).outcome is None
    assert started == [run]
    assert "has not ended" in str(desk.verify(run).faults)
    assert go_on_with(tmp_path, run).outcome is Outcome.PASS
    assert desk.verify(run).holds


def test_waivers_and_their_seal_are_there_together_or_not_at_all(tmp_path: Path) -> None:
    folder = short_run(tmp_path / "run")
    record = folder.read()
    found = next((s.id, f.measure) for s in record.steps for f in s.findings)
    signer = SigningKeys(tmp_path / "run" / KEYS).signer()

    def waive(folder: RunFolder, number: int) -> None:
        add_waiver(folder.path, record, Waiver(number, "ada", "admin", *found, "", f"reason {number}"), signer)

    waive(folder, 1)
    whole = copied(tmp_path / "run", tmp_path / "whole")
    moments = died(0, lambda: waive(RunFolder(whole / FOLDER / record.id), 2)).seen
    counts = []
    for at in range(1, len(moments) + 1):
        state = copied(tmp_path / "run", tmp_path / f"s{at}")
        cut = RunFolder(state / FOLDER / record.id)
        died(at, lambda cut=cut: waive(cut, 2))  # type: ignore[misc]
        desk = AcceptanceDesk(state)
        assert desk.verify(record.id).faults == [], moments[at - 1]
        counts.append(len(waivers_of(cut.path)))
        waive(cut, 3)
        assert len(waivers_of(cut.path)) == counts[-1] + 1
        assert desk.verify(record.id).holds
    assert set(counts) == {1, 2}
    assert counts == sorted(counts)


def test_waivers_that_come_at_the_same_moment_are_all_kept(tmp_path: Path) -> None:
    folder, together = sealed_run(tmp_path, K01, Outcome.FAIL), Barrier(WAIVERS_AT_ONCE)
    found = Finding("m", "u12", "", "too much", 3.0, 2.0, "W", "a test", 0.99)
    (first, *others) = folder.read().steps
    judged = [msgspec.structs.replace(first.measures[0], findings=[found])]
    record = msgspec.structs.replace(folder.read(), steps=[msgspec.structs.replace(first, measures=judged), *others])
    signer = SigningKeys(tmp_path / KEYS).signer()

    def waive(number: int) -> None:
        together.wait()
        add_waiver(folder.path, record, Waiver(number, "ada", "admin", first.id, "m", "", f"reason {number}"), signer)

    with ThreadPoolExecutor(WAIVERS_AT_ONCE) as people:
        list(people.map(waive, range(WAIVERS_AT_ONCE)))
    assert sorted(w.at_unix_ns for w in waivers_of(folder.path)) == list(range(WAIVERS_AT_ONCE))
    assert look_at_run(folder.files(), []).faults == []


def test_an_answer_after_one_that_a_crash_cut_short_counts(tmp_path: Path) -> None:
    hand_in(tmp_path, Answer(1, "ada", "wetting", done=True))
    with (tmp_path / "answers.jsonl").open("ab") as file:
        file.write(b'{"at_unix_ns": 2, "act')
    hand_in(tmp_path, Answer(3, "tom", "wetting", done=True))
    assert [a.at_unix_ns for a in answers_of(tmp_path)] == [1, 3]


KILLED_SEALING = """
import os, signal, sys
from rack_controller.acceptance.run import RunFolder
from rack_controller.acceptance.runner import main
RunFolder.finish = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[1:])
"""


@pytest.mark.timeout(240)
def test_a_process_that_is_killed_between_outcome_and_seal_leaves_a_run_that_the_next_one_seals(
    tmp_path: Path,
) -> None:
    plan = "\n".join(PLAN.splitlines()[: PLAN.splitlines().index("  - id: pulled")]) + "\n"
    folder = begin(Wish(GENERATION, "L10", seed=1, plan_text=plan), tmp_path, "test", "ada")
    given = [str(tmp_path), folder.path.name]
    killed = subprocess.run([sys.executable, "-c", KILLED_SEALING, *given], stderr=subprocess.DEVNULL, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    before = folder.read()
    assert before.outcome is not None
    assert folder.told().outcome is None
    subprocess.run([sys.executable, "-m", "rack_controller.acceptance", *given], env=dict(os.environ), timeout=120)
    after: RunRecord = folder.told()
    assert after == before
    assert AcceptanceDesk(tmp_path).verify(before.id).holds
