"""A bug in what is told of a tick costs what is told, and neither readings nor interlocks."""

from pathlib import Path

import pytest

from rack_controller.decide import lateness
from rack_controller.model.event import Event
from rack_controller.model.roles import Role
from tests.support.real_rack import RACK, eventually, real_rack
from tests.support.served_tray import served_tray


async def test_a_bug_in_what_is_noticed_ends_neither_readings_nor_interlocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_snapshot: object) -> None:
        raise ZeroDivisionError

    async with served_tray(rack=RACK) as (served, _), real_rack(tmp_path, [served]) as rack:
        tray = served.place.rsplit("/", 1)[0]

        async def told() -> list[Event]:
            return rack.events("controller.failing")

        async def met() -> bool:
            return (await rack.status(served.place)).state == "on"

        async def complete() -> bool:
            return len(await told()) == 2

        with monkeypatch.context() as patch:
            patch.setattr(rack.controlled._noticing.links, "look", fail)
            (event,) = await eventually(told)
            assert "ZeroDivisionError" in event.message
            assert await eventually(met), "it is read on"
            assert (await rack.do("emergency_off", tray, Role.SAFETY, reason="smoke")).accepted
        assert await eventually(complete), "said once, and once that it is over"
    assert "ZeroDivisionError" in caplog.text


async def test_a_controller_that_is_late_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served_tray(rack=RACK) as (served, _), real_rack(tmp_path, [served]) as rack:

        async def told() -> list[Event]:
            return rack.events("controller.late")

        monkeypatch.setattr(lateness, "LATE", -1.0)  # every tick counts as late
        (event,) = await eventually(told)
        assert "devices may look silent that are not" in event.message
