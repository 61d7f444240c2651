"""Virtual racks through parts of the shipped plan: planted faults are named, healthy racks pass, a gap is an error."""

import shutil
from pathlib import Path

import msgspec
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from rack_controller.acceptance.engine import outcome_of, run_step
from rack_controller.acceptance.plans import plan_path, read_plan
from rack_controller.acceptance.record import StepRecord
from rack_controller.acceptance.virtual.batch import accept_virtually, missed
from rack_controller.acceptance.virtual.recipe import Change, Planted, read_planted, read_recipe
from rack_controller.acceptance.virtual.rig import VirtualRig
from rack_controller.prove.accept.plan import Level
from rack_controller.prove.accept.verdict import Outcome

GENERATION, PAIR = "gb200-nvl72", "orv3-hpr-nvl36x2"
SHORT = ("identity", "firmware", "settings", "floor_records", "power", "caps", "controller_restart")
PLANTED = ("bus_clip", "fan_slow", "cap_ignored", "wrong_serial", "default_password", "reversed", "psu_off")


@pytest.fixture(scope="module")
def faults() -> list[Planted]:
    found = {f.id: f for f in read_planted().faults}
    return [found[name] for name in PLANTED]


@pytest.fixture(scope="module")
def accepted(faults: list[Planted]) -> list[list[StepRecord]]:
    return accept_virtually(GENERATION, len(faults) + 1, seed=4, faults=faults, steps=SHORT)


def test_every_planted_fault_is_named_by_its_step(faults: list[Planted], accepted: list[list[StepRecord]]) -> None:
    assert [f.id for f, steps in zip(faults, accepted, strict=False) if missed(f, steps)] == []


def test_a_rack_as_it_should_be_passes(accepted: list[list[StepRecord]]) -> None:
    healthy = accepted[-1]
    assert [(s.id, f.text) for s in healthy for f in s.findings] == []
    assert outcome_of(healthy) is Outcome.PASS


def test_a_finding_names_the_serial_number(accepted: list[list[StepRecord]]) -> None:
    clip = next(f for s in accepted[0] if s.id == "power" for f in s.findings if f.place == "u39")
    assert clip.serial.startswith("SHE")
    assert clip.source


def test_a_part_that_shows_its_fault_twice_is_out(faults: list[Planted]) -> None:
    (steps,) = accept_virtually(GENERATION, 1, seed=4, faults=faults[4:5], steps=("settings",), retest=True)
    assert steps[0].tries == 2
    assert steps[0].parts_out == ["u22/bmc"]


def test_a_tray_goes_out_with_what_is_in_it() -> None:
    blocked = [f for f in read_planted().faults if f.id == "flow_blocked"]
    (steps,) = accept_virtually(GENERATION, 1, seed=4, faults=blocked, steps=("flow",), retest=True)
    assert {"u37", "u37/gpu0"} <= {f.place for f in steps[0].findings}
    assert steps[0].parts_out == ["u37"]


@pytest.mark.parametrize(("fault", "out"), [("dry_interface", ["u33/gpu1"]), ("warm_tray", ["u12"])])
def test_one_bad_gpu_goes_out_and_not_its_tray_whose_mean_it_moves(fault: str, out: list[str]) -> None:
    planted = [f for f in read_planted().faults if f.id == fault]
    (steps,) = accept_virtually(GENERATION, 1, seed=4, faults=planted, steps=("gpu_stress",), retest=True)
    assert out[0].partition("/")[0] in {f.place for f in steps[0].findings}, "the tray's mean shows it as well"
    assert steps[0].parts_out == out


def test_a_stimulus_that_the_rig_lacks_is_an_error_and_no_skip() -> None:
    plan, _ = read_plan(plan_path(GENERATION))
    rig = VirtualRig(load_generation(GENERATION), read_recipe(), ["k01"])  # no trace is given
    soak = msgspec.structs.replace(next(s for s in plan.steps if s.id == "soak"), after=[])
    (record,) = run_step(soak, plan, rig, rig.parts, [[]])
    assert record.outcome is Outcome.ERROR
    assert "trace" in record.why


