"""A console's log: what was written is read back with its times, across segments, restarts and full disks."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rack_controller.model.console import Said
from rack_controller.run.consoles.log import ConsoleLog, LogCaps

SMALL = LogCaps(most=4000, segment=1000)
SECOND = 1_000_000_000


def everything(log: ConsoleLog, start: int = 0) -> bytes:
    data, at = b"", start
    while at < log.end:
        page = log.read("x", at, most=700)
        data += page.data
        at = page.start + len(page.data)
    return data


def test_bytes_come_back_with_their_times(tmp_path: Path) -> None:
    log = ConsoleLog(tmp_path / "u12")
    assert log.append(b"one\n", 1 * SECOND) == 0
    assert log.append(b"two\n", 2 * SECOND) == 4
    log.append(b"-- mark --\n", 2 * SECOND, Said.MARK)
    page = log.read("x", 0)
    assert page.data == b"one\ntwo\n-- mark --\n"
    assert [(s.position, s.unix_ns // SECOND, s.said) for s in page.stamps] == [(0, 1, 0), (4, 2, 0), (8, 2, 1)]
    page = log.read("x", 5)
    assert (page.data[:3], page.stamps[0].position, page.stamps[0].unix_ns) == (b"wo\n", 5, 2 * SECOND)
    assert log.end == 19
    assert log.read("x", None).data == b""
    page = log.read("x", None, backwards=True, most=7)
    assert (page.start, page.data) == (12, b"ark --\n")


def test_pieces_of_one_moment_share_a_stamp(tmp_path: Path) -> None:
    log = ConsoleLog(tmp_path)
    for n in range(10):
        log.append(b"x", SECOND + n * 1_000_000)
    log.append(b"y", 2 * SECOND)
    assert [s.position for s in log.read("x", 0).stamps] == [0, 10]


def test_the_oldest_goes_first_and_the_cap_holds(tmp_path: Path) -> None:
    log = ConsoleLog(tmp_path, SMALL)
    for n in range(2000):
        log.append(f"line {n}\n".encode(), n * SECOND)
    on_disk = sum(p.stat().st_size for p in tmp_path.iterdir())
    assert on_disk <= SMALL.most
    assert log.first > 0
    kept = everything(log, log.first)
    assert kept.endswith(b"line 1999\n")
    assert len(kept) == log.end - log.first
    assert log.read("x", 0).start == log.first, "what is gone is not waited for"


def test_a_restart_goes_on_where_the_log_ended(tmp_path: Path) -> None:
    log = ConsoleLog(tmp_path, SMALL)
    for n in range(300):
        log.append(f"line {n}\n".encode(), n * SECOND)
    again = ConsoleLog(tmp_path, SMALL)
    assert (again.first, again.end) == (log.first, log.end)
    at = again.append(b"after\n", 400 * SECOND)
    assert at == log.end
    assert everything(again, again.first).endswith(b"line 299\nafter\n")


def test_what_a_crash_left_half_written_is_cut_off(tmp_path: Path) -> None:
    log = ConsoleLog(tmp_path)
    log.append(b"whole\n", SECOND)
    index = next(tmp_path.glob("*.idx"))
    index.write_bytes(index.read_bytes() + b"\x00" * 16 + b"\x09" + b"half")
    (tmp_path / "notes.log").write_text("not ours")
    (tmp_path / "0000000000000099.log").write_bytes(b"")
    again = ConsoleLog(tmp_path)
    again.append(b"more\n", 2 * SECOND)
    assert everything(again) == b"whole\nmore\n"
    index.unlink()
    assert everything(ConsoleLog(tmp_path)) == b"whole\nmore\n", "bytes without times are still bytes"


def test_a_full_disk_leaves_a_gap_and_no_garbage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ConsoleLog(tmp_path)
    log.append(b"before\n", SECOND)
    real = os.pwrite

    def full(_handle: int, data: bytes, _at: int) -> int:
        if len(data) < 5:
            return len(data) - 1
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    for lost in (b"lost and gone\n", b"los\n"):
        with pytest.raises(OSError, match="space"):
            log.append(lost, 2 * SECOND)
    monkeypatch.setattr(os, "pwrite", real)
    at = log.append(b"after\n", 3 * SECOND)
    assert (at, log.lost) == (25, 18)
    assert everything(log) == b"before\nafter\n"
    assert log.read("x", 10).start == 25, "a reader sees that it has missed something"
    assert everything(ConsoleLog(tmp_path)) == b"before\nafter\n"


def test_a_disk_that_stays_full_leaves_nothing_behind_for_each_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = ConsoleLog(tmp_path)
    log.append(b"before\n", SECOND)

    def full(_handle: int, _data: bytes, _at: int) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "pwrite", full)
        for n in range(50):
            with pytest.raises(OSError, match="space"):
                log.append(b"lost\n", (2 + n) * SECOND)
    log.append(b"after\n", 60 * SECOND)
    assert len(list(tmp_path.iterdir())) == 4, "two segments of two files: before the gap and after it"
    assert everything(ConsoleLog(tmp_path)) == b"before\nafter\n"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.integers(0, 10**9)), max_size=40))
def test_any_pieces_are_read_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[bytes, int]]
) -> None:
    log = ConsoleLog(tmp_path_factory.mktemp("log"), LogCaps(most=1 << 20, segment=500))
    now = 0
    for data, passed in pieces:
        now += passed
        log.append(data, now)
    together = b"".join(data for data, _ in pieces)
    assert everything(log) == together
    if together:
        page = log.read("x", None, backwards=True, most=50)
        assert together.endswith(page.data)
        assert page.stamps[0].position == page.start
