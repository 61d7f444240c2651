"""`passport` and `option`: what is sent, what is shown, and exit codes that a test floor can branch on."""

import json
from pathlib import Path
from typing import Any

import pytest

from datacenter_api.cli import option, passport
from datacenter_api.cli.main import run

CLAIM = {
    "rule": "contract",
    "verdict": "not_met",
    "lower_percent": 12.0,
    "upper_percent": 49.5,
    "more_than_percent": 50.0,
    "country": "",
    "reasons": ["2 parts are of unknown origin"],
    "leaves_out": [],
    "source": "s",
}
SIDE = {"place": "a/b/c/k1/u1/psu0", "kind": "psu", "part": "P", "serial": "S"}
RECORD: dict[str, Any] = {
    "offer": {
        "name": "pilot",
        "title": "T",
        "decide_by": "2027-01-01",
        "racks": ["a/b/c/k1"],
        "buyer": {"firm": "B", "users": ["b"]},
        "seller": {"firm": "S", "users": ["s"]},
    },
    "stage": "conditional",
    "conditions": [
        {"measure": "racks_passed", "word": "L12", "compare": ">=", "bound": 17.0, "by": "2027-01-01"}
        | {"outcome": "open", "last": None, "detail": ""}
    ],
    "log": [{"unix_ns": 0, "actor": "b", "step": "accept_if", "stage": "conditional", "said": "why"}],
}


