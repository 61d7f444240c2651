"""A live run waits in one place: a person's word and a broken stop rule end the wait, the step, and the run."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from support.scripted_rack import ScriptedRack

from firmware_bridge.vocabulary.errors import BusUnavailable
from firmware_bridge.wire.located_yaml import parse
from rack_controller.acceptance.engine import run_step
from rack_controller.acceptance.live import Facts, LiveRig, Read
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.run import RunFolder, go_on_together
from rack_controller.acceptance.waiting import Waiting
from rack_controller.acceptance.watch import Unwatched
from rack_controller.prove.accept.plan import Plan, plan_of
from rack_controller.prove.accept.verdict import Outcome

PLAN = """
schema_version: 1
name: told
title: What parts say
stop: [{of: psu.power, most: 9000, title: a supply burns}]
steps:
  - id: identity
    title: Parts are those that were built in
    level: L11
    measures: [{id: serial, title: Serial, of: serial, rule: fact, source: a test}]
  - id: settings
    title: Settings are right
    level: L11
    measures: [{id: clock, title: Clock, of: clock_offset_s, rule: fact, source: a test}]
"""
TELLS_AFTER_S = 300.0


class Word(Unwatched):
    """A person's word at a moment of the rack's clock; `begun` keeps the steps that begin."""

    def __init__(self, rack: ScriptedRack, at: float = 1e9) -> None:
        self._rack, self._at = rack, at
        self.begun: list[str] = []

    def begin(self, step: object) -> None:
        self.begun.append(getattr(step, "id", ""))

    def stop(self) -> str:
        return super().stop() or ("stopped by ada: smell of smoke" if self._rack.now >= self._at else "")


@dataclass
class Telling(ScriptedRack):
    """A rack whose parts tell what they are after five minutes; from `hot_from` on its supplies say 9,999 W."""

    hot_from: float = 1e9
    away_from: float = 1e9
    waiting: Waiting | None = None
    looks: list[float] = field(default_factory=list)

    def readings(self) -> list[Read]:
        self.looks.append(self.now)
        if self.now >= self.away_from:
            raise BusUnavailable("no bus")
        hot = self.now >= self.hot_from
        return [Read(f"u06/psu{n}", "power", 9999.0 if hot else 2400.0, "W") for n in range(6)]

    def facts(self, wanted: Collection[str]) -> Facts:
        assert self.waiting is not None
        while wanted and self.now < TELLS_AFTER_S and not self.waiting.watch.stop():
            self.waiting.sleep(1.0)
        return {}

    def under(self, watch: Word) -> LiveRig:
        rig = self.rig(watch=watch, plan=plan())
        self.waiting = Waiting(self.sleep, lambda: self.now, watch, rig.look_out)
        return rig


def plan() -> Plan:
    return plan_of(parse(PLAN, "plan.yaml"))


def step(rack: Telling, watch: Word) -> StepRecord:
    chosen, rig = plan(), rack.under(watch)
    (record,) = run_step(chosen.steps[0], chosen, rig, rig.parts, [[]], retest=False, watch=watch)
    return record


def test_a_person_s_word_breaks_off_a_step_that_waits_for_what_parts_tell_and_nothing_of_it_is_judged() -> None:
    rack = Telling()
    record = step(rack, Word(rack, at=100.0))
    assert (record.outcome, record.why, record.measures) == (Outcome.STOPPED, "stopped by ada: smell of smoke", [])
    assert 100.0 <= rack.now <= 110.0


def test_a_stop_rule_that_is_broken_meanwhile_does_too_and_names_its_parts() -> None:
    rack = Telling(hot_from=100.0)
    record = step(rack, Word(rack))
    assert record.outcome is Outcome.STOPPED
    assert "a supply burns" in record.why
    assert 100.0 <= rack.now <= 110.0
    assert {f.place for m in record.measures for f in m.findings} == {f"u06/psu{n}" for n in range(6)}


def test_where_nothing_can_be_read_a_wait_goes_on() -> None:
    rack = Telling(away_from=100.0)
    assert step(rack, Word(rack)).outcome is not Outcome.STOPPED
    assert rack.now >= TELLS_AFTER_S


def test_no_step_begins_once_the_run_is_to_end(tmp_path: Path) -> None:
    for at, begun in ((0.0, []), (100.0, ["identity"])):
        rack = Telling()
        watch = Word(rack, at)
        rig = rack.under(watch)
        folder = RunFolder(tmp_path / str(at))
        folder.path.mkdir()
        record = RunRecord(1, "r", "k01", "gb200-nvl72", "told", "0" * 64, "L11", "live", {}, "test", 0)
        folder.write(record)
        (ended,) = go_on_together([record], [folder], plan(), rig, rig.parts, watch=watch)
        assert (ended.outcome, ended.why) == (Outcome.STOPPED, "stopped by ada: smell of smoke")
        assert (watch.begun, folder.read()) == (begun, ended)


def test_a_wait_is_cut_short_by_a_word_and_goes_on_where_that_was_there_before() -> None:
    rack = Telling()
    waiting = Waiting(rack.sleep, lambda: rack.now, Word(rack, at=4.0))
    waiting.sleep(10.0)
    assert rack.now == 4.0
    waiting.sleep(10.0)
    assert rack.now == 14.0, "what puts the rack back takes its time"
