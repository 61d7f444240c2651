"""The ledger: intents that stand before anything is sent, a fence, and a journal that refuses."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge.vocabulary.errors import EnvironmentUnfit, PreconditionFailed
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerAction
from rack_controller.model.effect import Before, Effect, EffectState, moved
from rack_controller.model.lease import Facet
from rack_controller.run.journal import Journal
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.worker import settle_held

RACK = Place("tx1/a/r03/k07")
BMC = Place(f"{RACK}/u12/bmc")
S = EffectState


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.db")
    yield opened
    opened.close()


def intend(ledger: Ledger, key: str = "k07-1:s:0") -> Effect:
    return ledger.intend(key, "k07-1", BMC, Facet.POWER_STATE, PowerAction.ON, Before("off", "", "m1"), 5)


def test_an_intent_is_there_for_a_successor(journal: Journal, tmp_path: Path) -> None:
    effect = intend(Ledger(journal, RACK))
    journal.close()
    again = Journal(tmp_path / "journal.db")
    ledger = Ledger(again, RACK)
    assert ledger.latest(effect.key) == effect
    assert ledger.unresolved() == [effect]
    assert ledger.epoch == effect.epoch + 1
    ledger.record(moved(effect, S.OBSERVED, "seen on"))
    assert ledger.unresolved() == []
    assert [e.state for e in ledger.effects_of("k07-1")] == [S.OBSERVED]
    again.close()


def test_an_open_effect_is_not_intended_twice(journal: Journal) -> None:
    ledger = Ledger(journal, RACK)
    effect = intend(ledger)
    with pytest.raises(PreconditionFailed, match="not sent again"):
        intend(ledger)
    ledger.record(moved(effect, S.UNSENT))
    assert intend(ledger).attempt == 2


def test_a_fenced_controller_changes_nothing(journal: Journal, tmp_path: Path) -> None:
    old = Ledger(journal, RACK)
    effect = intend(old)
    assert Ledger(journal, RACK).epoch == old.epoch  # the same process
    successor = Journal(tmp_path / "journal.db")
    new = Ledger(successor, RACK)
    for act in (lambda: intend(old, "other"), lambda: old.record(moved(effect, S.SENT)), old.next_operation):
        with pytest.raises(PreconditionFailed, match="another controller"):
            act()
    assert new.latest(effect.key) == effect
    assert new.latest("other") is None
    successor.close()


def test_operation_numbers_are_never_used_twice(journal: Journal) -> None:
    first = Ledger(journal, RACK)
    assert [first.next_operation(), first.next_operation()] == ["k07-1", "k07-2"]
    assert Ledger(journal, RACK).next_operation() == "k07-3"


def test_an_impossible_story_is_not_told(journal: Journal) -> None:
    effect = moved(intend(Ledger(journal, RACK)), S.REFUSED)
    with pytest.raises(ValueError, match="cannot go from refused to observed"):
        moved(effect, S.OBSERVED)


@pytest.mark.parametrize(("word", "state"), [("done", S.OBSERVED), ("again", S.UNSENT), ("failed", S.UNSEEN)])
def test_a_person_settles_what_is_held(journal: Journal, word: str, state: EffectState) -> None:
    ledger = Ledger(journal, RACK)
    effect = moved(intend(ledger), S.HELD, "silent")
    ledger.record(effect)
    assert settle_held(ledger, effect, word, "ada").state is state
    last = ledger.latest(effect.key)
    assert last is not None
    assert "ada says" in last.detail
    with pytest.raises(PreconditionFailed, match="not held"):
        settle_held(ledger, last, word, "ada")


def test_a_full_disk_and_a_locked_file_refuse_the_intent(journal: Journal, tmp_path: Path) -> None:
    ledger = Ledger(journal, RACK)
    (pages,) = journal.rows("PRAGMA page_count")[0]
    journal.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(EnvironmentUnfit, match="full"):
        [intend(ledger, f"key {number}") for number in range(200)]
    journal.rows("PRAGMA max_page_count = 100000")
    assert intend(ledger, "after").state is S.INTENT

    other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(EnvironmentUnfit, match="locked"):
        intend(ledger, "locked")
    other.execute("ROLLBACK")
    other.close()
    assert ledger.latest("locked") is None
