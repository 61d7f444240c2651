"""What takes power away is asked for by the tray's own name."""

import sys

import pytest

from datacenter_api.cli.tray_power import ACTIONS, Wish, confirm
from firmware_bridge.vocabulary.errors import ConfigurationError, PreconditionFailed
from firmware_bridge.vocabulary.power import PowerAction


def typed(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_a, **_k: answer)


def test_every_action_has_one_word() -> None:
    assert sorted(ACTIONS.values()) == sorted(PowerAction)
    assert set(ACTIONS) == set(Wish)


def test_only_the_trays_name_confirms(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed(monkeypatch, "u12")
    confirm("u12", "u12: the host is on; asked for: force-off")
    assert "the host is on" in capsys.readouterr().err
    for answer in ("", "y", "yes", "u13"):
        typed(monkeypatch, answer)
        with pytest.raises(PreconditionFailed, match="not confirmed"):
            confirm("u12", "")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    with pytest.raises(ConfigurationError, match="--yes"):
        confirm("u12", "")
