"""Passports and decisions over REST: who may do what, what is audited, and prices for those alone who may see them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.api import Api
from support.as_built import RACK, csv_of, part, small_rack
from support.redfish_hall import report_of
from support.sealed_runs import sealed_run

from firmware_bridge.vocabulary.errors import BusUnavailable
from rack_controller.acceptance.run import EVIDENCE
from rack_controller.decide.swap import Stage, Swap
from rack_controller.model.roles import Role
from rack_controller.prove.seal import judge
from rack_controller.signing_keys import SigningKeys

V1 = "/api/v1/passports"
OPTIONS = "/api/v1/options"
OFFER: dict[str, Any] = {
    "name": "pilot",
    "title": "Pilot racks",
    "seller": {"firm": "Maker", "users": ["mo"]},
    "buyer": {"firm": "Buyer", "users": ["operator"]},
    "racks": [RACK],
    "offered": "2026-01-01",
    "decide_by": "2099-12-31",
}


@pytest.fixture
def bus(api: Api, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the rack's controller answers: swaps, and a report of each endpoint."""
    told: dict[str, Any] = {"swaps": []}

    async def ask(_rack: str, want: str, place: str = "", table_id: int = 0) -> bytes:
        if want == "report":
            return report_of(place)
        if isinstance(told[want], Exception):
            raise told[want]
        return msgspec.json.encode(told[want])

    monkeypatch.setattr(api.services.bus, "ask", ask)
    return told


async def test_records_are_taken_shown_claimed_and_exported(api: Api, bus: dict[str, Any], state: Path) -> None:
    async with api.client(api.user_for(Role.OPERATOR)) as client:
        taken = (await client.post(f"{V1}/imports", params={"name": "f.csv"}, content=csv_of(small_rack()))).json()
        assert (taken["accepted"], taken["rows"]) == (True, 5)
        shown = (await client.get(f"{V1}/k01")).json()
        assert [p["cost"] for p in shown["parts"]] == [None, "600", "400", "600", "400"]
        assert shown["parts"][2]["steps"][1]["place"] == "foxconn-va"
        (claim,) = (await client.get(f"{V1}/k01/claims", params={"delivery": "2028-06-01"})).json()
        assert (claim["lower_percent"], claim["verdict"]) == (79.99, "met")
        assert len((await client.get(f"{V1}/k01/claims", params={"every": True})).json()) == 4
        made = (await client.post(f"{V1}/k01/export", json={})).json()
        key = (await client.get(f"{V1}/key")).json()
        assert judge(made["name"], made["content"].encode(), made["seal"].encode(), [key["fingerprint"]]).trusted
        assert made["openings"]["openings"]
        assert len((await client.get(f"{V1}/rules")).json()["sites"]) == 5
    said = {(r["what"], r["outcome"]) for r in api.services.store.audited(20)}
    assert {("passport import", "kept"), ("passport export", "signed")} <= said


async def test_a_viewer_sees_no_price_and_changes_nothing(api: Api, bus: dict[str, Any]) -> None:
    async with api.client() as client:
        await client.post(f"{V1}/imports", content=csv_of(small_rack()))
    async with api.client(api.user_for(Role.VIEWER)) as client:
        shown = (await client.get(f"{V1}/k01")).json()
        assert shown["rows"] == 5
        assert {p[n] for p in shown["parts"] for n in ("cost", "currency", "cost_basis")} == {None}
        for path in ("imports", "k01/export", "k01/freeze", "key/rotate"):
            assert (await client.post(f"{V1}/{path}", json={})).status_code == 403, path


async def test_a_bad_file_is_answered_with_its_faults_and_audited(api: Api, bus: dict[str, Any]) -> None:
    async with api.client() as client:
        report = (await client.post(f"{V1}/imports", content=csv_of([part(f"{RACK}/u01", currency="X")]))).json()
        assert (report["accepted"], report["faults"][0]["row"]) == (False, 1)
        assert (await client.get(V1)).json() == []
        assert (await client.get(f"{V1}/k01")).status_code == 404
    assert api.services.store.audited(1)[0]["detail"] == "1 fault in 1 row"


async def test_what_is_found_is_matched_and_a_swap_that_has_ended_changes_the_passport(
    api: Api, bus: dict[str, Any]
) -> None:
    async with api.client() as client:
        await client.post(f"{V1}/imports", content=csv_of([part(f"{RACK}/u12", "compute_tray", "900", serial="T-0")]))
        report = (await client.get(f"{V1}/k01/match")).json()
        assert report["unread"], "nothing was read before somebody looked"
        while (report := (await client.get(f"{V1}/k01/match")).json())["unread"]:
            pass
        swapped = [f for f in report["findings"] if f["fit"] in ("swapped", "duplicate") and f["built"]]
        assert (swapped[0]["built"]["serial"], swapped[0]["found"]["serial"]) == ("T-0", "T-1")
        assert any(row["place"] == f"{RACK}/u12" for row in (await client.get(f"{V1}/k01/found")).json())
        swap = Swap(f"{RACK}/u12/bmc", "ada", "dead", "1", Stage.DONE, 1, 2, "T-0", "T-1", 2**61)
        bus["swaps"] = [swap, msgspec.structs.replace(swap, stage=Stage.VERIFY, new_serial="T-9")]
        shown = (await client.get(f"{V1}/k01")).json()
        assert (shown["parts"][0]["serial"], shown["parts"][0]["cost"]) == ("T-1", None)
        assert [s["new"] for s in shown["swaps"]] == ["T-1"]
        noted = [r for r in api.services.store.audited(20) if r["what"] == "passport swap"]
        assert [(r["target"], r["detail"]) for r in noted] == [(f"{RACK}/u12", "T-0 is T-1 now")]
        bus["swaps"] = BusUnavailable("away")
        assert "not known" in (await client.get(f"{V1}/k01/match")).json()["swaps"]
        refused = await client.post(f"{V1}/k01/freeze", json={})
        assert (refused.status_code, "despite_wrong" in refused.json()["error"]["advice"]) == (412, True)
        frozen = (await client.post(f"{V1}/k01/freeze", json={"despite_wrong": True})).json()
        assert frozen["findings"]
        (noted,) = [r for r in api.services.store.audited(20) if r["what"] == "passport freeze"]
        assert noted["detail"].startswith(f"{frozen['sha256']}, despite ")
        assert (await client.get(V1)).json()[0]["frozen"] == frozen["sha256"]


