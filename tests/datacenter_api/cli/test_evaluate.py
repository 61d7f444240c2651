"""`rackwright evaluate`: tables that say how sure they are, files, exit codes, and no server needed."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.evaluated import six_racks
from support.sealed_runs import flip

from datacenter_api.cli import evaluate
from datacenter_api.cli.main import run

SHORT = """
schema_version: 1
name: short
title: Short
steps: [{id: up, title: Up, stretches: [{name: full, load: 1.0, settle_s: 60, for_s: 10}]}]
criteria:
  - {id: room, title: Room, unit: "1", better: higher, way: headroom, step: up, stretch: full, source: t}
"""


def said(capsys: pytest.CaptureFixture[str], state: Path, *words: str) -> tuple[str, str]:
    assert run(["evaluate", *words, "--state", str(state)]) == 0
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_racks_are_compared_and_written_to_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    six_racks(tmp_path)
    out, _ = said(capsys, tmp_path, "compare")
    assert "100 [97.52, 102.5]" in out
    assert re.search(r"goodput-per-kw\s+gb200-nvl72\s+gb300-nvl72\s+real\s+gb300-nvl72", out)
    assert "corrected together after Holm" in out
    for form, name in (("csv", "criterion"), ("differences", "verdict")):
        said(capsys, tmp_path, "compare", "--export", str(tmp_path / form), "--form", form)
        assert name in next(csv.reader((tmp_path / form).open()))
    said(capsys, tmp_path, "compare", "--export", str(tmp_path / "j"))
    assert json.loads((tmp_path / "j").read_text())["tests"] == 1
    assert json.loads(said(capsys, tmp_path, "compare", "-o", "json")[0])["groups"][0]["racks"] == 3
    assert run(["evaluate", "compare", "--state", str(tmp_path), "--export", str(tmp_path / "no" / "x")]) == 2


def test_virtual_racks_are_run_kept_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "short.yaml").write_text(SHORT)
    out, err = said(capsys, tmp_path, "run", "gb200-nvl72", "--racks", "2", "--plan", "short")
    assert "virtual/gb200-nvl72/1/k002" in out
    name = next((tmp_path / "evaluations").iterdir()).name
    assert f"{name}: sealed in" in out
    assert err == "gb200-nvl72: 2 sheets\n"
    assert name in said(capsys, tmp_path, "show")[0]
    assert "k001" in said(capsys, tmp_path, "show", name)[0]
    sheets = tmp_path / "evaluations" / name / "sheets.jsonl"
    assert run(["verify", str(sheets), "--state", str(tmp_path)]) == 0
    flip(sheets)
    assert run(["evaluate", "show", name, "--state", str(tmp_path)]) == 9
    assert run(["verify", str(sheets), "--state", str(tmp_path)]) == 9
    assert "altered: sheets.jsonl" in capsys.readouterr().out
    assert run(["evaluate", "run", "gb200-nvl72", "--plan", "none", "--state", str(tmp_path)]) == 2
    assert run(["evaluate", "take", "none", "--state", str(tmp_path)]) == 2


def test_a_plan_shows_criteria_and_what_a_day_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "goodput-per-kw" in said(capsys, tmp_path, "plan")[0]
    six_racks(tmp_path)
    out, _ = said(capsys, tmp_path, "plan", "--effect", "5", "--racks", "6", "--by", "2099-01-01")
    assert "racks differ as 6 of them did" in out
    assert run(["evaluate", "plan", "--effect", "5", "--by", "soon", "--state", str(tmp_path)]) == 2


def test_a_milestone_is_sent_as_it_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, Any]] = []

    class Link:
        def post(self, path: str, body: Any) -> Any:
            sent.append((path, body))
            return {"rack": "k1", "what": "docked", "unix_ns": 0, "actor": "ada"}

    monkeypatch.setattr(evaluate, "connect", lambda *_: Link())
    assert run(["evaluate", "note", "a/b/c/k1", "docked", "--at", "2026-11-30T08:00:00", "--note", "dry"]) == 0
    body = {"rack": "a/b/c/k1", "what": "docked", "at": "2026-11-30T08:00:00", "note": "dry"}
    assert sent == [("/api/v1/evaluations/milestones", body)]
