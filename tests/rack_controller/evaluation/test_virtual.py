"""Virtual racks on a plan: the same for ever, each its own, sealed sheet by sheet, and acceptance runs read again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.sealed_runs import flip, sealed_run

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import parse
from rack_controller.evaluation.drive import outages
from rack_controller.evaluation.kept import evaluation_folders, read_evaluation_folder
from rack_controller.evaluation.plans import read_evaluation, under
from rack_controller.evaluation.run import EvaluationWish, run_evaluation, take_run
from rack_controller.evaluation.virtual import VirtualWish, evaluate_virtually
from rack_controller.prove.accept.evidence import Evidence, Phase, Series
from rack_controller.prove.accept.parts import parts_of
from rack_controller.prove.evaluate.criteria import EvaluationPlan, FaultDrill, evaluation_plan_of
from rack_controller.prove.seal import SUFFIX, judge
from rack_controller.signing_keys import SigningKeys

TEXT = """
schema_version: 1
name: short
title: Short
steps:
  - id: up
    title: Up
    stretches:
      - {name: full, load: 1.0, settle_s: 60, for_s: 20, every_s: 2}
      - {name: limited, load: 1.0, limit: 0.8, settle_s: 40, for_s: 20, every_s: 2}
      - {name: warm, load: 1.0, facility_c: 40, settle_s: 300, for_s: 20, every_s: 2}
faults: {kinds: [psu, tray], settle_s: 20, for_s: 6}
criteria:
  - {id: work, title: W, unit: x, better: higher, way: work_per_kw, step: up, stretch: full, loaded: full, source: t}
  - {id: at-80, title: W, unit: "1", better: higher, way: work_ratio, source: t,
     step: up, stretch: limited, against: full}
  - {id: heat, title: H, unit: K, better: higher, way: margin, source: t,
     step: up, stretch: warm, loaded: warm, of: gpu.temperature, limit: 85}
  - {id: left, title: U, unit: GPUs, better: higher, way: usable, faults: 1, source: t}
  - {id: origin, title: O, unit: "%", better: higher, way: origin, source: t}
