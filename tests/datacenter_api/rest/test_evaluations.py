"""Evaluations over REST: who may do what, costs for those alone who may see them, runs in a process of their own."""

from pathlib import Path

from support.api import Api
from support.as_built import RACK, csv_of, small_rack
from support.evaluated import OLD, keep_sheets, six_racks
from support.sealed_runs import sealed_run

from rack_controller.model.roles import Role

V1 = "/api/v1/evaluations"
SHORT = """
schema_version: 1
name: short
title: Short
steps: [{id: up, title: Up, stretches: [{name: full, load: 1.0, settle_s: 60, for_s: 10}]}]
criteria:
  - {id: room, title: Room, unit: "1", better: higher, way: headroom, step: up, stretch: full, source: t}
"""


async def test_racks_are_compared_and_exported(api: Api, state: Path) -> None:
    six_racks(state)
    async with api.client() as client:
        found = (await client.get(f"{V1}/comparison")).json()
        assert [c["better"] for c in found["contrasts"] if c["verdict"] == "real"] == ["gb300-nvl72"]
        text = await client.get(f"{V1}/comparison", params={"form": "differences"})
        assert text.headers["content-type"].startswith("text/csv")
        assert "real,gb300-nvl72" in text.text
        assert len((await client.get(f"{V1}/comparison", params={"by": "rack"})).json()["groups"]) == 6
        assert (await client.get(f"{V1}/comparison", params={"by": "colour"})).status_code == 422
        assert (await client.get(f"{V1}/comparison", params={"evaluation": "ev-9"})).status_code == 404
        assert len((await client.get(f"{V1}/plan")).json()["criteria"]) == 14
        rows = (await client.get(f"{V1}/needed", params={"effect": 5, "by": "2099-01-01", "racks": 6})).json()
        assert [r["needed"]["met"] for r in rows if r["needed"]] == [True]
        assert (await client.get(f"{V1}/needed", params={"effect": 0, "by": "2099-01-01"})).status_code == 422
        assert [r["id"] for r in (await client.get(V1)).json()] == ["ev-1"]
        assert len((await client.get(f"{V1}/ev-1")).json()["sheets"]) == 6


async def test_costs_are_for_those_who_may_prove_and_so_are_notes(api: Api, state: Path) -> None:
    keep_sheets(state, "ev-1", {RACK: (OLD, 100.0)})
    async with api.client(api.user_for(Role.OPERATOR)) as client:
        await client.post("/api/v1/passports/imports", content=csv_of(small_rack()))
        moment = {"rack": RACK, "what": "docked", "at": "2026-01-01T00:00:00"}
        noted = await client.post(f"{V1}/milestones", json=moment)
        assert noted.json()["unix_ns"] == 1_767_225_600 * 10**9
        late = await client.post(f"{V1}/milestones", json={**moment, "at": "2999-01-01T00:00:00"})
        assert late.status_code == 422
        assert [m["what"] for m in (await client.get(f"{V1}/milestones", params={"rack": RACK})).json()] == ["docked"]
        cells = (await client.get(f"{V1}/comparison")).json()["cells"]
        assert [c["low"] for c in cells if c["criterion"] == "cost"] == [2_000.0]
    said = {(r["what"], r["outcome"]) for r in api.services.store.audited(5)}
    assert ("milestone", "docked") in said
    async with api.client(api.user_for(Role.VIEWER)) as client:
        cells = (await client.get(f"{V1}/comparison")).json()["cells"]
        assert [c["low"] for c in cells if c["criterion"] == "cost"] == [None]
        for path, body in (("", {"generations": ["x"]}), ("/take", {"run": "x"}), ("/milestones", {})):
            assert (await client.post(V1 + path, json=body)).status_code == 403


async def test_virtual_racks_are_measured_in_a_process_of_their_own(api: Api, state: Path) -> None:
    (state / "evaluation").mkdir()
    (state / "evaluation" / "short.yaml").write_text(SHORT)
    async with api.client() as client:
        row = (await client.post(V1, json={"generations": ["gb200-nvl72"], "racks": 1, "plan": "short"})).json()
        assert (row["racks"], row["fault"], row["rig"]) == (1, "", "virtual")
        refused = await client.post(V1, json={"generations": ["none"], "plan": "short"})
        assert (refused.status_code, "none" in refused.json()["error"]["message"]) == (422, True)
    assert ("evaluation", row["id"], "kept") in {
        (r["what"], r["target"], r["outcome"]) for r in api.services.store.audited(5)
    }


async def test_an_acceptance_run_is_taken(api: Api, state: Path) -> None:
    run = sealed_run(state, RACK).path.name
    async with api.client() as client:
        row = (await client.post(f"{V1}/take", json={"run": run})).json()
        assert (row["rig"], row["of"]) == ("live", f"{RACK}; acceptance run {run}")
        assert (await client.post(f"{V1}/take", json={"run": "../signing"})).status_code == 422
