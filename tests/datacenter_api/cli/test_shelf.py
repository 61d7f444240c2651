"""`shelf` and `psu`: what is planned, and that nothing is switched without the shelf's name."""

from typing import Any

import msgspec
import pytest
from support.command_line import CliRunner
from support.kill_story import POWER_KINDS, plan_of

from datacenter_api.cli import shelf
from datacenter_api.cli.main import app


class Played:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def post(self, _path: str, body: Any) -> Any:
        self.sent.append(body)
        return {"result": {"operation": "k07-3", "plan": msgspec.to_builtins(plan_of(POWER_KINDS[0]))}}


@pytest.mark.parametrize(
    ("group", "place", "word"),
    [("shelf", "u06", "on"), ("shelf", "u06", "off"), ("psu", "u06/psu3", "on"), ("psu", "u06/psu3", "off")],
)
def test_a_shelf_or_supply_is_planned_and_kept_or_asked_about(
    monkeypatch: pytest.MonkeyPatch, group: str, place: str, word: str
) -> None:
    played = Played()
    monkeypatch.setattr(shelf, "connect", lambda _url, _state: played)
    monkeypatch.setattr(shelf, "rack_holding", lambda _link, _place, _rack: "k07")
    kept = CliRunner().invoke(app, [group, word, place, "--plan", "--reason", "new PSU"])
    assert "kept as k07-3" in kept.output
    unasked = CliRunner().invoke(app, [group, word, place])
    assert unasked.exit_code != 0
    said = {"do": f"{group}_{word}", "reason": "new PSU", "dry_run": False}
    planned = {"verb": "plan", "target": place, "arguments": said}
    assert played.sent[0] == planned
    assert [body["verb"] for body in played.sent] == ["plan", "plan"]
