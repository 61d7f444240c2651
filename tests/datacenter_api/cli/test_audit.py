"""`rackwright audit` on a state directory and on files, with no server: what it shows, finds, and exits with."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from datacenter_api.auth.store import Store
from datacenter_api.cli.main import run
from rack_controller.audit_log import AuditLog
from rack_controller.model.audit import Deed


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RACKWRIGHT_STATE", str(tmp_path))
    store = Store(tmp_path)
    for user in ("ann", "ben", "eve"):
        store.audit(user, "::1", "login", user, "ok")
    store.close()
    AuditLog(tmp_path / "audit", "controller").write(Deed(1, "ada", "bus", "command power", "u12", "accepted"))
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = run(["audit", *arguments, "-o", "json"])
    out = capsys.readouterr()
    return code, json.loads(out.out)["items"] if out.out else out.err


def test_what_holds_is_said_to_hold(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = said(capsys, "verify")
    assert (code, [(r["log"], r["holds"], r["last"]) for r in rows]) == (0, [("api", True, 4), ("controller", True, 2)])
    code, listed = said(capsys, "list", "--limit", "2")
    assert (code, [(r["actor"], r["sequence"]) for r in listed]) == (0, [("eve", 4), ("ben", 3)])
    code, listed = said(capsys, "list", str(state / "audit" / "controller.jsonl"))
    assert (code, [r["what"] for r in listed]) == (0, ["command power", "audit.begin"])
    code, heads = said(capsys, "heads")
    assert (code, heads[0]["hash"]) == (0, rows[0]["head"])
    assert said(capsys, "verify", "--head", f"4:{rows[0]['head']}")[0] == 0


def test_the_first_record_that_is_not_right_is_named_and_the_code_is_one(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = state / "audit" / "api.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"actor":"ben"', b'"actor":"bob"'))
    code, rows = said(capsys, "verify")
    assert (code, rows[0]["wrong"], rows[0]["line"]) == (1, "altered", 3)
    assert rows[0]["found"] == "record 3 altered: api.jsonl, line 3: its hash does not fit its content"
    assert rows[1]["holds"]
    file.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    code, rows = said(capsys, "verify")
    assert (code, rows[0]["wrong"]) == (1, "truncated")
    assert said(capsys, "verify", str(file))[0] == 0  # nobody kept a head of a copy
    code, rows = said(capsys, "verify", str(file), "--head", "4:" + json.loads(whole.splitlines()[-1])["hash"])
    assert (code, rows[0]["wrong"]) == (1, "truncated")


def test_a_copy_of_a_part_says_what_it_follows(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (state / "audit" / "api.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "part.jsonl").write_bytes(b"".join(lines[2:]))
    code, rows = said(capsys, "verify", str(tmp_path / "part.jsonl"))
    assert (code, rows[0]["first"]) == (0, 3)
    assert rows[0]["told"][0].startswith("begins after record 2, whose hash is ")


def test_lines_of_before_the_chain_are_judged_by_its_first_record(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (state / "audit").iterdir():
        file.unlink()
    insert = "INSERT INTO audit (unix_ns, actor, address, what, target, outcome, detail) VALUES (1,?,'','x','','','')"
    with sqlite3.connect(state / "accounts.db") as database:
        database.executemany(insert, [("old",), ("older",)])
    Store(state).close()
    code, rows = said(capsys, "verify")
    assert (code, rows[0]["told"][0]) == (0, "2 lines of before the chain are as they were when it began")
    with sqlite3.connect(state / "accounts.db") as database:
        database.executemany(insert, [("newer",)])
    code, rows = said(capsys, "verify")
    assert (code, rows[0]["told"][-1]) == (0, "1 lines stand outside the chain: a version without one wrote them")
    with sqlite3.connect(state / "accounts.db") as database:
        database.execute("UPDATE audit SET actor = 'other' WHERE actor = 'old'")
    code, rows = said(capsys, "verify")
    assert (code, rows[0]["holds"]) == (1, False)
    assert "before the chain are not as they were" in rows[0]["found"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["verify", "--head", "4:abc"], "'4:abc' is no head of a log: say SEQUENCE:HASH"),
        (["verify", "--head", f"nobody:4:{'0' * 64}"], "no audit log of 'nobody'"),
        (["verify", "/nowhere.jsonl"], "cannot read /nowhere.jsonl: No such file"),
        (["list", "--writer", "nobody"], "one of: api, controller"),
        (["verify", "--state", "/nowhere"], "no audit log in /nowhere/audit"),
    ],
)
@pytest.mark.usefixtures("state")
def test_what_cannot_be_judged_is_a_usage_error(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", *arguments]) == 2
    assert text in capsys.readouterr().err
