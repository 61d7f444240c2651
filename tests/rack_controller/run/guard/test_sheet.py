"""A leak's latches and intents are synced as one, before any request; all of them or none."""

import gc
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firmware_bridge.vocabulary.errors import EnvironmentUnfit, PreconditionFailed, RackwrightError
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.effect import EffectState
from rack_controller.run.guard.guard import Guard
from rack_controller.run.guard.latches import Latches
from rack_controller.run.guard.sheet import Sheet
from rack_controller.run.guard.strike import ACTIONS, Striker
from rack_controller.run.guard.strike_book import OPERATION
from rack_controller.run.journal import Journal
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Change, Ledger
from rack_controller.run.view import RackView
from tests.support.fake_power import Killed
from tests.support.interlocked import RACK
from tests.support.virtual_time import run_virtually
from tests.support.watched import HandClock, Watched, carried


class CountedJournal(Journal):
    """Counts the syncs to disk; `full`: it takes nothing; `fails`: a bug, or the end of this process, comes first."""

    syncs = 0
    full = False
    fails: BaseException | None = None

    def transact(self, statements: Sequence[Change]) -> list[int]:
        if self.fails is not None:
            raise self.fails
        if self.full:
            raise EnvironmentUnfit("the journal refused a write: disk full")
        self.syncs += 1
        return super().transact(statements)

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        self.syncs += 1
        super()._write(statement, values)


@dataclass
class Struck:
    """A guarded rack whose trays can be struck; `asked` tells with how many syncs done each request went out."""

    journal: CountedJournal
    watched: Watched = field(init=False)
    asked: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.watched = Watched(self.journal)
        self.ledger = Ledger(self.journal, RACK)
        clock = HandClock(self.watched.rack)
        sheet = Sheet(self.ledger)
        striker = Striker(sheet, LeaseBook(clock), lambda tray: (Place(f"{tray}/bmc"), Switch(self, tray)), clock)
        policy = self.watched.rack.policy
        self.latches = Latches(sheet, policy, clock.unix_ns)
        self.watched.view = RackView(self.watched.rack.layout, "boot")
        carriers = dict.fromkeys(ACTIONS, striker.carry)
        said = self.watched.said.append
        self.watched.guard = Guard(self.watched.view, policy, self.latches, clock, said, carriers, striker.see)

    def states(self) -> list[EffectState]:
        return [e.state for e in self.ledger.effects_of(OPERATION)]


@dataclass
class Switch:
    struck: Struck
    tray: Place
    power_actions: frozenset[PowerAction] = frozenset(PowerAction)

    async def switch_power(self, _action: PowerAction) -> PowerAnswer:
        assert leaf_of(tray_of(self.tray)) not in self.struck.asked, "asked twice"
        self.struck.asked[leaf_of(self.tray)] = self.struck.journal.syncs
        return PowerAnswer(True, 204, "", "ForceOff")


@contextmanager
def unraisable() -> Iterator[list[str]]:
    """Collect what Python complains of where nobody can catch it: coroutines that were never awaited.

    What tests before left to be cleared away is not theirs.
    """
    left: list[str] = []

    def show(message: Warning | str, category: type[Warning], *_args: object) -> None:
        if issubclass(category, RuntimeWarning):
            left.append(str(message))

    gc.collect()
    with warnings.catch_warnings():
        warnings.showwarning = show  # type: ignore[assignment]
        warnings.simplefilter("always")
        yield left


@pytest.fixture
def struck(tmp_path: Path) -> Iterator[Struck]:
    journal = CountedJournal(tmp_path / "journal.db")
    yield Struck(journal)
    journal.close()


def test_one_sync_before_the_strike_and_one_after_it(struck: Struck) -> None:
    async def story() -> None:
        struck.watched.tick(1)
        before = struck.journal.syncs
        struck.watched.leak("u31/leak1", 2)
        assert struck.journal.syncs == before + 1
        assert [latch.cause for latch in Latches(struck.latches.sheet, struck.latches.policy, lambda: 0).open()] == [
            "leak.critical"
        ]
        assert struck.states() == [EffectState.INTENT] * 4
        # They are out once the word of the leak has been heard: behind the sync, before the loop has a next turn.
        assert struck.asked == dict.fromkeys(("u31", "u30", "u29", "u28"), before + 1)
        for _ in range(3):
            await carried(struck.watched)
        assert struck.journal.syncs == before + 2
        assert struck.states() == [EffectState.ANSWERED] * 4

    run_virtually(story())


