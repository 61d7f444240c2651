"""A design of the installation's own is accepted as one that ships: begun, gone on with, looked back at, evaluated."""

import os
import shutil
from pathlib import Path

import msgspec
import pytest
from nicegui import ui
from nicegui.testing import user_simulation
from support.api import Api, fill
from support.play import PlayedRack

from datacenter_api.acceptance.ahead import preview_of
from datacenter_api.acceptance.desk import AcceptanceDesk
from datacenter_api.acceptance.sources import source_of
from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.cli.main import run as command
from datacenter_api.console.begin_card import BeginCard
from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.installation import SITE_NOTE, note_site_file, own_generations, site_file
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.designs import design_of_run, gone_on_with
from rack_controller.acceptance.floor import take_floor
from rack_controller.acceptance.plans import plan_names, plan_path
from rack_controller.acceptance.record import StepRecord
from rack_controller.acceptance.run import RunFolder
from rack_controller.acceptance.virtual_run import accept, resume
from rack_controller.evaluation.from_run import read_sealed_run
from rack_controller.evaluation.kept import read_evaluation_folder
from rack_controller.evaluation.run import EvaluationWish, run_evaluation, take_run
from rack_controller.model.roles import Role
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

NAME = "own-nvl72"
RACK = """\
schema_version: 1
name: own-nvl72
extends: gb200-nvl72
title: Eight GPUs of a GB200 NVL72
coolant:
  {supply_nominal_c: 30, flow_rated_lpm: 22.0, heat_capacity_j_per_l_k: 3870, fluid: Water, additive: propylene glycol,
   additive_percent: 25}
domains: [{name: nvl0, gpus: 8, racks: 1}]
placements:
  - {tray: cdu, units: [1]}
  - {tray: shelf, units: [6], feeds: [[a]]}
  - {tray: compute, units: [11, 12], domain: nvl0}
  - {tray: switch, units: [19], domain: nvl0}
"""
PLAN = """\
schema_version: 1
name: own-nvl72-acceptance
title: What eight GPUs are held to
steps:
  - id: settings
    title: Settings
    level: L10
    measures: [{id: clock, title: Clock, of: clock_offset_s, rule: fact, least: -5, most: 5, source: a test}]
  - id: busy
    title: Busy
    level: L11
    phases: [{name: full, load: 1.0, settle_s: 10, for_s: 20}]
    measures: [{id: draws, title: It draws, of: gpu.power, rule: range, least: 2000, source: a test, phase: full}]
"""
SHORT = "schema_version: 1\nname: own-short\nextends: own-nvl72\nonly: [settings]\n"
CHANGED = RACK.replace("units: [11, 12]", "units: [11]").replace("gpus: 8", "gpus: 4")


def nothing(step: StepRecord, rack: str) -> None:
    return None