class Link:
    """Answers by the end of a path; keeps what was sent."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.sent: list[tuple[str, Any]] = []

    def get(self, path: str, **asked: Any) -> Any:
        self.sent.append((path, {k: v for k, v in asked.items() if v is not None}))
        return next(answer for end, answer in self.answers.items() if path.endswith(end))

    def post(self, path: str, body: Any) -> Any:
        return self.get(path, **body)

    def send_file(self, path: str, data: bytes, **asked: Any) -> Any:
        return self.get(path, size=len(data), **asked)


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> Link:
    made = Link()
    for module in (passport, option):
        monkeypatch.setattr(module, "connect", lambda *_: made)
    return made


def test_a_refused_file_shows_each_fault_and_is_no_success(
    link: Link, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f.csv").write_text("x")
    fault = {"row": 7, "field": "currency", "what": "no ISO 4217 currency", "value": "XXX"}
    report = {"accepted": False, "rows": 9, "racks": [], "faulty": 1, "faults": [fault], "counts": {"currency: no": 1}}
    link.answers = {"/imports": report}
    assert run(["passport", "import", str(tmp_path / "f.csv"), "--rack", "a/b/c/k1"]) == 2
    shown = capsys.readouterr()
    assert "7  currency  no ISO 4217 currency  XXX" in shown.out
    assert "nothing was kept, 1 fault in 9 rows:" in shown.err
    assert link.sent[0][1] == {"size": 1, "name": "f.csv", "rack": "a/b/c/k1"}
    assert run(["passport", "import", str(tmp_path / "none.csv")]) == 2


def test_an_accepted_file_says_how_much_is_kept(link: Link, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "f.csv").write_text("x")
    link.answers = {"/imports": {"accepted": True, "already": False, "rows": 5, "racks": ["k1"], "import_id": 3}}
    assert run(["passport", "import", str(tmp_path / "f.csv")]) == 0
    assert "kept 5 records of 1 rack" in capsys.readouterr().out


def test_a_claim_that_is_not_met_has_an_exit_code_of_its_own(link: Link, capsys: pytest.CaptureFixture[str]) -> None:
    link.answers = {"/claims": [CLAIM]}
    assert run(["passport", "claim", "k1", "--delivery", "2028-06-01"]) == 9
    assert "not met  12.00 to 49.50 %  > 50 %" in capsys.readouterr().out
    assert run(["passport", "claim", "k1", "--all", "-o", "json"]) == 0


def test_a_match_names_both_sides_and_what_was_not_read(link: Link, capsys: pytest.CaptureFixture[str]) -> None:
    finding = {"fit": "swapped", "built": SIDE, "found": {**SIDE, "serial": "NEW"}}
    report = {"counts": {"same": 3, "swapped": 1}, "wrong": 1, "findings": [finding], "unread": ["u2"], "swaps": ""}
    link.answers = {"/match": report}
    assert run(["passport", "match", "k1"]) == 9
    shown = capsys.readouterr()
    assert "swapped  k1/u1/psu0: P S  k1/u1/psu0: P NEW" in shown.out
    assert "3 same, 1 swapped" in shown.out
    assert "1 trays are not read in full yet" in shown.out
    assert run(["passport", "match", "k1", "-o", "json"]) == 9
    assert json.loads(capsys.readouterr().out)["counts"] == {"same": 3, "swapped": 1}
    link.answers = {"/match": {**report, "wrong": 0, "findings": [], "unread": []}}
    assert run(["passport", "match", "k1"]) == 0


def test_a_freeze_is_refused_or_meant_and_says_what_was_wrong(link: Link, capsys: pytest.CaptureFixture[str]) -> None:
    row: dict[str, Any] = {"rack": "a/b/c/k1", "rows": 5, "wrong": 1, "unread": 0, "actor": "ada", "unix_ns": 0}
    row |= {"sha256": "ab" * 32, "counts": {"swapped": 1}}
    row["findings"] = [{"fit": "swapped", "built": SIDE, "found": {**SIDE, "serial": "NEW"}}]
    link.answers = {"/freeze": row, "/k1": {"rows": 5, "cost_known": 0, "parts": [], "frozen": [row]}}
    assert run(["passport", "freeze", "k1", "--despite-wrong"]) == 0
    assert link.sent[-1][1] == {"despite_wrong": True}
    assert "accepted with parts that do not fit: 1 swapped\n" in capsys.readouterr().out
    assert run(["passport", "freeze", "k1", "-o", "name"]) == 0
    assert link.sent[-1][1] == {}, "an API of before these flags knows neither"
    assert run(["passport", "freeze", "k1", "--despite-unread"]) == 0
    assert link.sent[-1][1] == {"despite_unread": True}
    capsys.readouterr()
    assert run(["passport", "freeze", "k1", "-o", "name"]) == 0
    assert capsys.readouterr().out == "ab" * 32 + "\n"
    assert run(["passport", "show", "k1"]) == 0
    assert "swapped  k1/u1/psu0: P S  k1/u1/psu0: P NEW" in capsys.readouterr().out
    link.answers["/k1"]["frozen"] = [{**row, "counts": {}, "findings": []}]
    assert run(["passport", "show", "k1"]) == 0
    assert "accepted with parts that do not fit: 1\n" in capsys.readouterr().out


def test_a_rack_whose_records_cannot_be_read_says_so_beside_the_others(
    link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    sound: dict[str, Any] = {"rack": "a/b/c/k1", "rows": 5, "swaps": 0, "frozen": ""}
    link.answers = {"/passports": [sound, {**sound, "rack": "a/b/c/k2", "rows": 0, "unreadable": "it is cut: restore"}]}
    assert run(["passport", "list"]) == 0
    _, first, second, why = capsys.readouterr().out.splitlines()
    assert first.split()[:2] == ["a/b/c/k1", "5"]
    assert second.split()[:2] == ["a/b/c/k2", "–"]
    assert why == "a/b/c/k2: it is cut: restore"


def test_an_export_writes_file_seal_and_a_secret_for_the_owner_alone(link: Link, tmp_path: Path) -> None:
    link.answers = {"/export": {"name": "k1.cdx.json", "content": "{}\n", "seal": "s\n", "openings": {"rack": "k1"}}}
    assert run(["passport", "export", "k1", "--to", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "k1.cdx.json").read_text() == "{}\n"
    assert (tmp_path / "out" / "k1.cdx.json.dsse").read_text() == "s\n"
    secret = tmp_path / "out" / "k1.cdx.json.openings.json"
    assert (secret.stat().st_mode & 0o777, json.loads(secret.read_text())) == (0o600, {"rack": "k1"})
    assert link.sent[0][1]["redacted"] is True


def test_an_offer_is_read_from_a_file_and_a_word_is_sent_as_it_was_said(
    link: Link, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "offer.yaml").write_text("name: pilot\ndecide_by: 2027-01-01\n")
    link.answers = {"/options": RECORD, "/steps": RECORD}
    assert run(["option", "offer", str(tmp_path / "offer.yaml")]) == 0
    assert link.sent[-1][1] == {"name": "pilot", "decide_by": "2027-01-01"}
    asked = "racks_passed:L12 >= 17 by 2027-01-01"
    assert run(["option", "say", "pilot", "accept_if", "--if", asked, "--reason", "why"]) == 0
    assert link.sent[-1][1] == {"step": "accept_if", "said": "why", "conditions": [asked]}
    assert f"open: {asked} (measured: not known" in capsys.readouterr().out
    for shape, begin in (("json", "{"), ("yaml", "schema_version: 1"), ("name", "pilot\n")):
        assert run(["option", "say", "pilot", "accept", "-o", shape]) == 0
        shown = capsys.readouterr()
        assert (shown.out.startswith(begin), asked in shown.out) == (True, False), shape
    assert run(["option", "offer", str(tmp_path / "none.yaml")]) == 2
    (tmp_path / "offer.yaml").write_text("name: pilot\ndecide_by: 2027-02-30\n")
    assert run(["option", "offer", str(tmp_path / "offer.yaml")]) == 2
    assert "day is out of range" in capsys.readouterr().err


def test_evidence_is_handed_in_with_its_seal_and_shown_with_why_it_does_not_count(
    link: Link, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "e.jsonl").write_text("x\n")
    assert run(["option", "evidence", "pilot", str(tmp_path / "e.jsonl")]) == 2, "there is no seal beside it"
    (tmp_path / "e.jsonl.dsse").write_text("s\n")
    row = {"run": "r1", "rack": "k1", "level": "L12", "passed": True, "ended_unix_ns": 1, "sha256": "a", "fault": ""}
    bad = {**row, "run": "r2", "passed": None, "fault": "its seal does not hold"}
    link.answers = {"/pilot/evidence": [row, bad], "/options/evidence": row}
    assert run(["option", "evidence", "pilot", str(tmp_path / "e.jsonl")]) == 0
    assert link.sent[0][1] == {"content": "x\n", "seal": "s\n"}
    shown = capsys.readouterr()
    assert "k1 has passed L12" in shown.out
    assert "no: its seal does not hold" in shown.out
