"""The guard at work: what is heard becomes orders at once, latches outlive it, an unarmed rack is only told."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from firmware_bridge.vocabulary.errors import EnvironmentUnfit, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide import conditions
from rack_controller.decide.drip import falls_on
from rack_controller.decide.picture import BuildingSight
from rack_controller.model.event import Severity
from rack_controller.model.interlock import Act, Condition
from rack_controller.model.latch import Inspection
from rack_controller.run.guard.latches import Latches
from rack_controller.run.journal import Journal
from tests.support.interlocked import RACK
from tests.support.virtual_time import run_virtually
from tests.support.watched import RECORD, Watched, carried


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    journal = Journal(tmp_path / "journal.db")
    yield Watched(journal)
    journal.close()


def test_a_leak_is_acted_on_as_it_is_heard_not_at_the_next_tick(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(2)
        watched.leak("u31/leak1", 2)
        (first, *_) = await carried(watched)
        assert (first.act, leaf_of(first.targets[0])) == (Act.FORCE_OFF, "u31")
        (latch,) = watched.latches.open()
        assert (latch.cause, latch.place, latch.id) == ("leak.critical", watched.rack.place("u31"), "k01-l1")
        assert watched.guard.gate.forbids(watched.rack.place("u27")) == ""
        assert "leak1 is critical" in watched.guard.gate.forbids(watched.rack.place("u31"))
        assert watched.latches.find("k01-l1").refused_on == 1
        assert watched.guard.gate.keeps_off(watched.rack.place("u31")).startswith("latch k01-l1: ")
        assert watched.guard.gate.keeps_off(watched.rack.place("u27")) == ""
        assert watched.latches.find("k01-l1").refused_on == 1, "a plan that asks is no attempt"

    run_virtually(story())


def test_a_leak_that_is_heard_before_there_is_any_picture_is_struck_with_the_first(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.leak("u31/leak1", 2)
        assert await carried(watched) == []
        watched.rack.set("u31/leak1", Quantity.LEAK, 0)  # and it is dry again by then
        watched.tick()
        (first, *_) = await carried(watched)
        assert (first.act, leaf_of(first.targets[0])) == (Act.FORCE_OFF, "u31")

    run_virtually(story())


def test_two_leaks_in_one_batch_are_two_strikes_and_the_racks(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(2)
        watched.rack.now += 0.2
        now, places = Seconds(watched.rack.now), [watched.rack.place(f"{tray}/leak1") for tray in ("u31", "u14")]
        watched.guard.hear([Reading(place, Quantity.LEAK, 2.0, now) for place in places])
        struck = {(o.cause, leaf_of(o.place)): len(o.targets) for o in await carried(watched)}
        assert struck == {("leak.critical", "u31"): 4, ("leak.critical", "u14"): 4, ("leak.two_trays", "k01"): 27}

    run_virtually(story())


def test_a_leak_that_is_told_twice_is_ordered_once(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(2)
        watched.leak("u31/leak1", 2)
        watched.leak("u31/leak1", 2)
        assert len(await carried(watched)) == 1
        assert len(watched.latches.open()) == 1

    run_virtually(story())


def test_a_detectors_own_name_counts_although_its_first_word_came_before_the_picture(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.rack.name("u31/leak1", "LeakDetector_1_RearManifold")
        watched.leak("u31/leak1", 0)
        watched.tick(2)
        watched.leak("u31/leak1", 2)
        assert "leak.rack" in {o.cause for o in await carried(watched)}

    run_virtually(story())


def test_words_that_change_nothing_are_not_judged(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(2)
        before = watched.guard.standings
        watched.leak("u31/leak1", 0)
        assert watched.guard.standings is before

    run_virtually(story())


def test_an_alarm_says_cause_consequence_and_response(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        await carried(watched)
        (alarm,) = [f for f in watched.said if f.kind == "interlock.leak.critical"]
        assert alarm.severity is Severity.CRITICAL
        for word in ("leak1 is critical", "water on live parts", "leave it off"):
            assert word in alarm.message

    run_virtually(story())


def test_an_unarmed_rack_only_hears_what_would_be_done(watched: Watched) -> None:
    async def story() -> None:
        watched.armed = False
        watched.start()
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        watched.tick(30)
        assert await carried(watched) == []
        assert watched.kinds().count("interlock.would.force_off") == 1, "said once, however often it is ordered"
        (latch,) = watched.latches.open()
        assert latch.shadow
        assert watched.guard.gate.forbids(watched.rack.place("u31")) == ""

    run_virtually(story())


def test_a_rack_that_is_armed_later_is_judged_anew(watched: Watched) -> None:
    async def story() -> None:
        watched.armed = False
        watched.start()
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        watched.view.layout = msgspec.structs.replace(watched.view.layout, armed=True)
        watched.tick(1)
        assert (await carried(watched))[0].act is Act.FORCE_OFF
        (latch,) = watched.latches.open()
        assert not latch.shadow

    run_virtually(story())


def test_closed_coolant_outlasts_silence_arming_a_restart_and_a_full_disk(watched: Watched) -> None:
    async def story() -> None:
        tray = watched.rack.place("u12")
        watched.rack.switch(on=False, trays=[t.place for t in watched.rack.look().trays])

        def heard(closed: bool | None) -> str:
            watched.guard.building = BuildingSight(liquid_isolated=closed)
            watched.tick(1)
            return watched.guard.gate.keeps_off(tray) or "; ".join(watched.guard.gate.refusals(tray))

        watched.armed = False
        watched.start()
        assert heard(True) == "", "only observed"
        heard(None)
        watched.view.layout = msgspec.structs.replace(watched.view.layout, armed=True)
        assert "now the building does not say" in heard(None)
        watched.armed = True
        for _ in range(2):
            watched.start()
            assert heard(None).count("now the building does not say whether the coolant is closed") == 1
        assert heard(False) == ""
        watched.start()
        assert heard(None) == "", "open was said"

        watched.journal._db.execute("PRAGMA query_only = ON")
        assert "the building closed the coolant" in heard(True)
        assert "now the building does not say" in heard(None)
        watched.journal._db.execute("PRAGMA query_only = OFF")
        heard(None)
        watched.start()
        assert "the building closed the coolant" in heard(None), "written as soon as the disk took it"

    run_virtually(story())


def test_what_others_must_do_goes_out_as_events_and_what_nobody_can_is_said(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(1)
        watched.leak("u25/leak0", 2)
        assert Act.FORCE_OFF in {o.act for o in await carried(watched)}
        assert "interlock.stop_job" in watched.kinds()
        watched.rack.set("u01", Quantity.FLOW, 20)
        watched.tick(2)
        (low,) = [f for f in watched.said if f.kind == "interlock.flow.low"]
        assert "nothing here can cap, raise flow" in low.message

    run_virtually(story())


def test_an_order_that_fails_is_told_once_and_repeated(watched: Watched) -> None:
    async def story() -> None:
        watched.fails = "no route"
        watched.start()
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        for _ in range(6):
            watched.tick(1)
            await carried(watched)
        assert len([o for o in watched.carried if o.act is Act.FORCE_OFF]) >= 3
        assert watched.kinds().count("interlock.failed.force_off") == 1

    run_virtually(story())


def test_latches_outlive_the_controller_and_strike_again(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        await carried(watched)
        await watched.guard.close()
        watched.carried.clear()
        watched.rack.set("u31/leak1", Quantity.LEAK, 0)  # dry by now
        watched.start()
        watched.tick(1)
        again = await carried(watched)
        assert [leaf_of(t) for t in again[0].targets] == ["u31", "u30", "u29", "u28"]
        assert "leak1 is critical" in watched.guard.gate.forbids(watched.rack.place("u31"))

    run_virtually(story())


def test_dry_is_not_fixed_a_latch_is_cleared_with_a_record(watched: Watched) -> None:
    async def story() -> None:
        guard = watched.start()
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        await carried(watched)
        watched.tick(1)
        with pytest.raises(PreconditionFailed, match="still seen"):
            guard.clear("k01-l1", RECORD, "ida")
        watched.leak("u31/leak1", 1)
        with pytest.raises(PreconditionFailed, match="still seen"):
            guard.clear("k01-l1", RECORD, "ida")
        watched.leak("u31/leak1", 0)
        watched.tick(61)  # it counted as flapping for a minute
        with pytest.raises(PreconditionFailed, match="lacks done, pressure check"):
            guard.clear("k01-l1", Inspection(found="water"), "ida")
        cleared = guard.clear("k01-l1", RECORD, "ida")
        assert (cleared.open, cleared.signed) == (False, ["ida"])
        watched.tick(120)
        assert guard.gate.forbids(watched.rack.place("u31")) == ""
        with pytest.raises(PreconditionFailed, match="cleared already"):
            guard.clear("k01-l1", RECORD, "ida")
        with pytest.raises(TargetUnknown, match="standing: none"):
            guard.clear("k01-l9", RECORD, "ida")
        assert Latches(watched.latches.sheet, watched.rack.policy, lambda: 0).open() == []

    run_virtually(story())


def test_a_wet_detector_that_is_gone_keeps_its_latch_until_a_person_clears_it(watched: Watched) -> None:
    async def story() -> None:
        guard = watched.start()
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        await carried(watched)
        watched.rack.forget("u31/leak1")
        watched.tick(58)
        with pytest.raises(PreconditionFailed, match="still seen"):
            guard.clear("k01-l1", RECORD, "ida")
        watched.tick(3)
        assert watched.rack.place("u31/leak1") in guard.detectors(), "its word stands until a person came"
        cleared = guard.clear("k01-l1", RECORD, "ida")
        assert [e.text for e in cleared.evidence[1:]] == ["leak1 was critical, and is no longer there"]
        assert "leak1 was critical, and is no longer there" in watched.said[-1].message
        assert watched.rack.place("u31/leak1") not in guard.detectors()
        watched.tick(1)
        assert watched.latches.open() == []
        assert "3 of 4 leak detectors of u31 are there" in guard.gate.forbids(watched.rack.place("u31"))

    run_virtually(story())


def test_a_dry_detector_that_is_gone_is_forgotten_after_a_minute(watched: Watched) -> None:
    guard = watched.start()
    watched.tick(1)
    before = len(guard.detectors())
    watched.rack.forget("u31/leak1")
    watched.tick(59)
    assert len(guard.detectors()) == before
    watched.tick(3)
    assert len(guard.detectors()) == before - 1
    watched.leak("u31/leak1", 0)
    watched.tick(5)
    assert len(guard.detectors()) == before, "one that is heard is there, with or without a column"


def test_a_snapshot_that_still_shows_a_leak_that_ended_before_it_was_cleared_latches_nothing(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(2)
        watched.leak("u31/leak1", 2)
        (latch,) = watched.latches.open()
        leaked_at = Seconds(watched.rack.now)
        watched.leak("u31/leak1", 0)
        assert not watched.guard.clear(latch.id, RECORD, "ada").open
        watched.rack.now += 0.2
        shown = watched.rack.snapshot()  # a board shows a leak once, however soon it ended
        (column,) = (n for n, s in enumerate(shown.table.gauges) if s.place == watched.rack.place("u31/leak1"))
        taken_at, gauges = shown.taken_at.copy(), shown.gauges.copy()
        taken_at[column], gauges[column] = leaked_at, 2.0
        watched.guard.look(replace(shown, taken_at=taken_at, gauges=gauges))
        assert watched.latches.open() == []
        watched.leak("u31/leak1", 2)
        assert [n.place for n in watched.latches.open()] == [watched.rack.place("u31")], "a new leak is one"

    run_virtually(story())


def test_a_leak_after_clearing_latches_anew(watched: Watched) -> None:
    async def story() -> None:
        guard = watched.start()
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        watched.leak("u31/leak1", 0)
        watched.tick(1)
        guard.clear("k01-l1", RECORD, "ida")
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        assert [n.id for n in watched.latches.open()] == ["k01-l2"]

    run_virtually(story())


def test_a_racks_latch_needs_two_different_persons(watched: Watched) -> None:
    async def story() -> None:
        guard = watched.start()
        watched.tick(1)
        for detector in ("u31/leak1", "u36/leak0"):
            watched.leak(detector, 2)
            watched.leak(detector, 0)
        watched.tick(1)
        (name,) = [n.id for n in watched.latches.open() if n.place == RACK]
        for latch in [n for n in watched.latches.open() if n.place != RACK]:
            guard.clear(latch.id, RECORD, "ida")
        assert guard.clear(name, RECORD, "ida").open
        with pytest.raises(PreconditionFailed, match="another person"):
            guard.clear(name, RECORD, "ida")
        assert not guard.clear(name, RECORD, "bo").open

    run_virtually(story())


def test_a_signature_counts_no_more_when_water_comes_back(watched: Watched) -> None:
    async def story() -> None:
        guard = watched.start()
        watched.tick(1)
        watched.leak("u01/leak0", 0)
        watched.rack.building = BuildingSight(leak=True)
        guard.building = BuildingSight(leak=True)
        watched.tick(1)
        guard.building = BuildingSight()
        watched.tick(1)
        (name,) = [n.id for n in watched.latches.open() if n.cause == "leak.rack"]
        assert guard.clear(name, RECORD, "ida").signed == ["ida"]
        guard.building = BuildingSight(leak=True)
        watched.tick(1)
        assert watched.latches.find(name).signed == []
        assert "latch.voided" in watched.kinds()
        guard.building = BuildingSight()
        watched.tick(1)
        assert guard.clear(name, RECORD, "bo").open, "bo is the first again"

    run_virtually(story())


def test_a_journal_that_refuses_stops_no_strike(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(1)

        def full(*_: object) -> None:
            raise EnvironmentUnfit("the journal cannot be written: disk full")

        monkeypatch.setattr(watched.journal, "transact", full)
        watched.leak("u31/leak1", 2)
        assert (await carried(watched))[0].act is Act.FORCE_OFF
        assert "leak1 is critical" in watched.guard.gate.forbids(watched.rack.place("u31"))

    run_virtually(story())


def test_nothing_is_switched_on_before_the_rack_was_seen(watched: Watched) -> None:
    watched.start()
    assert "nothing of the rack has been seen" in watched.guard.gate.forbids(watched.rack.place("u31"))
    watched.tick()
    assert watched.guard.gate.forbids(watched.rack.place("u31")) == ""


def test_a_tray_that_nobody_has_met_or_hears_is_not_switched_on(watched: Watched) -> None:
    watched.start()
    for n in range(4):
        watched.rack.forget(f"u31/leak{n}")
    watched.tick()
    assert "0 of 4 leak detectors of u31 are there" in watched.guard.gate.forbids(watched.rack.place("u31"))
    watched.rack.set("u30/leak1", Quantity.LEAK, None, Quality.REFUSED)
    watched.tick(1)
    assert "leak1 of u30 is faulty" in watched.guard.gate.forbids(watched.rack.place("u30")), (
        "not only once it is confirmed"
    )
    assert watched.guard.gate.forbids(watched.rack.place("u29")) == ""


def test_what_was_never_seen_well_refuses_without_being_confirmed(watched: Watched) -> None:
    watched.start()
    unit = next(t.place for t in watched.rack.layout.trays if t.kind == "coolant_unit")
    watched.rack.set(unit, Quantity.FLOW, None, Quality.MISSING)
    watched.tick()
    assert "Coolant flow unknown" in watched.guard.gate.forbids(watched.rack.place("u31"))
    assert not watched.carried, "nothing is switched off for ignorance"


def test_a_row_that_fails_costs_only_that_row_and_keeps_everything_off(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_picture: object, _row: object) -> str:
        raise ZeroDivisionError

    async def story() -> None:
        watched.start()
        with monkeypatch.context() as patch:
            patch.setitem(conditions._RACK, Condition.NEAR_DEW_POINT, fail)
            watched.tick(2)
            watched.leak("u31/leak1", 2)
            assert [leaf_of(o.targets[0]) for o in await carried(watched)][:1] == ["u31"], "leaks are still struck"
            assert "row coolant.dew_point cannot be judged" in watched.guard.gate.forbids(watched.rack.place("u12"))
            assert watched.kinds().count("interlock.broken") == 1
        watched.tick(1)
        assert watched.guard.gate.forbids(watched.rack.place("u12")) == ""

    run_virtually(story())
    assert "ZeroDivisionError" in caplog.text


def test_a_guard_that_fails_whole_raises_nothing_and_keeps_everything_off(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object, **_named: object) -> None:
        raise KeyError("a place")

    watched.start()
    watched.tick(1)
    for name in ("guard.see", "hearing.hear"):
        monkeypatch.setattr(f"rack_controller.run.guard.{name}", fail)
    watched.tick(1)
    watched.leak("u31/leak1", 2)
    why = watched.guard.gate.forbids(watched.rack.place("u12"))
    assert "the rack cannot be judged" in why
    assert "what is heard cannot be judged" in why
    assert watched.kinds().count("interlock.broken") == 2


def test_a_latch_that_was_not_kept_is_kept_as_soon_as_the_disk_takes_it(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object) -> None:
        raise EnvironmentUnfit("disk is full")

    async def story() -> None:
        watched.start()
        watched.tick(1)
        with monkeypatch.context() as patch:
            patch.setattr(watched.journal, "transact", refuse)
            watched.leak("u31/leak1", 2)
            watched.tick(1)
        assert "latch.unkept" in watched.kinds()
        assert "latch.kept" not in watched.kinds()
        watched.tick(1)
        assert watched.kinds().count("latch.kept") == watched.kinds().count("latch.unkept")
        watched.start()
        assert [latch.cause for latch in watched.latches.open()] == ["leak.critical"]

    run_virtually(story())


def test_a_latch_stands_though_the_policy_of_today_has_no_such_row(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        watched.rack.set("u31/leak1", Quantity.LEAK, 0)
        policy = watched.rack.policy
        rows = [
            msgspec.structs.replace(r, cause="leak.renamed") if r.cause == "leak.critical" else r for r in policy.rows
        ]
        watched.rack.policy = msgspec.structs.replace(policy, rows=rows)
        watched.start()
        watched.tick(1)
        assert "latch k01-l1" in watched.guard.gate.forbids(watched.rack.place("u31"))

    run_virtually(story())


def test_latches_of_a_rack_that_was_armed_while_its_controller_was_down_strike_nothing(watched: Watched) -> None:
    async def story() -> None:
        watched.armed = False
        watched.start()
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        watched.rack.set("u31/leak1", Quantity.LEAK, 0)
        watched.armed = True
        watched.start()
        watched.tick(3)
        assert not await carried(watched)
        assert not watched.latches.open()

    run_virtually(story())


def test_a_word_that_is_no_number_is_no_moisture(watched: Watched) -> None:
    watched.start()
    watched.tick(1)
    watched.leak("u31/leak1", float("nan"))
    watched.rack.set("u31/leak1", Quantity.LEAK, 0)
    watched.tick(2)
    assert not watched.guard.standings


def test_trays_that_water_fell_on_stay_off_with_the_one_that_leaked(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(2)
        watched.leak("u31/leak1", 2)
        watched.rack.set("u31/leak1", Quantity.LEAK, 0)
        watched.start()
        for tray in ("u31", "u30", "u29", "u28"):
            assert "Leak at u31" in watched.guard.gate.forbids(watched.rack.place(tray)), "before the first look, too"
        assert watched.latches.find("k01-l1").refused_on == 4
        watched.tick(10)
        assert "Leak at u31" in watched.guard.gate.forbids(watched.rack.place("u28"))
        watched.guard.clear("k01-l1", RECORD, "ida")
        watched.tick(1)
        assert watched.guard.gate.forbids(watched.rack.place("u28")) == ""

    run_virtually(story())


def test_a_tray_that_was_asked_to_go_on_is_struck_though_it_still_says_off(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        trays = {t: watched.rack.place(t) for t in ("u31", "u30", "u29", "u28")}
        watched.rack.switch(on=False, trays=trays.values())
        watched.tick(2)
        watched.starting = frozenset({trays["u29"]})
        watched.leak("u31/leak1", 2)
        (order, *_) = await carried(watched)
        assert order.targets == (trays["u29"],)
        watched.starting = frozenset()
        watched.tick(5)
        assert {o.targets for o in await carried(watched) if o.act is Act.FORCE_OFF} == {(trays["u29"],)}

    run_virtually(story())


def test_a_racks_latch_stands_as_long_as_the_tray_whose_water_tripped_it(watched: Watched) -> None:
    """Cleared before it would trip again at the next tick, and strike a rack that somebody just let go."""

    async def story() -> None:
        layout, drip = watched.rack.layout, watched.rack.policy.drip
        places = [Place(t.place) for t in layout.trays if t.kind == TrayKind.COMPUTE]
        tray = next(leaf_of(p) for p in places if falls_on(layout, p, [], drip).rack)
        watched.start()
        watched.tick(1)
        watched.leak(f"{tray}/leak0", 2)
        watched.rack.set(f"{tray}/leak0", Quantity.LEAK, 0)
        watched.tick(1)
        latches = {latch.cause: latch.id for latch in watched.latches.open()}
        assert set(latches) == {"leak.critical", "leak.rack"}
        with pytest.raises(PreconditionFailed, match="still seen"):
            watched.guard.clear(latches["leak.rack"], RECORD, "ida")
        watched.guard.clear(latches["leak.critical"], RECORD, "ida")
        watched.guard.clear(latches["leak.rack"], RECORD, "ida")
        watched.guard.clear(latches["leak.rack"], RECORD, "bo")
        watched.tick(2)
        assert not watched.latches.open()

    run_virtually(story())


@pytest.mark.parametrize("where", ["", "u12"])
def test_an_emergency_off_strikes_though_nothing_can_be_judged(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def fail(*_given: object, **_named: object) -> None:
        raise KeyError("a place")

    async def story() -> None:
        guard = watched.start()
        watched.tick(1)
        monkeypatch.setattr("rack_controller.run.guard.guard.see", fail)
        place = watched.rack.place(where) if where else RACK
        latch, strikes = guard.emergency_off(place, "smoke")
        assert (latch.place, len(strikes)) == (place, 1)
        (order,) = await carried(watched)
        assert (order.act, len(order.targets)) == (Act.FORCE_OFF, 1 if where else 27)
        assert "smoke" in guard.gate.forbids(watched.rack.place("u12"))

    run_virtually(story())
