"""One rack's frames on their way to disk: each goes into its window once, and a window that is over is written.

Decides when a window closes and what is a repeat; the stream, the disk and the clocks are given to it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from datacenter_api.history.ledger import Mark
from datacenter_api.history.port import HistoryStore
from datacenter_api.history.ring import Ring
from datacenter_api.history.settings import HistorySettings
from datacenter_api.history.sheet import FrameId
from datacenter_api.history.tables import Tables
from datacenter_api.history.unexplained import put_aside, read_back, waiting
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.frame import Frame, decode_frame, encode_frame

log = logging.getLogger(__name__)

_NS = 1_000_000_000
_WINDOWS_REMEMBERED = 8
NEVER = Seconds(0.0)


@dataclass
class _Open:
    """A window that takes frames, or (`closing`) is on its way to disk.  `due` is monotonic."""

    ring: Ring
    due: Seconds
    marks: list[Mark] = field(default_factory=list)
    closing: bool = False


@dataclass
class Intake:
    """`now` is monotonic, `wall_s` Unix time; `trouble` says why nothing is written, empty when all is well.

    `root` is where frames go that nobody can explain.
    """

    rack: str
    root: Path
    store: HistoryStore
    tables: Tables
    settings: HistorySettings
    now: Callable[[], Seconds]
    wall_s: Callable[[], float]
    trouble: str = ""
    points: int = 0
    repeats: int = 0
    discarded: int = 0
    _open: list[_Open] = field(default_factory=list)
    _held: dict[int, set[FrameId]] = field(default_factory=dict)
    _unexplained: dict[int, list[tuple[Frame, Mark]]] = field(default_factory=dict)
    _unexplained_since: Seconds = NEVER
    _again: Seconds = NEVER
    _turning: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def rings(self) -> list[Ring]:
        """Return what is in memory only."""
        return [window.ring for window in self._open]

    @property
    def unexplained(self) -> int:
        """Return how many frames in memory wait for their series table."""
        return sum(len(frames) for frames in self._unexplained.values())

    def tables_waiting(self) -> set[int]:
        """Return the tables of frames that are not on disk as points yet."""
        return (
            {ring.table.table_id for ring in self.rings} | set(self._unexplained) | set(waiting(self.root, self.rack))
        )

    def tables_unknown(self) -> set[int]:
        """Return the tables that frames in memory wait for."""
        return {table_id for table_id in self._unexplained if self.tables.lanes(self.rack, table_id) is None}

    def tables_unknown_on_disk(self) -> set[int]:
        """Return the tables that frames set aside wait for.  Looks at the disk."""
        return {t for t in waiting(self.root, self.rack) if self.tables.lanes(self.rack, t) is None}

    def take(self, frame: Frame, mark: Mark) -> None:
        """Take a frame from the stream; `mark` is done when it need not be delivered again."""
        found = self.tables.lanes(self.rack, frame.table_id)
        if found is None:
            if not self._unexplained:
                self._unexplained_since = self.now()
            self._unexplained.setdefault(frame.table_id, []).append((frame, mark))
            return
        start = int(frame.unix_ns // _NS // self.settings.window_s * self.settings.window_s)
        identity = (frame.sequence, int(frame.unix_ns))
        for window in self._open:
            if window.ring.start_s == start and identity in window.ring.frames:
                window.marks.append(mark)
                self.repeats += 1
                return
        if identity in self._held_in(start):
            mark.done = True
            self.repeats += 1
            return
        window = self._window(start, frame.table_id)
        try:
            window.ring.add(frame)
        except ValueError as err:
            log.warning("%s: frame discarded: %s", self.rack, err)
            self.discarded += 1
            mark.done = True
            return
        window.marks.append(mark)

    async def turn(self, *, all_of_it: bool = False) -> None:
        """Write every window that is due; what cannot be written stays, and is tried again after `retry_s`."""
        async with self._turning:
            await self._turn(all_of_it)

    async def _turn(self, all_of_it: bool) -> None:
        self._explain()
        now = self.now()
        if now < self._again and not all_of_it:
            return
        for window in [w for w in self._open if all_of_it or w.due <= now]:
            window.closing = True
            try:
                await self._close(window)
            except OSError as err:
                self._complain(f"{err.strerror or err}")
                return
        if self._unexplained and now - self._unexplained_since >= self.settings.unexplained_s:
            try:
                await asyncio.to_thread(self._put_aside)
            except OSError as err:
                self._complain(f"{err.strerror or err}")
                return
        if self.trouble:
            log.warning("history of %s is written again", self.rack)
            self.trouble = ""

    async def _close(self, window: _Open) -> None:
        block = await asyncio.to_thread(window.ring.block)
        parts = await asyncio.to_thread(self.store.write, block) if block.frames else ()
        # From here to the end nothing else runs: a question sees the ring or the part, never both, never neither.
        self.store.enter(*parts)
        self._open.remove(window)
        self._held_in(window.ring.start_s).update(window.ring.frames)
        self.points += block.points
        for mark in window.marks:
            mark.done = True

    def _window(self, start: int, table_id: int) -> _Open:
        for window in self._open:
            if not window.closing and window.ring.start_s == start and window.ring.table.table_id == table_id:
                return window
        found = self.tables.lanes(self.rack, table_id)
        assert found is not None, "take() asked for the table before"
        span = self.settings.window_s
        # A clock that was set leaves windows in the past and in the future: none stays open longer than its span.
        left = min(max(0.0, start + span - self.wall_s()), span)
        ring = Ring(self.rack, start, span, *found)
        window = _Open(ring, Seconds(self.now() + left + self.settings.grace_s))
        self._open.append(window)
        return window

    def _held_in(self, start: int) -> set[FrameId]:
        known = self._held.get(start)
        if known is None:
            while len(self._held) >= _WINDOWS_REMEMBERED:
                self._held.pop(next(iter(self._held)))
            known = self._held[start] = self.store.held(self.rack, start, start + self.settings.window_s)
        return known

    def _explain(self) -> None:
        for table_id in [t for t in self._unexplained if self.tables.lanes(self.rack, t) is not None]:
            for frame, mark in self._unexplained.pop(table_id):
                self.take(frame, mark)

    def _put_aside(self) -> None:
        for table_id, frames in list(self._unexplained.items()):
            put_aside(self.root, self.rack, table_id, (encode_frame(frame) for frame, _ in frames))
            log.warning("%s: nobody tells table %016x, %d frames set aside", self.rack, table_id, len(frames))
            del self._unexplained[table_id]
            for _, mark in frames:
                mark.done = True

    def take_back(self) -> Iterator[int]:
        """Take the frames set aside whose table is known by now, file by file; yield how many.

        A file is deleted when its frames are on disk as points: call `turn(all_of_it=True)` before going on.
        """
        for table_id, path in waiting(self.root, self.rack).items():
            if self.tables.lanes(self.rack, table_id) is None:
                continue
            marks = []
            for body in read_back(path):
                marks.append(Mark(""))
                self.take(decode_frame(body), marks[-1])
            yield len(marks)
            if all(mark.done for mark in marks):
                path.unlink(missing_ok=True)

    def _complain(self, why: str) -> None:
        self._again = Seconds(self.now() + self.settings.retry_s)
        if self.trouble != why:
            log.error("history of %s is not written, the stream and memory hold it: %s", self.rack, why)
        self.trouble = why