def test_two_trays_at_once_cost_one_sync_and_each_tray_is_asked_once(struck: Struck) -> None:
    async def story() -> None:
        struck.watched.tick(1)
        before = struck.journal.syncs
        struck.watched.rack.set("u31/leak1", Quantity.LEAK, 2)
        struck.watched.rack.set("u15/leak1", Quantity.LEAK, 2)
        struck.watched.tick(0)
        assert {latch.cause for latch in struck.latches.open()} == {"leak.critical", "leak.two_trays"}
        for _ in range(3):
            await carried(struck.watched)
        assert len(struck.asked) == 27
        assert set(struck.asked.values()) == {before + 1}

    run_virtually(story())


def test_a_disk_that_is_full_stops_no_strike_and_takes_it_all_later(struck: Struck) -> None:
    async def story() -> None:
        struck.watched.tick(1)
        struck.journal.full = True
        struck.watched.leak("u31/leak1", 2)
        for _ in range(3):
            await carried(struck.watched)
        assert set(struck.asked) == {"u31", "u30", "u29", "u28"}
        assert (struck.states(), struck.latches.unkept) == ([], ["k01-l1"])
        struck.journal.full = False
        struck.watched.tick(0)
        assert struck.latches.unkept == []

    run_virtually(story())


def test_a_bug_of_the_journal_stops_no_strike(struck: Struck) -> None:
    async def story() -> None:
        struck.watched.tick(1)
        struck.journal.fails = TypeError("a bug")
        struck.watched.leak("u31/leak1", 2)
        for _ in range(3):
            await carried(struck.watched)
        assert set(struck.asked) == {"u31", "u30", "u29", "u28"}
        assert struck.latches.unkept == ["k01-l1"]

    run_virtually(story())


def test_who_dies_while_it_is_written_strikes_nothing_and_leaves_nothing_behind(struck: Struck) -> None:
    async def story() -> None:
        struck.watched.tick(1)
        struck.journal.fails = Killed()
        with pytest.raises(Killed):
            struck.watched.leak("u31/leak1", 2)
        struck.journal.fails = None
        assert (struck.asked, struck.states()) == ({}, [])

    with unraisable() as left:
        run_virtually(story())
        gc.collect()
    assert left == []


def test_who_was_succeeded_writes_no_latch_and_strikes_nothing(struck: Struck, tmp_path: Path) -> None:
    async def story() -> None:
        struck.watched.tick(1)
        successor = Journal(tmp_path / "journal.db")
        theirs = Ledger(successor, RACK)
        struck.watched.leak("u31/leak1", 2)
        for _ in range(3):
            await carried(struck.watched)
        assert (struck.asked, struck.states()) == ({}, [])
        assert Latches(Sheet(theirs), struck.latches.policy, lambda: 0).all() == []
        assert struck.latches.open(), "it stands where it was seen, for whoever still asks there"
        assert "another controller has taken this rack over" in "".join(f.message for f in struck.watched.said)
        struck.latches.sheet.ledger.drop("latch", f"{RACK} k01-l1")
        successor.close()

    run_virtually(story())


def test_all_of_a_sheet_is_written_or_nothing_and_everybody_hears(struck: Struck, tmp_path: Path) -> None:
    sheet = Sheet(struck.ledger)
    heard: list[RackwrightError | None] = []
    with sheet.together():
        sheet.write(struck.ledger.keeping("latch", "one", "{}"), heard.append)
        with sheet.together():
            sheet.write(struck.ledger.keeping("latch", "two", "{}"), heard.append)
        assert heard == [], "only when the outermost block ends"
    assert (heard, set(struck.journal.kept("latch"))) == ([None, None], {"one", "two"})
    successor = Journal(tmp_path / "journal.db")
    Ledger(successor, RACK)
    sheet.write(struck.ledger.keeping("latch", "three", "{}"), heard.append)
    assert isinstance(heard[-1], PreconditionFailed)
    struck.ledger.drop("latch", "one")
    assert set(successor.kept("latch")) == {"one", "two"}
    successor.close()
