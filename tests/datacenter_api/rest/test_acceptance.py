"""Acceptance over REST: who may do what, what is audited, what is handed out, and what is refused with advice."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.accepted import short_run
from support.api import Api, fill
from support.as_built import RACK, csv_of, part
from support.latched import latched_state
from support.play import played_rack
from support.sealed_runs import sealed_run

from datacenter_api.acceptance import desk as desks
from datacenter_api.acceptance.on_demand import ADDRESS
from datacenter_api.cli.connection import error_of
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.acceptance import launch
from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.progress import Progress, tell
from rack_controller.acceptance.run import RunFolder
from rack_controller.model.interlock_view import InterlockGlance
from rack_controller.model.roles import Role

V1 = "/api/v1/acceptance/runs"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(20) + b"\0\0\0\0IEND\xaeB`\x82"


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("ended")
    short_run(state)
    return state


@pytest.fixture
def run(state: Path, ended: Path) -> str:
    """A run that has ended, in the API's state directory, with the key that sealed it."""
    for kept in ("acceptance", "signing"):
        shutil.copytree(ended / kept, state / kept, dirs_exist_ok=True)
    (folder,) = (state / "acceptance").iterdir()
    return folder.name


@pytest.fixture
def begun(state: Path) -> str:
    """A run of k01 that has begun and asks for something; no process has it."""
    folder = begin(Wish("gb200-nvl72", "L10", rack=RACK), state, "test", "admin")
    asks = "pull u12, or switch it off"
    tell(folder.path, Progress("identity", "Identity", "", 1, None, "u12", 0.5, asks))
    return folder.path.name


async def test_a_run_is_listed_shown_reported_proven_and_handed_out(api: Api, run: str) -> None:
    async with api.client(api.user_for(Role.VIEWER)) as client:
        (row,) = (await client.get(V1)).json()
        assert (row["id"], row["outcome"]) == (run, "fail")
        view = (await client.get(f"{V1}/{run}")).json()
        assert [s["outcome"] for s in view["steps"]] == ["fail", "pass"]
        assert view["suspects"][0]["place"] == "u23/bmc"
        page = await client.get(f"{V1}/{run}/report.html")
        assert page.headers["content-type"].startswith("text/html")
        assert "style-src 'unsafe-inline'" in page.headers["content-security-policy"]
        assert "script-src" not in page.headers["content-security-policy"]
        assert "<h1>virtual</h1>" in page.text
        checked = (await client.get(f"{V1}/{run}/verify")).json()
        assert (checked["faults"], checked["holds"]) == ([], True)
        evidence = await client.get(f"{V1}/{run}/evidence.zip")
        assert evidence.content[:2] == b"PK"
        assert run in evidence.headers["content-disposition"]
        assert (await client.get(f"{V1}/no-such-run")).status_code == 404


async def test_the_paper_to_sign_is_a_pdf(api: Api, run: str) -> None:
    pytest.importorskip("typst", reason="needs the extra report")
    async with api.client() as client:
        paper = await client.get(f"{V1}/{run}/report.pdf")
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.content[:5] == b"%PDF-"


