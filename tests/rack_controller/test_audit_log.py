"""The audit log on a disk: restarts, a torn line, an end that was cut off, a full disk, rotation, two writers."""

import errno
import json
import os
import threading
from pathlib import Path

import pytest

from rack_controller import audit_log
from rack_controller.audit_files import newest, read_chain, segments
from rack_controller.audit_log import MOST_WAITING, AuditLog
from rack_controller.decide.audit_chain import Verdict, Wrong, judge_chain
from rack_controller.model.audit import CUT, GAP, TORN, Deed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def deed(what: str = "login") -> Deed:
    return Deed(1, "ann", "::1", what, "u12", "ok")


def whats(folder: Path) -> list[str]:
    return [record.what for record in reversed(newest(folder, "api", 1_000))]


def judged(folder: Path) -> Verdict:
    lines, kept = read_chain(folder, "api")
    return judge_chain(lines, anchors=[kept])


def test_a_chain_goes_on_over_restarts(folder: Path) -> None:
    for _ in range(3):
        log = AuditLog(folder, "api", before="7 lines before")
        assert log.write(deed())
    assert whats(folder) == ["audit.begin", "login", "login", "login"]
    assert judged(folder).holds
    assert log.standing.head.sequence == 4
    assert newest(folder, "api", 9)[-1].detail == "7 lines before"
    assert (folder / "api.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("left", [1, 40, 250])
def test_a_line_torn_by_a_crash_is_told_and_the_chain_goes_on(folder: Path, left: int) -> None:
    log = AuditLog(folder, "api")
    log.write(deed("first"))
    file = folder / "api.jsonl"
    whole = file.read_bytes()
    log.write(deed("torn"))
    file.write_bytes(file.read_bytes()[: len(whole) + left])
    (folder / "api.head").write_text(json.dumps({"sequence": 2, "hash": newest(folder, "api", 9)[0].hash}))
    assert judged(folder).breach is not None
    AuditLog(folder, "api").write(deed("after"))
    verdict = judged(folder)
    assert verdict.holds, verdict.breach
    assert whats(folder) == ["audit.begin", "first", TORN, "after"]


def test_a_torn_line_that_is_told_of_may_be_torn_again(folder: Path) -> None:
    AuditLog(folder, "api")
    file = folder / "api.jsonl"
    file.write_bytes(file.read_bytes() + b'{"actor":"a\n{"act')
    AuditLog(folder, "api").write(deed())
    assert judged(folder).holds
    assert whats(folder) == ["audit.begin", TORN, "login"]


def test_a_whole_record_without_its_end_of_line_is_taken_as_written(folder: Path) -> None:
    AuditLog(folder, "api").write(deed("last"))
    file = folder / "api.jsonl"
    file.write_bytes(file.read_bytes()[:-1])
    breach = judged(folder).breach
    assert breach is not None
    assert breach.wrong is Wrong.TRUNCATED
    AuditLog(folder, "api").write(deed("after"))
    assert judged(folder).holds
    assert whats(folder) == ["audit.begin", "last", "after"]


def test_an_end_that_was_cut_off_is_told_and_stays_a_breach(folder: Path) -> None:
    log = AuditLog(folder, "api")
    for _ in range(4):
        log.write(deed())
    file = folder / "api.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:3]))
    breach = judged(folder).breach
    assert breach is not None
    assert (breach.wrong, breach.sequence) == (Wrong.TRUNCATED, 4)
    log.write(deed("after"))  # the same process notices it too: the file is shorter than it left it
    assert whats(folder)[-2:] == [CUT, "after"]
    breach = judged(folder).breach
    assert breach is not None
    assert (breach.wrong, breach.sequence) == (Wrong.REMOVED, 4)


def test_a_log_that_is_gone_is_told_by_its_head(folder: Path) -> None:
    AuditLog(folder, "api").write(deed())
    (folder / "api.jsonl").unlink()
    AuditLog(folder, "api").write(deed())
    assert whats(folder) == [CUT, "login"]
    assert not judged(folder).holds


def test_full_files_are_put_aside_and_the_chain_goes_through_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "SEGMENT_BYTES", 1_000)
    log = AuditLog(folder, "api")
    for _ in range(12):
        log.write(deed())
    files = segments(folder, "api")
    assert len(files) > 3
    assert files[0].name == "api.0000000001.jsonl"
    assert judged(folder).records == 13
    assert judged(folder).holds
    files[-1].rename(folder / f"api.{99:010d}.jsonl")  # died between putting aside and beginning anew
    AuditLog(folder, "api").write(deed())
    assert judged(folder).holds
    files[1].unlink()
    breach = judged(folder).breach
    assert breach is not None
    assert breach.wrong is Wrong.REMOVED


class Disk:
    """A disk that takes so many bytes more; `sync` fails on its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room, self.syncs = 10**9, True
        self._write, self._sync = os.write, os.fsync
        monkeypatch.setattr(audit_log.os, "write", self.write)
        monkeypatch.setattr(audit_log.os, "fsync", self.sync)

    def write(self, handle: int, body: bytes) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = self._write(handle, bytes(body)[: self.room])
        self.room -= taken
        return taken

    def sync(self, handle: int) -> None:
        if not self.syncs:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._sync(handle)


def test_what_a_full_disk_refuses_waits_in_order_and_the_log_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, disk = AuditLog(folder, "api"), Disk(monkeypatch)
    disk.room = 100
    assert not log.write(deed("one"))
    assert not log.write(deed("two"))
    assert (log.standing.waiting, log.standing.trouble) == (2, os.strerror(errno.ENOSPC))
    assert judged(folder).holds  # the half of a line that fitted is taken back
    disk.room = 10**9
    assert log.flush()
    assert whats(folder) == ["audit.begin", "one", "two", GAP]
    assert "2 late, 0 lost: No space left" in newest(folder, "api", 1)[0].detail
    assert log.write(deed("three"))
    assert judged(folder).holds
    assert log.standing.waiting == 0


def test_a_sync_that_fails_writes_nothing_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, disk = AuditLog(folder, "api"), Disk(monkeypatch)
    disk.syncs = False
    assert not log.write(deed("one"))
    disk.syncs = True
    assert log.write(deed("two"))
    assert whats(folder) == ["audit.begin", "one", "two", GAP]
    assert judged(folder).holds


def test_when_too_many_wait_the_oldest_are_lost_and_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, disk = AuditLog(folder, "api"), Disk(monkeypatch)
    disk.room = 0
    log.write_all([deed(f"d{n}") for n in range(MOST_WAITING + 3)])
    assert (log.standing.waiting, log.standing.lost) == (MOST_WAITING, 3)
    disk.room = 10**9
    log.flush()
    assert whats(folder)[:2] == ["audit.begin", "d3"] or whats(folder)[0] == "d4"
    assert "3 lost" in newest(folder, "api", 1)[0].detail
    assert judged(folder).holds


def test_two_processes_at_once_make_one_chain(folder: Path) -> None:
    def busy() -> None:
        log = AuditLog(folder, "api")
        for _ in range(15):
            log.write(deed())

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = judged(folder)
    assert verdict.holds, verdict.breach
    assert verdict.records == 46
    assert verdict.told == ("record 1 (audit.begin): nothing was written before",)


def test_a_folder_that_cannot_be_made_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("a file")
    log = AuditLog(tmp_path / "audit", "api")
    assert not log.write(deed())
    assert log.standing.waiting == 1
    (tmp_path / "audit").unlink()
    assert log.write(deed())
    assert judged(tmp_path / "audit").holds
