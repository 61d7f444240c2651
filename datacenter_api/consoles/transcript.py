"""A console's log as lines for people: printable, each with its time, newest last.  Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.wire.console.lines import MOST_LINE, plain_line
from rack_controller.model.console import ConsolePage, Said, Stamp

MOST_OPEN = 64 * 1024
"""Bytes without a line's end after which a line is taken as whole."""


class LogLine(msgspec.Struct, frozen=True):
    """One line: where it begins, when its first byte came (Unix ns), and whether it is a mark of ours."""

    position: int
    unix_ns: int
    text: str
    mark: bool = False


@dataclass(slots=True)
class Backwards:
    """Lines out of pages that are read from the end towards the beginning; a line over two pages is one line."""

    _tail: bytes = b""
    _tail_at: int = 0
    _stamps: list[Stamp] = field(default_factory=list)

    def feed(self, page: ConsolePage) -> list[LogLine]:
        """Return the lines that are whole with this page, oldest first; the page's first may need the one before."""
        at, data, stamps = page.start, page.data, list(page.stamps)
        if self._tail:
            if at + len(data) == self._tail_at:
                data, stamps = data + self._tail, stamps + self._stamps
            else:  # bytes are missing in between: two lines, not one
                return [*self._open(at, data, stamps, page.first), *self._close()]
        return self._open(at, data, stamps, page.first)

    def _open(self, at: int, data: bytes, stamps: list[Stamp], first: int) -> list[LogLine]:
        cut = 0
        if at > first:
            ends = data.find(b"\n") + 1
            cut = ends if ends or len(data) >= MOST_OPEN else len(data)
        self._tail, self._tail_at = data[:cut], at
        self._stamps = [s for s in stamps if s.position < at + cut]
        return lines_of(at + cut, data[cut:], stamps)

    def _close(self) -> list[LogLine]:
        return lines_of(self._tail_at, self._tail, self._stamps)


def lines_of(at: int, data: bytes, stamps: Sequence[Stamp]) -> list[LogLine]:
    """Return the lines of `data`, which begins at position `at`.  Empty ones are left out."""
    positions = [s.position for s in stamps]
    lines = []
    for raw in data.split(b"\n"):
        for piece in range(0, max(len(raw), 1), MOST_LINE):
            text = plain_line(raw[piece : piece + MOST_LINE])
            if text:
                stamp = stamps[max(0, bisect_right(positions, at + piece) - 1)] if stamps else Stamp(at, 0, 0)
                lines.append(LogLine(at + piece, stamp.unix_ns, text, stamp.said == Said.MARK))
        at += len(raw) + 1
    return lines
