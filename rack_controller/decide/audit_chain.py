"""Whether the lines of an audit log are one unbroken chain, and if not, which record is the first that is not right.

Pure: lines in, a verdict out.  It finds every altered byte, and every line that was removed, repeated or moved; lines
removed from the end need a head that was kept elsewhere.
"""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rack_controller.model.audit import (
    BEFORE_ALL,
    BEGINS,
    CUT,
    GAP,
    TORN,
    AuditRecord,
    Head,
    digest,
    hash_of,
    read_line,
)

_TELLING = frozenset({BEGINS, TORN, CUT, GAP})


class Wrong(StrEnum):
    """What is wrong with a record."""

    ALTERED = "altered"
    REMOVED = "removed"
    REORDERED = "reordered"
    REPEATED = "repeated"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log without its end, and where it is; `ended` is false for a last one that has none."""

    file: str
    number: int
    text: bytes
    ended: bool = True


@dataclass(frozen=True, slots=True)
class Breach:
    """The first record that is not right.  `sequence` is the number it has, or should have."""

    wrong: Wrong
    file: str
    line: int
    sequence: int
    detail: str

    def __str__(self) -> str:
        return f"record {self.sequence} {self.wrong}: {self.file}, line {self.line}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of looking at a chain: how many records hold, its first and last, what it tells of itself."""

    records: int
    first: AuditRecord | None
    last: AuditRecord | None
    breach: Breach | None
    told: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return self.breach is None


def lines_of(file: str, content: bytes) -> list[Line]:
    """Return the lines of one file."""
    texts = content.split(b"\n")
    last = texts.pop()
    lines = [Line(file, number, text) for number, text in enumerate(texts, 1)]
    return [*lines, Line(file, len(texts) + 1, last, ended=False)] if last else lines


def judge_chain(lines: Iterable[Line], *, whole: bool = True, anchors: Sequence[Head] = ()) -> Verdict:
    """Return whether `lines` are one chain.  `whole`: it must begin with record 1; else it may begin anywhere.

    `anchors` are heads that were kept elsewhere: the chain must reach each of them with that hash.
    """
    walk = _Walk(list(lines), whole=whole)
    breach = walk.walk() or _miss(walk, anchors)
    return Verdict(len(walk.seen), walk.first, walk.last, breach, tuple(walk.told))


def _miss(walk: "_Walk", anchors: Sequence[Head]) -> Breach | None:
    newest = walk.last.sequence if walk.last else 0
    oldest = walk.first.sequence if walk.first else 1
    for anchor in sorted(anchors, key=lambda a: a.sequence):
        at = walk.at.get(anchor.sequence, walk.end)
        if anchor.sequence > newest:
            text = f"{_span(newest + 1, anchor.sequence)} missing at the end: there when the head was kept"
            return Breach(Wrong.TRUNCATED, at.file, at.number, newest + 1, text)
        if anchor.sequence >= oldest and walk.seen[anchor.sequence] != anchor.hash:
            text = "written anew: its hash is another one than when the head was kept"
            return Breach(Wrong.ALTERED, at.file, at.number, anchor.sequence, text)
    return None


class _Walk:
    """One walk along the lines, up to the first that is not right."""

    def __init__(self, lines: list[Line], *, whole: bool) -> None:
        self.lines, self.whole = lines, whole
        self.seen: dict[int, str] = {}
        self.at: dict[int, Line] = {}
        self.first: AuditRecord | None = None
        self.last: AuditRecord | None = None
        self.end = lines[-1] if lines else Line("(no line)", 0, b"")
        self.told: list[str] = []
        self._torn: list[Line] = []

    def walk(self) -> Breach | None:
        for line in self.lines:
            breach = self._step(line)
            if breach is not None:
                return breach
        return self._no_record() if self._torn else None

    @property
    def _next(self) -> int:
        return self.last.sequence + 1 if self.last else 1

    def _step(self, line: Line) -> Breach | None:
        try:
            record = read_line(line.text)
        except ValueError:
            self._torn.append(line)
            return None
        if self._torn and not _tells_of(record, self._torn):
            return self._no_record()
        if hash_of(record) != record.hash:
            return Breach(Wrong.ALTERED, line.file, line.number, record.sequence, "its hash does not fit its content")
        breach = self._joins(line, record)
        if breach is None:
            self._take(line, record)
        return breach

    def _no_record(self) -> Breach:
        line = self._torn[0]
        if line is self.lines[-1] and not line.ended:
            text = "the last line was torn while it was written, or cut since; the writer's next start tells of it"
            return Breach(Wrong.TRUNCATED, line.file, line.number, self._next, text)
        text = "this is no record, and no later one tells of a torn line"
        return Breach(Wrong.ALTERED, line.file, line.number, self._next, text)

    def _joins(self, line: Line, record: AuditRecord) -> Breach | None:
        wrong: tuple[Wrong, Line, int, str] | None = None
        number = record.sequence
        if self.last is None:
            if self.whole and number != 1:
                return self._jumps(line, record)
            if number == 1 and record.previous != BEFORE_ALL:
                wrong = Wrong.ALTERED, line, 1, "the first record names one before it"
        elif number != self._next:
            return self._jumps(line, record)
        elif record.previous != self.last.hash:
            before = self.at[self.last.sequence]
            wrong = (
                Wrong.ALTERED,
                before,
                self.last.sequence,
                f"record {number} was chained to another one in its place",
            )
        elif record.writer != self.last.writer:
            wrong = Wrong.ALTERED, line, number, f"it is of another writer, {record.writer}"
        elif record.what == TORN and not self._torn:
            wrong = Wrong.REMOVED, line, number, "the torn line that it tells of is gone"
        if wrong is None and not line.ended:
            wrong = Wrong.TRUNCATED, line, number, "the end of its line is missing"
        if wrong is None:
            return None
        kind, at, sequence, text = wrong
        return Breach(kind, at.file, at.number, sequence, text)

    def _jumps(self, line: Line, record: AuditRecord) -> Breach:
        wanted, got = self._next, record.sequence
        at = line.file, line.number
        if self.seen.get(got) == record.hash:
            return Breach(Wrong.REPEATED, *at, got, f"it stands at line {self.at[got].number} already")
        if got in self.seen:
            return Breach(Wrong.ALTERED, *at, got, "another record of the same number stands before it")
        if got < wanted:
            return Breach(Wrong.REORDERED, *at, got, f"it stands behind record {wanted - 1}")
        if self._stands_later(wanted):
            return Breach(Wrong.REORDERED, *at, wanted, f"record {got} stands in its place")
        before = f"record {wanted - 1}" if self.last else "nothing"
        text = f"{_span(wanted, got - 1)} not there: record {got} follows {before}"
        if record.what == CUT:
            text += f"; the writer found it so ({record.detail})"
        return Breach(Wrong.REMOVED, *at, wanted, text)

    def _stands_later(self, sequence: int) -> bool:
        for line in self.lines:
            with contextlib.suppress(ValueError):
                if read_line(line.text).sequence == sequence:
                    return True
        return False

    def _take(self, line: Line, record: AuditRecord) -> None:
        if record.what in _TELLING:
            self.told.append(f"record {record.sequence} ({record.what}): {record.detail}")
        self._torn = []
        self.first = self.first or record
        self.last = record
        self.seen[record.sequence], self.at[record.sequence] = record.hash, line


def _tells_of(record: AuditRecord, torn: list[Line]) -> bool:
    return record.what == TORN and digest(b"\n".join(line.text for line in torn)) in record.detail


def _span(first: int, last: int) -> str:
    return f"record {first} is" if first == last else f"records {first} to {last} are"
