"""What a rack says of its interlocks: first cause first, what followed, what clears it; in short for every banner."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
    return InterlockDesk(RACK, guard, watched.latches, watched.rack.policy, HandClock(watched.rack), lambda: 2)


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
