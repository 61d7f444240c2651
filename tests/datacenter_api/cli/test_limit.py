"""`limit`: what is shown for which places, what is sent, and that a part that was not set ends with 7."""

from typing import Any

import pytest
from support.command_line import CliRunner

from datacenter_api.cli import limit
from datacenter_api.cli.main import app
from firmware_bridge.vocabulary.errors import ConfigurationError

GPU = "lab1/a/r01/k01/u12/gpu0"
DONE = {
    "place": GPU,
    "endpoint": "e",
    "value": 900.0,
    "by": "ada",
    "state": "applied",
    "read_back": 900.0,
    "detail": "",
}
REFUSED = {**DONE, "place": f"{GPU[:-1]}1", "state": "refused", "read_back": None, "detail": "HTTP 400 too low"}


def shown(place: str) -> dict[str, Any]:
    said = {"least": 200.0, "most": None, "default": None, "shows": 900.0, "held": ""}
    return {"place": place, "endpoint": "e", "wanted": DONE if place == GPU else None, **said}


class Played:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.done = [DONE]

    def get(self, path: str, **_query: Any) -> Any:
        if path == "/api/v1/racks":
            return [{"rack": "lab1/a/r01/k01"}]
        assert path == "/api/v1/racks/lab1%2Fa%2Fr01%2Fk01/limits"
        return [shown(GPU), shown("lab1/a/r01/k01/u13/gpu0")]

    def post(self, path: str, body: Any) -> Any:
        self.sent.append(body)
        return {"result": {"limits": self.done}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Played:
    played = Played()
    monkeypatch.setattr(limit, "connect", lambda _url, _state: played)
    monkeypatch.setattr(limit, "rack_holding", lambda _link, _place, _rack: "lab1/a/r01/k01")
    return played


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["limit", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_what_is_no_number_is_never_sent(api: Played) -> None:
    refused = CliRunner().invoke(app, ["limit", "set", "u12/gpu0", "nan"])
    assert isinstance(refused.exception, ConfigurationError)
    assert not api.sent


def test_a_limit_without_its_unit_is_refused_with_what_to_write(api: Played) -> None:
    refused = CliRunner().invoke(app, ["limit", "set", "u12/gpu0", "900"]).exception
    assert isinstance(refused, ConfigurationError)
    assert (str(refused.what), refused.advice) == ("900 of what?", "write 900W or 900kW")
    assert not api.sent


@pytest.mark.parametrize("text", ["900W", "900 w", "0.9kW"])
def test_a_limit_is_written_with_its_unit(api: Played, text: str) -> None:
    run("set", "u12/gpu0", text)
    assert api.sent[-1]["arguments"]["watts"] == pytest.approx(900.0)


def test_limits_are_shown_of_a_place_or_of_all(api: Played) -> None:
    assert run("show", "-o", "name").split() == [GPU, "lab1/a/r01/k01/u13/gpu0"]
    for place in ("u12", "u12/gpu0", "k01/u12", GPU):
        assert run("show", place, "-o", "name").split() == [GPU]
    said = run("show", "u12")
    assert "applied" in said
    assert "200 to –" in said


def test_what_is_sent_and_what_reads_back(api: Played) -> None:
    assert "900" in run("set", "u12/gpu0", "900W")
    run("set", "u12", "900W", "--each", "--yes")
    run("clear", "u12/gpu0")
    assert [b["arguments"] for b in api.sent] == [
        {"watts": 900.0, "each": False},
        {"watts": 900.0, "each": True},
        {"clear": True, "each": False},
    ]


def test_a_part_that_was_not_set_ends_with_seven(api: Played) -> None:
    api.done = [DONE, REFUSED]
    assert "1 of 2 are not as wanted: HTTP 400 too low" in run("set", "u12", "900W", "--each", "--yes", code=7)


def test_many_are_not_set_without_a_word(api: Played) -> None:
    result = CliRunner().invoke(app, ["limit", "set", "u12", "900W", "--each"])
    assert result.exit_code != 0
    assert api.sent == []
