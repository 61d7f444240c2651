"""What a live run asks of the floor: waited for where a step needs it, taken by place and time, an error where it does
not come."""

import datetime
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pytest
from support.scripted_rack import ScriptedRack, parts

from firmware_bridge.wire.located_yaml import parse
from rack_controller.acceptance.engine import run_step
from rack_controller.acceptance.floor import FLOOR, read_checks, records_of, take_floor
from rack_controller.acceptance.floor_hand import FloorHand
from rack_controller.acceptance.floor_log import FloorLogs
from rack_controller.acceptance.record import StepRecord
from rack_controller.acceptance.watch import NS, Unwatched
from rack_controller.prove.accept.evidence import Phase
from rack_controller.prove.accept.plan import plan_of
from rack_controller.prove.accept.verdict import Outcome

RACK = "tx1/a/r03/k07"
BEGAN = datetime.datetime(2026, 11, 20, 10, tzinfo=datetime.UTC)
PLAN = """
schema_version: 1
name: short
title: What the floor measures
steps:
  - id: flow
    title: Flow
    level: L11
    retest: 0
    phases: [{name: still, for_s: 4, every_s: 1}]
    measures: [{id: flow, title: Flow, of: tray.flow, rule: range, phase: still, least: 7, unit: L/min, source: a test}]
  - id: torque
    title: Torque
    level: L11
    retest: 0
    measures: [{id: nm, title: Nm, of: torque, rule: record, field: nm, least: 10, most: 14, only: shelf, source: t}]
  - id: firmware
    title: Firmware
    level: L11
    retest: 0
    measures: [{id: one, title: One version, of: firmware, rule: fact, by: peers, only: gpu, source: a test}]
  - id: memory
    title: Memory
    level: L11
    retest: 0
    measures: [{id: gib, title: Memory, of: memory_gib, rule: fact, by: peers, only: gpu, source: a test}]
"""


class Table:
    """A rack with a floor beside it: `asked` hears what is to be handed in, and may hand it in."""

    def __init__(self, state: Path, asked: Callable[[str], None] = lambda text: None) -> None:
        self.state, self.rack = state, ScriptedRack()
        self.texts: list[str] = []

        def ask(text: str) -> None:
            self.texts.append(text)
            asked(text)

        self.floor = FloorHand(
            lambda: records_of(state, RACK),
            FloorLogs(state / "acceptance" / FLOOR, RACK),
            read_checks(),
            parts(),
            Unwatched(),
            int(BEGAN.timestamp() * NS),
            lambda: self.rack.now,
            self.rack.sleep,
            lambda since: self.rack.now > self.rack.answered_at,
            ask,
            60.0,
        )

    def run(self, step: str) -> StepRecord:
        plan = plan_of(parse(PLAN, "plan.yaml"))
        rig = self.rack.rig(floor=self.floor)
        chosen = next(s for s in plan.steps if s.id == step)
        (record,) = run_step(chosen, plan, rig, rig.parts, [[]])
        return record


class Logging:
    """Instruments that log by themselves: 9.2 L/min at every tray."""

    def __init__(self, state: Path) -> None:
        self.state, self.rows = state, list[str]()
        self.read: list[Collection[str]] = []

    def look(self, at: float, kinds: Collection[str], read: Collection[str]) -> None:
        self.read.append(read)
        moment = (BEGAN + datetime.timedelta(seconds=at)).isoformat()
        self.rows += [f"tray.flow,{tray},meter-9,2027-05-31,{moment},9.2" for tray in parts().of("tray")]

    def hand_in(self, names: Collection[str]) -> None:
        assert set(names) == {"tray.flow"}
        hand_in(self.state, *self.rows, numbers="value")


def test_instruments_that_log_by_themselves_spare_people_the_asking(tmp_path: Path) -> None:
    table = Table(tmp_path)
    table.floor.instruments = meters = Logging(tmp_path)
    record = table.run("flow")
    assert (record.outcome, table.texts) == (Outcome.PASS, [])
    assert len(meters.read) == 4
    assert all("tray.flow" not in read for read in meters.read)


def test_what_is_only_wanted_beside_is_taken_where_it_was_logged_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    table, during = Table(tmp_path), [Phase("still", 0.0, 0.0, 4.0)]
    times = np.arange(4.0)
    assert table.floor.series((), during, times, ("tray.flow", "no.such")) == {}
    table.floor.instruments = meters = Logging(tmp_path)
    for at in times:
        meters.look(float(at), {"tray"}, ())
    found = table.floor.series((), during, times, ("tray.flow",))
    assert found["tray.flow"].values.tolist() == [[9.2] * len(parts().of("tray"))] * 4
    assert table.texts == []


