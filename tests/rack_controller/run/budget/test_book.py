"""What the budget is run by is refused with file, line and reason where it makes no sense, and kept where it does."""

from pathlib import Path

import pytest
from support.hand_clock import HandClock
from support.real_rack import journal_at

from firmware_bridge.vocabulary.errors import EnvironmentUnfit, FileInvalid, TargetUnknown
from rack_controller.model.power_hint import parse_hint
from rack_controller.model.power_layer import LayerKind, LayerWish
from rack_controller.model.power_policy import Job
from rack_controller.model.power_view import PowerCap
from rack_controller.run.budget.book import Book, read_power

RIGHT = """\
kind: power
schema: 1
selector: {racks: [], generations: []}
spec:
  mode: armed
  reserve: 0.01
  shed: {after_s: 10}
  budgets:
  - {name: row, racks: [k01], limit_kw: 100}
  - {name: hall, racks: ["*"], limit_kw: 300}
  tenants:
  - {name: a, places: [k01/u11], guarantee_kw: 4, most_kw: 6}
  ramps:
  - {name: row, racks: [k01], up_kw_s: 10, down_kw_s: 5, storage_kj: 50, storage_from: capacitors}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("limit_kw: 100", "limit_kw: -3", 9, "spec.budgets[0].limit_kw"),
        ("limit_kw: 100", "limit_kw: 0", 9, ">= 0.1"),
        ("limit_kw: 100", "limit_kw: .nan", 9, ">= 0.1"),
        ("limit_kw: 100", "limit_kw: .inf", 9, "<= 1000000.0"),
        ("limit_kw: 300", "limit_kw: 2000000", 10, "<= 1000000.0"),
        ("limit_kw: 300", "limit_w: 300000", 10, "limit_w"),
        ("name: hall", "name: row", 10, "'row' is taken"),
        ("racks: [k01]", "racks: []", 9, "spec.budgets[0].racks"),
        ("most_kw: 6", "most_kw: 3", 12, "4 kW is above 3 kW"),
        ("guarantee_kw: 4", "guarantee_kw: -1", 12, "spec.tenants[0].guarantee_kw"),
        ("reserve: 0.01", "reserve: .nan", 6, "spec.reserve"),
        ("reserve: 0.01", "reserve: 1.0", 6, "spec.reserve"),
        ("after_s: 10", "after_s: -1", 7, "spec.shed.after_s"),
        ("up_kw_s: 10", "up_kw_s: 0", 14, "spec.ramps[0].up_kw_s"),
        ("down_kw_s: 5", "down_kw_s: .nan", 14, "spec.ramps[0].down_kw_s"),
        ("storage_from: capacitors", "storage_from: ''", 14, "who says how much it holds"),
        ("storage_from: capacitors", "storage_from: x, floor_w: 600", 14, "no device port sets a smoothing floor"),
        ("mode: armed", "mode: on fire", 5, "spec.mode"),
        ("schema: 1", "schema: 9", 2, "schema"),
        ("kind: power", "kind: interlock", 1, "expected power"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_with_file_line_and_field(
    old: str, new: str, line: int, said: str
) -> None:
    assert read_power(RIGHT, "p.yaml").spec.budgets[0].limit_kw == 100
    assert old in RIGHT
    with pytest.raises(FileInvalid) as refused:
        read_power(RIGHT.replace(old, new, 1), "p.yaml")
    assert (refused.value.file, refused.value.line) == ("p.yaml", line), refused.value
    assert said in str(refused.value)


def test_a_policy_that_conflicts_with_the_one_in_force_is_refused_and_that_one_stays(tmp_path: Path) -> None:
    with journal_at(tmp_path / "j.db") as journal:
        book = Book(journal, HandClock(), None, lambda _policy, _jobs: None)
        active = book.apply(RIGHT, "ada")
        with pytest.raises(FileInvalid, match="two would decide") as refused:
            book.apply(RIGHT.replace("racks: []", "racks: [k01]", 1), "bob")
        assert refused.value.line == 3
        assert book.active is active


def test_hints_are_kept_over_a_restart_end_by_themselves_and_with_their_job(tmp_path: Path) -> None:
    clock = HandClock()
    with journal_at(tmp_path / "j.db") as journal:
        book = Book(journal, clock, None, lambda _policy, _jobs: None)
        book.apply(RIGHT, "ada")
        hint = parse_hint("train", {"checkpoints": "20/5", "stop_in_s": 60.0}, clock.unix_ns(), "ada")
        with pytest.raises(TargetUnknown, match="no job 'train' runs"):
            book.hint(hint)
        book.start(Job("train", ["k01"]), "ada")
        book.hint(hint)
        again = Book(journal, clock, None, lambda _policy, _jobs: None)
        assert again.hints == {"train": hint}
        assert again.expired_hints() == []
        clock.at += 121.0
        assert again.expired_hints() == [hint]
        assert Book(journal, clock, None, lambda _policy, _jobs: None).hints == {}
        again.hint(hint)
        again.end("train")
        assert Book(journal, clock, None, lambda _policy, _jobs: None).hints == {}
        with pytest.raises(TargetUnknown, match="nothing was said of a job 'train'"):
            again.unhint("train")


def test_what_is_over_while_the_journal_refuses_writes_is_over_and_dropped_later(tmp_path: Path) -> None:
    clock = HandClock()
    with journal_at(tmp_path / "j.db") as journal:

        def anew() -> Book:
            return Book(journal, clock, None, lambda _policy, _jobs: None)

        book, writes = anew(), journal._db.execute
        book.apply(RIGHT, "ada")
        book.start(Job("train", ["k01"]), "ada")
        hint = parse_hint("train", {"checkpoints": "20/5", "stop_in_s": 60.0}, clock.unix_ns(), "ada")
        cap = PowerCap("c1", "k01", 9_000.0, int(clock.unix_ns()), int(clock.unix_ns()) + 10, 0.0, "ada", "grid")
        book.hint(hint)
        book.cap(cap)
        changes = book.changes
        writes("PRAGMA query_only = ON")
        with pytest.raises(EnvironmentUnfit):
            book.end("train")
        assert (list(book.jobs), list(anew().jobs), list(book.hints)) == (["train"], ["train"], ["train"])
        clock.at += 121.0
        assert (book.expired(), book.expired_hints()) == ([cap], [hint])
        assert (book.caps, book.hints, book.changes) == ({}, {}, changes + 1)
        again = anew()
        assert (again.expired(), again.expired_hints()) == ([cap], [hint]), "a restart meanwhile reads them once more"

        writes("PRAGMA query_only = OFF")
        clock.at += 59.0
        assert (book.expired(), book.expired_hints(), list(anew().caps)) == ([], [], ["c1"])
        clock.at += 2.0
        assert (book.expired(), anew().caps, anew().hints) == ([], {}, {})


@pytest.mark.parametrize("refused", ["power_job", "power_hint"])
def test_a_job_that_cannot_be_ended_whole_runs_here_and_in_the_journal(
    tmp_path: Path, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with journal_at(tmp_path / "j.db") as journal:
        book = Book(journal, HandClock(), None, lambda _policy, _jobs: None)
        book.apply(RIGHT, "ada")
        book.start(Job("train", ["k01"]), "ada")
        book.hint(parse_hint("train", {"stop_in_s": 60.0}, 0, "ada"))
        drop = journal.drop

        def full(kind: str, key: str) -> None:
            if kind == refused:
                raise EnvironmentUnfit("the journal refused a write: disk full")
            drop(kind, key)

        monkeypatch.setattr(journal, "drop", full)
        with pytest.raises(EnvironmentUnfit):
            book.end("train")
        again = Book(journal, HandClock(), None, lambda _policy, _jobs: None)
        assert (list(book.jobs), list(again.jobs)) == (["train"], ["train"])
        assert book.hints == again.hints
        monkeypatch.undo()
        book.end("train")
        again = Book(journal, HandClock(), None, lambda _policy, _jobs: None)
        assert (book.jobs, book.hints, again.jobs, again.hints) == ({}, {}, {}, {})


def test_a_hint_that_was_given_anew_is_not_dropped_for_the_one_before(tmp_path: Path) -> None:
    clock = HandClock()
    with journal_at(tmp_path / "j.db") as journal:
        book = Book(journal, clock, None, lambda _policy, _jobs: None)
        book.apply(RIGHT, "ada")
        book.start(Job("train", ["k01"]), "ada")
        book.hint(parse_hint("train", {"stop_in_s": 60.0}, clock.unix_ns(), "ada"))
        journal._db.execute("PRAGMA query_only = ON")
        clock.at += 121.0
        assert len(book.expired_hints()) == 1
        journal._db.execute("PRAGMA query_only = OFF")
        book.hint(hint := parse_hint("train", {"stop_in_s": 600.0}, clock.unix_ns(), "ada"))
        clock.at += 61.0
        assert (book.expired_hints(), book.hints) == ([], {"train": hint})
        assert Book(journal, clock, None, lambda _policy, _jobs: None).hints == {"train": hint}


def test_layers_are_kept_over_a_restart_and_lifted_by_place_and_kind(tmp_path: Path) -> None:
    tray = "s/h/r/k01/u11"
    with journal_at(tmp_path / "j.db") as journal:
        book = Book(journal, HandClock(), None, lambda _policy, _jobs: None)
        book.lay(LayerWish(LayerKind.MODULE, tray, 2_000.0))
        book.lay(LayerWish(LayerKind.MODULE, tray, 2_100.0))
        book.lay(LayerWish(LayerKind.FLOOR, tray, 700.0))
        again = Book(journal, HandClock(), None, lambda _policy, _jobs: None)
        assert sorted(w.watts for w in again.layers.values()) == [700.0, 2_100.0]
        assert [w.kind for w in again.lift(tray, LayerKind.FLOOR)] == [LayerKind.FLOOR]
        again.lift(tray, None)
        with pytest.raises(TargetUnknown, match="no layer is set at"):
            again.lift(tray, None)
        assert Book(journal, HandClock(), None, lambda _policy, _jobs: None).layers == {}
