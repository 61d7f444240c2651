"""The journal survives what it must survive."""

from pathlib import Path

import pytest

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.run.journal import SEQUENCE_BLOCK, TABLES_KEPT, CommandRecord, Journal


def test_frame_numbers_never_repeat_across_restarts(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j.db")
    assert first.reserve_sequence("k01") == 0
    assert first.reserve_sequence("k02") == 0
    # no close: as after kill -9
    second = Journal(tmp_path / "j.db")
    assert second.reserve_sequence("k01") == SEQUENCE_BLOCK


def test_a_command_and_its_outcome_are_found_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db")
    assert journal.outcome_of("c1") is None
    journal.record_command(CommandRecord("c1", 1, "ada", "locate", "u11", {"on": True}, "{}"))
    assert Journal(tmp_path / "j.db").outcome_of("c1") == "{}"


def test_policies_are_replaced_by_kind_and_selector(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db")
    journal.activate_policy("interlock", "*", "one", "ada", 1)
    journal.activate_policy("interlock", "*", "two", "ada", 2)
    assert journal.active_policies() == {("interlock", "*"): "two"}


def test_a_journal_that_cannot_be_opened_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "j.db").mkdir()
    with pytest.raises(EnvironmentUnfit, match="free disk space or fix permissions"):
        Journal(tmp_path / "j.db")


def test_tables_of_before_are_told_after_a_restart_and_the_oldest_go(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db")
    for n in range(TABLES_KEPT + 2):
        journal.keep_table("k01", n, f"table {n}".encode(), now_ns=n)
    journal.keep_table("k02", 1, b"another rack's", now_ns=0)
    again = Journal(tmp_path / "j.db")  # no close: as after kill -9
    assert again.table("k01", TABLES_KEPT + 1) == f"table {TABLES_KEPT + 1}".encode()
    assert [again.table("k01", n) for n in (0, 1)] == [None, None]
    assert again.table("k01", 2) == b"table 2"
    assert again.table("k02", 1) == b"another rack's"
    again.keep_table("k01", 2, b"table 2", now_ns=1_000)
    again.keep_table("k01", 999, b"new", now_ns=1_001)
    assert again.table("k01", 2) == b"table 2", "a table that comes back counts as new"
    assert again.table("k01", 3) is None
