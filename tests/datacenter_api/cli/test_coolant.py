"""`coolant`: what is shown for which unit, what is sent, and that a target that was not taken ends with 7."""

from typing import Any

import msgspec
import pytest
from support.command_line import CliRunner
from support.kill_story import POWER_KINDS, plan_of

from datacenter_api.cli import coolant, limit
from datacenter_api.cli.main import app

RACK = "lab1/a/r01/k01"
PLACE = f"{RACK}/u01/flow_target"
DONE = {
    "place": PLACE,
    "endpoint": "e",
    "value": 90.0,
    "by": "ada",
    "state": "applied",
    "read_back": 90.0,
    "detail": "",
    "quantity": "flow",
}
ROW = {
    "place": PLACE,
    "endpoint": "e",
    "least": 36.0,
    "most": 110.0,
    "default": None,
    "shows": 90.0,
    "wanted": DONE,
    "held": "No spare pump at k01",
    "quantity": "flow",
}


class Played:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.done: list[dict[str, Any]] = [DONE]

    def get(self, path: str, **_query: Any) -> Any:
        if path == "/api/v1/racks":
            return [{"rack": RACK}]
        assert path == "/api/v1/racks/lab1%2Fa%2Fr01%2Fk01/coolant"
        return [ROW, {**ROW, "place": f"{RACK}/u02/supply_target", "quantity": "temperature_supply", "wanted": None}]

    def post(self, path: str, body: Any) -> Any:
        self.sent.append(body)
        return {"result": {"coolant": self.done}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Played:
    played = Played()
    monkeypatch.setattr(coolant, "connect", lambda _url, _state: played)
    for module in (coolant, limit):
        monkeypatch.setattr(module, "rack_holding", lambda _link, _place, _rack: RACK)
    return played


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["coolant", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_targets_are_shown_with_unit_range_and_why_they_stay_up(api: Played) -> None:
    assert run("show", "-o", "name").split() == [PLACE, f"{RACK}/u02/supply_target"]
    assert run("show", "u01", "-o", "name").split() == [PLACE]
    said = " ".join(run("show", "u01").split())
    for part in ("flow", "90 L/min", "applied", "36 L/min to 110 L/min"):
        assert part in said
    assert "supply" in run("show", "u02")


def test_what_is_sent_and_what_reads_back(api: Played) -> None:
    assert "90 L/min" in run("set", "u01", "flow", "90", "--yes")
    assert "the unit keeps what it has" in run("clear", "u01", "flow")
    api.done = []
    assert "nothing was wanted there" in run("clear", "u01", "supply")
    assert [b["arguments"] for b in api.sent] == [
        {"what": "flow", "value": 90.0},
        {"what": "flow", "clear": True},
        {"what": "supply", "clear": True},
    ]


def test_a_target_that_was_not_taken_ends_with_seven(api: Played) -> None:
    api.done = [{**DONE, "state": "requested", "read_back": 60.0, "detail": "it keeps 60 L/min"}]
    assert "1 of 1 are not as wanted: it keeps 60 L/min" in run("set", "u01", "flow", "90", "--yes", code=7)


def test_nothing_is_set_without_a_word(api: Played) -> None:
    result = CliRunner().invoke(app, ["coolant", "set", "u01", "flow", "90"])
    assert result.exit_code != 0
    assert "nobody is here to confirm it" in str(result.exception)
    assert api.sent == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("u77", "flow", "90"), "u77 has no target flow"),
        (("u01", "flaw", "90"), "there is no target 'flaw': one of flow"),
        (("u01", "flow", "9999"), "flow 9999 L/min is not what u01 allows: 36 L/min to 110 L/min"),
        (("u01", "flow", "nan"), "flow nan L/min is not what u01 allows"),
    ],
)
def test_what_cannot_be_is_refused_before_anybody_is_asked(api: Played, words: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(app, ["coolant", "set", *words])
    assert said in str(result.exception)
    assert api.sent == []


class Planner(Played):
    """Makes plans, and remembers what it was told."""

    def __init__(self, despite: dict[str, str]) -> None:
        super().__init__()
        self.despite = despite

    def post(self, path: str, body: Any) -> Any:
        self.sent.append(body)
        kind = next(k for k in POWER_KINDS if k.name == "coolant stop plain")
        plan = msgspec.structs.replace(plan_of(kind), despite=self.despite)
        return {"result": {"operation": "k01-3", "plan": msgspec.to_builtins(plan)}}


@pytest.mark.parametrize("word", ["stop", "start", "cycle"])
def test_a_unit_is_planned_and_asked_about(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    played = Planner({})
    monkeypatch.setattr(coolant, "connect", lambda _url, _state: played)
    monkeypatch.setattr(coolant, "rack_holding", lambda _link, _place, _rack: RACK)
    assert "kept as k01-3" in run(word, "u01", "--plan", "--reason", "new filter")
    assert CliRunner().invoke(app, ["coolant", word, "u01"]).exit_code != 0
    said = {"do": f"coolant_{word}", "reason": "new filter", "dry_run": False}
    assert played.sent[0] == {"verb": "plan", "target": "u01", "arguments": said}
    assert [body["verb"] for body in played.sent] == ["plan", "plan"]


def test_what_overrules_heat_waits_for_another_person(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Planner({f"{RACK}/u12": "is on"})
    monkeypatch.setattr(coolant, "connect", lambda _url, _state: played)
    monkeypatch.setattr(coolant, "rack_holding", lambda _link, _place, _rack: RACK)
    said = run("stop", "u01", "--despite-heat", "--reason", "a burst hose", "--yes")
    assert "done although k01/u12 is on" in said
    assert "k01-3 waits for another person, for an hour: `rackwright op approve k01-3`" in said
    assert [body["verb"] for body in played.sent] == ["plan"], "whoever planned it approves nothing"
    assert played.sent[0]["arguments"]["despite"] is True
