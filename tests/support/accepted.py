"""Acceptance runs that were never run: records with findings, and folders of short runs on a virtual rack."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.engine import outcome_of
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.run import RunFolder
from rack_controller.acceptance.virtual_run import resume
from rack_controller.prove.accept.verdict import Finding, Measured, Outcome, worst
from rack_controller.prove.report.exhibits import Drawing
from rack_controller.prove.report.make import Source

RACK = "wi-mountpleasant/hall-evaluation-building-b/row-17/rack-nvl72-prototype-0042"
NS = 1_000_000_000
BEGAN = 1_795_930_000 * NS
TITLE = "Every GPU works right, as fast and as cool as its peers"
SOURCE = "assumption: the slowest GPU sets a job's pace, 3 % is what a job notices"
PLAN = """
schema_version: 1
name: short
title: A short plan
steps:
  - id: settings
    title: Controllers are set as an installation wants them
    level: L10
    measures: [{id: clock, title: Clocks agree, of: clock_offset_s, rule: fact, least: -5, most: 5, unit: s, source: t}]
  - id: idle
    title: GPUs at rest
    level: L10
    phases: [{name: rest, load: 0.0, settle_s: 10, for_s: 20}]
    sweep: [rest]
    measures:
      - {id: cool, title: GPUs are cool, of: gpu.temperature, rule: range, phase: rest, most: 60, unit: °C, source: t}
"""


def finding(n: int, **more: object) -> Finding:
    place = f"u{11 + n % 18:02d}/gpu{n % 4}"
    text = f"{place}: gpu.work_rate 1834 TFLOP/s, expected 1901 from its peers, 57 off is allowed"
    found = Finding("tail", place, f"SN{n:012d}", text, 1834.2, 1844.0, "TFLOP/s", SOURCE, 0.998)
    return msgspec.structs.replace(found, **more)


def measured(found: list[Finding], **more: object) -> Measured:
    outcome = Outcome.FAIL if found else Outcome.PASS
    plain = Measured("tail", "No slow tail", outcome, 72, "u13/gpu1", 1834.2, 1844.0, "TFLOP/s", SOURCE, 0.99, found)
    return msgspec.structs.replace(plain, **more)


def swept(n: int, found: list[Finding] | None = None) -> Measured:
    return measured(found or [], id=f"sweep_full_x_{n}", title=f"x_{n} against its peers")


def step(name: str, measures: list[Measured], **more: object) -> StepRecord:
    ended = worst([m.outcome for m in measures])
    plain = StepRecord(name, TITLE, "L10", True, ended, 10.0, 300.0, 1, measures)
    return msgspec.structs.replace(plain, **more)


def record(*steps: StepRecord, **more: object) -> RunRecord:
    outcome = outcome_of(steps)
    plain = RunRecord(
        1, "k42-20261130-055000-ab12", RACK, "gb200-nvl72", "gb200-nvl72-acceptance", "ab" * 32, "L11", "live", {},
        "0.1.0", BEGAN, "", list(steps), outcome,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **more)


def source(count: int = 3, **more: object) -> Source:
    """Return a run that failed in one step with so many findings."""
    bad = step("gpu_stress", [measured([finding(n) for n in range(count)]), *(swept(n) for n in range(40))], tries=2)
    good = step("identity", [measured([], id="serials", title="Serial numbers by place", value=None, limit=None)])
    return replace(Source(record(good, bad)), **more)  # type: ignore[arg-type]


def drawing(**more: object) -> Drawing:
    dice = np.random.default_rng(1)
    times = np.arange(0.0, 300.0, 3.0)
    values = 60.0 + dice.normal(0.0, 1.0, (1, 72)) + dice.normal(0.0, 0.3, (100, 72))
    values[:, 9] += 6.0
    places = tuple(f"u{u:02d}/gpu{g}" for u in range(11, 29) for g in range(4))
    own = np.median(values, axis=0)
    limits = ((66.0, "at most"),)
    plain = Drawing("GPUs are cool", "°C", places, times, values, own, (places[9],), True, limits, ((90.0, 300.0),))
    return replace(plain, **more)  # type: ignore[arg-type]


def short_run(state: Path, planted: str = "wrong_clock", plan: str = PLAN) -> RunFolder:
    """Return the folder of a short run on a virtual rack that has ended."""
    path = state / "plan.yaml"
    state.mkdir(parents=True, exist_ok=True)
    path.write_text(plan)
    folder = begin(Wish("gb200-nvl72", "L11", 3, planted, plan=path), state, "test", "ada")
    resume(folder, state, lambda step, rack: None)
    return folder
