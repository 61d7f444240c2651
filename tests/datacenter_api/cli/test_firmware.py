"""`firmware`: a file is handed in before it is planned, an image that is kept is named; the plan is shown and asked."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.command_line import CliRunner
from support.kill_story import PUSH_KINDS, plan_of

from datacenter_api.cli import firmware, op
from datacenter_api.cli.main import app

PLAN: dict[str, Any] = msgspec.to_builtins(plan_of(PUSH_KINDS[0]))
IMAGE = {
    "image": "ab" * 32,
    "name": "bmc.fwpkg",
    "size": 2_000_000,
    "version": "25.10",
    "components": [],
    "kept_unix_ns": 1,
}


class Played:
    """An API that keeps images and plans pushes."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def get(self, path: str, **_query: Any) -> Any:
        return [IMAGE] if path.endswith("/images") else []

    def send_file(self, path: str, data: bytes, **query: Any) -> Any:
        self.sent.append((path, (data, query)))
        return IMAGE

    def post(self, path: str, body: Any) -> Any:
        self.sent.append((path, body))
        return {"result": {"operation": "k07-3", "plan": PLAN}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Played:
    played = Played()
    monkeypatch.setattr(firmware, "connect", lambda _url, _state: played)
    monkeypatch.setattr(firmware, "rack_holding", lambda _link, _target, _rack: "k07")
    return played


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["firmware", *words], catch_exceptions=False)
    return result.output


def test_a_file_is_handed_in_then_planned_and_kept_for_somebody_else(api: Played, tmp_path: Path) -> None:
    file = tmp_path / "bmc.fwpkg"
    file.write_bytes(b"image")
    said = run("push", "u11/bmc", str(file), "--part", "FW_BMC_0", "--plan")
    assert "kept as k07-3: `rackwright op approve k07-3` runs it" in said
    (handed, planned) = api.sent
    assert handed == ("/api/v1/firmware/images", (b"image", {"name": "bmc.fwpkg"}))
    arguments = {"do": "push", "image": IMAGE["image"], "part": "FW_BMC_0", "dry_run": False}
    assert planned[1] == {"verb": "plan", "target": "u11/bmc", "arguments": arguments}


def test_an_image_that_is_kept_is_named_and_a_dry_run_ends_with_the_plan(api: Played) -> None:
    assert "1. Firmware: k07/u11, k07/u12, 2 at a time" in run("push", "u11/bmc", "abababab", "--dry-run")
    assert [body["arguments"]["image"] for _, body in api.sent] == ["abababab"]
    assert "bmc.fwpkg" in run("list")


def test_a_step_says_which_image_goes_where() -> None:
    (first, _) = op.steps_of({"plan": PLAN, "steps": {}})
    assert op.acts_of(first) == "push 000000000000 to BMC (600 s)"
