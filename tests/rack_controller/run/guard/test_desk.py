"""What a rack says of its interlocks: first cause first, what followed, what clears it; in short for every banner."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import leaf_of
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.command import Command
from rack_controller.model.interlock import Act
from rack_controller.model.latch import Inspection
from rack_controller.model.roles import Role
from rack_controller.run.guard.bypasses import Bypasses
from rack_controller.run.guard.desk import InterlockDesk
from rack_controller.run.journal import Journal
from tests.support.interlocked import RACK
from tests.support.virtual_time import run_virtually
from tests.support.watched import RECORD, HandClock, Watched, carried


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    journal = Journal(tmp_path / "journal.db")
    yield Watched(journal)
    journal.close()


def desk_of(watched: Watched) -> InterlockDesk:
    guard = watched.start()
    policy, clock = watched.rack.policy, HandClock(watched.rack)
    bypasses = Bypasses(watched.journal, RACK, policy, clock.unix_ns, watched.said.append)
    return InterlockDesk(RACK, guard, watched.latches, policy, clock, bypasses, lambda: 2)


def test_the_first_cause_stands_first_with_what_followed_and_what_clears_it(watched: Watched) -> None:
    async def story() -> None:
        desk = desk_of(watched)
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        watched.leak("u36/leak0", 2)
        await carried(watched)
        state = desk.state()
        assert [t.cause for t in state.tripped] == ["leak.critical", "leak.critical", "leak.two_trays"]
        assert state.tripped[0].chain.endswith("→ u31, u30, u29, u28 off; latched k01-l1")
        assert [leaf_of(place) for place in state.tripped[0].wet] == ["u28", "u29", "u30"], "they stay off with it"
        assert (state.clearing["leak.critical"].persons, state.clearing["leak.two_trays"].persons) == (1, 2)
        glance = desk.glance()
        assert (glance.armed, glance.latches_open, glance.unresolved) == (True, 3, 2)
        assert glance.tripped == state.tripped

    run_virtually(story())


def test_after_a_clearing_and_after_a_restart_it_says_what_still_stands(watched: Watched) -> None:
    async def story() -> None:
        desk = desk_of(watched)
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        await carried(watched)
        before = desk.state().tripped[0]
        watched.leak("u31/leak1", 0)
        again = desk_of(watched)
        assert [(t.latch, t.since_unix_ns) for t in again.state().tripped] == [("k01-l1", before.since_unix_ns)]
        again.latches.now_ns = lambda: before.since_unix_ns + 600_000_000_000
        assert [s.tripped_s for s in again.state().standings if s.latch] == [600.0], "since the leak, not the restart"
        watched.tick(1)
        again.guard.clear("k01-l1", RECORD, "ida")
        state = again.state()
        assert (state.tripped, state.clearing, again.glance().latches_open) == ([], {}, 0)
        assert [n.open for n in state.latches] == [False]

    run_virtually(story())


def test_what_an_unarmed_rack_would_do_is_no_open_latch(watched: Watched) -> None:
    async def story() -> None:
        watched.armed = False
        desk = desk_of(watched)
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        glance = desk.glance()
        assert (glance.armed, glance.latches_open) == (False, 0)
        assert "→ would: u31" in glance.tripped[0].chain

    run_virtually(story())


def pressed(reason: str = "smoke", target: str = RACK) -> Command:
    return Command("c1", "ada", Role.OPERATOR, "emergency_off", target, 2**62, {"reason": reason})


def test_an_emergency_off_strikes_every_tray_at_once_and_latches_the_rack(watched: Watched) -> None:
    async def story() -> None:
        desk = desk_of(watched)
        watched.rack.switch(on=False, trays=[watched.rack.place("u11")])  # perhaps told On a moment ago
        watched.tick(1)
        came = await desk.emergency_off(pressed())
        (order,) = watched.carried
        assert (order.act, len(order.targets)) == (Act.FORCE_OFF, 27)
        assert came == {"latch": "k01-l1", "trays": 27, "came": "force off 27 trays: accepted; " + order.reason}
        assert "Emergency off at k01: ada: smoke" in watched.guard.gate.forbids(watched.rack.place("u12"))
        again = await desk.emergency_off(pressed())
        assert (again["latch"], len(watched.carried)) == ("k01-l1", 2), "pressed again it strikes again"
        await carried(watched)
        with pytest.raises(PreconditionFailed, match="lacks found, done"):
            watched.guard.clear("k01-l1", Inspection(), "ida")
        assert not watched.guard.clear("k01-l1", Inspection("burnt toast", "aired"), "ida").open
        watched.tick(1)
        assert watched.guard.gate.forbids(watched.rack.place("u12")) == ""

    run_virtually(story())


def test_an_emergency_off_of_one_tray_leaves_the_others(watched: Watched) -> None:
    async def story() -> None:
        desk = desk_of(watched)
        watched.tick(1)
        await desk.emergency_off(pressed(target=watched.rack.place("u12")))
        watched.tick(2)
        await carried(watched)
        assert {t for o in watched.carried for t in o.targets} == {watched.rack.place("u12")}
        assert len(watched.carried) == 2, "repeated until it is seen off"
        assert watched.guard.gate.forbids(watched.rack.place("u13")) == ""

    run_virtually(story())


def test_an_emergency_off_before_anything_is_known_strikes_with_the_first_tick(watched: Watched) -> None:
    async def story() -> None:
        desk = desk_of(watched)
        came = await desk.emergency_off(pressed())
        assert came["came"] == "being switched off"
        watched.tick()
        assert len((await carried(watched))[0].targets) == 27

    run_virtually(story())


def test_an_emergency_off_that_makes_no_sense_is_refused_and_nothing_latched(watched: Watched) -> None:
    async def story() -> None:
        desk = desk_of(watched)
        watched.tick(1)
        with pytest.raises(ArgumentsInvalid, match="needs a reason"):
            await desk.emergency_off(pressed(reason="  "))
        with pytest.raises(TargetUnknown, match="no host to switch off"):
            await desk.emergency_off(pressed(target=watched.rack.place("u01")))
        watched.armed = False
        desk = desk_of(watched)
        with pytest.raises(PreconditionFailed, match="only observed"):
            await desk.emergency_off(pressed())
        assert watched.latches.open() == []
        assert watched.carried == []

    run_virtually(story())


def test_a_latch_whose_row_left_the_policy_still_refuses_power_on(watched: Watched) -> None:
    async def story() -> None:
        watched.start()
        watched.tick(1)
        watched.leak("u31/leak1", 2)
        rows = [row for row in watched.rack.policy.rows if row.cause != "leak.critical"]
        watched.rack.policy = msgspec.structs.replace(watched.rack.policy, rows=rows)
        watched.rack.set("u31/leak1", Quantity.LEAK, 0)
        watched.start()
        watched.tick(1)
        assert "latch k01-l1: Leak at u31" in watched.guard.gate.forbids(watched.rack.place("u31"))

    run_virtually(story())


def test_a_rehearsal_says_what_would_follow_and_does_nothing(watched: Watched) -> None:
    async def story() -> None:
        desk = desk_of(watched)
        u31 = watched.rack.place("u31/leak1")
        with pytest.raises(PreconditionFailed, match="nothing is known"):
            desk.rehearse(u31)
        watched.tick(1)
        before = watched.guard.standings
        told = desk.rehearse(u31)
        (trip,) = told.trips
        assert (trip.cause, trip.latch, trip.at_once) == ("leak.critical", True, ["u31, u30, u29, u28 off"])
        assert trip.later == ["after 12 s aux off tray"]
        assert "leak1 is critical" in trip.seen
        watched.tick(20)
        assert await carried(watched) == []
        assert (watched.guard.standings, watched.latches.all(), watched.kinds()) == (before, [], [])
        with pytest.raises(TargetUnknown, match="no leak detector"):
            desk.rehearse(watched.rack.place("u31"))
        watched.leak("u31/leak1", 2)
        assert desk.rehearse(u31).note == "what it would trip holds already, or is bypassed"

    run_virtually(story())
