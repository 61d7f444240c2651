"""The audit log of one writer in files: appended, synced, chained, rotated.  Decides nothing; never stops who acts.

`DIR/WRITER.jsonl` is written to; full ones are `DIR/WRITER.NNNNNNNNNN.jsonl`, named after their first record.
`DIR/WRITER.head` holds the newest record's number and hash, so that an end that was cut off is noticed.
"""

import contextlib
import fcntl
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rack_controller.audit_files import SUFFIX, first_number, keep_head, kept_head, last_record
from rack_controller.model.audit import BEGINS, CUT, GAP, TORN, Deed, Head, chain, digest, line_of

SEGMENT_BYTES = 4 << 20
MOST_WAITING = 1_000
OWN = "(audit)"


@dataclass(frozen=True, slots=True)
class AuditStanding:
    """How a log stands: its head, how many deeds wait for the disk, and how many were lost since this process began.

    Both are None where another process writes: only it knows.
    """

    writer: str
    head: Head
    waiting: int | None = None
    lost: int | None = None
    trouble: str = ""


class AuditLog:
    """Writes one chain.  Several processes may, one after the other or at once: each append looks where the end is.

    `before`: what the first record of a new chain says about what was written before there was one.
    """

    def __init__(self, folder: Path, writer: str, before: str = "") -> None:
        self.writer, self._folder, self._before = writer, folder, before
        self._file, self._head_file = folder / f"{writer}{SUFFIX}", folder / f"{writer}.head"
        self._waiting: deque[Deed] = deque()
        self._lost = self._lost_unsaid = 0
        self._trouble = ""
        self._head = Head()
        self._size = -1  # where our own last append ended; something else there makes us look anew
        self.flush()

    def write(self, deed: Deed) -> bool:
        """Append a deed, synced to disk; return whether it is there.

        When the disk takes nothing the deed waits in memory, in order, for the next write or flush, and `standing`
        says so: what a person does towards safety is not refused because a log is full.
        """
        return self.write_all([deed])

    def write_all(self, deeds: Iterable[Deed]) -> bool:
        """Append deeds with one sync, as `write` does."""
        for deed in deeds:
            if len(self._waiting) >= MOST_WAITING:
                self._waiting.popleft()
                self._lost += 1
                self._lost_unsaid += 1
            self._waiting.append(deed)
        return self.flush()

    def flush(self) -> bool:
        """Write what waits; return whether nothing waits now.  The first one also looks at how the log was left."""
        try:
            with self._locked():
                self._write()
        except OSError as err:
            self._size, self._trouble = -1, err.strerror or str(err)
            return False
        self._trouble = ""
        return True

    @property
    def standing(self) -> AuditStanding:
        """How the log stands."""
        return AuditStanding(self.writer, self._head, len(self._waiting), self._lost, self._trouble)

    def _write(self) -> None:
        deeds = list(self._waiting)
        before = self._file.stat().st_size if self._file.exists() else 0
        lead = b""
        if before != self._size:
            lead, found = self._look()
            deeds = [*found, *deeds]
        if self._trouble or self._lost_unsaid:
            text = f"{len(self._waiting)} late, {self._lost_unsaid} lost: {self._trouble or 'too many waited'}"
            deeds.append(self._own(GAP, text))
        if not deeds:
            self._size = -1 if lead else before
            return
        if before >= SEGMENT_BYTES and not lead and self._rotate():
            before = 0
        records, head = [], self._head
        for deed in deeds:
            records.append(chain(deed, self.writer, head))
            head = records[-1].head
        body = lead + b"".join(line_of(record) for record in records)
        self._append(body, before)
        self._head, self._size, self._lost_unsaid = head, before + len(body), 0
        self._waiting.clear()
        with contextlib.suppress(OSError):  # an older head only proves less
            keep_head(self._head_file, head)

    def _append(self, body: bytes, before: int) -> None:
        """Append and sync; what a full disk took half of is taken back."""
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            try:
                left = memoryview(body)
                while left:
                    left = left[os.write(handle, left) :]
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, before)
                raise
        finally:
            os.close(handle)
        if before == 0:
            _sync(self._folder)

    def _look(self) -> tuple[bytes, list[Deed]]:
        """Find the end of the log: what is to be written before the next record, and what the log has to tell."""
        last, after, ended = last_record(self._folder, self.writer)
        kept, found = kept_head(self._head_file), []
        self._head = last.head if last is not None else Head()
        if after or (last is None and not ended):
            text = f"{len(after)} bytes of a record that was not written whole, sha256 {digest(after)}"
            found.append(self._own(TORN, text))
        if kept.sequence > self._head.sequence:
            text = (
                f"{self._head.sequence} was the last record when the log was opened; {kept.sequence} had been written"
            )
            found.append(self._own(CUT, text))
            self._head = kept
        elif last is None and not found:
            found.append(self._own(BEGINS, self._before or "nothing was written before"))
        return (b"" if ended else b"\n"), found

    def _rotate(self) -> bool:
        """Put the full file aside; return whether a new one begins."""
        aside = self._folder / f"{self.writer}.{first_number(self._file):010d}{SUFFIX}"
        if aside.exists():
            return False
        self._file.rename(aside)
        _sync(self._folder)
        return True

    def _own(self, what: str, detail: str) -> Deed:
        return Deed(time.time_ns(), OWN, "local", what, self.writer, "noted", detail)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._folder / f"{self.writer}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