def written(root: Path) -> Path:
    """Write the design and its plans below a folder that keeps generations; return the design's folder."""
    folder = root / "generations" / NAME
    folder.mkdir(parents=True)
    for name, text in (("rack", RACK), ("acceptance", PLAN), ("acceptance-short", SHORT)):
        (folder / f"{name}.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunFolder]:
    """A state directory with the design, and a run of it that ended: every GPU draws less than its plan wants."""
    state = tmp_path_factory.mktemp("own")
    written(state)
    return state, accept(Wish(NAME, "L11", 3), state, "test", nothing)[1]


def test_a_run_of_it_is_begun_cut_gone_on_with_sealed_and_points_at_trays(tmp_path: Path) -> None:
    written(tmp_path)
    desk, seen = AcceptanceDesk(tmp_path), []

    def cut(step: StepRecord, rack: str) -> None:
        seen.append(step.id)
        raise KeyboardInterrupt

    folder = begin(Wish(NAME, "L11", 3), tmp_path, "test", "ada")
    with pytest.raises(KeyboardInterrupt):
        resume(folder, tmp_path, cut)
    record, _ = resume(folder, tmp_path, lambda step, rack: seen.append(step.id))
    assert (seen, record.generation, record.outcome) == (["settings", "busy"], NAME, Outcome.FAIL)
    assert (len(record.findings), [s.parts_out for s in record.steps]) == (8, [[], [f.place for f in record.findings]])
    view = desk.show(record.id)
    assert ([s.place for s in view.suspects], view.lacks_design) == (["u11", "u12"], "")
    assert desk.verify(record.id).holds
    report = desk.report(record.id, "html").decode()
    assert "Not drawn" not in report
    assert "<svg" in report


def test_its_plans_are_offered_and_extended(tmp_path: Path) -> None:
    written(tmp_path)
    assert plan_names(NAME, own_generations(tmp_path)) == ["short"]
    assert [s.id for s in preview_of(tmp_path, NAME, "L11").steps] == ["settings", "busy"]
    assert [s.id for s in preview_of(tmp_path, NAME, "L11", "short").steps] == ["settings"]
    file = plan_path(NAME, own_generations(tmp_path), "short")
    record, _ = accept(Wish(NAME, "L11", 3, plan=file), tmp_path, "test", nothing)
    assert ([s.id for s in record.steps], record.outcome) == (["settings"], Outcome.PASS)
    by_text, _ = accept(Wish(NAME, "L11", 3, plan_text=SHORT), tmp_path, "test", nothing)
    assert (by_text.plan, by_text.plan_sha256) == (record.plan, record.plan_sha256)
    with pytest.raises(ConfigurationError, match="known are short"):
        plan_path(NAME, own_generations(tmp_path), "long")


def test_a_design_beside_the_site_file_is_known_where_the_controller_noted_it(tmp_path: Path) -> None:
    state, site = tmp_path / "state", tmp_path / "etc" / "site.yaml"
    written(site.parent)
    rack = f"{{place: lab/a/r01/k01, generation: {NAME}, armed: false}}"
    site.write_text(f"kind: site\nschema_version: 1\nsite: lab\nracks: [{rack}]\nendpoints: []\n")
    data = b"kind,place,tester,calibrated_until,on\n"
    with pytest.raises(ConfigurationError, match="nobody knows"):
        take_floor(state, "k01", data, "f.csv", "tom")
    note_site_file(state, site)
    taken, _ = take_floor(state, "k01", data, "f.csv", "tom")
    assert taken.rack == "lab/a/r01/k01"
    assert load_generation(NAME, own_generations(state)).count("gpu") == 8
    site.unlink()
    assert own_generations(state) == (state / "generations",)


def test_a_site_file_is_noted_whatever_its_folder_is_called_and_no_note_is_in_the_way(tmp_path: Path) -> None:
    for name in (b"b\xff", "sites of Jörg ".encode()):
        site = tmp_path / os.fsdecode(name) / "site.yaml"
        site.parent.mkdir()
        site.touch()
        note_site_file(tmp_path, site)
        assert site_file(tmp_path) == site
    for note in (b"", b"\0", b"x" * 5000, bytes(tmp_path)):
        (tmp_path / SITE_NOTE).write_bytes(note)
        assert site_file(tmp_path) == tmp_path / "site.yaml"


def test_a_fault_is_planted_at_its_own_places_or_refused(tmp_path: Path) -> None:
    written(tmp_path)
    record, _ = accept(Wish(NAME, "L10", 3, "wrong_clock"), tmp_path, "test", nothing)
    assert [(f.measure, f.place) for f in record.findings] == [("clock", "u19/bmc")]
    with pytest.raises(ConfigurationError, match=f"trunks_crossed cannot be planted in a {NAME}"):
        begin(Wish(NAME, "L10", 3, "trunks_crossed"), tmp_path, "test", "ada")


@pytest.mark.parametrize("change", ["deleted", "another", "broken"])
def test_a_run_does_not_go_on_with_another_design_and_does_when_it_is_put_back(tmp_path: Path, change: str) -> None:
    own = written(tmp_path)
    folder = begin(Wish(NAME, "L11", 3), tmp_path, "test", "ada")
    kept = tmp_path / "kept"
    shutil.copytree(own, kept)
    if change == "deleted":
        shutil.rmtree(own)
    else:
        (own / "rack.yaml").write_text(CHANGED if change == "another" else "name: [")
    with pytest.raises(ConfigurationError, match=f"put {NAME} back"):
        resume(folder, tmp_path, nothing)
    assert folder.read().outcome is None
    shutil.rmtree(own, ignore_errors=True)
    shutil.copytree(kept, own)
    (own / "rack.yaml").write_text(f"# said anew\n{RACK}")
    record, _ = resume(folder, tmp_path, nothing)
    assert record.outcome is Outcome.FAIL


def test_a_run_that_has_its_outcome_is_sealed_without_its_design(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = written(tmp_path)
    folder = begin(Wish(NAME, "L11", 3), tmp_path, "test", "ada")
    with monkeypatch.context() as patch:
        patch.setattr("rack_controller.acceptance.virtual_run.seal_up", lambda folder, state: None)
        resume(folder, tmp_path, nothing)
    assert not folder.is_sealed
    shutil.rmtree(own)
    assert resume(folder, tmp_path, nothing)[0].outcome is Outcome.FAIL
    assert folder.is_sealed


@pytest.mark.parametrize("change", ["deleted", "another"])
def test_what_was_measured_is_told_and_proven_without_the_design(
    ended: tuple[Path, RunFolder], tmp_path: Path, change: str
) -> None:
    state = tmp_path / "state"
    shutil.copytree(ended[0], state)
    run, own = ended[1].path.name, state / "generations" / NAME
    shutil.rmtree(own) if change == "deleted" else (own / "rack.yaml").write_text(CHANGED)
    desk = AcceptanceDesk(state)
    why = "unknown generation" if change == "deleted" else "was changed since the run began"
    view = desk.show(run)
    assert why in view.lacks_design
    assert len(view.suspects) == 8, "no tray stands for its GPUs: nobody knows how many it has"
    source = source_of(desk.folder(run), state)
    assert (source.exhibits, len(source.record.findings)) == ({}, 8)
    report = desk.report(run, "html").decode()
    assert why in report
    assert "put own-nvl72 back" in report
    assert "<figure" not in report
    assert desk.verify(run).holds
    with pytest.raises(ConfigurationError, match=why):
        take_run(run, "standard", state, "ada", "test", 7)


def test_a_run_of_what_ships_is_told_where_ones_own_has_its_name_since_and_does_not_go_on(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    wish = Wish("gb200-nvl72", "L11", 3, plan=tmp_path / "plan.yaml")
    ended, begun = accept(wish, tmp_path, "test", nothing)[1], begin(wish, tmp_path, "test", "ada")
    own = tmp_path / "generations" / "gb200-nvl72"
    shutil.copytree(seeds_folder() / "generations" / own.name, own)
    view = AcceptanceDesk(tmp_path).show(ended.path.name)
    assert (view.suspects[0].place, view.lacks_design) == ("u11", "")
    assert "<svg" in AcceptanceDesk(tmp_path).report(ended.path.name, "html").decode()
    kept = read_evaluation_folder(
        take_run(ended.path.name, "standard", tmp_path, "ada", "test", 7), SigningKeys(tmp_path / KEYS).names()
    )
    assert {s.generation for s in kept.sheets} == {"gb200-nvl72"}
    with pytest.raises(ConfigurationError, match=r"the gb200-nvl72 that ships, .* take that away"):
        resume(begun, tmp_path, nothing)
    shutil.rmtree(own)
    assert resume(begun, tmp_path, nothing)[0].outcome is Outcome.FAIL


def test_a_shipped_design_that_an_upgrade_changed_in_the_middle_of_a_run_is_told(
    tmp_path: Path, ended: tuple[Path, RunFolder]
) -> None:
    written(tmp_path)
    done = ended[1].read().steps
    shipped = load_generation("gb200-nvl72").shipped_sha256
    for generation in ("gb200-nvl72", NAME):  # one's own extends what ships
        before = begin(Wish(generation, "L11", 3), tmp_path, "test", "ada").read()
        assert before.shipped_sha256 == shipped != ""
        design = design_of_run(before, tmp_path)
        assert gone_on_with(before, design) == before
        old = msgspec.structs.replace(before, shipped_sha256="0" * 64)
        assert gone_on_with(old, design) == before, "nothing was measured yet"
        old = msgspec.structs.replace(old, steps=done)
        assert gone_on_with(old, design).design_changed_after == ["busy"]
        assert gone_on_with(old, design, 1).design_changed_after == ["settings"], "of racks together one was cut before"
        unknown = msgspec.structs.replace(old, shipped_sha256="")  # begun before that was kept
        assert gone_on_with(unknown, design).design_changed_after == []


def test_a_run_that_an_upgrade_cut_goes_on_and_its_report_says_so(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    folder = begin(Wish("gb200-nvl72", "L11", 3, plan=tmp_path / "plan.yaml"), tmp_path, "test", "ada")

    def cut(step: StepRecord, rack: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resume(folder, tmp_path, cut)
    (first,) = folder.read().steps
    folder.write(msgspec.structs.replace(folder.read(), shipped_sha256="0" * 64))
    record = resume(folder, tmp_path, nothing)[0]
    assert (record.design_changed_after, record.outcome) == ([first.id], Outcome.FAIL)
    assert folder.read().design_changed_after == [first.id]
    report = AcceptanceDesk(tmp_path).report(folder.path.name, "html").decode()
    assert f"Design after {first.id}" in report


def test_it_is_evaluated_by_itself_and_from_its_run(ended: tuple[Path, RunFolder]) -> None:
    state, folder = ended
    of_run = take_run(folder.path.name, "standard", state, "ada", "test", 7)
    of_racks = run_evaluation(EvaluationWish((NAME,), racks=1), state, "ada", "test", 8)
    for kept in (of_run, of_racks):
        found = read_evaluation_folder(kept, SigningKeys(state / KEYS).names())
        assert ({s.generation for s in found.sheets}, found.fault) == ({NAME}, "")
        assert {s.design_sha256 for s in found.sheets} == {load_generation(NAME, own_generations(state)).own_sha256}


def test_the_design_that_a_run_began_with_is_under_its_seal(ended: tuple[Path, RunFolder]) -> None:
    state, folder = ended
    digest = load_generation(NAME, own_generations(state)).own_sha256
    assert folder.read().design_sha256 == digest
    assert read_sealed_run(folder.path, SigningKeys(state / KEYS).names()).design_sha256 == digest
    assert load_generation("gb200-nvl72", own_generations(state)).own_sha256 == ""


def test_a_design_is_called_as_its_folder(tmp_path: Path) -> None:
    own = written(tmp_path)
    (own / "rack.yaml").write_text(RACK.replace("name: own-nvl72", "name: gb200-nvl72"))
    with pytest.raises(FileInvalid, match="expected 'own-nvl72'") as caught:
        begin(Wish(NAME, "L11", 3), tmp_path, "test", "ada")
    assert caught.value.line == 2


def test_the_command_line_knows_it_by_its_state_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path)
    (tmp_path / "floor.csv").write_text(
        "kind,place,tester,calibrated_until,on,nm\ntorque,u06,wrench-1,2027-05-31,2026-11-20,12.1\n"
    )
    at = ["--state", str(tmp_path)]
    assert command(["accept", "floor", "import", str(tmp_path / "floor.csv"), "-r", "k01", *at]) == 2
    assert (
        command(["accept", "floor", "import", str(tmp_path / "floor.csv"), "-r", "k01", "--generation", NAME, *at]) == 0
    ), capsys.readouterr().err
    assert command(["accept", "plan", NAME, *at]) == 0
    assert "busy" in capsys.readouterr().out
    assert command(["accept", "plan", NAME, "--plan", "long", *at]) == 2
    assert "one of: short" in capsys.readouterr().err
    assert command(["accept", "run", NAME, "--virtual", "--plan", "short", *at]) == 0
    assert command(["accept", "run", "other-nvl72", "--virtual", *at]) == 2
    assert f", {NAME}, " in capsys.readouterr().err.partition("known are ")[2]


async def test_the_api_and_the_console_know_it(api: Api, state: Path, rack: PlayedRack) -> None:
    written(state)
    own = PlayedRack(msgspec.structs.replace(rack.layout, generation=NAME), rack.table)
    fill(api.services.fleet.record(own.name), own, api.services.now())
    async with api.client(api.user_for(Role.VIEWER)) as client:
        for query in ({"generation": NAME}, {"rack": own.name}):
            told = (await client.get("/api/v1/acceptance/plan", params=query)).json()
            assert (told["generation"], [s["id"] for s in told["steps"]]) == (NAME, ["settings", "busy"])
        told = (await client.get("/api/v1/acceptance/plan", params={"rack": own.name, "plan": "short"})).json()
        assert [s["id"] for s in told["steps"]] == ["settings"]
        form = await client.get("/api/v1/acceptance/floor/form", params={"rack": own.name})
        assert form.status_code == 200
    chosen: list[list[str]] = []

    def page() -> None:
        BeginCard(api.services, Principal("operator", Role.OPERATOR, "127.0.0.1"), own.name).show()
        chosen.extend(e.options for e in ui.context.client.elements.values() if isinstance(e, ui.select))

    async with user_simulation(page) as user:
        await user.open("/")
    assert ["whole plan", "short"] in chosen
