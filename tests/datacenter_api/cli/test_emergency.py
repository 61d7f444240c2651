"""`emergency-off`: through the API, and on the bus while none answers; confirmed by name, refused with the reason."""

from pathlib import Path
from typing import Any

import pytest
from support.play import stage

from datacenter_api.cli import emergency, emergency_bus
from firmware_bridge.vocabulary.errors import (
    BusUnavailable,
    ConfigurationError,
    EnvironmentUnfit,
    PreconditionFailed,
    TargetUnknown,
)

DONE = {"latch": "k01-l4", "trays": 27, "came": "27× accepted"}


class Link:
    """An API that answers a command, or does not."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer, self.sent = answer, {}  # type: ignore[var-annotated]

    def get(self, _path: str, **_query: Any) -> Any:
        return [{"rack": "lab1/a/r01/k01", "name": "k01"}]

    def post(self, _path: str, body: Any) -> Any:
        self.sent = body
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"result": self.answer}


def answers(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | Exception) -> Link:
    link = Link(answer)
    monkeypatch.setattr(emergency, "connect", lambda _url, _state: link)
    return link


def test_it_tells_how_the_trays_took_it_and_what_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    link = answers(monkeypatch, DONE)
    emergency.emergency_off("k01", "smoke", yes=True)
    assert link.sent == {"verb": "emergency_off", "target": "k01", "arguments": {"reason": "smoke"}}
    assert "k01, 27 trays: 27× accepted; latched k01-l4" in capsys.readouterr().out


def test_without_its_name_typed_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    link = answers(monkeypatch, DONE)
    with pytest.raises(ConfigurationError, match="--yes"):
        emergency.emergency_off("k01", "smoke")
    assert link.sent == {}


def test_a_refusal_and_an_api_elsewhere_are_not_gone_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "api.nk").write_text("x")
    answers(monkeypatch, PreconditionFailed("k01 is only observed"))
    with pytest.raises(PreconditionFailed, match="only observed"):
        emergency.ask("k01", "smoke", None, None, tmp_path)
    answers(monkeypatch, EnvironmentUnfit("nothing listens"))
    with pytest.raises(EnvironmentUnfit):
        emergency.ask("k01", "smoke", None, "https://other.test", tmp_path)
    with pytest.raises(EnvironmentUnfit):
        emergency.ask("k01", "smoke", None, None, tmp_path / "elsewhere")


async def test_while_no_api_answers_the_controller_is_asked_on_the_bus(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(state) as scene:
        (rack,) = scene.racks.values()
        await emergency_bus.ask_on_bus(state, "u12", "k01", "smoke")
        (command,) = rack.asked
        assert (command.verb, command.target) == ("emergency_off", f"{rack.place}/u12")
        assert command.arguments == {"reason": "smoke"}
        assert command.actor.endswith("at the controller's machine")
        monkeypatch.setattr(emergency_bus, "HEARD_WITHIN_S", 0.0)
        with pytest.raises((TargetUnknown, BusUnavailable)):
            await emergency_bus.ask_on_bus(state, "u99", "k01", "smoke")
