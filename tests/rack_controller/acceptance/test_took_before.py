"""How long steps take is told by runs of the same plan that measured them at one go, and by nothing else."""

import os
from pathlib import Path

import msgspec
import pytest
from support.accepted import measured, record, step

from rack_controller.acceptance.pace import DECLARED, TookBefore
from rack_controller.acceptance.progress import Progress, progress_of
from rack_controller.acceptance.record import StepRecord
from rack_controller.acceptance.run import FOLDER, RunFolder
from rack_controller.acceptance.took_before import took_before
from rack_controller.acceptance.watch import NS, FolderWatch
from rack_controller.prove.accept.plan import Level, StepSpec
from rack_controller.prove.accept.verdict import Outcome

PLAN = "ab" * 32
K01, K02 = "lab1/a/r01/k01", "lab1/a/r01/k02"


def took(name: str, seconds: float, **more: object) -> StepRecord:
    return step(name, [measured([])], took_s=seconds, **more)


def keep(state: Path, name: str, *steps: StepRecord, at: int = 0, **more: object) -> None:
    folder = RunFolder(state / FOLDER / name)
    folder.path.mkdir(parents=True)
    folder.write(record(*steps, id=name, **{"rack": K01, "plan_sha256": PLAN, **more}))
    os.utime(folder.path / "run.json", ns=(at * NS, at * NS))


def test_the_median_of_the_newest_runs_of_the_rack_counts(tmp_path: Path) -> None:
    for n, seconds in enumerate((9000.0, 100.0, 120.0, 110.0, 130.0, 90.0)):
        keep(tmp_path, f"k01-{n}", took("flow", seconds), at=n + 1)
    keep(tmp_path, "k02-1", took("flow", 7.0), rack=K02, at=99)
    found = took_before(tmp_path, "gb200-nvl72", PLAN, [K01])
    assert found == TookBefore({"flow": 110.0}, 5, "k01")
    assert found.words == "5 earlier runs of k01"


def test_other_racks_of_the_design_count_where_the_rack_has_none(tmp_path: Path) -> None:
    keep(tmp_path, "k02-1", took("flow", 70.0), rack=K02)
    assert took_before(tmp_path, "gb200-nvl72", PLAN, [K01]).words == "an earlier run of other gb200-nvl72 racks"
    assert took_before(tmp_path, "gb200-nvl72", PLAN, [K01], but=["k02-1"]) == TookBefore()


@pytest.mark.parametrize(
    "more", [{"rig": "virtual"}, {"plan_sha256": "cd" * 32}, {"generation": "gb300-nvl72"}], ids=str
)
def test_virtual_time_another_plan_and_another_design_say_nothing(tmp_path: Path, more: dict[str, object]) -> None:
    keep(tmp_path, "k01-1", took("flow", 70.0), **more)
    assert took_before(tmp_path, "gb200-nvl72", PLAN, [K01]).words == ""


def test_steps_that_were_repeated_cut_or_stopped_say_nothing(tmp_path: Path) -> None:
    steps = [took("flow", 70.0), took("power", 9.0, tries=2), took("links", 9.0, cut=1)]
    keep(tmp_path, "k01-1", *steps, took("soak", 9.0, outcome=Outcome.STOPPED))
    (tmp_path / FOLDER / "broken").mkdir()
    (tmp_path / FOLDER / "broken" / "run.json").write_text("{")
    assert took_before(tmp_path, "gb200-nvl72", PLAN, [K01]).seconds == {"flow": 70.0}


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
    before = TookBefore({"flow": 100.0, "power": 300.0}, 3, "k01")
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


def test_without_earlier_runs_what_is_declared_is_said_as_that(tmp_path: Path) -> None:
    clock, (flow, _) = Clock(), specs("flow", "power")
    watch = FolderWatch(tmp_path, {"flow": 10.0, "power": 30.0}, clock)
    watch.begin(flow)
    assert (told(tmp_path).left_s, told(tmp_path).left_by) == (40.0, DECLARED)
    partly = FolderWatch(tmp_path, {"flow": 10.0, "power": 30.0}, clock, took=TookBefore({"power": 90.0}, 1, "k01"))
    partly.begin(flow)
    assert told(tmp_path).left_s == 100.0
    assert told(tmp_path).left_by.startswith("an earlier run of k01 for 1 of 2 steps, else ")
