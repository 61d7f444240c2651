"""A rack is accepted while it runs, by the product's own verbs: a healthy one passes the short plan that ships, with
what the test floor hands in; planted faults are named."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.few_trays import FEW
from support.product import PASSWORD, Product, eventually

from datacenter_api.passports.proofs import Proofs
from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.launch import LOG, start
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.run import RunFolder
from rack_controller.prove.accept.verdict import Outcome

pytestmark = pytest.mark.timeout(500)
RACK = "lab1/a/r01/k01"
PLAN = Path(__file__).with_name("live_acceptance.yaml")
PLANTED: dict[str, tuple[dict[str, Any], str, str]] = {
    # what is planted; the step that should find it; the part that it should name
    "clock": ({"what": "clock_1970", "where": "*/u13/bmc"}, "settings", "u13/bmc"),
    "restore": (
        {"what": "says", "where": "*/u14/bmc", "text": "PowerRestorePolicy=AlwaysOn"},
        "settings",
        "u14/bmc",
    ),
    "policy": ({"what": "says", "where": "*/u15/bmc", "text": "PolicyEnabled=false"}, "settings", "u15/bmc"),
    "slot": ({"what": "other_place", "where": "*/u17/bmc", "text": "3/2"}, "settings", "u17"),
    "supply": ({"what": "psu_fail", "where": "*/u06/psu3"}, "power", "u06/psu3"),
    "limit": ({"what": "cap_ignored", "where": "*/u16"}, "power", "u16/gpu2"),
}


@pytest.fixture(scope="module")
def running(product: Product) -> Iterator[Product]:
    # A run says before it begins what nothing of the rack tells: each reading must have been taken once.
    eventually(lambda: all(r["age_s"] is not None for r in product.readings()), within=60, every=0.5)
    yield product
    product.control.set_faults([])
    product.control.set_demand(None)


def accept(product: Product) -> RunRecord:
    """Begin a run as the API does, with a login of its own, and wait for its end."""
    folder = begin(Wish(FEW, "L11", plan=PLAN, rack=RACK), product.state, "test", "admin")
    start(product.state, folder.path.name, token_of(product))

    def ended() -> RunRecord | None:
        record = folder.read()
        return record if record.outcome is not None else None

    try:
        return eventually(ended, within=90, every=1.0)
    except AssertionError:
        pytest.fail(f"{(folder.path / LOG).read_text()}\n{RunFolder(folder.path).read()}")


def token_of(product: Product) -> str:
    answer = product.ask("POST", "/api/v1/login", {"user": "admin", "password": PASSWORD})
    return str(answer["token"])


def findings(record: RunRecord) -> dict[tuple[str, str], str]:
    return {(s.id, f.place): f.text for s in record.steps for f in s.findings}


def test_a_healthy_rack_passes_the_short_plan_with_what_the_floor_hands_in(running: Product, tmp_path: Path) -> None:
    (tmp_path / "floor.csv").write_text(running.cli("emulate", "papers", "--rack", "k01").stdout)
    assert "805 records" in running.cli("accept", "floor", "import", str(tmp_path / "floor.csv"), "-r", "k01").stdout
    run = running.ask("POST", "/api/v1/acceptance/runs", {"rack": "k01", "plan": "short"})
    assert run["untold"] == []
    asked: list[str] = []

    def ended() -> RunRecord | None:
        view = running.get(f"/api/v1/acceptance/runs/{run['id']}")
        asked.extend([view["now"]["asks"]] if view["now"] and view["now"]["asks"] else [])
        assert not view["trouble"], view["trouble"]
        record = RunFolder(running.state / "acceptance" / run["id"]).read()
        return record if record.outcome is not None else None

    record = eventually(ended, within=140, every=1.0)
    assert (record.outcome, findings(record)) == (Outcome.PASS, {})
    assert asked == [], "the emulated floor's instruments log by themselves"
    folder = running.state / "acceptance" / record.id
    eventually((folder / "evidence.ocptv.jsonl.dsse").exists, within=30)  # sealed last, after its verdict is known
    used = json.loads((folder / "floor.json").read_text())
    assert {r["kind"] for r in used["records"]} >= {"torque", "ground_bond", "polarity", "pressure_decay"}
    logged = {(log["series"], log["actor"]) for log in used["logs"]}
    assert logged == {("rack.voltage", "emulator"), ("cdu.level", "emulator")}, "what nothing at the rack tells"
    assert running.get(f"/api/v1/acceptance/runs/{record.id}/verify")["holds"]
    (sealed,) = [r for r in Proofs(running.state).runs() if r.run == record.id]
    assert "only some steps of an acceptance" in sealed.fault, "it meets no condition of a purchase"
    report = running.get(f"/api/v1/acceptance/runs/{record.id}/report.html")
    assert "an emulated rack: no hardware was measured" in report
    assert "that accepts nothing" in report
    limits = running.get("/api/v1/racks/k01/limits")
    assert [r["place"] for r in limits if r["wanted"] is not None] == [], "limits were taken back"
    assert json.loads((folder / "undo.json").read_text()) == []


def test_planted_faults_are_named_by_their_step_with_their_part(running: Product) -> None:
    running.control.set_faults([fault for fault, _, _ in PLANTED.values()])
    record = accept(running)
    found = findings(record)
    assert {n: (step, part) for n, (_, step, part) in PLANTED.items() if (step, part) not in found} == {}
    assert record.outcome is not Outcome.PASS
    # What a busy machine did not read in time is an error of its part, and blames nobody.
    blamed = {f.place for s in record.steps for f in s.findings if not f.error}
    innocent = blamed - {part for _, _, part in PLANTED.values()}
    assert {p for p in innocent if not p.startswith("u16/")} == set(), "nobody else is blamed"
