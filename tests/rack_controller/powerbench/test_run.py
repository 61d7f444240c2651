"""Short runs of two racks: what a full benchmark claims must already show in a minute of them."""

from dataclasses import replace

import msgspec
import pytest

from rack_controller.powerbench.run import CONTENDERS, median, run_once, with_errors
from rack_controller.powerbench.scenario import (
    Happening,
    Scenario,
    Sensing,
    ServingSpec,
    TrainingSpec,
    Writes,
    read_scenario,
)
from rack_controller.powerbench.score import Score

SHORT = Scenario(
    schema_version=1,
    name="short",
    title="Two racks",
    generation="gb200-nvl72",
    racks=2,
    seconds=40.0,
    oversubscription=1.25,
    jobs=[
        TrainingSpec(racks=[0], peak_w=1160.0, compute_s=4.0, exchange_s=1.0),
        ServingSpec(racks=[1], peak_w=1160.0, load=0.75, burst=0.2),
    ],
)


def run(name: str, **changes: object) -> Score:
    return run_once(msgspec.structs.replace(SHORT, **changes), name, seed=1)


@pytest.fixture(scope="module")
def scores() -> dict[str, Score]:
    return {name: run(name) for name in ("none", "static", "budget", "oracle")}


def test_without_control_the_limit_is_passed(scores: dict[str, Score]) -> None:
    assert scores["none"].over_s > 5.0
    assert scores["none"].safety != "H"


def test_the_budget_never_passes_it_and_does_more_work_than_a_static_limit(scores: dict[str, Score]) -> None:
    ours, static = scores["budget"], scores["static"]
    assert (ours.over_s, ours.overshoot) == (0.0, 0.0)
    assert ours.training > static.training + 0.02
    assert ours.served >= static.served - 1e-5  # limits that are not moved for a hundredth


def test_nobody_does_better_than_the_oracle(scores: dict[str, Score]) -> None:
    assert scores["oracle"].overshoot < 1e-3
    assert scores["budget"].training <= scores["oracle"].training
    assert scores["budget"].training >= 0.93 * scores["oracle"].training  # in the first 40 s; longer runs learn


def test_the_limit_is_kept_with_a_wrong_law_and_lost_writes() -> None:
    ours = run_once(with_errors(SHORT), "budget", seed=2)
    assert (ours.over_s, ours.overshoot) == (0.0, 0.0)


def test_a_drop_of_the_limit_is_settled_within_a_second() -> None:
    ours = run("budget", happenings=[Happening(at_s=18.0, limit=0.8)], seconds=30.0)
    assert (ours.over_s, ours.overshoot) == (0.0, 0.0)
    assert ours.forced_overshoot > 0.05  # it was a real drop
    assert ours.settle_s <= 1.0


def test_nothing_is_passed_while_nothing_is_seen() -> None:
    blind = [Happening(at_s=15.0, for_s=15.0, telemetry=False), Happening(at_s=12.0, for_s=20.0, lost=0.1)]
    ours = run("budget", happenings=blind, seconds=35.0)
    assert (ours.over_s, ours.overshoot) == (0.0, 0.0)


def test_a_reset_that_frees_a_rack_is_brought_back_within_the_forced_time() -> None:
    ours = run("budget", happenings=[Happening(at_s=21.0, racks=[0], reset=True)], seconds=30.0)
    assert ours.over_s <= 1.0


def test_limits_told_out_of_band_keep_what_resets_would_free_within_every_limit() -> None:
    resets = [Happening(at_s=20.0 + 3.7 * n, racks=[n % 8], reset=True) for n in range(6)]
    tight = [Happening(at_s=8.0, limit=0.88), *resets]
    hall = msgspec.structs.replace(read_scenario("surprise-reset"), seconds=45.0, happenings=tight)
    ours, alone = (run_once(with_errors(hall), name, seed=0) for name in ("budget-standing", "budget"))
    assert (ours.over_s, ours.overshoot) == (0.0, 0.0)
    assert alone.over_s > 0.0  # a reset frees something here
    assert ours.training > 0.9 * alone.training


def test_the_same_seed_gives_the_same_score() -> None:
    first, again = (run("budget", seconds=12.0) for _ in range(2))
    assert (first.training, first.served, first.mean_load) == (again.training, again.served, again.mean_load)


@pytest.mark.parametrize("name", sorted(CONTENDERS))
def test_every_controller_runs(name: str) -> None:
    assert 0.0 <= run(name, seconds=8.0).training <= 1.0


def test_of_safety_the_worst_counts_and_of_work_the_median() -> None:
    runs = [run("none", seconds=8.0) for _ in range(2)]
    worst = median([runs[0], replace(runs[1], over_s=99.0, training=0.0)])
    assert worst.over_s == 99.0
    assert worst.training == pytest.approx(runs[0].training / 2)


def test_slow_sights_and_writes_shed_nobody_and_cost_work_only() -> None:
    """Limits that are read back late were taken for a shortfall, and whole racks went off."""
    slow = {"sensing": Sensing(power_s=0.4, caps_s=0.5, every_s=1.0), "writes": Writes(delay_s=(0.3, 2.0), lost=0.1)}
    ours, theirs = run("budget", **slow), run("static", **slow)
    assert (ours.over_s, ours.safety) == (0.0, "H")
    assert ours.training >= 0.95 * theirs.training
    assert ours.served >= 0.999 * theirs.served