work: {gb200-nvl72: {tflops: 5000, source: t}}
pumps: {rated_w_per_lpm: 6.7, source: t}
"""
STEP, LAST = "up", "sheet 2 virtual/gb200-nvl72/3/k002"


def plan(text: str = TEXT) -> EvaluationPlan:
    return evaluation_plan_of(parse(text, "plan.yaml"))


@pytest.fixture(scope="module")
def sheets() -> list[object]:
    return list(evaluate_virtually(plan(), "ab", VirtualWish("gb200-nvl72", 2, 3, repeats=2), "ev-1", 7))


def test_the_same_seed_is_the_same_rack_for_ever_and_two_racks_are_two(sheets: list) -> None:  # type: ignore[type-arg]
    again = evaluate_virtually(plan(), "ab", VirtualWish("gb200-nvl72", 2, 3, repeats=2), "ev-1", 7)
    assert again == sheets
    first, second, repeated, _ = sheets
    assert (first.rack, repeated.rack) == ("virtual/gb200-nvl72/3/k001",) * 2
    values = [s.seen["work"].value for s in (first, second, repeated)]
    assert len(set(values)) == 3
    assert abs(values[0] - values[2]) < abs(values[0]) * 0.002, "the same rack again differs by its readings alone"


def test_what_is_measured_is_what_the_plant_says(sheets: list) -> None:  # type: ignore[type-arg]
    seen = sheets[0].seen
    # 72 GPUs of about 5,000 TFLOP/s, 2 % slower in step, on 112 kW at the feeds and 0.6 kW of pumps.
    assert seen["work"].value == pytest.approx(72 * 5000 * 0.98 / 112.6, rel=0.02)
    assert seen["at-80"].value == pytest.approx(0.8**0.5, abs=0.01), (
        "speed goes with the root of power on virtual racks"
    )
    assert -6 < seen["heat"].value < 4
    assert seen["left"].value == 68.0, "a tray has four GPUs, a supply costs none"
    assert (seen["origin"].value, seen["origin"].why) == (None, "a virtual rack has no records")


def test_work_that_nobody_states_is_not_measured() -> None:
    silent = plan(TEXT.replace("work: {gb200-nvl72", "work: {orv3-hpr-nvl36x2"))
    (sheet,) = evaluate_virtually(silent, "ab", VirtualWish("gb200-nvl72", 1, 3), "ev-1", 7)
    assert (sheet.seen["work"].value, sheet.seen["work"].why) == (None, "nothing measures gpu.work_rate")
    assert sheet.seen["heat"].value is not None


def test_other_stimuli_have_another_hash() -> None:
    one, step = plan(), plan().steps[0]
    warmer = plan(TEXT.replace("facility_c: 40", "facility_c: 41"))
    assert under(one, step, "t", "virtual") == under(plan(), step, "other trace", "virtual"), "no trace is played"
    assert under(one, step, "t", "virtual") != under(warmer, warmer.steps[0], "t", "virtual")
    assert under(one, step, "t", "virtual") != under(one, step, "t", "live")


def test_a_drill_takes_out_each_kind_and_every_two_of_them_and_no_part_twice() -> None:
    generation = load_generation("gb200-nvl72")
    parts = parts_of(generation, design_of(generation))
    found = list(outages(FaultDrill(["psu", "shelf", "pump", "nothing"], 1, 1), parts))
    shelf, other = parts.of("shelf")[:2]
    assert found[:3] == [(f"{shelf}/psu0",), (shelf,), (parts.of("pump")[0],)]
    assert (f"{shelf}/psu0", other) in found, "the supply's own shelf goes with it: another one is taken"
    assert (shelf, other) in found
    assert len(found) == 3 + 6


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "short.yaml").write_text(TEXT)
    wish = EvaluationWish(("gb200-nvl72",), racks=2, seed=3, plan="short")
    return run_evaluation(wish, tmp_path, "ada", "test", 7)


def test_sheets_are_kept_under_a_seal_that_names_the_rack_that_was_altered(kept: Path, tmp_path: Path) -> None:
    names = SigningKeys(tmp_path / "signing").names()
    found = read_evaluation_folder(kept, names)
    assert (found.fault, found.record.racks, len(found.sheets)) == ("", 2, 2)
    assert evaluation_folders(tmp_path) == [kept]
    assert "nobody here was told of" in read_evaluation_folder(kept, []).fault
    content, sealed = ((kept / f"sheets.jsonl{end}").read_bytes() for end in ("", SUFFIX))
    lines = content.splitlines(keepends=True)
    flip(kept / "sheets.jsonl")
    assert LAST in read_evaluation_folder(kept, names).fault
    cut = judge("sheets.jsonl", b"".join(lines[:2]), sealed, names)
    turned = judge("sheets.jsonl", b"".join([lines[0], lines[2], lines[1]]), sealed, names)
    assert [f.wrong for f in cut.faults] == ["cut"]
    assert {f.wrong for f in turned.faults} == {"reordered"}
    moved = kept.with_name("ev-other")
    kept.rename(moved)
    (moved / "sheets.jsonl").write_bytes(content)
    assert "something else" in read_evaluation_folder(moved, names).fault


def test_a_wish_that_cannot_be_met_keeps_nothing(tmp_path: Path) -> None:
    for wish, why in (
        (EvaluationWish(("none",)), "none"),
        (EvaluationWish(("gb200-nvl72",), plan="none"), "no evaluation plan"),
        (EvaluationWish((), plan="standard"), "too little"),
        (EvaluationWish(("gb200-nvl72",), racks=9_999), "too much"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            run_evaluation(wish, tmp_path, "ada", "test", 7)
    assert evaluation_folders(tmp_path) == []


def test_the_plan_that_ships_asks_for_everything_that_is_promised() -> None:
    shipped, digest = read_evaluation()
    assert len(digest) == 64
    assert {c.id for c in shipped.criteria} == {
        *("goodput-per-kw", "work-at-80", "thermal-margin", "headroom", "ramp", "gpu-spread", "usable-after-one"),
        *("usable-after-two", "failures", "time-to-repair", "dock-to-first-job", "firmware-drift", "origin", "cost"),
    }


def series(parts: object, name: str, value: float) -> Series:
    places = parts.of(name.partition(".")[0])  # type: ignore[attr-defined]
    return Series(name, "W", places, np.arange(1.0, 6.0), np.full((5, len(places)), value))


def test_an_acceptance_run_is_taken_from_its_sealed_raw_series_and_no_others(tmp_path: Path) -> None:
    generation = load_generation("gb200-nvl72")
    parts = parts_of(generation, design_of(generation))
    phases = (Phase("full", 0.0, 0.0, 6.0),)
    read = {n: series(parts, n, v) for n, v in (("gpu.power", 1150.0), ("shelf.power", 13_000.0))}
    power = Evidence("k01", read, phases)
    soak = replace(power, series={"gpu.ecc_uncorrected": series(parts, "gpu.ecc_uncorrected", 0.0)})
    soak = replace(soak, phases=(Phase("trace", 0.0, 0.0, 6.0),))
    run = sealed_run(tmp_path, "lab1/a/r01/k01", series={"power": power, "soak": soak})
    folder = take_run(run.path.name, "standard", tmp_path, "ada", "test", 7)
    names = SigningKeys(tmp_path / "signing").names()
    (sheet,) = read_evaluation_folder(folder, names).sheets
    assert (sheet.rack, sheet.rig) == ("lab1/a/r01/k01", "live")
    assert sheet.seen["headroom"].value == pytest.approx(1 - 8 * 13 / 132)
    assert (sheet.seen["failures"].value, sheet.seen["failures"].why) == (None, "nothing measures gpu.work_errors")
    assert sheet.seen["ramp"].why == "no step of an acceptance measures it"
    assert sheet.seen["gpu-spread"].why == "the run has kept no raw series of that step"
    flip(run.path / "raw-power-1.npz")
    folder = take_run(run.path.name, "standard", tmp_path, "ada", "test", 8)
    (sheet,) = read_evaluation_folder(folder, names).sheets
    assert sheet.seen["headroom"].why == "raw-power-1.npz is not what was sealed"
    record = json.loads((run.path / "evidence.ocptv.jsonl").read_bytes().splitlines()[1])
    assert record["testRunArtifact"]
    flip(run.path / "evidence.ocptv.jsonl")
    with pytest.raises(ConfigurationError, match="does not count"):
        take_run(run.path.name, "standard", tmp_path, "ada", "test", 9)
    with pytest.raises(ConfigurationError, match="no run"):
        take_run("../signing", "standard", tmp_path, "ada", "test", 9)
