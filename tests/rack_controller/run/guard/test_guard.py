"""The guard at work: what is heard becomes orders at once, latches outlive it, an unarmed rack is only told."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from firmware_bridge.vocabulary.errors import EnvironmentUnfit, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import leaf_of
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.event import Severity
from rack_controller.model.interlock import Act
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
        assert "latch" not in watched.guard.forbids(watched.rack.place("u30"))
        assert "leak1 is critical" in watched.guard.forbids(watched.rack.place("u31"))
        assert watched.latches.find("k01-l1").refused_on == 1

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
        assert watched.guard.forbids(watched.rack.place("u31")) == ""

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
        assert "leak1 is critical" in watched.guard.forbids(watched.rack.place("u31"))

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
        assert guard.forbids(watched.rack.place("u31")) == ""
        with pytest.raises(PreconditionFailed, match="cleared already"):
            guard.clear("k01-l1", RECORD, "ida")
        with pytest.raises(TargetUnknown, match="standing: none"):
            guard.clear("k01-l9", RECORD, "ida")
        assert Latches(watched.journal, RACK, watched.rack.policy, lambda: 0).open() == []

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


def test_a_journal_that_refuses_stops_no_strike(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(1)

        def full(*_: object) -> None:
            raise EnvironmentUnfit("the journal cannot be written: disk full")

        monkeypatch.setattr(watched.journal, "keep", full)
        watched.leak("u31/leak1", 2)
        assert (await carried(watched))[0].act is Act.FORCE_OFF
        assert "leak1 is critical" in watched.guard.forbids(watched.rack.place("u31"))

    run_virtually(story())
