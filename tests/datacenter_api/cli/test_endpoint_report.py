"""What `endpoint show`, `inspect` and `raw` print: never more than was seen, and no control character of a device."""

from typing import Any

import pytest
from support.command_line import CliRunner

from datacenter_api.cli import endpoint
from datacenter_api.cli.endpoint import MOST_NOTES, _print_report
from datacenter_api.cli.main import app
from datacenter_api.cli.output import Output


def report(seen: str, notes: int) -> dict[str, Any]:
    item = {"kind": "gpu", "id": "GPU_0", "part_number": None, "serial_number": None, "firmware": None}
    return {
        "endpoint": {"seen": seen},
        "inventory": [{**item, "name": "GPU", "uris": ["/redfish/v1/Systems/S/Processors/GPU_0"]}],
        "readings": [],
        "firmware": [],
        "leak_detectors": [],
        "notes": [{"uri": f"/redfish/v1/{n}", "property": "", "what": "odd"} for n in range(notes)],
    }


def test_a_report_of_a_part_says_that_it_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    _print_report(report("part", 1), Output.TABLE)
    said = capsys.readouterr().out
    assert "1 items" in said
    assert "lower bound" in said
    _print_report(report("whole", 1), Output.TABLE)
    assert "lower bound" not in capsys.readouterr().out


def test_resources_that_fail_are_told_with_since_when_and_how_often(capsys: pytest.CaptureFixture[str]) -> None:
    one = {"where": "/redfish/v1/X", "error": "EndpointRefused: HTTP 500", "since_s": 190.0, "last_s": 1.0, "times": 12}
    _print_report({**report("whole", 0), "failing": [one, {**one, "where": "/y", "times": 1}]}, Output.TABLE)
    said = capsys.readouterr().out
    assert "fails: /redfish/v1/X for 3 min, 12 reads in a row: EndpointRefused: HTTP 500" in said
    assert "fails: /y for 3 min, 1 read:" in said


def test_notes_that_are_not_printed_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    _print_report(report("whole", MOST_NOTES + 3), Output.TABLE)
    said = capsys.readouterr().out
    assert said.count("note:") == MOST_NOTES
    assert "and 3 more notes" in said
    _print_report(report("whole", MOST_NOTES), Output.TABLE)
    assert "more notes" not in capsys.readouterr().out


def test_a_devices_own_words_come_escaped_and_what_is_no_json_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    class Played:
        def __init__(self) -> None:
            self.said: Any = {"Name": "\u009b31m red \u2028"}

        def get(self, path: str, **query: Any) -> Any:
            asked.append({"path": path, **query})
            if self.said is None:
                raise ValueError("no JSON")
            return self.said

    played = Played()
    monkeypatch.setattr(endpoint, "connect", lambda _url, _state: played)
    done = CliRunner().invoke(app, ["endpoint", "raw", "u12/bmc", "/redfish/v1/Chassis"])
    assert (done.exit_code, done.output.isascii(), "u009b31m" in done.output) == (0, True, True)
    assert asked == [{"path": "/api/v1/endpoints/raw", "place": "u12/bmc", "uri": "/redfish/v1/Chassis", "rack": None}]
    played.said = None
    assert CliRunner().invoke(app, ["endpoint", "raw", "u12/bmc"]).exit_code != 0
