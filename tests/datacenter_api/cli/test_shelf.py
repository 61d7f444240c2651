"""`shelf`: what is planned, and that nothing is switched without the shelf's name."""

from typing import Any

import msgspec
import pytest
from support.kill_story import POWER_KINDS, plan_of
from typer.testing import CliRunner

from datacenter_api.cli import shelf
from datacenter_api.cli.main import app


class Played:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def post(self, _path: str, body: Any) -> Any:
        self.sent.append(body)
        return {"result": {"operation": "k07-3", "plan": msgspec.to_builtins(plan_of(POWER_KINDS[0]))}}


@pytest.mark.parametrize(("word", "do"), [("on", "shelf_on"), ("off", "shelf_off")])
def test_a_shelf_is_planned_and_kept_or_asked_about(monkeypatch: pytest.MonkeyPatch, word: str, do: str) -> None:
    played = Played()
    monkeypatch.setattr(shelf, "connect", lambda _url, _state: played)
    monkeypatch.setattr(shelf, "rack_holding", lambda _link, _place, _rack: "k07")
    kept = CliRunner().invoke(app, ["shelf", word, "u06", "--plan", "--reason", "new PSU"])
    assert "kept as k07-3" in kept.output
    unasked = CliRunner().invoke(app, ["shelf", word, "u06"])
    assert unasked.exit_code != 0
    planned = {"verb": "plan", "target": "u06", "arguments": {"do": do, "reason": "new PSU", "dry_run": False}}
    assert played.sent[0] == planned
    assert [body["verb"] for body in played.sent] == ["plan", "plan"]
