"""`rackwright accept`: the plan as a table, a run of a short plan, what is kept of it, and what is refused."""

import json
from pathlib import Path

import msgspec
import pytest
from support.accepted import short_run

from datacenter_api.cli.main import run
from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.launch import held
from rack_controller.acceptance.progress import Progress, tell

PLAN = """
schema_version: 1
name: short
title: A short plan
steps:
  - id: settings
    title: Settings
    level: L10
    measures: [{id: clock, title: Clock, of: clock_offset_s, rule: fact, least: -5, most: 5, source: a test}]
"""


def accept(*words: str) -> int:
    return run(["accept", *words])


def test_a_plan_is_shown_with_its_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert accept("plan", "gb200-nvl72", "-o", "json") == 0
    said = json.loads(capsys.readouterr().out)
    assert {"identity", "soak", "gpu_stress"} <= {s["id"] for s in said["items"]}
    assert all(m["source"] for s in said["items"] for m in s["limits"])


def test_a_run_is_kept_shown_and_proven(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.yaml").write_text(PLAN)
    words = ["--virtual", "--plan", str(tmp_path / "p.yaml"), "--state", str(tmp_path / "state")]
    assert accept("run", *words) == 0
    assert accept("run", *words, "--plant", "wrong_clock", "-o", "json") == 9
    out = capsys.readouterr().out
    assert "u23/bmc" in out
    assert accept("show", "--state", str(tmp_path / "state"), "-o", "json") == 0
    listed = json.loads(capsys.readouterr().out)["items"]
    assert {r["outcome"] for r in listed} == {"pass", "fail"}
    assert accept("show", listed[0]["id"], "--state", str(tmp_path / "state")) == 0
    evidence = tmp_path / "state" / "acceptance" / listed[0]["id"] / "evidence.ocptv.jsonl"
    assert run(["verify", str(evidence), "--state", str(tmp_path / "state")]) == 0


def test_the_list_has_runs_that_have_not_ended_and_tells_of_one_that_was_altered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = begin(Wish("gb200-nvl72", "L10", 3), tmp_path, "test", "ada")
    cut.write(msgspec.structs.replace(cut.read(), began_unix_ns=1))
    altered = short_run(tmp_path).path / "run.json"
    altered.write_bytes(altered.read_bytes().replace(b'"fail"', b'"pass"'))
    assert accept("show", "--state", str(tmp_path)) == 0
    said = capsys.readouterr().out
    assert "UNFINISHED" in said
    assert "ALTERED since it was sealed: run.json is not what was sealed" in said
    run_id = altered.parent.name
    assert accept("show", run_id, "--state", str(tmp_path)) == 0
    assert "ALTERED since it was sealed: run.json is not what was sealed" in capsys.readouterr().out
    assert accept("show", run_id, "--json", "--state", str(tmp_path)) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["altered"], told["unproven"]) == ("run.json is not what was sealed", "")


def test_a_run_under_way_says_what_it_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = begin(Wish("gb200-nvl72", "L10", 3), tmp_path, "test", "ada")
    run_id = folder.path.name
    now = Progress(
        "identity", "Parts", "", 0, None, "inventories: 40 of 63 reports are in", 0.12, steps=9, left_s=122.9
    )
    now = msgspec.structs.replace(now, left_by="an earlier run of k01", wait_counts=False)
    tell(folder.path, now)
    with held(folder.path):
        assert accept("show", run_id, "--state", str(tmp_path)) == 0
        said = capsys.readouterr().out.replace("\u00a0", " ")
        assert "identity, Parts: waits for inventories: 40 of 63 reports are in since 00:00:00 · 12% of the run" in said
        assert "0 of 9 steps done · at least 2 min 3 s left, by an earlier run of k01" in said
        assert "OUTCOME" not in said, "no table of nothing"
        assert accept("show", run_id, "--state", str(tmp_path), "-o", "json") == 0
        shown = json.loads(capsys.readouterr().out)
        assert (shown["running"], shown["now"]) == (True, msgspec.to_builtins(now))
    folder.write(msgspec.structs.replace(folder.read(), began_unix_ns=1))
    assert accept("show", run_id, "--state", str(tmp_path)) == 0
    assert f"no process goes on with it: `rackwright accept run --resume {run_id} --virtual`" in capsys.readouterr().out


def test_a_run_that_is_not_kept_is_not_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert accept("show", "no-such-run", "--state", str(tmp_path)) == 3
    assert "there is no run 'no-such-run': see `rackwright accept show`" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", "--virtual", "--level", "L9"),
        ("run", "--virtual", "--plant", "nothing"),
        ("run", "--virtual", "no-such-generation"),
        ("plan", "--plan", "no-such-file.yaml"),
    ],
)
def test_what_cannot_be_is_refused_with_advice(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = [] if words[0] == "plan" else ["--state", str(tmp_path)]
    assert accept(*words, *more) not in {0, 9}
    assert "rackwright:" in capsys.readouterr().err
