"""A job's energy goes on over a restart of the controller, and says how far it may be wrong for the time between."""

from pathlib import Path

import numpy as np
from support.hand_clock import HandClock
from support.real_rack import journal_at

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.budget.claims import claims_of
from rack_controller.decide.budget.roster import roster_of
from rack_controller.model.power_policy import Job, PowerPolicy
from rack_controller.run.budget.meter import KEEP_EVERY_S, JobMeter

ROSTER = roster_of([(Place("s/h/r/k01"), load_generation("gb200-nvl72"))])
CLAIMS = claims_of(ROSTER, PowerPolicy(), [Job("train", ["k01/u11"])])
POWER, HOLDS = np.full(72, 1000.0), np.full(72, 1200.0)


def run(meter: JobMeter, clock: HandClock, seconds: float) -> None:
    for _ in range(round(seconds / 0.5)):
        clock.at += 0.5
        meter.count(ROSTER, CLAIMS, POWER, HOLDS)


def test_a_restart_ends_no_count_and_the_time_between_is_doubted(tmp_path: Path) -> None:
    clock = HandClock()
    with journal_at(tmp_path / "j.db") as journal:
        meter = JobMeter(journal, clock)
        run(meter, clock, 10 * KEEP_EVERY_S)
        before = meter.of("train")
        assert before.joules > 4 * 1000.0 * 99.0
        assert before.unseen == 0.0
        clock.at += 600.0  # the controller is gone for ten minutes
        again = JobMeter(journal, clock)
        kept = again.of("train")
        lost = 4 * 1000.0 * 2.0 * KEEP_EVERY_S  # what was counted since the last entry, at most
        assert before.joules - lost <= kept.joules <= before.joules
        run(again, clock, 0.5)
        after = again.of("train")
        assert after.unseen >= 600.0
        most = 4 * 1200.0 * 600.0
        assert after.joules - after.doubt <= before.joules  # it may have used nothing meanwhile
        assert after.joules + after.doubt >= before.joules + most  # or all that it may
        run(again, clock, 5.0)
        assert again.of("train").unseen == after.unseen


def test_what_a_job_that_is_over_has_used_is_forgotten(tmp_path: Path) -> None:
    clock = HandClock()
    with journal_at(tmp_path / "j.db") as journal:
        meter = JobMeter(journal, clock)
        run(meter, clock, 2 * KEEP_EVERY_S)
        meter.count(ROSTER, claims_of(ROSTER, PowerPolicy()), POWER, HOLDS)
        assert meter.jobs == {}
        assert JobMeter(journal, clock).jobs == {}
