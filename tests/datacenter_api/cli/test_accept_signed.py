"""`accept run --rack|stop|waive|report`: what is sent, what is followed, reports with and without an API."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.accepted import BEGAN, finding, measured, record, short_run, step

from datacenter_api.cli import accept, accept_live, accept_plan, accept_signed
from datacenter_api.cli.connection import Server
from datacenter_api.cli.main import run
from firmware_bridge.vocabulary.errors import ConfigurationError, RackTaken, TargetUnknown
from rack_controller.acceptance.live import Read
from rack_controller.acceptance.one_run import Holder
from rack_controller.acceptance.preview import preview

RACK = "lab1/a/r01/k01"
RUNNING = {"asks": "pull u05/psu2"}


def look(plan: Path | None = None, *reads: Read) -> dict[str, Any]:
    """What an API tells of a run of a rack with these readings, before it begins."""
    told: dict[str, Any] = msgspec.to_builtins(preview("gb200-nvl72", "L10", plan, reads))
    return told


class Link:
    """An API that answers from lists; keeps what was sent."""

    def __init__(self) -> None:
        self.server = Server("rack.test", 8443, None)
        self.views: list[dict[str, Any]] = []
        self.look = look()
        self.together: dict[str, str] = {}
        self.file: bytes | None = None
        self.sent: list[tuple[str, Any]] = []

    def get(self, path: str, **asked: Any) -> Any:
        self.sent.append((path, asked))
        return self.look if path.endswith("/plan") else self.views.pop(0)

    def post(self, path: str, body: Any) -> Any:
        self.sent.append((path, body))
        if path.endswith("/plan"):
            return self.look
        if path.endswith("/waivers"):
            return [{"at_unix_ns": BEGAN, "actor": "ada", "role": "operator", **body}]
        return {"id": "k01-1", "together": self.together}

    def get_file(self, path: str) -> bytes:
        self.sent.append((path, None))
        if self.file is None:
            raise TargetUnknown("there is no run")
        return self.file


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> Link:
    made = Link()
    for module in (accept, accept_plan, accept_signed):
        monkeypatch.setattr(module, "connect", lambda url, state: made)
    monkeypatch.setattr(accept_live, "FOLLOW_S", 0.0)
    return made


def view(now: dict[str, Any] | None = None, trouble: str = "", **more: Any) -> dict[str, Any]:
    return {
        "record": msgspec.to_builtins(record(**more)),
        "now": now,
        "running": not trouble,
        "trouble": trouble,
    }


def test_a_live_run_is_begun_followed_and_ends_in_its_verdict(link: Link, capsys: pytest.CaptureFixture[str]) -> None:
    bad = msgspec.to_builtins(record(step("gpu_stress", [measured([finding(0)])])))
    link.views = [view(RUNNING, outcome=None), view(RUNNING, outcome=None), {**view(), "record": bad}]
    assert run(["accept", "run", "--rack", "k01", "--level", "L10", "--yes"]) == 9
    said = capsys.readouterr()
    assert link.sent[0] == ("/api/v1/acceptance/plan", {"rack": ["k01"], "level": "L10", "plan": None})
    assert link.sent[1] == ("/api/v1/acceptance/runs", {"rack": "k01", "level": "L10", "patience_s": 1800.0})
    assert "https://rack.test:8443/console/test-floor/k01-1" in said.err
    assert said.err.count("please: pull u05/psu2") == 1
    assert "gpu_stress: FAIL" in said.err
    assert "u11/gpu0" in said.out


def test_a_live_run_is_left_alone_where_that_is_asked_for(link: Link, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["accept", "run", "--rack", "k01", "--leave", "--yes"]) == 0
    assert len(link.sent) == 2
    assert "run k01-1 has begun; its screen: https://" in capsys.readouterr().out
    assert run(["accept", "run", "--rack", "k01", "--leave", "--yes", "-o", "name"]) == 0
    assert capsys.readouterr().out == "k01-1\n"


def test_a_plan_that_a_rack_cannot_satisfy_is_said_and_asked_about(
    link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["accept", "run", "--rack", "k01", "--level", "L10"]) == 2
    said = capsys.readouterr().err
    assert "can only end in errors" in said
    assert "lack readings (" in said
    assert "the floor is asked for records of gpu_inventory, cpu_inventory" in said
    assert "give --yes" in said
    assert [path for path, _ in link.sent] == ["/api/v1/acceptance/plan"], "nothing has begun"


def test_a_latch_that_stands_at_the_rack_is_said_and_asked_about(
    link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    link.look |= {"untold": [], "latched": ["k01: latch k01-l1 stands at u31 (Leak)"]}
    assert run(["accept", "run", "--rack", "k01", "--level", "L10"]) == 2
    assert "latch k01-l1 stands at u31 (Leak): clear it first (`rackwright interlock clear`)" in capsys.readouterr().err
    assert len(link.sent) == 1, "nothing has begun"


def test_no_run_of_a_rack_is_begun_unasked(link: Link, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "p.yaml"
    plan.write_text(
        "schema_version: 1\nname: short\ntitle: Short\nsteps:\n"
        "  - {id: at_rest, title: Rest, level: L10, phases: [{name: rest, for_s: 1}], measures: ["
        "{id: power, title: Power, of: gpu.power, rule: range, phase: rest, least: 1, source: a test}]}\n"
    )
    wish = accept_live.wish_of(["k01"], "L10", "", plan)
    link.look = look(plan, Read("u11/gpu0", "power", None, "W"))
    for lacks, value in ((True, None), (False, 90.0)):
        link.look = look(plan, Read("u11/gpu0", "power", value, "W"))
        with pytest.raises(ConfigurationError, match=r"nobody is here to confirm"):
            accept_live.ask_before(link, wish, False)  # type: ignore[arg-type]
        said = capsys.readouterr().err
        assert ("lack readings" in said, "no job may be on them" in said) == (lacks, True)
    body = {"racks": ["k01"], "plan_text": plan.read_text(), "level": "L10"}
    assert link.sent == [("/api/v1/acceptance/plan", body)] * 2


def test_a_rack_that_another_run_has_is_said_and_nobody_is_asked(
    link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    holder = Holder(RACK, "k01-0", True, 0.3, f"{RACK} is under run k01-0, begun by tom; it is at flow", "wait")
    link.look = {**look(), "taken": [msgspec.to_builtins(holder)]}
    for more in ([], ["--yes"]):
        assert run(["accept", "run", "--rack", "k01", *more]) == RackTaken.exit_code
        said = capsys.readouterr().err
        assert ("begun by tom; it is at flow" in said, "can only end in errors" in said) == (True, False)
    assert [path for path, _ in link.sent] == ["/api/v1/acceptance/plan"] * 2, "nothing was begun"
    assert run(["accept", "plan", "--rack", "k01", "--level", "L10"]) == 0
    shown = capsys.readouterr()
    assert ("identity" in shown.out, "it cannot begin now: " in shown.out, "at least" in shown.out) == (True,) * 3
    assert shown.err == ""
    assert run(["accept", "plan", "--rack", "k01", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["taken"][0]["run"] == "k01-0"


def test_racks_together_are_begun_as_one_and_each_is_followed(link: Link, capsys: pytest.CaptureFixture[str]) -> None:
    other = RACK.replace("k01", "k02")
    lacks = {"rack": other, "untold": [], "floor": [], "held": f"{other} is not accepted at L11: no run is kept"}
    link.together = {"k01-1": RACK, "k02-1": other}
    good = record(step("cluster_load", [measured([])]), rack=RACK)
    bad = msgspec.to_builtins(record(step("cluster_load", [measured([finding(0)])]), rack=other))
    link.look = {**look(), "racks": [lacks]}
    link.views = [
        view(outcome=None),
        view(RUNNING, outcome=None),
        {**view(), "record": msgspec.to_builtins(good)},
        {**view(), "record": bad},
    ]
    words = ["accept", "run", "--rack", "k01", "--rack", "k02", "--level", "L12", "--yes"]
    again = [*link.views]
    assert run(words) == 9
    assert link.sent[0] == ("/api/v1/acceptance/plan", {"rack": ["k01", "k02"], "level": "L12", "plan": None})
    assert link.sent[1][1] == {"racks": ["k01", "k02"], "level": "L12", "patience_s": 1800.0}
    said = capsys.readouterr()
    for wanted in (
        "k02: lab1/a/r01/k02 is not accepted at L11",
        "run k02-1 of k02 has begun; its screen: https://rack.test:8443/console/test-floor/k02-1",
        "please, at k02: pull u05/psu2",
        "k01 cluster_load: PASS",
        "k02 cluster_load: FAIL",
    ):
        assert wanted in said.err, wanted
    assert "u11/gpu0" in said.out
    assert "FAIL; kept and sealed where the API runs" in said.out
    link.views = again
    assert run([*words, "-o", "json"]) == 9
    assert [r["rack"] for r in json.loads(capsys.readouterr().out)["items"]] == [RACK, other]


def test_what_racks_together_lack_is_asked_about_with_their_names(
    link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    held = {"rack": RACK, "untold": [], "floor": [], "held": f"{RACK} is not accepted at L11"}
    link.look = {**look(), "racks": [held]}
    assert run(["accept", "run", "--rack", "k01", "--rack", "k02"]) == 2
    assert "is not accepted at L11" in capsys.readouterr().err
    assert len(link.sent) == 1, "nothing has begun"


def test_by_a_plan_of_one_s_own_racks_together_are_held_back_as_by_one_that_ships(
    link: Link, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "ours.yaml").write_text("extends: gb200-nvl72\nname: ours\n")
    held = {"rack": RACK, "untold": [], "floor": [], "held": f"{RACK} is not accepted at L11"}
    link.look = {**look(), "racks": [held]}
    assert run(["accept", "run", "--rack", "k01", "--rack", "k02", "--plan", str(tmp_path / "ours.yaml")]) == 2
    assert "k01: lab1/a/r01/k01 is not accepted at L11" in capsys.readouterr().err
    body = {"racks": ["k01", "k02"], "plan_text": "extends: gb200-nvl72\nname: ours\n"}
    assert link.sent == [("/api/v1/acceptance/plan", body)], "nothing has begun"


def test_a_run_whose_process_has_ended_says_why(link: Link, capsys: pytest.CaptureFixture[str]) -> None:
    link.views = [view(trouble="no token", outcome=None)]
    assert run(["accept", "run", "--rack", "k01", "--yes"]) == 2
    assert "no token" in capsys.readouterr().err


def test_a_cut_run_is_gone_on_with_and_followed_or_given_up(link: Link, capsys: pytest.CaptureFixture[str]) -> None:
    link.views = [view()]
    run(["accept", "run", "--resume", "k01-1"])
    assert link.sent[0] == ("/api/v1/acceptance/runs/k01-1/go-on", {})
    said = capsys.readouterr()
    assert "goes on; its screen" in said.err
    sent = len(link.sent)
    assert run(["accept", "run", "--resume", "k01-1", "--rack", "k01"]) == 2
    assert (len(link.sent), "leave out --rack" in capsys.readouterr().err) == (sent, True)
    assert run(["accept", "stop", "k01-1", "--give-up", "--reason", "sold"]) == 0
    assert link.sent[-1] == ("/api/v1/acceptance/runs/k01-1/give-up", {"reason": "sold"})


def test_a_run_is_stopped_and_a_deviation_waived_with_a_reason(link: Link, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["accept", "stop", "k01-1", "--reason", "smoke"]) == 0
    assert link.sent[-1] == ("/api/v1/acceptance/runs/k01-1/stop", {"reason": "smoke"})
    assert capsys.readouterr().out == "k01-1 ends with its next phase\n"
    words = ["accept", "waive", "k01-1", "gpu_stress", "tail", "u13/gpu1"]
    assert run([*words, "--reason", "the maker replaces it", "-o", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)["items"][0]
    assert (shown["actor"], shown["place"], shown["reason"]) == ("ada", "u13/gpu1", "the maker replaces it")
    sent = len(link.sent)
    assert run(words) == 2
    assert "needs a reason" in capsys.readouterr().err
    assert len(link.sent) == sent


def test_a_report_comes_from_the_api_or_else_from_the_state_directory(
    link: Link, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = short_run(tmp_path / "state")
    words = ["accept", "report", folder.path.name, "--to", str(tmp_path / "out"), "--state", str(tmp_path / "state")]
    link.file = b"%PDF-made-there"
    assert run(words) == 0
    assert (tmp_path / "out" / f"{folder.path.name}.pdf").read_bytes() == b"%PDF-made-there"
    link.file = None
    for form, begin in (("html", b"<!doctype html>"), ("zip", b"PK")):
        assert run([*words, "--form", form]) == 0
        assert (tmp_path / "out" / f"{folder.path.name}.{form}").read_bytes().startswith(begin)
    assert "without what an API would add" in capsys.readouterr().err
    assert run([*words, "--form", "docx"]) == 2
    assert run(["accept", "report", "no-such-run", "--state", str(tmp_path / "state")]) == 3
