"""A live rig on a scripted rack: the product does what it can, refusals are errors, people are not waited for for ever,
and what was done is known after a crash."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.scripted_rack import ScriptedRack, parts

from firmware_bridge.vocabulary.errors import (
    ArgumentsInvalid,
    BusUnavailable,
    CommandRefused,
    DeadlinePassed,
    PreconditionFailed,
)
from firmware_bridge.wire.located_yaml import parse
from rack_controller.acceptance.engine import run_step
from rack_controller.acceptance.live import LiveRig, Now, Read
from rack_controller.acceptance.record import StepRecord
from rack_controller.acceptance.rig import BUILT, Act
from rack_controller.acceptance.undo import UndoBook
from rack_controller.acceptance.watch import Unwatched
from rack_controller.prove.accept.evidence import Phase
from rack_controller.prove.accept.plan import Plan, plan_of
from rack_controller.prove.accept.verdict import Outcome

PLAN = """
schema_version: 1
name: short
title: Two supplies
steps:
  - id: psus
    title: Supplies can go
    level: L11
    phases: [{name: pulled, each: psu, places: [u06/psu0, u06/psu1], do: pull, for_s: 3, every_s: 1}]
    measures: [{id: gone, title: Gone, of: psu.power, rule: responds, phase: pulled, within: -1000, source: a test}]
