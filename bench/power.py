"""PowerBench: how well the power budget keeps limits, and how much work it leaves, against baselines and an oracle.

Figures, worst over seeds for safety and median for work: `sN_over_limit_s`, `sN_overshoot` (outside forced steps, with
a law 10 % wrong, jittered and lost writes), `s1_work_vs_oracle_125`, `…_140`, `…_125_errors`, `s3_settle_inband_s`,
`s3_settle_redfish_s` (writes of 0.3 to 1 s), and of the baselines the best work that each gives within the limit at any
margin, `baseline_<name>_work` (0 where none keeps it).  `…_vs_bound_125`: ours and the oracle's work against a linear
program with foresight of the whole run.  `delay_p99_vs_none`: of serving, against no control at all.

`ride_over_limit_s`, `ride_overshoot`, `ride_trips`: the worst over what a rack is to ride through, one seed, with
errors.  `pumps_lost_caps_s`: from all pumps of a rack lost until all of its limits were told to be the least;
`leak_off_s`: until a leaking rack drew nothing.  `what_if_s_102_racks`: until the plant said whether two more fit.

`storage_vs_lp…`: storage for ramp limits of 2 and 10 kW/s against what a linear program with foresight needs,
iterations of 2, 5 and 20 s, uneven by 3 %, hints half a second early and late: medians over seeds, of them the middle
and the worst case, and the worst of all runs.  It counts what was installed before the load was known, and what a run
took beyond it.  `ramp_burned…`, `ramp_lost…`: the worst share of energy burned and of job time that limits cost.
`storage_vs_lp_drawn…`: the same over cases that nobody chose: periods, ramps, duty cycles, checkpoints, unevenness and
what hints are off by are drawn by lot.

On a live emulated rack `live_feed_loss_…` (`power_live.py`), and what a cycle costs the controller, `live_cycle_ms`,
`live_told_ms` (`power_cycle.py`).
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from bench import power_cycle, power_live
from rack_controller.powerbench.bound import most_training
from rack_controller.powerbench.play_racks import Asked, AskedRow
from rack_controller.powerbench.ramps import (
    CASES,
    RampCase,
    hinted_plan,
    least_storage,
    load_of,
    smoothed,
    storage_told,
    storage_untold,
)
from rack_controller.powerbench.run import CONTENDERS, median, replace_writes, run_once, with_errors
from rack_controller.powerbench.scenario import Scenario, read_scenario
from rack_controller.powerbench.score import Score

SECONDS = 450.0
SEEDS = (0, 1, 2)
KEPT = ("s1", "s2", "s3", "s4", "s6", "feed-loss")
RIDES = (
    *("phase-loss", "shelf-loss", "hot-clip", "deaf-tray", "surprise-reset", "warm-water", "demand-response"),
    *("restart", "ac-loss", "s5", "s8"),
)
MARGINS = (0.80, 0.90, 1.0, 1.05)
REDFISH_S = (0.3, 1.0)
RAMP_SEEDS = (1, 2, 3, 4, 5)
HINTS_OFF_S = (0.5, -0.5)
DRAWN, DRAWN_SEED = 12, 11


def run(record: Callable[..., None]) -> None:
    """Measure and record."""
    power_live.record_all(record)
    power_cycle.record_all(record)
    for name in KEPT:
        scenario = with_errors(_scenario(name))
        ours = _scores(scenario, "budget")
        record(figure=f"{_figure(name)}_over_limit_s", value=ours.over_s, unit="s", n=len(SEEDS))
        record(figure=f"{_figure(name)}_overshoot", value=ours.overshoot, unit="of limit", n=len(SEEDS))
    for figure, scenario in (
        ("s1_work_vs_oracle_125", _scenario("s1")),
        ("s1_work_vs_oracle_125_errors", with_errors(_scenario("s1"))),
        ("s1_work_vs_oracle_140", _scenario("s1", 1.4)),
    ):
        ours, oracle = _scores(scenario, "budget"), _scores(scenario, "oracle")
        share = ours.training / oracle.training
        record(figure=figure, value=share, unit="share", baseline=oracle.training, n=len(SEEDS))
        if figure == "s1_work_vs_oracle_125":
            free = _scores(scenario, "none").delay_p99_s
            bound = statistics.median(most_training(scenario, seed) for seed in SEEDS)
            record(figure="s1_work_vs_bound_125", value=ours.training / bound, unit="share", baseline=bound)
            record(figure="s1_oracle_vs_bound_125", value=oracle.training / bound, unit="share", baseline=bound)
            record(figure="delay_p99_vs_none", value=ours.delay_p99_s / free, unit="ratio", baseline=free)
    _settle(record)
    _rides(record)
    _ramps(record)
    _what_if(record)
    for name, contender in CONTENDERS.items():
        if contender.tunable:
            best = _best_within(name)
            record(figure=f"baseline_{name}_work", value=best, unit="share of oracle", n=1)


def _settle(record: Callable[..., None]) -> None:
    scenario = _scenario("s3")
    inband, redfish = _scores(scenario, "budget"), _scores(replace_writes(scenario, REDFISH_S), "budget")
    record(figure="s3_settle_inband_s", value=inband.settle_s, unit="s", n=len(SEEDS))
    record(figure="s3_settle_redfish_s", value=redfish.settle_s, unit="s", n=len(SEEDS))
    record(figure="decide_us_576_gpus", value=inband.decide_us, unit="µs", n=len(SEEDS))


def _rides(record: Callable[..., None]) -> None:
    ours = {"surprise-reset": "budget-standing"}  # what a reset leaves is told out of band, as on live racks
    scores = {n: run_once(with_errors(read_scenario(n)), ours.get(n, "budget"), SEEDS[0]) for n in RIDES}
    record(figure="ride_over_limit_s", value=max(s.over_s for s in scores.values()), unit="s", n=len(RIDES))
    record(figure="ride_overshoot", value=max(s.overshoot for s in scores.values()), unit="of limit", n=len(RIDES))
    record(figure="ride_trips", value=float(sum(s.tripped for s in scores.values())), unit="trips", n=len(RIDES))
    record(figure="pumps_lost_caps_s", value=scores["s5"].caps_s, unit="s")
    record(figure="pumps_lost_hottest_c", value=scores["s5"].hottest_c, unit="°C")
    record(figure="leak_off_s", value=scores["s8"].off_s, unit="s")


def _ramps(record: Callable[..., None]) -> None:
    """Measure storage against the linear program, whose loads are uneven while plans expect even ones."""
    runs = [_ramp_runs(case, RAMP_SEEDS, HINTS_OFF_S) for case in CASES]
    dice = np.random.default_rng(DRAWN_SEED)
    drawn = [_ramp_runs(_drawn_case(dice), RAMP_SEEDS[:2], dice.uniform(-0.7, 0.7, 2).tolist()) for _ in range(DRAWN)]
    for kind in ("no_hints", "hints"):
        middles = [statistics.median(r.ratio for r in case[kind]) for case in runs]
        every = [r for case in runs for r in case[kind]]
        figure = f"storage_vs_lp_{kind}"
        record(figure=figure, value=statistics.median(middles), unit="of LP", n=len(CASES))
        record(figure=f"{figure}_worst_case", value=max(middles), unit="of LP", n=len(CASES))
        record(figure=f"{figure}_worst", value=max(r.ratio for r in every), unit="of LP", n=len(every))
        record(figure=f"ramp_burned_{kind}", value=max(r.burned for r in every), unit="share", n=len(every))
        record(figure=f"ramp_lost_{kind}", value=max(r.lost for r in every), unit="share", n=len(every))
        ratios = sorted(r.ratio for case in drawn for r in case[kind])
        figure = f"storage_vs_lp_drawn_{kind}"
        record(figure=figure, value=statistics.median(ratios), unit="of LP", n=len(ratios))
        record(figure=f"{figure}_p90", value=ratios[round(0.9 * (len(ratios) - 1))], unit="of LP", n=len(ratios))


class _RampRun(NamedTuple):
    ratio: float
    burned: float
    lost: float


def _ramp_runs(case: RampCase, seeds: Sequence[int], off_s: Sequence[float]) -> dict[str, list[_RampRun]]:
    """Return the runs of a case over seeds, without hints and with some that are so much late."""
    plans, untold = [hinted_plan(case, off) for off in off_s], storage_untold(case)
    found: dict[str, list[_RampRun]] = {"no_hints": [], "hints": []}
    for load in (load_of(case, seed) for seed in seeds):
        bound = least_storage(case, load).storage_j
        ways = [("no_hints", None, untold), *(("hints", plan, storage_told(plan)) for plan in plans)]
        for kind, plan, installed in ways:
            score = smoothed(case, load, plan, installed)
            found[kind].append(_RampRun(max(installed, score.storage_j) / bound, score.burned, score.lost))
    return found


def _drawn_case(dice: np.random.Generator) -> RampCase:
    """Return a case drawn by lot."""
    return RampCase(
        period_s=float(dice.choice([2.0, 3.0, 4.0, 5.0, 8.0, 12.0, 20.0, 30.0])),
        ramp_w_per_s=float(dice.choice([2_000.0, 5_000.0, 10_000.0, 20_000.0])),
        duty=float(dice.uniform(0.35, 0.9)),
        uneven=float(dice.uniform(0.0, 0.06)),
        pause_s=float(dice.uniform(130.0, 220.0)),
        pause_for_s=float(dice.uniform(6.0, 30.0)),
    )


def _what_if(record: Callable[..., None]) -> None:
    """Measure how long the plant takes to say whether two racks more fit beside a hundred, in a process of its own."""
    rows = [AskedRow("row", "graph", 2e7, [1.0] * 102)]
    asked = msgspec.json.encode(Asked(["gb200-nvl72"] * 102, rows, 0, "synthetic"))
    began = time.perf_counter()
    command = [sys.executable, "-m", "rack_controller.powerbench.play_racks"]
    subprocess.run(command, input=asked, capture_output=True, check=True)
    record(figure="what_if_s_102_racks", value=time.perf_counter() - began, unit="s")


def _best_within(name: str) -> float:
    """Return the most work, as a share of the oracle's, that a baseline does at any margin that keeps the limit."""
    scenario = _scenario("s1")
    oracle = run_once(scenario, "oracle", SEEDS[0])
    scores = [run_once(scenario, name, SEEDS[0], None, margin) for margin in MARGINS]
    return max((s.training / oracle.training for s in scores if s.safety == "H"), default=0.0)


def _scenario(name: str, oversubscription: float | None = None) -> Scenario:
    scenario = msgspec.structs.replace(read_scenario(name), seconds=SECONDS)
    return (
        scenario if oversubscription is None else msgspec.structs.replace(scenario, oversubscription=oversubscription)
    )


def _scores(scenario: Scenario, name: str, seeds: Sequence[int] = SEEDS) -> Score:
    return median([run_once(scenario, name, seed) for seed in seeds])


def _figure(name: str) -> str:
    return name.replace("-", "_")