def test_what_the_rack_tells_of_some_parts_is_asked_of_it_where_the_floor_tells_it_of_others(tmp_path: Path) -> None:
    table, asked = Table(tmp_path), list[Collection[str]]()

    def facts(wanted: Collection[str]) -> dict[str, dict[str, str]]:
        asked.append(set(wanted))
        return {f"{tray}/gpu{n}": {"firmware": "97.1"} for tray in parts().of("tray") for n in range(4)}

    table.rack.facts = facts  # type: ignore[method-assign, assignment]
    record = table.run("firmware")
    assert {"firmware", "memory_gib"} <= table.floor.tells, "a floor notes both"
    assert (record.outcome, asked, table.texts) == (Outcome.PASS, [{"firmware"}], [])


def hand_in(state: Path, *rows: str, numbers: str) -> None:
    heading = f"kind,place,tester,calibrated_until,on,{numbers}"
    _, complaints = take_floor(state, RACK, "\n".join([heading, *rows]).encode(), "f.csv", "tom", "gb200-nvl72")
    assert [str(c) for c in complaints.shown] == []


def flows(state: Path, *, dry: str = "") -> None:
    hand_in(
        state,
        *(
            f"tray.flow,{tray},meter-7,2027-05-31,2026-11-20T10:00:{s:02d}Z,{5.0 if tray == dry else 9.3}"
            for tray in parts().of("tray")
            for s in range(6)
        ),
        numbers="value",
    )


def test_what_instruments_logged_is_asked_for_by_series_and_time_and_judged_by_place(tmp_path: Path) -> None:
    table = Table(tmp_path, lambda text: flows(tmp_path, dry="u14"))
    record = table.run("flow")
    assert table.texts == [
        "hand in what the instruments logged from 09:59:52 to 10:00:04 UTC: Flow of every tray (tray.flow)"
    ]
    assert record.outcome is Outcome.FAIL
    assert [f.place for f in record.findings] == ["u14"]
    ((key, used),) = table.floor.used.items()
    assert key[:2] == ("tray.flow", "meter-7")
    assert (used.actor, used.readings) == ("tom", 90)


def test_what_is_there_already_is_not_asked_for(tmp_path: Path) -> None:
    flows(tmp_path)
    hand_in(
        tmp_path,
        *(f"torque,{shelf},wrench-1,2027-05-31,2026-11-19,12" for shelf in parts().of("shelf")),
        numbers="nm",
    )
    table = Table(tmp_path)
    assert [table.run(step).outcome for step in ("flow", "torque")] == [Outcome.PASS, Outcome.PASS]
    assert table.texts == []


@pytest.mark.parametrize("step", ["flow", "torque", "memory"])
def test_what_nobody_hands_in_is_an_error_and_nobody_is_waited_for_for_ever(tmp_path: Path, step: str) -> None:
    table = Table(tmp_path)
    record = table.run(step)
    assert record.outcome is Outcome.ERROR
    assert len(table.texts) == 1
    assert 60.0 <= table.rack.now < 80.0


def test_a_word_that_it_is_all_goes_on_with_what_is_there(tmp_path: Path) -> None:
    table = Table(tmp_path)
    table.rack.answered_at = 10.0
    assert table.run("torque").outcome is Outcome.ERROR
    assert 10.0 < table.rack.now < 12.0


def test_facts_of_parts_come_out_of_records(tmp_path: Path) -> None:
    def inventory(text: str) -> None:
        if "GPUs" not in text:
            return
        hand_in(
            tmp_path,
            *(
                f"gpu_inventory,{gpu},burn-in,2027-05-31,2026-11-19,{96 if gpu == 'u31/gpu1' else 186},16,6"
                for gpu in parts().of("gpu")
            ),
            numbers="memory_gib,pcie_width,pcie_generation",
        )

    table = Table(tmp_path, inventory)
    record = table.run("memory")
    assert [f.place for f in record.findings] == ["u31/gpu1"]
    # The CPUs' memory is judged by no measure of the step, and nobody is asked for it.
    assert table.texts == ["hand in what was measured: Memory and host link of GPUs"]
