"""How long steps take is told by runs of the same plan that measured them at one go, and by nothing else."""

import hashlib
import os
from pathlib import Path

import msgspec
import pytest
from support.accepted import measured, record, step

from firmware_bridge.generations.load import load_generation
from rack_controller.acceptance.live import live_parts
from rack_controller.acceptance.live_run import watch_of
from rack_controller.acceptance.pace import DECLARED, StepTook, TookBefore, done_in
from rack_controller.acceptance.plans import read_plan_text
from rack_controller.acceptance.progress import Progress, progress_of
from rack_controller.acceptance.record import StepRecord
from rack_controller.acceptance.run import FOLDER, RunFolder
from rack_controller.acceptance.took_before import took_before
from rack_controller.acceptance.watch import NS, FolderWatch
from rack_controller.prove.accept.plan import Level, StepSpec
from rack_controller.prove.accept.verdict import Outcome

K01, K02, K03 = "lab1/a/r01/k01", "lab1/a/r01/k02", "lab1/a/r01/k03"
TEXT = """
schema_version: 1
name: short
title: A short plan
steps:
  - {id: flow, title: Flow, level: L10, phases: [PHASE], measures: [LIMIT]}
  - {id: power, title: Power, level: L10, phases: [PHASE], measures: [LIMIT]}
  - {id: links, title: Links, level: L10, phases: [PHASE], measures: [LIMIT]}
  - {id: soak, title: Soak, level: L10, phases: [PHASE], measures: [LIMIT]}
"""
LIMIT = "{id: cool, title: Cool, of: gpu.temperature, rule: range, phase: rest, most: 60, unit: °C, source: a test}"
PHASE = "{name: rest, load: 0.0, settle_s: 10, for_s: 20}"
TEXT = TEXT.replace("LIMIT", LIMIT).replace("PHASE", PHASE)


def did(text: str = TEXT) -> dict[str, str]:
    return {s.id: done_in(s) for s in read_plan_text(text, "plan.yaml")[0].steps}


def told_of(state: Path, racks: list[str], but: list[str] | None = None, text: str = TEXT) -> TookBefore:
    return took_before(state, "gb200-nvl72", did(text), racks, but or [])


def words(found: TookBefore) -> str:
    return found.words(list(found.steps))


def took(name: str, seconds: float, **more: object) -> StepRecord:
    return step(name, [measured([])], took_s=seconds, **more)


def keep(state: Path, name: str, *steps: StepRecord, at: int = 0, text: str = TEXT, **more: object) -> None:
    folder = RunFolder(state / FOLDER / name)
    folder.path.mkdir(parents=True)
    (folder.path / "plan.yaml").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    folder.write(record(*steps, id=name, **{"rack": K01, "plan_sha256": digest, **more}))
    os.utime(folder.path / "run.json", ns=(at * NS, at * NS))


def test_the_median_of_the_newest_runs_of_the_rack_counts(tmp_path: Path) -> None:
    for n, seconds in enumerate((9000.0, 100.0, 120.0, 110.0, 130.0, 90.0)):
        keep(tmp_path, f"k01-{n}", took("flow", seconds), at=n + 1)
    keep(tmp_path, "k02-1", took("flow", 7.0), rack=K02, at=99)
    found = told_of(tmp_path, [K01])
    assert found.seconds == {"flow": 110.0}
    assert words(found) == "5 earlier runs of k01"


def test_other_racks_of_the_design_count_where_the_rack_has_none(tmp_path: Path) -> None:
    keep(tmp_path, "k02-1", took("flow", 70.0), rack=K02)
    assert words(told_of(tmp_path, [K01])) == "an earlier run of other gb200-nvl72 racks"
    assert told_of(tmp_path, [K01], but=["k02-1"]).steps == {}


def test_a_short_run_of_the_rack_hides_nothing_that_others_say_of_other_steps(tmp_path: Path) -> None:
    for n in range(3):
        keep(tmp_path, f"k02-{n}", took("flow", 7.0), took("power", 300.0), rack=K02, at=n)
    keep(tmp_path, "k01-1", took("flow", 70.0), at=9)
    found = told_of(tmp_path, [K01])
    assert found.seconds == {"flow": 70.0, "power": 300.0}
    assert words(found) == "an earlier run of k01 and 3 earlier runs of other gb200-nvl72 racks"
    assert found.words(["flow"]) == "an earlier run of k01"


def test_a_run_of_racks_together_is_one_and_counts_for_each_of_them(tmp_path: Path) -> None:
    together = {"k01-1": K01, "k02-1": K02}
    keep(tmp_path, "k01-1", took("flow", 70.0), together=together)
    keep(tmp_path, "k02-1", took("flow", 72.0), rack=K02, together=together)
    found = told_of(tmp_path, [K01, K02])
    assert found.seconds == {"flow": 72.0}
    assert words(found) == "an earlier run of k01 and k02"
    assert words(told_of(tmp_path, [K03])) == "an earlier run of other gb200-nvl72 racks"


def test_an_upgrade_drops_what_is_known_of_steps_that_it_changes_and_of_no_other(tmp_path: Path) -> None:
    keep(tmp_path, "k01-1", took("flow", 70.0), took("power", 300.0))
    lines = TEXT.replace("most: 60", "most: 55").replace("title: Flow", "title: It flows").splitlines()
    changed = [line.replace("settle_s: 10", "settle_s: 900") if "id: power" in line else line for line in lines]
    assert told_of(tmp_path, [K01], text="\n".join(changed)).seconds == {"flow": 70.0}


