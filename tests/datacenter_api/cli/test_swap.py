"""`swap`: each step is one command with what was said; what is missing is refused before anything is sent."""

import json
from typing import Any

import pytest
from support.scripted import RACK, Scripted, endpoint

from datacenter_api.cli import swap
from datacenter_api.cli.main import run
from firmware_bridge.vocabulary.errors import PreconditionFailed

BMC = f"{RACK}/u12/bmc"
STEP = {"stage": "off", "next": "replace the part", "why": ""}
BEGUN = {
    "place": BMC,
    "stage": "replace",
    "owner": "ada",
    "contact": "555-0100",
    "old_serial": "S-1",
    "new_serial": "",
    "reason": "dead GPU",
    "why": "",
}


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    made = Scripted([endpoint()], {"/swaps": [BEGUN]}, {"swap": STEP})
    monkeypatch.setattr(swap, "connect", lambda *_: made)
    return made


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (
            ["start", "u12", "--reason", "dead GPU", "--contact", "555-0100", "--hours", "2"],
            {"action": "start", "reason": "dead GPU", "contact": "555-0100", "hours": "2.0"},
        ),
        (["continue", "u12"], {"action": "continue"}),
        (
            ["continue", "u12", "--off", "LED is dark", "--serial", "S-2", "--trust", "sha256//x"],
            {"action": "continue", "off": "LED is dark", "serial": "S-2", "pin": "sha256//x"},
        ),
        (["abort", "u12", "--reason", "wrong tray"], {"action": "abort", "reason": "wrong tray"}),
    ],
)
def test_a_step_sends_what_was_said_and_shows_what_comes_next(
    link: Scripted, capsys: pytest.CaptureFixture[str], words: list[str], sent: dict[str, Any]
) -> None:
    assert run(["swap", *words, "-o", "json"]) == 0
    assert link.sent == [("swap", BMC, sent)]
    document = json.loads(capsys.readouterr().out)
    assert (document["endpoint"], document["next"]) == (BMC, "replace the part")


def test_status_shows_who_works_where(link: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["swap", "status"]) == 0
    out = capsys.readouterr().out
    for word in ("k01/u12/bmc", "replace", "ada (555-0100)", "S-1", "dead GPU"):
        assert word in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["start", "u12", "--contact", "555"], "reason"),
        (["start", "u12", "--reason", "x"], "contact"),
        (["start", "u12", "--reason", "x", "--contact", "y", "--hours", "100"], "hours"),
        (["abort", "u12"], "reason"),
        (["continue", "u99"], "no endpoint"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_sent(
    link: Scripted, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(["swap", *words]) != 0
    assert said in capsys.readouterr().err
    assert link.sent == []


def test_a_step_that_is_refused_says_what_is_missing(link: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    link.results["swap"] = PreconditionFailed("the tray is still on", advice="switch it off")
    assert run(["swap", "continue", "u12"]) != 0
    assert "the tray is still on" in capsys.readouterr().err