"""


def plan() -> Plan:
    return plan_of(parse(PLAN, "plan.yaml"))


def run(rack: ScriptedRack, book: UndoBook | None = None) -> StepRecord:
    chosen, rig = plan(), rack.rig(book)
    (record,) = run_step(chosen.steps[0], chosen, rig, rig.parts, [[]], retest=False)
    return record


def test_the_product_switches_supplies_itself_and_back() -> None:
    rack = ScriptedRack()
    assert run(rack).outcome is Outcome.PASS
    assert rack.done == [
        ("psu_off", "u06/psu0"),
        ("psu_on", "u06/psu0"),
        ("psu_off", "u06/psu1"),
        ("psu_on", "u06/psu1"),
    ]
    assert rack.asked == []


def test_a_refused_verb_is_an_error_of_the_part_with_its_reason_and_the_others_are_judged() -> None:
    refused = CommandRefused("the rest carries 60 kW with one more lost", advice="switch trays off first")
    rack = ScriptedRack(refuses={"psu_off": refused})
    record = run(rack)
    assert record.outcome is Outcome.ERROR
    told = {f.place: f.text for f in record.findings if f.error and f.place}
    assert set(told) == {"u06/psu0", "u06/psu1"}
    assert "the rest carries 60 kW" in told["u06/psu0"]
    assert "switch trays off first" in told["u06/psu0"]


def test_where_a_device_offers_no_way_people_are_asked_and_no_other_refusal_is_gone_round() -> None:
    no_way = ArgumentsInvalid("its shelf offers no way to do that to a single supply")
    rack = ScriptedRack(refuses={"psu_off": no_way, "psu_on": no_way}, answered_at=0.0)
    assert run(rack).outcome is Outcome.FAIL  # they say that it is done, and readings say otherwise
    assert rack.asked[:2] == ["pull u06/psu0, or switch it off", "put u06/psu0 back, or switch it on"]
    held = ScriptedRack(refuses={"psu_off": PreconditionFailed("the rest does not carry it")})
    record = run(held)
    assert (record.outcome, held.asked) == (Outcome.ERROR, [])
    assert held.done == [], "what was never pulled is not put back"


def test_a_rack_that_cannot_be_brought_back_stops_the_run() -> None:
    rack = ScriptedRack(refuses={"psu_on": CommandRefused("u06 stays off: a latch stands")})
    record = run(rack)
    assert record.outcome is Outcome.STOPPED
    assert "not back at rest" in record.why
    assert [d for d in rack.done if d[0] == "psu_off"] == [("psu_off", "u06/psu0")]  # nothing more is pulled


class SlowRack(ScriptedRack):
    """Switches supplies off, and never says that it has."""

    def operate(self, do: str, target: str, *, again_s: float = 0.0, **more: Any) -> None:
        super().operate(do, target, again_s=again_s, **more)
        if do == "psu_off":
            raise DeadlinePassed("operation op1 did not end within 1800 s")


def test_no_second_part_is_taken_away_while_nobody_knows_whether_the_first_is_gone() -> None:
    rack = SlowRack()
    record = run(rack)
    assert rack.done == [("psu_off", "u06/psu0"), ("psu_on", "u06/psu0")]
    assert record.outcome is Outcome.ERROR
    assert {f.place for f in record.findings if f.error and "did not end" in f.text} == {"u06/psu0"}


def test_what_is_refused_keeps_nothing_else_from_being_brought_back(tmp_path: Path) -> None:
    rack = ScriptedRack(refuses={"psu_on": CommandRefused("u06 stays off: a latch stands")})
    rig = rack.rig(UndoBook(tmp_path))
    rig.act(Act("cap", value=0.8))
    rig.act(Act("pull", "u06/psu0"))
    with pytest.raises(CommandRefused, match="a latch stands"):
        rig.act(Act("rest"))
    assert rack.done == [("limit", ""), ("psu_off", "u06/psu0"), ("limit", "")]
    assert UndoBook(tmp_path).owed() == [Act("restore", "u06/psu0")]


def test_what_people_have_not_undone_when_a_run_is_to_end_stays_owed(tmp_path: Path) -> None:
    rack = ScriptedRack(obeys=False, is_armed=False, answered_at=5.0)
    rack.rig(UndoBook(tmp_path)).act(Act("load", value=0.5))
    rack.answered_at = 1e9
    ended = rack.rig(UndoBook(tmp_path), watch=Ended())
    with pytest.raises(CommandRefused, match="nobody is waited for, as the run is to end: end the load of every GPU"):
        ended.act(Act("rest"))
    assert UndoBook(tmp_path).owed() == [Act("unload")], "a rack that still works is not taken for one at rest"
    rack.answered_at = rack.now
    rack.rig(UndoBook(tmp_path)).act(Act("rest"))
    assert UndoBook(tmp_path).owed() == []


class Ended(Unwatched):
    """Somebody wants the run to end."""

    def stop(self) -> str:
        return "stopped by ada"


def test_what_is_off_is_written_down_before_and_undone_by_a_successor(tmp_path: Path) -> None:
    rack = ScriptedRack(refuses={"psu_off": BusUnavailable("the API is away")})
    with pytest.raises(BusUnavailable):  # the product is away: nobody says anything of the rack
        run(rack, UndoBook(tmp_path))
    owed = UndoBook(tmp_path).owed()
    assert owed in ([Act("restore", "u06/psu0")], [])  # rest could still be reached, or not
    rack = ScriptedRack()
    rig = rack.rig(UndoBook(tmp_path))
    rig.act(Act("pull", "u06/psu3"))
    assert next(a.place for a in UndoBook(tmp_path).owed()) == "u06/psu3"
    successor = ScriptedRack(off={"u06/psu3"})
    successor.rig(UndoBook(tmp_path)).act(Act("rest"))
    assert ("psu_on", "u06/psu3") in successor.done
    assert UndoBook(tmp_path).owed() == []


def test_people_are_asked_for_what_no_verb_does_and_shown_where_it_is() -> None:
    rack = ScriptedRack(is_armed=False)
    rig = rack.rig()
    rig.act(Act("wet", "u15/leak1"))
    rig.run(3.0, 1.0, frozenset({"psu", "leak"}))
    (evidence,) = rig.collect((Phase("wetted", 0.0, 0.0, 99.0, "u15/leak1"),))
    leaks = evidence.series["leak.state"]
    assert leaks.values[-1, leaks.index("u15/leak1")] == 2.0
    assert set(evidence.series) == {"psu.power", "leak.state"}  # what is at no place of the rack is nobody's
    assert evidence.serial("u06/psu0") == "S1"
    rig.act(Act("rest"))
    assert rack.asked == ["wet the leak detector u15/leak1", "dry the leak detector u15/leak1"]
    assert rack.done == [("locate", "u15")] * 4


def test_an_armed_rack_is_not_wetted() -> None:
    with pytest.raises(CommandRefused, match="would switch its tray off"):
        ScriptedRack(is_armed=True).rig().act(Act("wet", "u15/leak1"))


def test_nobody_is_waited_for_for_ever_and_that_is_no_skip() -> None:
    rack = ScriptedRack(obeys=False, is_armed=False)
    with pytest.raises(DeadlinePassed, match="nobody said"):
        rack.rig().act(Act("wet", "u15/leak1"))
    assert 30.0 <= rack.now < 32.0


def test_a_word_that_it_is_done_goes_on_where_readings_show_nothing() -> None:
    rack = ScriptedRack(obeys=False, is_armed=False, answered_at=10.0)
    rack.rig().act(Act("wet", "u16/leak1"))  # a deaf detector is found by what comes next
    assert 10.0 < rack.now < 12.0


@pytest.mark.parametrize(
    ("tray", "armed", "isolates"),
    [("u15", True, True), ("u16", True, False), ("u15", False, "only told: the rack is not armed")],
)
def test_a_drill_asks_the_product_s_own_rehearsal_and_trips_nothing(
    tray: str, armed: bool, isolates: bool | str
) -> None:
    rack = ScriptedRack(is_armed=armed)
    rig = rack.rig()
    rig.act(Act("drill", tray))
    (evidence,) = rig.collect(())
    assert evidence.facts[tray]["isolates"] == isolates
    assert rack.done == []


def test_limits_are_the_product_s_and_taken_back() -> None:
    rack = ScriptedRack()
    rig = rack.rig()
    assert rig.act(Act("cap", value=0.6)) == pytest.approx(720.0)
    rig.act(Act("rest"))
    assert rack.done == [("limit", ""), ("limit", "")]
    with pytest.raises(CommandRefused, match="no limit was taken"):
        ScriptedRack(refuses={"limit": CommandRefused("no")}).rig().act(Act("cap", value=0.6))


def test_what_was_read_before_a_stimulus_says_nothing_of_it() -> None:
    rack = ScriptedRack()
    rig = rack.rig()
    rack.readings = lambda: [  # type: ignore[method-assign]
        Read(f"u06/psu{n}", "power", 2400.0, "W", 12.0 if n else 0.5) for n in range(6)
    ]
    rig.act(Act("pull", "u06/psu0"))
    rack.now += 3.0
    rig.run(2.0, 1.0, frozenset({"psu"}))
    (evidence,) = rig.collect((Phase("pulled", 0.0, 0.0, 99.0, "u06/psu0"),))
    shown = evidence.series["psu.power"]
    assert np.isfinite(shown.values[:, shown.index("u06/psu0")]).all()
    assert np.isnan(shown.values[:, shown.index("u06/psu1")]).all(), "unknown, and not as it was"
    rig.act(Act("cap", value=0.6))
    rack.now += 20.0
    rig.act(Act("cap", value=0.6))  # it stands already: what was read since it was given counts
    rig.run(2.0, 1.0, frozenset({"psu"}))
    (evidence,) = rig.collect((Phase("capped", 0.0, 0.0, 99.0),))
    assert np.isfinite(evidence.series["psu.power"].values[:, :6]).all()


@pytest.mark.parametrize("records", [{}, {"u06/psu0": {"serial": "S2"}}])
def test_inventories_are_asked_for_only_where_there_is_something_to_hold_them_against(
    records: dict[str, dict[str, str]],
) -> None:
    rack = ScriptedRack()
    asked: list[set[str]] = []
    rack.built = lambda: records  # type: ignore[method-assign]
    rack.facts = lambda wanted: asked.append(set(wanted)) or {}  # type: ignore[method-assign, func-returns-value]
    rack.rig().collect((), (BUILT + "serial", "slot"))
    assert asked == [{"slot", "serial"} if records else {"slot"}]


def test_what_nobody_can_do_it_cannot() -> None:
    rig = ScriptedRack().rig()
    assert rig.can("wet")
    assert rig.can("pull")
    assert not rig.can("fly")
    assert not rig.can("trace")  # none was given


@dataclass
class Hands:
    """Does whatever it is asked for, and keeps it."""

    done: list[tuple[str, str, float]] = field(default_factory=list)

    def can(self, act: Act, kind: str) -> bool:
        return True

    def do(self, act: Act, kind: str) -> float:
        self.done.append((act.verb, act.place, act.value))
        return float("nan")


def test_what_works_alone_does_so_beside_idle_parts_also_before_the_first() -> None:
    alone = PLAN.replace(
        "each: psu, places: [u06/psu0, u06/psu1], do: pull", "each: tray, places: [u11], do: load, load: 0.5"
    )
    chosen, rack, hands = plan_of(parse(alone, "plan.yaml")), ScriptedRack(), Hands()
    rig = LiveRig("k01", parts(), rack, [hands], Now(rack.sleep, lambda: rack.now))
    run_step(chosen.steps[0], chosen, rig, rig.parts, [[]], retest=False)
    assert [(verb, place) for verb, place, _ in hands.done] == [("load", ""), ("load_one", "u11"), ("unload", "")]
    assert [value for _, _, value in hands.done[:2]] == [0.0, 0.5]