@pytest.mark.parametrize(
    "more", [{"rig": "virtual"}, {"plan_sha256": "cd" * 32}, {"generation": "gb300-nvl72"}], ids=str
)
def test_virtual_time_a_plan_that_is_not_kept_and_another_design_say_nothing(
    tmp_path: Path, more: dict[str, object]
) -> None:
    keep(tmp_path, "k01-1", took("flow", 70.0), **more)
    assert told_of(tmp_path, [K01]).steps == {}


def test_a_plan_of_a_version_that_wrote_them_otherwise_says_nothing(tmp_path: Path) -> None:
    keep(tmp_path, "k01-1", took("flow", 70.0), text=TEXT + "more: 1\n")
    keep(tmp_path, "k01-2", took("flow", 70.0))
    (tmp_path / FOLDER / "k01-2" / "plan.yaml").unlink()
    assert told_of(tmp_path, [K01]).steps == {}


def test_steps_that_were_repeated_cut_or_stopped_say_nothing(tmp_path: Path) -> None:
    steps = [took("flow", 70.0), took("power", 9.0, tries=2), took("links", 9.0, cut=1)]
    keep(tmp_path, "k01-1", *steps, took("soak", 9.0, outcome=Outcome.STOPPED))
    (tmp_path / FOLDER / "broken").mkdir()
    (tmp_path / FOLDER / "broken" / "run.json").write_text("{")
    assert told_of(tmp_path, [K01]).seconds == {"flow": 70.0}


class Clock:
    """A clock on the wall that a test moves."""

    now_ns = 1_000 * NS

    def __call__(self) -> int:
        return self.now_ns


def specs(*names: str) -> list[StepSpec]:
    return [msgspec.convert({"id": n, "title": n, "level": Level.L11, "measures": []}, StepSpec) for n in names]


def told(folder: Path) -> Progress:
    found = progress_of(folder)
    assert found is not None
    return found


def test_what_is_left_is_told_by_earlier_runs_and_says_so(tmp_path: Path) -> None:
    clock, (flow, power) = Clock(), specs("flow", "power")
    runs, racks = frozenset({"a", "b", "c"}), frozenset({K01})
    before = TookBefore({"flow": StepTook(100.0, runs, racks), "power": StepTook(300.0, runs, racks)}, "gb200-nvl72")
    places = {("power", "pulled"): ["u05/psu0", "u05/psu1"]}
    watch = FolderWatch(tmp_path, {"flow": 10.0, "power": 30.0}, clock, took=before, places=places)
    watch.begin(flow)
    clock.now_ns += 40 * NS
    watch.waits("a reading")
    now = told(tmp_path)
    assert (now.steps_done, now.steps, now.left_s, now.share) == (0, 2, 360.0, 0.1)
    assert now.left_by == "3 earlier runs of k01"
    watch.begin(power)
    clock.now_ns += NS
    watch.phase("pulled", "u05/psu1", 8.0)
    now = told(tmp_path)
    assert (now.steps_done, now.part, now.left_s) == (1, "2 of 2", 299.0)


def test_a_wait_that_no_estimate_holds_is_told_as_not_in_it(tmp_path: Path) -> None:
    clock, (flow, power) = Clock(), specs("flow", "power")
    known = TookBefore({"power": StepTook(90.0, frozenset({"a"}), frozenset({K01}))})
    watch = FolderWatch(tmp_path, {"flow": 10.0, "power": 30.0}, clock, took=known)
    watch.begin(flow)
    watch.waits("inventories: 40 of 63 reports are in")
    assert (told(tmp_path).left_s, told(tmp_path).wait_counts) == (100.0, False)
    clock.now_ns += NS
    watch.phase("pulled", "", 8.0)
    assert told(tmp_path).wait_counts
    watch.waits("8 s of pulled", within_s=8.0)
    assert told(tmp_path).wait_counts, "a stretch of a phase is declared"
    watch.waits("an answer", asks="pull u05/psu2", within_s=600.0)
    assert not told(tmp_path).wait_counts
    watch.begin(power)
    clock.now_ns += 80 * NS
    watch.waits("inventories")
    assert (told(tmp_path).left_s, told(tmp_path).wait_counts) == (10.0, True), "earlier runs waited, too"
    clock.now_ns += 20 * NS
    watch.waits("inventories")
    assert (told(tmp_path).left_s, told(tmp_path).wait_counts) == (0.0, False)


def test_without_earlier_runs_what_is_declared_is_said_as_that(tmp_path: Path) -> None:
    clock, (flow, _) = Clock(), specs("flow", "power")
    watch = FolderWatch(tmp_path, {"flow": 10.0, "power": 30.0}, clock)
    watch.begin(flow)
    assert (told(tmp_path).left_s, told(tmp_path).left_by) == (40.0, DECLARED)
    known = TookBefore({"power": StepTook(90.0, frozenset({"a"}), frozenset({K01}))})
    partly = FolderWatch(tmp_path, {"flow": 10.0, "power": 30.0}, clock, took=known)
    partly.begin(flow)
    assert told(tmp_path).left_s == 100.0
    assert told(tmp_path).left_by.startswith("an earlier run of k01 for 1 of 2 steps, else ")


def test_racks_together_are_told_the_time_that_their_preview_tells(tmp_path: Path) -> None:
    text = TEXT.replace("level: L10", "level: L12")
    keep(tmp_path, "k02-1", took("flow", 70.0), rack=K02, text=text)
    going = record(id="k01-9", rack=K01, level="L12", together={"k01-9": K01, "k02-9": K02})
    folder, (plan, _) = RunFolder(tmp_path / FOLDER / "k01-9"), read_plan_text(text, "plan.yaml")
    folder.path.mkdir()
    folder.write(going)
    watch = watch_of(folder, tmp_path, plan, going, live_parts(load_generation("gb200-nvl72")))
    watch.begin(plan.steps[0])
    assert told(folder.path).left_by.startswith("an earlier run of k02 for 1 of 4 steps")