async def test_where_no_pdf_can_be_made_the_answer_says_what_to_install(
    api: Api, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    async with api.client() as client:
        paper = await client.get(f"{V1}/{run}/report.pdf")
    assert paper.status_code == 503
    assert "rackwright[report]" in paper.json()["error"]["advice"]
    error = error_of(paper.status_code, paper.content)
    assert (error.exit_code, "--form html" in str(error)) == (2, True)


async def test_a_waiver_is_recorded_by_name_and_role_and_a_technician_gives_none(api: Api, run: str) -> None:
    wish = {"step": "settings", "measure": "clock", "place": "u23/bmc", "reason": "It is set at the installation."}
    async with api.client(api.user_for(Role.TECHNICIAN)) as client:
        assert (await client.post(f"{V1}/{run}/waivers", json=wish)).status_code == 403
    async with api.client(api.user_for(Role.OPERATOR)) as client:
        (waiver,) = (await client.post(f"{V1}/{run}/waivers", json=wish)).json()
        assert (waiver["actor"], waiver["role"]) == ("operator", "operator")
        assert "waived by operator (operator)" in (await client.get(f"{V1}/{run}/report.html")).text
        wrong = await client.post(f"{V1}/{run}/waivers", json={**wish, "measure": "ipmi"})
        assert wrong.status_code == 422
        assert "settings clock" in wrong.json()["error"]["advice"]
        short = await client.post(f"{V1}/{run}/waivers", json={**wish, "reason": "ok"})
        assert short.status_code == 422
        bare = await client.post(f"{V1}/{run}/waivers", json={**wish, "reason": " " * 20})
        assert (bare.status_code, bare.json()["error"]["message"]) == (422, "a waiver needs a reason")
    (line,) = [r for r in api.services.store.audited(20) if r["what"] == "acceptance waiver"]
    assert (line["actor"], line["target"]) == ("operator", run)


async def test_a_technician_scans_photographs_and_says_done(api: Api, begun: str) -> None:
    async with api.client() as admin:
        records = csv_of([part(f"{RACK}/u12", "compute_tray", "900", serial="T-1"), part(f"{RACK}/u13", serial="T-2")])
        assert (await admin.post("/api/v1/passports/imports", content=records)).json()["accepted"]
    async with api.client(api.user_for(Role.TECHNICIAN)) as client:
        at = f"{V1}/{begun}"
        right = (await client.post(f"{at}/answers", json={"step": "identity", "barcode": "T-1"})).json()
        assert (right["fit"], right["said"]) == ("right", "Right part: this is u12.")
        wrong = await client.post(f"{at}/answers", json={"step": "identity", "barcode": "T-2", "done": True})
        assert (wrong.status_code, "this is u13" in wrong.json()["error"]["message"]) == (412, True)
        kept = (await client.post(f"{at}/photos", params={"step": "identity"}, content=PNG)).json()
        said = (
            await client.post(f"{at}/answers", json={"step": "identity", "photo": kept["name"], "done": True})
        ).json()
        assert said["answer"]["photo_sha256"] == kept["sha256"]
        shown = await client.get(f"{at}/photos/{kept['name']}")
        assert (shown.content, shown.headers["content-type"]) == (PNG, "image/png")
        for bad in (b"<svg onload=alert(1)>", b""):
            assert (await client.post(f"{at}/photos", params={"step": "identity"}, content=bad)).status_code == 422
        big = await client.post(f"{at}/photos", params={"step": "identity"}, content=PNG + bytes(13 << 20))
        assert big.status_code == 413
        assert (await client.post(f"{at}/answers", json={"step": "x" * 60})).status_code == 422
        assert (await client.get(f"{at}/photos/..%2Frun.json")).status_code == 404
        assert [a["actor"] for a in (await client.get(at)).json()["answers"]] == ["technician"] * 3
        assert (await client.post(f"{at}/stop", json={"reason": "smoke"})).status_code == 200
        assert (await client.get(at)).json()["stop"]["actor"] == "technician"


async def test_a_run_is_begun_by_who_may_prove_and_works_in_their_name(
    api: Api, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(desks, "start", lambda *args: started.append(args))
    async with api.client(api.user_for(Role.TECHNICIAN)) as client:
        assert (await client.post(V1, json={"rack": "k01"})).status_code == 403
    async with api.client(api.user_for(Role.OPERATOR)) as client:
        row = (await client.post(V1, json={"rack": "k01", "level": "L10"})).json()
        assert (row["rack"], row["rig"], row["generation"]) == (RACK, "live", "gb200-nvl72")
        untold = {u["what"]: u["step"] for u in row["untold"]}
        assert untold["gpu.temperature_memory"] == "gpu_stress", "no host speaks for this rack"
        assert not {"serial", "gpu.power", "memory_gib"} & set(untold)
        (_, name, token) = started[0]
        assert name == row["id"]
        session = api.services.sessions.use(token)
        assert session is not None
        assert (session.user, session.address) == ("operator", ADDRESS)
        own = "extends: gb200-nvl72\nname: ours\nonly: [settings]\n"
        second = await client.post(V1, json={"rack": "k01", "plan_text": own})
        assert (second.status_code, second.json()["error"]["code"]) == (409, "rack_taken")
        assert f"{RACK} is under run {name}, begun by operator" in second.text
        assert f"rackwright accept stop {name}" in second.json()["error"]["advice"]
        looks = [
            await client.get("/api/v1/acceptance/plan", params={"rack": "k01"}),
            await client.post("/api/v1/acceptance/plan", json={"racks": ["k01"], "plan_text": own, "level": "L10"}),
        ]
        told = [look.json() for look in looks]
        assert [(t["plan"], t["level"]) for t in told] == [("gb200-nvl72-acceptance", "L11"), ("ours", "L10")]
        assert [t["taken"][0]["what"] for t in told] == [second.json()["error"]["message"]] * 2
        assert [(h["run"], h["running"]) for t in told for h in t["taken"]] == [(name, True)] * 2
        shutil.rmtree(state / "acceptance" / name)
        mine = (await client.post(V1, json={"rack": "k01", "plan_text": own, "patience_s": 60})).json()
        kept = (state / "acceptance" / mine["id"] / "plan.yaml").read_text()
        assert ("name: ours" in kept, "extends" in kept, kept.count("- id: settings")) == (True, False, 1)
        assert '"patience_s":60' in (state / "acceptance" / mine["id"] / "asked.json").read_text()
        bad = await client.post(V1, json={"rack": "k01", "plan_text": "extends: gb200-nvl72\nonly: [nothing]\n"})
        assert (bad.status_code, "plan.yaml" in bad.text, "only[0]" in bad.text) == (400, True, True)
        del started[1]
        virtual = (await client.post(V1, json={"generation": "gb200-nvl72", "seed": 7})).json()
        assert (virtual["rig"], started[1][2], virtual["untold"]) == ("virtual", "", [])
        for body, status in (
            ({}, 422),
            ({"rack": "k01", "generation": "gb200-nvl72"}, 422),
            ({"generation": "no-such"}, 400),
            ({"generation": "gb200-nvl72", "planted": "nothing"}, 400),
            ({"rack": "k99"}, 404),
            ({"rack": "k01", "level": "L9"}, 422),
            ({"rack": "k01", "plan": "short", "plan_text": "extends: gb200-nvl72\n"}, 422),
            ({"rack": "k01", "plan_text": "x" * 200_001}, 422),
        ):
            answer = await client.post(V1, json=body)
            assert answer.status_code == status, body
            assert answer.json()["error"]["advice"], body
    assert len(started) == 2
    assert {r["what"] for r in api.services.store.audited(20)} >= {"acceptance run"}


async def test_racks_are_begun_together_by_one_wish_and_each_has_a_run(
    api: Api, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(desks, "start", lambda *args: started.append(args))
    second = played_rack(2)
    other = RACK.replace("k01", "k02")

    def alive() -> None:
        for rack in (played_rack(), second):
            fill(api.services.fleet.record(rack.name), rack, api.services.now())

    async with api.client(api.user_for(Role.OPERATOR)) as client:
        alive()
        told = (await client.get("/api/v1/acceptance/plan", params={"rack": ["k01", "k02"]})).json()
        assert ([s["id"] for s in told["steps"]], told["level"]) == (["cluster_clock", "cluster_load"], "L12")
        assert [r["rack"] for r in told["racks"]] == [RACK, other]
        assert all("is not accepted at L11" in r["held"] for r in told["racks"])
        assert not [u for u in told["untold"] if "other racks" in u["what"]]
        alive()
        own = {"racks": ["k01", "k02"], "plan_text": "extends: gb200-nvl72\nname: ours\n"}
        mine = (await client.post("/api/v1/acceptance/plan", json=own)).json()
        assert [(r["rack"], "no run of ours is kept" in r["held"]) for r in mine["racks"]] == [
            (RACK, True), (other, True),
        ]  # fmt: skip
        assert (await client.post("/api/v1/acceptance/plan", json={**own, "plan_text": ""})).status_code == 422
        sealed_run(state, RACK, level="L11")
        alive()
        row = (await client.post(V1, json={"racks": ["k01", other], "level": "L12", "patience_s": 60})).json()
        assert (row["rack"], row["level"], row["rig"]) == (RACK, "L12", "live")
        assert list(row["together"].values()) == [RACK, other]
        assert [r["rack"] for r in row["racks"]] == [RACK, other]
        assert [(name, bool(token)) for _, name, token in started] == [(row["id"], True)], "one process has them all"
        mine, its = row["together"]
        view = (await client.get(f"{V1}/{its}")).json()
        assert (view["record"]["rack"], [s["id"] for s in view["steps"]]) == (other, [s["id"] for s in told["steps"]])
        assert [(b["run"], b["rack"], b["steps"]) for b in view["beside"]] == [(mine, RACK, {})]
        assert f"Together with {RACK}" in (await client.get(f"{V1}/{its}/report.html")).text
        assert (await client.post(f"{V1}/{its}/stop", json={"reason": "smoke"})).status_code == 200
        assert (await client.get(f"{V1}/{mine}")).json()["stop"]["reason"] == "smoke"
        rows = {r["id"]: r["together"] for r in (await client.get(V1)).json()}
        assert rows[mine] == rows[its] == row["together"]
    (line,) = [r for r in api.services.store.audited(20) if r["what"] == "acceptance run"]
    assert (line["target"], RACK in line["detail"], other in line["detail"]) == (mine, True, True)


async def test_racks_that_cannot_be_taken_together_begin_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    monkeypatch.setattr(desks, "start", lambda *args: pytest.fail("nothing is started"))
    foreign = played_rack(3)
    foreign = replace(foreign, layout=msgspec.structs.replace(foreign.layout, generation="gb300-nvl72"))
    silent = played_rack(4)
    fill(api.services.fleet.record(silent.name), silent, Seconds(api.services.now() - 3600))
    async with api.client(api.user_for(Role.OPERATOR)) as client:
        for racks, level, status, says in (
            (["k01", "k01"], "L12", 422, "k01 is named twice"),
            (["k01", RACK], "L12", 422, "k01 is named twice"),
            (["k01"], "L12", 422, "is not several"),
            (["k01", "k02"], "L11", 422, "L11 takes each rack by itself"),
            (["k01", "k03"], "L12", 422, "k03 is a gb300-nvl72"),
            (["k01", "k04"], "L12", 503, "k04 does not run"),
            (["k01", "k99"], "L12", 404, "no rack 'k99'"),
        ):
            for rack in (played_rack(), played_rack(2), foreign):
                fill(api.services.fleet.record(rack.name), rack, api.services.now())
            begun = await client.post(V1, json={"racks": racks, "level": level})
            assert (begun.status_code, says in begun.text) == (status, True), (racks, begun.text)
            assert begun.json()["error"]["advice"]
        alone = await client.post(V1, json={"rack": "k01", "level": "L12"})
        assert (alone.status_code, "L12 takes racks together" in alone.text) == (422, True)
        both = await client.post(V1, json={"rack": "k01", "racks": ["k01", "k02"], "level": "L12"})
        assert both.status_code == 422
    assert not (state / "acceptance").exists()


async def test_after_a_restart_unfinished_runs_go_on_in_the_name_of_who_began_them(
    api: Api, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(launch, "start", lambda *args: started.append(args))
    await api.services.acceptance.go_on()
    ((_, name, token),) = started
    assert name == begun
    session = api.services.sessions.use(token)
    assert session is not None
    assert session.user == "admin"
    api.services.accounts.create("gone", "correct horse battery", Role.VIEWER)
    assert api.services.acceptance.login("gone") == ""
    assert api.services.acceptance.login("nobody") == ""


async def test_a_cut_run_has_its_rack_until_it_is_gone_on_with_stopped_or_given_up(
    api: Api, monkeypatch: pytest.MonkeyPatch, begun: str, state: Path
) -> None:
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(desks, "start", lambda *args: started.append(args))
    folder = RunFolder(state / "acceptance" / begun)
    folder.write(msgspec.structs.replace(folder.read(), began_unix_ns=1))
    async with api.client(api.user_for(Role.OPERATOR)) as client:
        refused = await client.post(V1, json={"rack": "k01", "level": "L10"})
        assert (refused.status_code, "no process now" in refused.text) == (409, True)
        assert f"rackwright accept run --resume {begun}" in refused.json()["error"]["advice"]
        told = (await client.get("/api/v1/acceptance/plan", params={"rack": "k01"})).json()["taken"]
        assert [(h["run"], h["running"], "(0 steps done)" in h["what"]) for h in told] == [(begun, False, True)]
        assert told[0]["advice"] == refused.json()["error"]["advice"]
        assert (await client.get(f"{V1}/{begun}")).json()["trouble"] == "it left no word"
        row = (await client.post(f"{V1}/{begun}/go-on")).json()
        (_, name, token) = started[0]
        assert (row["id"], name) == (begun, begun)
        session = api.services.sessions.use(token)
        assert session is not None
        assert session.user == "admin", "who began it"
        with launch.held(folder.path):
            assert (await client.post(f"{V1}/{begun}/go-on")).status_code == 412
            assert (await client.post(f"{V1}/{begun}/give-up", json={})).status_code == 412
            assert (await client.post(f"{V1}/{begun}/stop", json={"reason": "smoke"})).status_code == 200
        assert len(started) == 1, "a process has it: that one stops"
        assert (await client.post(f"{V1}/{begun}/stop", json={"reason": "lunch"})).status_code == 200
        assert [name for _, name, _ in started] == [begun, begun], "it is gone on with, to put its rack back to rest"
        assert (await client.post(f"{V1}/{begun}/give-up", json={"reason": "it is sold"})).json()[
            "outcome"
        ] == "stopped"
        view = (await client.get(f"{V1}/{begun}")).json()
        assert view["record"]["why"].startswith("given up by operator: it is sold; the rack was not put back to rest")
        assert (await client.get(f"{V1}/{begun}/verify")).json()["holds"]
        assert (await client.post(f"{V1}/{begun}/go-on")).status_code == 412
        assert (await client.post(V1, json={"rack": "k01", "level": "L10"})).status_code == 200
    said = [(r["what"], r["outcome"]) for r in api.services.store.audited(20) if r["target"] == begun]
    assert {("acceptance run", "gone on with"), ("acceptance stop", "given up")} <= set(said)


async def test_a_latch_that_stands_is_told_before_a_run_begins(api: Api) -> None:
    record = api.services.fleet.record("k01")
    tripped = latched_state(RACK).tripped
    record.interlocks = InterlockGlance(True, [*tripped, msgspec.structs.replace(tripped[0], latch="")], 1, 0)
    async with api.client(api.user_for(Role.VIEWER)) as client:
        told = (await client.get("/api/v1/acceptance/plan", params={"rack": "k01"})).json()
    assert told["latched"] == ["k01: latch k01-l1 stands at u31 (Leak)"], "what was cleared keeps nothing off"


async def test_what_a_run_would_do_is_told_before_it_begins(api: Api) -> None:
    async with api.client(api.user_for(Role.VIEWER)) as client:
        told = (await client.get("/api/v1/acceptance/plan", params={"rack": "k01"})).json()
        assert (told["taken"], told["latched"]) == ([], []), "no run has it, and nothing has tripped"
        steps = {s["id"]: s for s in told["steps"]}
        assert steps["psu_each"]["does"] == [
            "GPUs at 100% of their span",
            "each of 48 supplies off and on again, GPUs at 100% of their span",
        ]
        assert told["seconds"] == sum(s["seconds"] for s in told["steps"])
        floor = {(n["kind"], n["name"]): n["handed_in"] for n in told["floor"]}
        assert floor["records", "torque"] is False
        assert ("readings", "tray.flow") in floor
        virtual = (await client.get("/api/v1/acceptance/plan", params={"generation": "gb200-nvl72"})).json()
        assert (virtual["untold"], virtual["floor"]) == ([], [])
        for query, status in (
            ({}, 422),
            ({"rack": "k01", "generation": "gb200-nvl72"}, 422),
            ({"rack": "k99"}, 404),
            ({"generation": "no-such"}, 400),
            ({"rack": "k01", "plan": "no-such"}, 400),
            ({"rack": "k01", "plan": "../x"}, 422),
        ):
            answer = await client.get("/api/v1/acceptance/plan", params=query)
            assert answer.status_code == status, query
            assert answer.json()["error"]["advice"], query


async def test_how_long_a_run_takes_counts_what_the_product_itself_switches_at_the_rack(api: Api) -> None:
    rack = played_rack()
    shelf = next(t for t in rack.layout.trays if t.kind == TrayKind.POWER_SHELF)
    supplies = {f"psu{n}": ["ForceOff", "On"] for n in range(6)}
    async with api.client(api.user_for(Role.VIEWER)) as client:

        async def steps() -> dict[str, dict[str, Any]]:
            told = (await client.get("/api/v1/acceptance/plan", params={"rack": "k01"})).json()
            return {s["id"]: s for s in told["steps"]}

        assert (await steps())["psu_each"]["apart_s"] == 0.0, "no supply of it can be switched: people pull them"
        for outputs, said in (
            (supplies, {"psu_each": True, "shelf_each": False}),
            ({"": ["ForceOff"]}, {"psu_each": False}),
        ):
            rack = replace(rack, outputs={shelf.endpoints[0].place: outputs})
            fill(api.services.fleet.record(rack.name), rack, api.services.now())
            found = await steps()
            assert {name: found[name]["apart_s"] > 0.0 for name in said} == said
        assert found["shelf_each"]["apart_s"] > 0.0
        assert found["shelf_each"]["seconds"] > found["shelf_each"]["apart_s"] + found["shelf_each"]["heard_s"]


async def test_the_floor_hands_in_all_of_a_file_or_nothing(api: Api, state: Path) -> None:
    at, query = "/api/v1/acceptance/floor", {"rack": "k01", "name": "f.csv", "generation": "gb200-nvl72"}
    heading = "kind,place,tester,calibrated_until,on,nm,value"
    good = [
        "torque,u06,wrench-1,2027-05-31,2026-11-20,12.1,",
        "tray.flow,u11,meter-7,2027-05-31,2026-11-20T10:00:00Z,,9.3",
    ]
    bad = "\n".join([heading, *good, "torque,u99,wrench-1,2027-05-31,2026-11-20,12.1,"]).encode()
    async with api.client(api.user_for(Role.VIEWER)) as client:
        assert (await client.post(at, params=query, content=bad)).status_code == 403
    async with api.client(api.user_for(Role.TECHNICIAN)) as client:
        report = (await client.post(at, params=query, content=bad)).json()
        assert (report["accepted"], report["faulty"], report["faults"][0]["row"]) == (False, 1, 3)
        view = (await client.get(at, params={"rack": "k01"})).json()
        assert (view["rack"], view["records"], view["logs"]) == (RACK, [], [])
        report = (await client.post(at, params=query, content="\n".join([heading, *good]).encode())).json()
        assert (report["accepted"], report["rack"], report["records"], report["readings"]) == (True, RACK, 1, 1)
        view = (await client.get(at, params={"rack": "k01"})).json()
        assert [(r["kind"], r["place"], r["actor"]) for r in view["records"]] == [("torque", "u06", "technician")]
        assert [(r["series"], r["tester"], r["readings"]) for r in view["logs"]] == [("tray.flow", "meter-7", 1)]
        told = (await client.get("/api/v1/acceptance/plan", params={"rack": "k01"})).json()
        assert [n["handed_in"] for n in told["floor"] if n["name"] == "torque"] == [True]
    lines = [r for r in api.services.store.audited(20) if r["what"] == "floor records"]
    assert {(r["actor"], r["outcome"]) for r in lines} == {("technician", "refused"), ("technician", "kept")}
