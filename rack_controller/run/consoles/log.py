"""One console's log on disk: its bytes as they came, a stamp for each piece, the oldest unlinked at a cap.

A segment is two files named by the position of its first byte: `<position>.log` holds the bytes, `<position>.idx` one
stamp of 17 bytes per piece (position, Unix ns, whose; big-endian).  Nothing is synced: after a power cut the last
seconds may be missing, never garbled.  Used from the loop's thread; a piece costs about 30 µs.
"""

import contextlib
import os
import struct
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.model.console import MOST_PAGE, ConsolePage, Said, Stamp

_STAMP = struct.Struct(">QQB")
MOST_STAMPS = 4_096
"""Stamps of one segment, and so of one page."""
SAME_MOMENT_NS = 20_000_000
"""Pieces that come closer together than this share a stamp: nobody reads a console's clock finer."""


@dataclass(frozen=True, slots=True)
class LogCaps:
    """How large a console's log grows, in bytes: all of it, and one segment."""

    most: int = 4 * 1024 * 1024
    segment: int = 512 * 1024


@dataclass(slots=True)
class _Segment:
    start: int
    size: int = 0
    stamps: int = 0

    @property
    def end(self) -> int:
        return self.start + self.size

    @property
    def bytes(self) -> int:
        return self.size + self.stamps * _STAMP.size


class ConsoleLog:
    """The log of one console in one folder.  Positions count bytes since it began and never go back."""

    def __init__(self, folder: Path, caps: LogCaps | None = None) -> None:
        self._folder, self._caps = folder, caps or LogCaps()
        self._segments: list[_Segment] = []
        self._stamped = (0, Said.MARK)
        self.lost = 0
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._segments = [s for s in map(self._recover, sorted(folder.glob("*.log"))) if s is not None]
        except OSError as err:
            raise EnvironmentUnfit(f"cannot open {folder}: {err.strerror}", advice="fix its permissions") from err
        self.end = self._segments[-1].end if self._segments else 0

    @property
    def first(self) -> int:
        """Return the position of the oldest byte that is kept."""
        return self._segments[0].start if self._segments else self.end

    def append(self, data: bytes, unix_ns: int, said: Said = Said.CONSOLE) -> int:
        """Add bytes and return the position of the first.  Raises OSError when the disk takes none.

        The position moves on even then: what is not stored is a gap in the log, and counted in `lost`.
        """
        at, self.end = self.end, self.end + len(data)
        segment = self._open_segment(at)
        try:
            when, whose = self._stamped
            fresh = not segment.stamps or whose is not said or not 0 <= unix_ns - when < SAME_MOMENT_NS
            if fresh:
                _append(self._path(segment, "idx"), _STAMP.pack(at, unix_ns, said), segment.stamps * _STAMP.size)
            _append(self._path(segment, "log"), data, segment.size)
        except OSError:
            self.lost += len(data)
            self._forget_empty(segment)
            raise
        if fresh:
            segment.stamps += 1
            self._stamped = (unix_ns, said)
        segment.size += len(data)
        return at

    def read(self, place: str, position: int | None, *, backwards: bool = False, most: int = MOST_PAGE) -> ConsolePage:
        """Return up to `most` bytes from `position` on (None: the end), or those before it.

        A position that is no longer kept, or that was lost, gives the next that is.  Raises EnvironmentUnfit.
        """
        most = max(1, min(most, MOST_PAGE))
        position = self.end if position is None else max(0, min(position, self.end))
        try:
            if backwards:
                start, data, stamps = self._before(position, most)
            else:
                start, data, stamps = self._after(position, most)
        except OSError as err:
            raise EnvironmentUnfit(f"the log of {place} cannot be read: {err.strerror}") from err
        return ConsolePage(place, start, self.first, self.end, data, stamps)

    def _open_segment(self, at: int) -> _Segment:
        caps, last = self._caps, self._segments[-1] if self._segments else None
        full = last is not None and (last.bytes >= caps.segment or last.stamps >= MOST_STAMPS)
        if last is None or full or last.end != at:
            self._segments.append(_Segment(at))
            while len(self._segments) > 1 and sum(s.bytes for s in self._segments) > caps.most - caps.segment:
                oldest = self._segments.pop(0)
                self._unlink(oldest)
        return self._segments[-1]

    def _forget_empty(self, segment: _Segment) -> None:
        """A disk that stays full must not leave a segment and two files behind for each piece that it refuses."""
        if segment.size or segment.stamps:
            return
        self._segments.remove(segment)
        self._unlink(segment)

    def _unlink(self, segment: _Segment) -> None:
        for ending in ("log", "idx"):
            with contextlib.suppress(OSError):
                self._path(segment, ending).unlink(missing_ok=True)

    def _after(self, position: int, most: int) -> tuple[int, bytes, list[Stamp]]:
        for segment in self._segments:
            if segment.end > position and segment.size:
                start = max(position, segment.start)
                return self._piece(segment, start, min(most, segment.end - start))
        return self.end, b"", []

    def _before(self, position: int, most: int) -> tuple[int, bytes, list[Stamp]]:
        for segment in reversed(self._segments):
            if segment.start < position and segment.size:
                stop = min(position, segment.end)
                start = max(segment.start, stop - most)
                return self._piece(segment, start, stop - start)
        return self.first, b"", []

    def _piece(self, segment: _Segment, start: int, length: int) -> tuple[int, bytes, list[Stamp]]:
        with self._path(segment, "log").open("rb") as file:
            file.seek(start - segment.start)
            data = file.read(length)
        stamps = self._stamps(segment)
        # The stamp that covers the first byte belongs to the page, moved to where the page begins.
        first = max(0, bisect_right([s.position for s in stamps], start) - 1)
        inside = [s for s in stamps[first:] if s.position < start + len(data)]
        if inside:
            inside[0] = Stamp(max(start, inside[0].position), inside[0].unix_ns, inside[0].said)
        return start, data, inside

    def _stamps(self, segment: _Segment) -> list[Stamp]:
        with self._path(segment, "idx").open("rb") as file:
            raw = file.read(segment.stamps * _STAMP.size)
        return [Stamp(*fields) for fields in _STAMP.iter_unpack(raw[: len(raw) // _STAMP.size * _STAMP.size])]

    def _recover(self, path: Path) -> _Segment | None:
        """Return the segment that a predecessor left: stamps without bytes and half stamps are cut off."""
        if not path.stem.isdecimal():
            return None
        segment = _Segment(int(path.stem), path.stat().st_size)
        index = self._path(segment, "idx")
        raw = index.read_bytes() if index.exists() else b""
        stamps = list(_STAMP.iter_unpack(raw[: len(raw) // _STAMP.size * _STAMP.size]))
        segment.stamps = sum(s[0] < segment.end for s in stamps)
        if not segment.size:
            path.unlink(missing_ok=True)
            index.unlink(missing_ok=True)
            return None
        if not segment.stamps:  # bytes without any time: the file's own is the best that is known
            index.write_bytes(_STAMP.pack(segment.start, path.stat().st_mtime_ns, Said.CONSOLE))
            segment.stamps = 1
        return segment

    def _path(self, segment: _Segment, ending: str) -> Path:
        return self._folder / f"{segment.start:016d}.{ending}"


def _append(path: Path, data: bytes, size: int) -> None:
    """Write `data` at `size`, over what a failed write may have left there."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.pwrite(handle, data, size) != len(data):
            os.ftruncate(handle, size)
            raise OSError(28, "no space left on device")
    finally:
        os.close(handle)
