"""`endpoint check`: looks unless told not to, writes only what was asked for, and prints both sides of what differs."""

import json
from typing import Any

import pytest
from support.scripted import RACK, Scripted, endpoint

from datacenter_api.cli import endpoint_check
from datacenter_api.cli.main import run
from firmware_bridge.vocabulary.errors import RoleInsufficient

WRONG = {
    "name": "power_restore",
    "title": "Stays off when mains return",
    "found": "AlwaysOn",
    "wanted": "AlwaysOff",
    "verdict": "differs",
    "required": True,
    "fixable": True,
    "why": "",
    "where": "/redfish/v1/Systems/S#/PowerRestorePolicy",
    "source": "design",
    "confirmed": False,
}
READINESS = {
    "place": f"{RACK}/u12/bmc",
    "ready": "blocked",
    "judgements": [WRONG],
    "part": {"serial": "S-2"},
    "history": [{"serial": "S-2", "until_unix_ns": 0}, {"serial": "S-1", "until_unix_ns": 5}],
    "age_s": 12.0,
    "error": "",
}
FAILS = {"where": "/redfish/v1/X", "error": "EndpointRefused: HTTP 500", "since_s": 200.0, "last_s": 1.0, "times": 9}


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    made = Scripted([endpoint(failing=[FAILS])], {"/readiness": READINESS})
    monkeypatch.setattr(endpoint_check, "connect", lambda *_: made)
    return made


def test_it_looks_and_prints_what_is_and_what_is_wanted(link: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["endpoint", "check", "u12"]) == 0
    told = capsys.readouterr()
    assert link.sent == [("check", f"{RACK}/u12/bmc", {})]
    for word in ("power_restore", "differs", "AlwaysOn", "AlwaysOff"):
        assert word in told.out
    assert "blocked; serial S-2; looked at 12 s ago" in told.out
    assert "before it: serial S-1" in told.out
    assert "fails: /redfish/v1/X for 3 min, 9 reads in a row: EndpointRefused: HTTP 500" in told.out
    assert told.err == ""


def test_stored_asks_no_device_and_json_is_the_whole_document(
    link: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["endpoint", "check", "u12/bmc", "--stored", "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert link.sent == []
    assert (document["ready"], document["failing"][0]["times"]) == ("blocked", 9)


@pytest.mark.parametrize(("word", "arguments"), [("all", {}), ("power_restore", {"name": "power_restore"})])
def test_fix_writes_what_was_named(
    link: Scripted, capsys: pytest.CaptureFixture[str], word: str, arguments: dict[str, Any]
) -> None:
    link.results["fix"] = {"written": "power_restore"}
    assert run(["endpoint", "check", "u12", "--fix", word]) == 0
    assert link.sent == [("fix", f"{RACK}/u12/bmc", arguments)]
    assert "written: power_restore" in capsys.readouterr().out


def test_who_may_not_look_now_sees_what_is_known(link: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    link.results["check"] = RoleInsufficient("role viewer may not look")
    assert run(["endpoint", "check", "u12"]) == 0
    told = capsys.readouterr()
    assert "not looked at now: role viewer may not look" in told.err
    assert "power_restore" in told.out


@pytest.mark.parametrize(("place", "code", "said"), [("u99", 3, "no endpoint"), ("", 3, "no endpoint")])
def test_an_endpoint_that_is_not_there_is_refused(
    link: Scripted, capsys: pytest.CaptureFixture[str], place: str, code: int, said: str
) -> None:
    assert run(["endpoint", "check", place]) == code
    assert said in capsys.readouterr().err
    assert link.sent == []