async def test_a_rack_that_nobody_has_looked_at_is_read_before_it_is_frozen(api: Api, bus: dict[str, Any]) -> None:
    async with api.client() as client:
        await client.post(f"{V1}/imports", content=csv_of([part(f"{RACK}/u12", "compute_tray", "900", serial="T-0")]))
        refused = (await client.post(f"{V1}/k01/freeze", json={})).json()["error"]
        assert "is not as it was built" in refused["message"]
        assert "not read in full" not in refused["message"]
        assert (await client.get(V1)).json()[0]["frozen"] == ""


async def test_a_rack_that_does_not_answer_is_frozen_only_where_that_is_meant(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(*_asked: object) -> bytes:
        raise BusUnavailable("away")

    monkeypatch.setattr(api.services.bus, "ask", ask)
    async with api.client() as client:
        await client.post(f"{V1}/imports", content=csv_of([part(f"{RACK}/u12", "compute_tray", "900", serial="T-0")]))
        refused = await client.post(f"{V1}/k01/freeze", json={"despite_wrong": True})
        error = refused.json()["error"]
        assert (refused.status_code, "despite_unread" in error["advice"]) == (412, True)
        assert "u12" in error["message"]
        assert (await client.post(f"{V1}/k01/freeze", json={"despite_unread": True})).status_code == 200
    (noted,) = [r for r in api.services.store.audited(9) if (r["what"], r["outcome"]) == ("passport freeze", "frozen")]
    assert "not read in full" in noted["detail"]


async def test_a_decision_is_moved_by_its_parties_alone_and_ends_in_a_dossier(
    api: Api, bus: dict[str, Any], state: Path
) -> None:
    async with api.client() as admin:
        assert (await admin.post(OPTIONS, json=OFFER)).json()["stage"] == "offered"
        assert (await admin.post(OPTIONS, json=OFFER)).status_code == 409
        refused = await admin.post(f"{OPTIONS}/pilot/steps", json={"step": "evaluate"})
        assert (refused.status_code, "only the buyer" in refused.json()["error"]["message"]) == (412, True)
        bad = await admin.post(OPTIONS, json={**OFFER, "name": "x", "decide_by": "2025-01-01"})
        assert bad.status_code == 422
    async with api.client(api.user_for(Role.OPERATOR)) as buyer:
        assert (await buyer.post(OPTIONS, json={**OFFER, "name": "own"})).status_code == 403
        await buyer.post(f"{OPTIONS}/pilot/steps", json={"step": "evaluate"})
        wish = {"step": "accept_if", "conditions": ["racks_passed:L12 >= 1 by 2099-01-01"], "said": "as agreed"}
        assert (await buyer.post(f"{OPTIONS}/pilot/steps", json=wish)).json()["stage"] == "conditional"
        unmet = await buyer.post(f"{OPTIONS}/pilot/steps", json={"step": "exercise"})
        assert "not met" in unmet.json()["error"]["message"]
        folder = sealed_run(state / "elsewhere", RACK, signer=SigningKeys(state / "signing").signer()).path
        proof = {n: (folder / f).read_text() for n, f in (("content", EVIDENCE), ("seal", f"{EVIDENCE}.dsse"))}
        typed = await buyer.post(f"{OPTIONS}/evidence", json={"rack": RACK, "level": "L12", "passed": True})
        assert typed.status_code == 422, "nobody's word proves anything"
        altered = {**proof, "content": proof["content"].replace("PASS", "FAIL", 1)}
        assert (await buyer.post(f"{OPTIONS}/evidence", json=altered)).status_code == 422
        assert (await buyer.post(f"{OPTIONS}/evidence", json=proof)).json()["passed"] is True
        assert [r["rack"] for r in (await buyer.get(f"{OPTIONS}/pilot/evidence")).json()] == [RACK]
        assert (await buyer.get(f"{OPTIONS}/pilot")).json()["conditions"][0]["outcome"] == "met"
        assert (await buyer.post(f"{OPTIONS}/pilot/steps", json={"step": "exercise"})).json()["stage"] == "exercised"
        assert (await buyer.get(f"{OPTIONS}/reminders")).json() == []
        made = (await buyer.post(f"{OPTIONS}/pilot/dossier", json={})).json()
        assert '"what":"option exercise"' in made["content"]
        assert judge(made["name"], made["content"].encode(), made["seal"].encode(), []).holds
        assert [r["stage"] for r in (await buyer.get(OPTIONS)).json()] == ["exercised"]


async def test_a_rotated_key_is_vouched_for(api: Api) -> None:
    async with api.client() as client:
        first = (await client.get(f"{V1}/key")).json()
        second = (await client.post(f"{V1}/key/rotate", json={})).json()
        assert (first["rotations"], second["rotations"]) == (0, 1)
        assert first["fingerprint"] != second["fingerprint"]
