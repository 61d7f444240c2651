"""`building`: what a line says, what needs a look, and where the building's system logs in."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.asked_building import asked_building, quiet_building

from datacenter_api.cli import building
from datacenter_api.cli.main import run
from datacenter_api.cli.nats_config import write_bus_config
from datacenter_api.cli.output import Output, render
from rack_controller.model.building_view import BuildingState

RACK = "lab1/a/r01/k01"


def row(state: BuildingState) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(state)
    return told


def test_a_line_tells_requested_from_confirmed_and_how_long_is_left() -> None:
    drawn = render([row(asked_building(RACK))], building._STATUS, Output.TABLE)
    assert "confirmed" in drawn
    assert "requested, 12 s left" in drawn
    assert "1 of 2" in drawn
    assert "overdue" in render([row(asked_building(RACK, overdue=True))], building._STATUS, Output.TABLE)


def test_what_needs_a_look_is_said_in_words() -> None:
    late = building.remarks(row(asked_building(RACK, overdue=True, silent="no heartbeat of the building for 40 s")))
    assert late == [
        "k01: no heartbeat of the building for 40 s",
        "k01: liquid isolation is not confirmed after 18 s",
        "k01: refused 3×: BMS/v1/PUB/Value/Rack/RackLeakDetect/K01: quality: 0, 1 is good",
    ]
    assert building.remarks(row(quiet_building(RACK))) == []
    assert "no building" in building.remarks(row(BuildingState(RACK, agreed=False)))[0]
    assert "none" in render([row(BuildingState(RACK, agreed=False))], building._STATUS, Output.WIDE)


def test_points_say_how_far_they_are_believed() -> None:
    rows = [{**p, "rack": RACK} for p in row(asked_building(RACK))["points"]]
    drawn = render(rows, building._POINT, Output.WIDE)
    assert "82.5 L/min" in drawn
    assert "quality: 0, 1 is good" in drawn
    assert "k01/building/flow" in drawn


class Scripted:
    """A connection to an API with one rack."""

    def get(self, path: str, **_query: Any) -> Any:
        return row(asked_building(RACK)) if path.endswith("/building") else [{"rack": RACK}]


@pytest.mark.parametrize(("verb", "word"), [("status", "requested"), ("points", "RackLiquidFlow")])
def test_the_commands_ask_every_rack(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str, word: str
) -> None:
    monkeypatch.setattr(building, "connect", lambda _url, _state: Scripted())
    assert run(["building", verb]) == 0
    assert word in capsys.readouterr().out


def test_credentials_say_where_and_who_and_never_the_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["building", "credentials", "--state", str(tmp_path)]) == 2
    assert "rackwright up" in capsys.readouterr().err
    write_bus_config(tmp_path / "nats", "lab1")
    assert run(["building", "credentials", "--state", str(tmp_path), "-o", "json"]) == 0
    said = capsys.readouterr().out
    assert '"user": "bms"' in said
    assert "BMS/v1/PUB/#" in said
    assert (tmp_path / "nats" / "bms.password").read_text() not in said
