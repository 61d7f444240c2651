"""`endpoint repin`, `reload`, `rotate`: nothing is pinned that nobody has confirmed; a tray stands for its only one."""

import json

import pytest
from support.scripted import HELD, RACK, Scripted, endpoint

from datacenter_api.cli import endpoint_trust
from datacenter_api.cli.main import run
from firmware_bridge.vocabulary.errors import PreconditionFailed

BMC = f"{RACK}/u12/bmc"


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    made = Scripted([endpoint(held=HELD), endpoint("u13/bmc"), endpoint("u19/bmc"), endpoint("u19/nvos")])
    monkeypatch.setattr(endpoint_trust, "connect", lambda *_: made)
    return made


def test_a_confirmed_pin_and_a_serial_number_are_sent(link: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    link.results["repin"] = {"serial": "S-2"}
    words = ["endpoint", "repin", "u12", "--trust", HELD["shown"], "--serial", "S-2"]
    assert run([*words, "-o", "json"]) == 0
    told = capsys.readouterr()
    assert link.sent == [("repin", BMC, {"pin": HELD["shown"], "serial": "S-2"})]
    assert json.loads(told.out)["serial"] == "S-2"
    for word in (HELD["pinned"], HELD["shown"], "CN=u12", "2026-01-01 to 2036-01-01"):
        assert word in told.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["u12", "--trust", HELD["pinned"], "--serial", "S"], "confirmed was"),
        (["u12", "--serial", "S"], "nobody is here to confirm"),
        (["u12", "--trust", HELD["shown"]], "why may it be trusted"),
        (["u13", "--trust", HELD["shown"], "--serial", "S"], "is not held"),
        (["u19", "--serial", "S"], "could be 2 endpoints"),
        (["u99", "--serial", "S"], "no endpoint"),
    ],
)
def test_what_is_not_confirmed_is_not_pinned(
    link: Scripted, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(["endpoint", "repin", *words]) != 0
    assert said in capsys.readouterr().err
    assert link.sent == []


@pytest.mark.parametrize(("verb", "done"), [("reload", "reloaded"), ("rotate", "rotated")])
def test_the_rest_says_what_was_done(link: Scripted, capsys: pytest.CaptureFixture[str], verb: str, done: str) -> None:
    assert run(["endpoint", verb, "u13/bmc", "-o", "json"]) == 0
    assert link.sent == [(verb, f"{RACK}/u13/bmc", {})]
    assert json.loads(capsys.readouterr().out)["done"] == done


def test_a_refusal_is_one_line_with_advice(link: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    link.results["rotate"] = PreconditionFailed("k01 is only observed", advice="arm it")
    assert run(["endpoint", "rotate", "u13"]) != 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "k01 is only observed" in told.err
    assert "arm it" in told.err
