"""Run scenarios: one controller, one seed, one score; the median over seeds; margins tuned."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields

import msgspec
import numpy as np

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from rack_controller.decide.budget.design import BudgetDesign
from rack_controller.powerbench.cappers import (
    Budget,
    Capper,
    Nobody,
    Oracle,
    Proportional,
    ThreeBands,
    TwoThresholds,
    Uniform,
)
from rack_controller.powerbench.hall import Hall, Trace
from rack_controller.powerbench.knowledge import budget_design, true_law
from rack_controller.powerbench.scenario import Scenario, Writes
from rack_controller.powerbench.score import Log, Score, judge
from rack_controller.powerbench.standing import Standing


@dataclass(frozen=True, slots=True)
class Contender:
    """A controller by name: how it is made, and by which road its limits travel when not by the scenario's."""

    name: str
    title: str
    make: Callable[[BudgetDesign, Hall, float], Capper]
    writes_s: tuple[float, float] | None = None
    tunable: bool = True


def _plain(kind: Callable[..., Capper], **more: float) -> Callable[[BudgetDesign, Hall, float], Capper]:
    return lambda design, hall, margin: kind(design, margin, **more)


CONTENDERS = {
    c.name: c
    for c in (
        Contender("none", "no control", _plain(Nobody), tunable=False),
        Contender("static", "one static limit for all", _plain(Uniform)),
        Contender("dynamo", "Dynamo: three bands every 3 s", _plain(ThreeBands), (0.3, 0.3)),
        Contender("polca-oob", "POLCA: two thresholds, 40 s out of band", _plain(TwoThresholds), (40.0, 40.0)),
        Contender("polca", "POLCA: two thresholds, in band", _plain(TwoThresholds), (0.3, 0.3)),
        Contender("pi-1s", "PI on the total, 1 s", _plain(Proportional, period_s=1.0), (0.3, 0.3)),
        Contender("pi-0.2s", "PI on the total, 0.2 s", _plain(Proportional, period_s=0.2)),
        Contender("budget", "Rackwright's budget", lambda d, h, _: Budget(d, hall=h), tunable=False),
        Contender(
            "budget-standing",
            "the same, with limits out of band that outlive resets",
            lambda d, h, _: Budget(d, hall=h, standing=Standing(d, h)),
            tunable=False,
        ),
        Contender(
            "oracle", "the best of every step by itself", lambda d, h, _: Oracle(d, h, true_law(h)), tunable=False
        ),
    )
}


def run_once(scenario: Scenario, name: str, seed: int, trace: Trace | None = None, margin: float = 1.0) -> Score:
    """Return the score of one controller with one seed."""
    return run_logged(scenario, name, seed, trace, margin)[0]


def run_logged(
    scenario: Scenario, name: str, seed: int, trace: Trace | None = None, margin: float = 1.0
) -> tuple[Score, Log]:
    """Return the score and what it was judged from."""
    contender = CONTENDERS[name]
    if contender.writes_s is not None:
        slower = tuple(max(a, b) for a, b in zip(contender.writes_s, scenario.writes.delay_s, strict=True))
        scenario = replace_writes(scenario, (slower[0], slower[1]))
    hall = Hall(scenario, design_of(load_generation(scenario.generation)), seed, trace)
    hall.settle()
    design = budget_design(hall, seed)
    capper = contender.make(design, hall, margin)
    log, every = Log(), max(round(capper.period_s / scenario.step_s), 1)
    settled = round(scenario.settling_s / scenario.step_s)
    for n in range(hall.steps):
        if n == min(settled, hall.steps - 1):
            log.before = [job.clock for _, job in hall.training]
            log.replayed = [replay.clock for _, replay in hall.replays]
        if any(w.restart and w.at_s <= hall.now < w.at_s + scenario.step_s for w in scenario.happenings):
            capper = contender.make(design, hall, margin)
        if n % every == 0:
            seen = hall.see()
            began = time.perf_counter()
            caps = capper.decide(seen)
            log.decide_s.append(time.perf_counter() - began)
            sent = int(np.isfinite(caps).sum())
            if sent:
                log.writes += sent
                log.told = np.where(np.isfinite(caps), caps, log.told) if len(log.told) else caps
                hall.write(caps, at_once=capper.at_once)
        log.moments.append(hall.step())
        _note(log, hall, design)
        log.delays.extend(s.queue.copy() for _, _, s, _ in hall.serving)
    return judge(log, hall), log


NEARLY = 1.05  # GPUs that work in step get one share of what each asks for, so some are a little above the least


def _note(log: Log, hall: Hall, design: BudgetDesign) -> None:
    """Note when all limits of a rack without pumps were told to be the least, and when one with a leak was off."""
    for n, wrong in enumerate(hall.scenario.happenings):
        if wrong.at_s > hall.now or not (wrong.pumps >= hall.design.pumps > 0 or wrong.leak):
            continue
        which = np.isin(hall.rack, wrong.racks)
        if wrong.leak and n not in log.off_s and hall.drawn_by(wrong.racks) <= 1.0:
            log.off_s[n] = hall.now - wrong.at_s
        if not wrong.leak and n not in log.caps_s and (log.told[which] <= design.floor[which] * NEARLY).all():
            log.caps_s[n] = hall.now - wrong.at_s


def replace_writes(scenario: Scenario, delay_s: tuple[float, float]) -> Scenario:
    """Return the scenario with another road for limits, that loses as many."""
    return msgspec.structs.replace(scenario, writes=Writes(delay_s, scenario.writes.lost))


def with_errors(scenario: Scenario) -> Scenario:
    """Return the scenario with a law 10 % wrong, jittered writes and 2 % of them lost."""
    writes = Writes((scenario.writes.delay_s[0], scenario.writes.delay_s[1] * 2.0), max(scenario.writes.lost, 0.02))
    return msgspec.structs.replace(scenario, law_error=0.10, writes=writes)


def median(scores: Sequence[Score]) -> Score:
    """Return the score field by field: the median of work and cost, the worst of everything that is about safety."""
    worst = {
        "over_s",
        "over_kj",
        "overshoot",
        "forced_s",
        "forced_overshoot",
        "settle_s",
        "tripped",
        "hottest_c",
        "dark_s",
        "heat",
        "hot_s",
        "off_s",
        "caps_s",
    }
    rows = [asdict(s) for s in scores]
    joined = {
        f.name: max(r[f.name] for r in rows) if f.name in worst else statistics.median(r[f.name] for r in rows)
        for f in fields(Score)
    }
    return Score(**joined)
