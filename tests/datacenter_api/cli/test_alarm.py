"""`alarm`: what a line says, what is folded and what is silenced, what an act sends, and what is refused."""

from typing import Any

import msgspec
import pytest
from support.alarmed import played_alarms

from datacenter_api.cli import alarm
from datacenter_api.cli.output import Output, render
from datacenter_api.cli.status import alarms_line
from datacenter_api.fleet.summary import alarms_in_short
from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.place import Place

RACK = Place("lab1/a/r01/k01")
LIST = played_alarms(RACK)


class Scripted:
    """A connection to an API whose rack has alarms; a command is remembered and answered."""

    def __init__(self, reply: dict[str, Any] | None = None) -> None:
        self.reply, self.sent = reply or {}, {}  # type: ignore[var-annotated]

    def get(self, path: str, **_query: Any) -> Any:
        if path.endswith("/alarms"):
            return msgspec.to_builtins(LIST)
        return [{"rack": RACK, "name": "k01"}]

    def post(self, path: str, body: Any) -> Any:
        assert path == "/api/v1/racks/k01/commands"
        self.sent = body
        return {"result": self.reply}


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    link = Scripted({"alarm": "k01-a20", "state": "acknowledged", "until_unix_ns": 3_600_000_000_000})
    monkeypatch.setattr(alarm, "connect", lambda _url, _state: link)
    return link


def test_a_line_says_what_stands_how_urgent_it_is_and_what_to_do() -> None:
    rows = alarm.lines(msgspec.to_builtins(LIST), every=False)
    assert [(r["name"], r["count"]) for r in rows] == [
        ("leak.critical", 1),
        ("part.critical", 1),
        ("endpoint.silent", 5),
        ("part.warning", 1),
    ]
    table = render(rows, alarm._COLUMNS, Output.TABLE)
    for word in ("k01-a1 ", "1 critical", "unacknowledged", "k01/u31", "Leak: leak1 is critical", "leave it off"):
        assert word in table
    assert "u11 bmc is absent (the first of 5)" in table
    assert len(alarm.lines(msgspec.to_builtins(LIST), every=True)) == 11


def test_the_list_says_what_is_silenced_and_that_it_is_a_flood(
    link: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    alarm.list_alarms()
    told = capsys.readouterr().out
    assert "k01: 1 shelved, 1 out of service, 1 suppressed (--all)" in told
    assert "k01: 11 alarms in ten minutes are a flood" in told


def test_one_alarm_shows_its_words_its_chain_and_what_may_be_done(
    link: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    alarm.show_alarm("k01-a23")
    told = capsys.readouterr().out
    assert "cause: a leak detector says nothing" in told
    assert "Leak at u31: leak1 is critical → Leak unseen at u31: leak0 is silent" in told
    alarm.show_alarm("k01-a1")
    told = capsys.readouterr().out
    assert "u31, u30 off → hides Leak unseen" in told
    assert "may be done: ack\n" in told


def test_an_act_sends_what_the_contract_wants(link: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    alarm.acknowledge(["k01-a20"])
    assert link.sent == {"verb": "alarm", "target": "k01", "arguments": {"do": "ack", "alarm": "k01-a20"}}
    alarm.shelve("k01-a20", reason="the spare comes", hours=9.0)
    arguments = {"do": "shelve", "alarm": "k01-a20", "reason": "the spare comes", "minutes": 540}
    assert link.sent["arguments"] == arguments, "the controller says what is too long"
    alarm.unshelve("k01-a20")
    assert link.sent["arguments"]["do"] == "unshelve"
    alarm.take_out_of_service("k01-a20", reason="wrong map")
    assert link.sent["arguments"] == {"do": "out_of_service", "alarm": "k01-a20", "reason": "wrong map"}
    alarm.return_to_service("k01-a20")
    assert link.sent["arguments"]["do"] == "return"
    assert "k01-a20 is shelved until" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["k01", "k01-l1", "-a1", "k01-ax"])
def test_what_is_no_alarm_is_refused_before_anything_is_sent(link: Scripted, name: str) -> None:
    with pytest.raises(TargetUnknown, match="is no alarm"):
        alarm.unshelve(name)
    assert link.sent == {}


def test_an_alarm_that_is_not_there_is_said_so(link: Scripted) -> None:
    with pytest.raises(TargetUnknown, match="no alarm 'k01-a99'"):
        alarm.show_alarm("k01-a99")


def test_status_counts_them_by_priority() -> None:
    said = {"alarms": msgspec.to_builtins(alarms_in_short(LIST.glance))}
    assert alarms_line(said) == (
        "alarms: 1 critical, 1 high, 6 medium; 7 unacknowledged, a flood: work from the first cause "
        "(`rackwright alarm list`)"
    )
    assert alarms_line({"alarms": None}) == alarms_line({}) == ""
