"""The whole plan of a rack that runs, every step by the product's own verbs and real sockets: a healthy rack passes,
and faults that only a whole plan finds are named."""

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.product import PASSWORD, Product, eventually

from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.launch import LOG, start
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.run import RunFolder
from rack_controller.prove.accept.verdict import Outcome

pytestmark = [pytest.mark.soak, pytest.mark.timeout(10800)]
RACK = "lab1/a/r01/k01"
PLAN = Path(__file__).with_name("live_whole.yaml")
PARTS = 444
"""Parts of a rack that tell a serial number."""
WHOLE_S, PART_S, AS_SHIPPED_S = 5400.0, 2700.0, 7200.0
"""How long the runs may take at most; the first took 55 minutes beside other work."""
AS_SHIPPED = {
    "under load": ["flow", "warm_water", "soak", "links", "gpu_stress"],
    "part after part": ["wetting", "positions", "psu_each", "shelf_each", "dc_cycle", "interlock_drill"],
}
"""Steps that the whole plan above does in less time, or with fewer parts."""
STEPS_WITH_FAULTS = ["firmware", "settings", "leak_watch", "wetting", "power", "caps", "pumps", "links", "gpu_stress"]
PLANTED: dict[str, tuple[dict[str, Any], str, str]] = {
    # what is planted; the step that should find it; the part that it should name
    "supply": ({"what": "psu_fail", "where": "*/u06/psu3"}, "power", "u06/psu3"),
    "cap": ({"what": "cap_ignored", "where": "*/u16"}, "caps", "u16/gpu2"),
    "lane": ({"what": "port_down", "where": "*/u19/acp7"}, "links", "u19/acp7"),
    "errors": ({"what": "high_ber", "where": "*/u21/acp30", "ratio": 1e-8}, "links", "u21/acp30"),
    "detector": ({"what": "leak_unplugged", "where": "*/u23/leak3"}, "wetting", "u23/leak3"),
    "pump": ({"what": "pump_fail", "where": "*/u01/pump1"}, "pumps", "u01/pump1"),
    "results": ({"what": "wrong_results", "where": "*/u14"}, "gpu_stress", "u14/gpu1"),
    "clock": ({"what": "clock_1970", "where": "*/u13/bmc"}, "settings", "u13/bmc"),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product whose rack has as-built and floor records, and a baseline of what it runs beside its state."""
    product = Product(tmp_path_factory.mktemp("whole"))
    product.start()
    try:
        eventually(lambda: product.get("/api/v1/racks/k01")["live"], within=60)
        hand_in(product)
        yield product
    finally:
        product.stop()


def hand_in(product: Product) -> None:
    """Hand in what a floor notes, as-built records of what is there; keep a baseline of its firmware."""
    papers = product.state / "papers.csv"
    papers.write_text(product.cli("emulate", "papers", "--rack", "k01").stdout)
    product.cli("accept", "floor", "import", str(papers), "-r", "k01")
    found = f"/api/v1/passports/{RACK}/found"
    eventually(lambda: sum(bool(r["serial"]) for r in product.get(found, wait_s=5)) == PARTS, within=180, every=2)
    (product.state / "built.csv").write_text(as_built(product.get(found)))
    product.cli("passport", "import", str(product.state / "built.csv"))
    drafted = yaml.safe_load(product.cli("accept", "baseline", "-r", "k01").stdout)["baseline"]
    (product.state / "baseline.json").write_text(json.dumps(drafted | {"source": "a test: what the rack runs"}))


def as_built(found: list[dict[str, Any]]) -> str:
    """Return the CSV of as-built records that say what is found; a kind that tells no part number is given one."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["place", "kind", "part", "serial"], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(r | {"part": r["part"] or f"EMU-{r['kind']}".upper()} for r in found if r["serial"])
    return out.getvalue()


def accept(product: Product, within: float, **otherwise: Any) -> RunRecord:
    """Take the rack through the plan, with what it says otherwise, and wait for the run's end."""
    plan = yaml.safe_load(PLAN.read_text()) | otherwise
    plan["baseline"] = json.loads((product.state / "baseline.json").read_text())
    for section in ("phases", "changes") if "only" in plan else ():
        plan[section] = {name: said for name, said in plan[section].items() if name.split(".")[0] in plan["only"]}
    path = product.state / "plan.yaml"
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    folder = begin(Wish("gb200-nvl72", "L11", plan=path, rack=RACK, patience_s=60.0), product.state, "test", "admin")
    answer = product.ask("POST", "/api/v1/login", {"user": "admin", "password": PASSWORD})
    start(product.state, folder.path.name, str(answer["token"]))
    began = time.monotonic()

    def ended() -> RunRecord | None:
        record = folder.read()
        return record if record.outcome is not None else None

    try:
        record = eventually(ended, within=within, every=2.0)
    except AssertionError:
        pytest.fail(f"{(folder.path / LOG).read_text()}\n{RunFolder(folder.path).read()}")
    for step in record.steps:
        print(f"{step.id}: {step.outcome} after {step.took_s:.0f} s, {step.tries} tries")
    print(f"the whole run: {time.monotonic() - began:.0f} s")
    return record


def findings(record: RunRecord) -> dict[tuple[str, str], str]:
    return {(s.id, f.place): f.text for s in record.steps for f in s.findings}


def test_a_healthy_rack_passes_every_step_of_the_whole_plan(running: Product) -> None:
    record = accept(running, WHOLE_S)
    assert findings(record) == {}
    assert [(s.id, s.outcome) for s in record.steps if s.outcome is not Outcome.PASS] == []
    assert (record.outcome, len(record.steps)) == (Outcome.PASS, 24)
    latches = running.get("/api/v1/racks/k01/interlocks")["latches"]
    assert latches == [], "a healthy rack's acceptance trips nothing"


@pytest.mark.parametrize("steps", AS_SHIPPED.values(), ids=AS_SHIPPED)
def test_a_healthy_rack_passes_as_long_and_with_as_many_parts_as_the_plan_ships(
    running: Product, steps: list[str]
) -> None:
    record = accept(running, AS_SHIPPED_S, only=steps, phases={}, changes={}, retest=0)
    assert findings(record) == {}
    assert [(s.id, s.outcome) for s in record.steps] == [(step, Outcome.PASS) for step in steps]


# A rack that lost its spare pump is held below its limits, and whoever raises one is refused: that one comes by itself.
@pytest.mark.parametrize("pump", [False, True], ids=["all but a pump", "a pump"])
def test_faults_that_a_look_does_not_show_are_named_by_their_step_with_their_part(running: Product, pump: bool) -> None:
    planted = {n: fault for n, fault in PLANTED.items() if (n == "pump") == pump}
    steps = [s for s in STEPS_WITH_FAULTS if (s == "pumps") == pump]
    running.control.set_faults([fault for fault, _, _ in planted.values()])
    try:
        record = accept(running, PART_S, only=steps, retest=0)
    finally:
        running.control.set_faults([])
    found = findings(record)
    assert {n: (step, part) for n, (_, step, part) in planted.items() if (step, part) not in found} == {}
    # Where one of two pumps stands still, how the other one does alone cannot be measured.
    assert record.outcome is Outcome.FAIL or (pump and record.faults_too)
