"""Groups: what several targets mean, that all are planned or none, and that they end as the worst of them does."""

import time
from typing import Any

import msgspec
import pytest
from support.command_line import CliRunner
from support.kill_story import KINDS, plan_of

from datacenter_api.cli import power
from datacenter_api.cli.group import Meant, racks_meant
from datacenter_api.cli.main import app
from firmware_bridge.vocabulary.errors import PreconditionFailed
from rack_controller.model.operation import Operation, OperationState

K01, K02, K03 = (f"lab1/a/r01/k0{n}" for n in (1, 2, 3))
DOMAIN = [{"rack": K02, "trays": [f"{K02}/u11", f"{K02}/u12"]}, {"rack": K03, "trays": [f"{K03}/u11"]}]
PLAN = msgspec.to_builtins(plan_of(next(k for k in KINDS if k.name == "on plain")))


class Played:
    """An API with three racks; each operation ends as `ends` says, in the order in which they were made."""

    def __init__(self, *ends: OperationState, refuses: str = "") -> None:
        self.ends, self.refuses = list(ends), refuses
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    def get(self, path: str, **_query: Any) -> Any:
        parts = path.removeprefix("/api/v1/").split("/")
        if parts[0] == "domains":
            return {"racks": DOMAIN if parts[1] == "k02.nvl0" else []}
        if parts == ["racks"]:
            return [{"rack": rack, "name": rack[-3:]} for rack in (K01, K02, K03)]
        if "operations" in parts:
            number = int(parts[-1].rpartition("-")[2])
            made = Operation(parts[-1], plan_of(KINDS[0]), "ada", "", 0, state=self.ends[number])
            return msgspec.to_builtins(made)
        return {"rack": next(r for r in (K01, K02, K03) if parts[1].endswith(r[-3:]))}

    def post(self, path: str, body: Any) -> Any:
        self.sent.append((path.split("/")[-2], body["verb"], {"target": body["target"], **body["arguments"]}))
        if body["verb"] == "plan" and body["target"].startswith(self.refuses or "-"):
            raise PreconditionFailed("its switch trays are latched")
        number = sum(verb == "plan" for _, verb, _ in self.sent) - 1
        name = "" if body["arguments"].get("dry_run") else f"{body['target'].split('/')[3]}-{number}"
        return {"result": {"operation": name, "plan": PLAN, "state": "running"}}

    def said(self, verb: str) -> list[dict[str, Any]]:
        return [arguments for _, each, arguments in self.sent if each == verb]


def run(monkeypatch: pytest.MonkeyPatch, played: Played, *words: str) -> Any:
    monkeypatch.setattr(power, "connect", lambda _url, _state: played)
    monkeypatch.setattr(time, "sleep", lambda _s: None)
    return CliRunner().invoke(app, ["power", *words])


@pytest.mark.parametrize(
    ("targets", "meant"),
    [
        (["k01", "k02"], [Meant(K01, K01), Meant(K02, K02)]),
        (["k01/u12", "k01/u11"], [Meant(K01, K01, ("u11", "u12"))]),
        ([f"{K01}/u12", "k02/u14"], [Meant(K01, f"{K01}/u12"), Meant(K02, f"{K02}/u14")]),
        (["k01/u12", "k01"], [Meant(K01, K01)]),
        (["domain:k02.nvl0"], [Meant(K02, K02, ("u11", "u12")), Meant(K03, f"{K03}/u11")]),
        (["domain:k02.nvl0", "k03/u11", "k03/u12"], [Meant(K02, K02, ("u11", "u12")), Meant(K03, K03, ("u11", "u12"))]),
    ],
)
def test_targets_are_gathered_rack_by_rack(targets: list[str], meant: list[Meant]) -> None:
    assert racks_meant(Played(), targets, None) == meant  # type: ignore[arg-type]


def test_slots_of_one_named_rack() -> None:
    assert racks_meant(Played(), ["u12", "u14"], "k02") == [Meant(K02, K02, ("u12", "u14"))]  # type: ignore[arg-type]


def test_all_racks_are_planned_approved_and_followed_and_the_worst_end_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(*[OperationState.DONE] * 3)
    run(monkeypatch, played, "off", "k01", "domain:k02.nvl0", "k02", "--yes", "--only", "compute")
    assert [(p["target"], p["kind"]) for p in played.said("plan")] == [
        (K01, "compute"),
        (K02, "compute"),
        (f"{K03}/u11", "compute"),
    ]
    done = run(monkeypatch, Played(OperationState.DONE, OperationState.FAILED), "off", "k01", "k02", "--yes")
    assert done.exit_code == 7, done.output
    assert run(monkeypatch, Played(*[OperationState.DONE] * 2), "off", "k01", "k02", "--yes").exit_code == 0
    assert (
        run(monkeypatch, Played(OperationState.HELD, OperationState.FAILED), "off", "k01", "k02", "-y").exit_code == 8
    )


def test_one_rack_that_refuses_leaves_none_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(refuses=K02)
    done = run(monkeypatch, played, "on", "k01", "k02", "k03", "--yes")
    assert done.exit_code != 0
    assert [verb for _, verb, _ in played.sent] == ["plan", "plan", "cancel"]
    assert played.said("cancel")[0]["operation"] == "k01-0"


def test_a_dry_run_keeps_nothing_and_nobody_to_ask_means_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played()
    done = run(monkeypatch, played, "cycle", "k01/u11", "k01/u12", "k02", "--dry-run")
    assert done.exit_code == 0, done.output
    assert [p.get("slots") for p in played.said("plan")] == ["u11,u12", None]
    assert all(p["dry_run"] for p in played.said("plan"))
    asked = Played()
    assert run(monkeypatch, asked, "off", "k01", "k02").exit_code != 0
    assert not asked.said("approve")
