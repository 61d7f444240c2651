"""`rackwright bench power` on a minute of two racks, and what it refuses."""

import json
from pathlib import Path

import pytest

from datacenter_api.cli.main import run

SCENARIO = """
schema_version: 1
name: tiny
title: Two racks for a moment
generation: gb200-nvl72
racks: 2
seconds: 8
oversubscription: 1.25
jobs:
  - {kind: training, racks: [0], peak_w: 1160, compute_s: 4, exchange_s: 1}
  - {kind: serving, racks: [1], peak_w: 1160}
"""


def bench(*words: str) -> int:
    return run(["bench", "power", *words])


def test_a_scenario_and_a_trace_of_ones_own_give_a_row_for_each_controller(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    rows = "\n".join(f"2023-11-16 18:17:{n:02d}.0,{100 * n},20" for n in range(60))
    (tmp_path / "t.csv").write_text(f"TIMESTAMP,ContextTokens,GeneratedTokens\n{rows}\n")
    words = ["--scenario", str(tmp_path / "tiny.yaml"), "--trace", str(tmp_path / "t.csv"), "--seeds", "1"]
    assert bench(*words, "--controllers", "none,budget,oracle", "-o", "json") == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["controller"] for row in said["items"]] == ["none", "budget", "oracle"]
    assert said["items"][1]["over_s"] == 0.0
    assert said["items"][0]["settle_s"] is None
    assert said["items"][2]["training_of_oracle"] == 1.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--controllers", "magic"], "none, static"),
        (["--seeds", "0"], "1 to 100"),
        (["--margin", "9"], "0.3 to 2"),
        (["--scenario", "s99"], "s1"),
        (["--oversubscription", "9"], "0.5 to 4"),
        (["--trace", "/nowhere.csv"], "/nowhere.csv"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_exit_code_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_report_is_one_page_with_a_plot_for_each_controller_and_no_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    page = tmp_path / "report.html"
    words = ["--scenario", str(tmp_path / "tiny.yaml"), "--seeds", "1", "--report", str(page)]
    assert bench(*words, "--controllers", "none,budget") == 0
    text = page.read_text()
    assert text.count("<svg") == 2
    assert text.count("<polyline") == 6
    assert "Two racks for a moment" in text
    assert "<script" not in text
    assert "http" not in text
    assert bench(*words[:-1], str(tmp_path / "no" / "such.html"), "--controllers", "none") == 2
    assert "--report" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("0,1500\n2,nan\n4,1500", "trace.csv:3: (row): expected finite powers from 0"),
        ("0,1500\n2,1500\n1,1500", "trace.csv:4: (row): expected a later time"),
        ("0,1500\n2,-1\n4,1500", "trace.csv:3: (row): expected finite powers from 0"),
        ("0,1\n2,1\n4,1\n99,1\n101,1", "trace.csv:5: (row): expected no gap"),
    ],
)
def test_a_bad_power_trace_is_refused_with_file_line_and_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, said: str
) -> None:
    (tmp_path / "trace.csv").write_text(f"t_s,node1_W\n{rows}\n")
    assert bench("--scenario", "s9", "--trace", str(tmp_path / "trace.csv")) == 2
    assert said in " ".join(capsys.readouterr().err.split())
