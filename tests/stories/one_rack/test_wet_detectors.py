"""An acceptance wets the leak detectors of a rack that runs, and names the one that is wet and the one that is deaf."""

from pathlib import Path

import pytest
from support.few_trays import FEW
from support.product import PASSWORD, Product, eventually

from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.live_run import resume_live
from rack_controller.acceptance.rest import Api

pytestmark = pytest.mark.timeout(300)
LIVE_PLAN = """
schema_version: 1
name: live
title: A short plan on a live rack
steps:
  - id: watch
    title: Everything is dry and cool
    level: L11
    phases: [{name: now, for_s: 3, every_s: 1}]
    measures:
      - {id: dry, title: Dry, of: leak.state, rule: range, phase: now, most: 0.5, source: a test}
      - {id: cool, title: Cool, of: gpu.temperature, rule: range, phase: now, least: 15, most: 95, source: a test}
      - {id: shelves, title: Power, of: shelf.power, rule: range, phase: now, most: 33000, source: a test}
  - id: wetting
    title: A detector sees water
    level: L11
    retest: 0
    phases: [{name: wetted, each: leak, places: [u18/leak0, u18/leak1], do: wet, settle_s: 2, for_s: 2, every_s: 0.5}]
    measures:
      - {id: reacts, title: Reacts, of: leak.state, rule: responds, phase: wetted, within: 0.9, source: a test}
  - id: identity
    title: As it was built
    level: L11
    measures: [{id: serials, title: Serials, of: serial, rule: placed, source: a test}]
"""


def test_a_live_acceptance_wets_detectors_and_names_the_wet_and_the_deaf_one(product: Product, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(LIVE_PLAN)

    def heard(place: str) -> list[float | None]:
        rows = product.get("/api/v1/racks/k01/readings", place=f"lab1/a/r01/k01/{place}", quantity="leak")
        return [r["value"] for r in rows]

    eventually(lambda: None not in heard("u18"), within=60)
    product.control.set_faults(
        [{"what": "leak", "where": "*/u11/leak1"}, {"what": "leak_unplugged", "where": "*/u18/leak1"}]
    )
    eventually(lambda: (heard("u11/leak1")[0] or 0.0) > 0.0, within=20)
    token = product.ask("POST", "/api/v1/login", {"user": "admin", "password": PASSWORD})["token"]
    link, plan = Api.of(product.state, str(token)), tmp_path / "plan.yaml"
    folder = begin(Wish(FEW, "L11", plan=plan, rack="lab1/a/r01/k01"), product.state, "test", "ada")
    record = resume_live(folder, product.state, link, lambda step, rack: None)
    steps = {step.id: step for step in record.steps}
    assert {f.place for f in steps["watch"].findings if not f.error} == {"u11/leak1"}
    assert (steps["watch"].tries, steps["watch"].parts_out) == (2, ["u11/leak1"])
    assert {f.place for f in steps["wetting"].findings} == {"u18/leak1"}, steps["wetting"].findings
    assert steps["identity"].outcome == "error"  # nobody handed as-built records in
    assert record.outcome == "error"
    assert (folder.path / "evidence.ocptv.jsonl.dsse").exists()
    left = [f["fault"] for f in product.control.list_faults()]
    assert [f["what"] for f in left] == ["leak", "leak_unplugged"], "what was wetted was dried"
