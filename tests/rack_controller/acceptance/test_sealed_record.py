"""A list tells a run whose record is not the one that was sealed, as soon as a file of the two was written again."""

import os
from pathlib import Path

import pytest
from support.accepted import short_run

from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.run import EVIDENCE, RECORD, RunFolder
from rack_controller.acceptance.sealed_record import not_as_sealed
from rack_controller.prove.seal import SUFFIX


@pytest.fixture
def ended(tmp_path: Path) -> RunFolder:
    return short_run(tmp_path)


def test_what_was_sealed_fits_and_what_is_not_sealed_yet_is_no_fault(ended: RunFolder, tmp_path: Path) -> None:
    assert not_as_sealed(ended) == ""
    assert not_as_sealed(begin(Wish("gb200-nvl72", "L10", 3), tmp_path, "test", "ada")) == ""


def test_an_altered_record_is_told_although_size_and_time_are_as_they_were(ended: RunFolder) -> None:
    path = ended.path / RECORD
    before, good = path.stat(), path.read_bytes()
    assert not_as_sealed(ended) == ""
    path.write_bytes(good.replace(b'"fail"', b'"pass"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert not_as_sealed(ended) == "run.json is not what was sealed"
    path.write_bytes(good)
    assert not_as_sealed(ended) == ""


def test_a_seal_that_signs_something_else_or_is_none_is_told(ended: RunFolder) -> None:
    path = ended.path / (EVIDENCE + SUFFIX)
    good = path.read_bytes()
    path.write_bytes(good.replace(b'"sig":"', b'"sig":"AAAA', 1))
    assert "its signature does not fit" in not_as_sealed(ended)
    path.write_bytes(b"{}")
    assert "it is no seal" in not_as_sealed(ended)
    path.write_bytes(good)
    assert not_as_sealed(ended) == ""


def test_files_are_read_once_until_they_are_written_again(ended: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not_as_sealed(ended) == ""

    def read_again(_path: Path) -> bytes:
        raise AssertionError("it was read again")

    monkeypatch.setattr(Path, "read_bytes", read_again)
    assert not_as_sealed(ended) == ""
