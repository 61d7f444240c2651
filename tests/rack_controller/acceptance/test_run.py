"""A run in its folder: gone on with after a crash, stopped for safety, written out by the published schema, sealed."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.ocptv_schema import schema_faults

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance import begin as beginning
from rack_controller.acceptance import plans
from rack_controller.acceptance import run as runs
from rack_controller.acceptance.begin import PLAN as PLAN_FILE
from rack_controller.acceptance.begin import Wish, begin, kept_plan
from rack_controller.acceptance.plans import read_plan
from rack_controller.acceptance.record import StepRecord
from rack_controller.acceptance.run import EVIDENCE, RunFolder
from rack_controller.acceptance.virtual_run import accept, resume
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.seal import SUFFIX, Wrong, judge

PLAN = """
schema_version: 1
name: short
title: A short plan
stop: [{of: gpu.temperature, most: MOST, title: too hot}]
steps:
  - id: settings
    title: Settings
    level: L10
    measures: [{id: clock, title: Clock, of: clock_offset_s, rule: fact, least: -5, most: 5, source: a test}]
  - id: idle
    title: Idle
    level: L10
    phases: [{name: rest, load: 0.0, settle_s: 10, for_s: 20}]
    sweep: [rest]
    measures: []
  - id: gap
    title: What nobody measures
    level: L11
    required: false
    phases: [{name: rest, load: 0.0, for_s: 4}]
    measures: [{id: none, title: None, of: gpu.smell, rule: range, most: 1, source: a test, phase: rest}]
  - id: busy
    title: Busy
    level: L11
    after: [idle]
    phases: [{name: full, load: 1.0, settle_s: 10, for_s: 20}]
    measures: [{id: draws, title: It draws, of: gpu.power, rule: range, least: 900, source: a test, phase: full}]
"""


def wish(tmp_path: Path, most: float = 94.0, planted: str = "wrong_clock") -> Wish:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN.replace("MOST", str(most)))
    return Wish("gb200-nvl72", "L11", 3, planted, plan=path)


def test_a_run_that_was_cut_goes_on_with_the_step_that_is_missing(tmp_path: Path) -> None:
    asked = wish(tmp_path)
    seen: list[str] = []

    def cut(step: StepRecord, rack: str) -> None:
        seen.append(step.id)
        if step.id == "idle":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        accept(asked, tmp_path, "test", cut)
    (folder,) = runs.runs_in(tmp_path)
    assert folder.read().outcome is None
    record, _ = resume(folder, tmp_path, lambda step, rack: seen.append(step.id))
    assert seen == ["settings", "idle", "gap", "busy"]
    assert [s.outcome for s in record.steps] == [Outcome.FAIL, Outcome.PASS, Outcome.ERROR, Outcome.PASS]
    assert record.outcome is Outcome.FAIL
    assert record.steps[0].parts_out == ["u23/bmc"]
    assert folder.read() == record


def test_a_run_keeps_its_whole_plan_so_that_no_upgrade_in_its_middle_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "schema_version: 1\nname: own\nextends: gb200-nvl72\nonly: [settings, firmware]\nretest: 0\n"
        "changes: {settings.clock: {most: 60, source: a test}}\n"
    )
    folder = begin(Wish("gb200-nvl72", "L11", 3, plan=own), tmp_path, "test", "ada")
    shipped = begin(Wish("gb200-nvl72", "L10", 3), tmp_path, "test", "ada")

    def gone(generation: str, *more: object) -> Path:
        raise AssertionError(f"nobody asks for the plan that ships with {generation}")

    monkeypatch.setattr(plans, "plan_path", gone)
    monkeypatch.setattr(beginning, "plan_path", gone)
    own.unlink()
    assert len(kept_plan(shipped.path, shipped.read()).steps) > 20
    record, _ = resume(folder, tmp_path, lambda step, rack: None)
    assert [(s.id, s.outcome) for s in record.steps] == [("firmware", Outcome.PASS), ("settings", Outcome.PASS)]
    plan, digest = read_plan(folder.path / PLAN_FILE)
    assert (plan.steps[1].measures[0].most, digest) == (60, record.plan_sha256)
    (folder.path / PLAN_FILE).write_text((folder.path / PLAN_FILE).read_text().replace("60", "61"))
    with pytest.raises(ConfigurationError, match="was changed"):
        resume(folder, tmp_path, lambda step, rack: None)


def test_what_is_written_follows_the_published_schema_and_every_byte_is_sealed(tmp_path: Path) -> None:
    record, folder = accept(wish(tmp_path), tmp_path, "test", lambda step, rack: None)
    content = (folder.path / EVIDENCE).read_bytes()
    documents = [json.loads(line) for line in content.splitlines()]
    assert [f for d in documents for f in schema_faults(d)] == []
    assert [d["sequenceNumber"] for d in documents] == list(range(len(documents)))
    assert documents[-1]["testRunArtifact"]["testRunEnd"] == {"status": "COMPLETE", "result": "FAIL"}
    failed = [d for d in documents if "u23/bmc" in json.dumps(d.get("testStepArtifact", {}).get("diagnosis", {}))]
    assert failed
    sealed = (folder.path / (EVIDENCE + SUFFIX)).read_bytes()
    assert judge(EVIDENCE, content, sealed, []).holds
    lines = content.splitlines(keepends=True)
    for changed, wrong in (
        (content.replace(b"3600", b"0000", 1), Wrong.ALTERED),
        (b"".join([*lines[:2], lines[3], lines[2], *lines[4:]]), Wrong.REORDERED),
        (b"".join([*lines[:4], *lines[5:]]), Wrong.CUT),
    ):
        assert judge(EVIDENCE, changed, sealed, []).faults[0].wrong in {wrong, Wrong.REORDERED}
    raw = np.load(folder.path / next(s.raw for s in record.steps if s.id == "busy"))
    assert raw["gpu.power"].shape[1] == 72


def test_a_schema_that_lets_everything_through_proves_nothing() -> None:
    assert schema_faults({"sequenceNumber": 0, "timestamp": "2026-01-01T00:00:00Z", "schemaVersion": {"major": 1}})
    assert schema_faults({"sequenceNumber": 0, "timestamp": "yesterday", "schemaVersion": {"major": 2, "minor": 0}})


def test_too_hot_stops_the_run_and_it_stays_stopped(tmp_path: Path) -> None:
    asked = wish(tmp_path, most=45.0, planted="")
    record, folder = accept(asked, tmp_path, "test", lambda step, rack: None)
    assert record.outcome is Outcome.STOPPED
    assert [s.id for s in record.steps] == ["settings", "idle", "gap", "busy"]
    assert "too hot" in record.why
    again, _ = resume(folder, tmp_path, lambda step, rack: pytest.fail("it went on"))
    assert again.outcome is Outcome.STOPPED


def test_a_changed_plan_and_an_unknown_fault_are_refused(tmp_path: Path) -> None:
    asked = wish(tmp_path, planted="no_such")
    with pytest.raises(ConfigurationError, match="no_such"):
        accept(asked, tmp_path, "test", lambda step, rack: None)
    _, folder = accept(wish(tmp_path), tmp_path, "test", lambda step, rack: None)
    (folder.path / PLAN_FILE).write_text(PLAN.replace("MOST", "90"))
    with pytest.raises(ConfigurationError, match="plan was changed"):
        resume(folder, tmp_path, lambda step, rack: None)
    with pytest.raises(ConfigurationError, match="no run"):
        RunFolder(tmp_path / "nothing").read()
