"""A live run judges only what was read after things had settled: it waits for slow readings, and not for ever."""

import pytest
from support.scripted_rack import ScriptedRack, SlowRack

from firmware_bridge.wire.located_yaml import parse
from rack_controller.acceptance.drive import series_in
from rack_controller.acceptance.engine import run_step
from rack_controller.acceptance.heard import LEAST_PATIENCE_S, MOST_PATIENCE_S, Heard, in_words
from rack_controller.acceptance.record import StepRecord
from rack_controller.acceptance.watch import Unwatched
from rack_controller.prove.accept.plan import Plan, plan_of
from rack_controller.prove.accept.verdict import Outcome

PLAN = """
schema_version: 1
name: slow
title: Supplies on a slow line
stop: [{of: psu.power, most: 9000, title: a supply burns}]
steps:
  - id: psus
    title: Supplies can go
    level: L11
    phases: [{name: pulled, each: psu, places: [u06/psu0, u06/psu1], do: pull, settle_s: 1, for_s: 3, every_s: 1}]
    measures: [{id: gone, title: Gone, of: psu.power, rule: responds, phase: pulled, within: -1000, source: a test}]
"""


class Told(Unwatched):
    """Keeps what is waited for, and wants the run to end once that has the words `until` in it."""

    def __init__(self, until: str = "never") -> None:
        self.waited: list[str] = []
        self._until = until

    def waits(self, waits_for: str, *, asks: str = "", within_s: float | None = None) -> None:
        self.waited.append(waits_for)

    def stop(self) -> str:
        return "stopped by ada" if any(self._until in w for w in self.waited) else ""


def plan() -> Plan:
    return plan_of(parse(PLAN, "plan.yaml"))


def run(rack: ScriptedRack, told: Told) -> StepRecord:
    chosen, rig = plan(), rack.rig()
    (record,) = run_step(chosen.steps[0], chosen, rig, rig.parts, [[]], retest=False, watch=told)
    return record


def test_what_is_read_every_twelve_seconds_is_judged_by_readings_from_after_it_settled() -> None:
    rack, told = SlowRack(), Told()
    record = run(rack, told)
    assert (record.outcome, record.findings) == (Outcome.PASS, [])
    assert "a new reading of psu.power at 6 places" in told.waited
    assert told.waited[-1] == "3 s of pulled with u06/psu1", "what goes on after the wait is told"
    assert 50.0 < record.took_s < 90.0, "before, with and after each of two supplies a round of the line"


def test_what_stays_silent_is_an_error_and_waited_for_once() -> None:
    rack, told = SlowRack(silent={"u06/psu1"}), Told()
    record = run(rack, told)
    assert record.outcome is Outcome.ERROR
    assert {f.place for f in record.findings} == {"u06/psu1"}
    lonely = [w for w in told.waited if w == "a new reading of psu.power at 1 place"]
    assert 0 < len(lonely) <= MOST_PATIENCE_S
    assert record.took_s < 90.0 + MOST_PATIENCE_S


def test_a_run_that_waits_for_a_reading_is_stopped_by_people_and_by_rules_of_safety() -> None:
    record = run(SlowRack(), Told(until="a new reading"))
    assert (record.outcome, record.why) == (Outcome.STOPPED, "stopped by ada")
    record = run(SlowRack(silent={"u06/psu1"}, hot_from=20.0), Told())
    assert record.outcome is Outcome.STOPPED
    assert "a supply burns" in record.why


def test_how_long_a_part_is_waited_for_follows_how_often_its_kind_is_read() -> None:
    heard, key = Heard(), ("psu.power", "u06/psu0")
    heard.note(0.0, {key: None})
    assert heard.late({"psu.power"}, 0.0) == [key]
    assert heard.late({"gpu.power"}, 0.0) == []
    assert heard.patience_s([key]) == LEAST_PATIENCE_S
    for second in range(1, 62):
        heard.note(float(second), {key: second // 20 * 20.0})
    assert heard.patience_s([key]) == pytest.approx(60.0)
    heard.give_up([key])
    assert heard.late({"psu.power"}, 61.0) == [], "its silence is known"
    heard.note(62.0, {key: 61.5})
    assert heard.late({"psu.power"}, 62.0) == [key], "once it is heard it is waited for again"
    heard.note(700.0, {key: 699.0})
    assert heard.patience_s([key]) == pytest.approx(60.0), "while nobody looked nothing is learned"


def test_what_is_waited_for_is_told_by_series_the_most_first() -> None:
    late = [("a.b", "x"), *(("c.d", str(n)) for n in range(3))]
    assert in_words(late) == "a new reading of c.d at 3 places, a.b at 1 place"


def test_a_phase_waits_for_what_it_is_judged_by_and_for_all_where_it_is_swept() -> None:
    text = PLAN.replace("    measures: [", "    sweep: [SWEPT]\n    measures: [")
    (step,) = plan().steps
    assert series_in(step, step.phases[0]) == {"psu.power"}
    (step,) = plan_of(parse(text.replace("SWEPT", "pulled"), "plan.yaml")).steps
    assert series_in(step, step.phases[0]) is None