def test_another_generation_takes_a_plan_with_limits_of_its_own(tmp_path: Path) -> None:
    plan, digest = read_plan(plan_path("gb300-nvl72"))
    base, other = read_plan(plan_path(GENERATION))
    assert [s.id for s in plan.steps] == [s.id for s in base.steps]
    assert (plan.name, digest == other) == ("gb300-nvl72-acceptance", False)
    limit = {(s.id, m.id): m.most for s in plan.steps for m in s.measures}
    assert limit["gpu_stress", "hot"] == 84
    path = tmp_path / "acceptance.yaml"
    path.write_text("schema_version: 1\nextends: gb200-nvl72\nchanges:\n  caps.gone: {most: 1, source: s}\n")
    with pytest.raises(FileInvalid) as caught:
        read_plan(path)
    assert (caught.value.line, caught.value.field) == (4, "changes.caps.gone")


def test_a_generation_without_a_plan_is_not_accepted_by_another_s(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(seeds_folder() / "generations" / GENERATION, bare)
    (bare / "acceptance.yaml").unlink()
    (bare / "rack.yaml").write_text((bare / "rack.yaml").read_text().replace(f"name: {GENERATION}", "name: bare", 1))
    with pytest.raises(ConfigurationError, match="has no acceptance"):
        plan_path("bare", [tmp_path])


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("changes:\n  caps.gone: {most: 1, source: s}", "changes.caps.gone"),
        ("changes:\n  caps.obeys: {most: 1}", "changes.caps.obeys"),
        ("phases:\n  caps.nowhere: {load: 1}", "phases.caps.nowhere"),
        ("without:\n  caps.nothing: because", "without.caps.nothing"),
        ("without:\n  caps: ''", "without"),
        ("steps_too: []", "steps_too"),
    ],
)
def test_a_change_of_what_is_not_there_is_told(tmp_path: Path, said: str, field: str) -> None:
    path = tmp_path / "acceptance.yaml"
    path.write_text(f"schema_version: 1\nextends: gb200-nvl72\n{said}\n")
    with pytest.raises(FileInvalid) as caught:
        read_plan(path)
    assert caught.value.field == field


def test_phases_tolerances_and_steps_are_changed_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "acceptance.yaml"
    path.write_text(
        "schema_version: 1\nextends: gb200-nvl72\nphases: {power.*: {load: 0.5}}\n"
        "tolerances: {psu.power: {within: 7, source: s}}\nwithout: {psu_each: none, power.bus: none}\n"
        "stop: [{of: gpu.power, most: 1, title: t}]\n"
        "steps:\n  - {id: last, title: L, level: L10, measures: [{id: a, title: A, of: b, rule: fact, source: s}]}\n"
    )
    plan, _ = read_plan(path)
    steps = {s.id: s for s in plan.steps}
    assert {p.load for p in steps["power"].phases} == {0.5}
    assert "psu_each" not in steps
    assert steps["shelf_each"].after == []
    assert "bus" not in {m.id for m in steps["power"].measures}
    assert (plan.tolerances["psu.power"].within, plan.stop[0].of, plan.steps[-1].id) == (7, "gpu.power", "last")


def test_racks_of_a_domain_are_accepted_together_and_a_crossed_trunk_is_named() -> None:
    crossed = Planted(
        "trunk", "Two trunks are swapped", [Change(at=["u24/sw3", "u24/sw4"], swap="cable")], ["trunks"], []
    )
    one, other = accept_virtually(
        PAIR, 2, seed=3, faults=[crossed], steps=("trunks", "cluster_clock", "cluster_load"), level=Level.L12
    )
    assert {f.place for s in one for f in s.findings} == {"u24/sw3", "u24/sw4"}
    assert "k02/u24/sw3" in next(f.text for s in one for f in s.findings)
    assert [s.outcome for s in other] == [Outcome.PASS] * 3


def test_a_rack_alone_proves_nothing_of_a_cluster() -> None:
    steps = ("trunks", "cluster_clock", "cluster_load")
    (done,) = accept_virtually(PAIR, 1, seed=3, steps=steps, level=Level.L12)
    assert [s.outcome for s in done] == [Outcome.ERROR] * 3
    assert {f.text for s in done for f in s.findings} == {"it takes racks together, and this run has one"}
