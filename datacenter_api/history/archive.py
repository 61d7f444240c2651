"""The segments on disk: writes a block once, says which frames it holds, reads series, keeps within its budget.

Blocking; called from worker threads.  A file that cannot be read is set aside and named, and the rest goes on.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datacenter_api.history import files
from datacenter_api.history.files import BROKEN, Kind, Part
from datacenter_api.history.parquet import (
    MINUTES_COLUMNS,
    SECONDS_COLUMNS,
    Columns,
    SegmentBroken,
    SegmentIndex,
    pack_frames,
    read_index,
    read_names,
    read_range,
    read_series,
    write_segment,
)
from datacenter_api.history.rollup import minutes_of
from datacenter_api.history.sheet import Block, FrameId, Sheet, Stretch, Times, as_floats, column_of, points_stretch
from rack_controller.model.table import SeriesKey

log = logging.getLogger(__name__)

Numbers = dict[SeriesKey, tuple[int, ...]]
_MOST_LISTS = 24


@dataclass(frozen=True, slots=True)
class Source:
    """A part to read, less the spans (Unix ms) that other sources cover better."""

    part: Part
    covered: tuple[tuple[int, int], ...] = ()


@dataclass
class Archive:
    """Files below `root`, one folder per rack.  Call `open` first.

    `broken` names the files that were set aside, `table_bytes` is what series tables took when last weighed.
    """

    root: Path
    broken: list[str] = field(default_factory=list)
    table_bytes: int = 0
    _parts: dict[tuple[str, Kind], dict[str, Part]] = field(default_factory=dict)
    _indexes: dict[Path, SegmentIndex] = field(default_factory=dict)
    _numbers: dict[str, Numbers] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> None:
        """Find what is there; set aside what is truncated; make the minutes that a crash left unmade.

        Raises OSError when the folder cannot be made.
        """
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.forget_drafts(self.root)
        self.broken = sorted(path.name for path in self.root.glob(f"**/*{BROKEN}"))
        self.weigh_tables()
        for part in files.find_parts(self.root):
            if files.looks_whole(part.path):
                self.enter(part)
            else:
                self.lose(part, "it is truncated")
        for part in self.all_parts(Kind.SECONDS):
            try:
                self._complete(part)
            except SegmentBroken as err:
                self.lose(part, err.why)

    def write(self, block: Block) -> tuple[Part, ...]:
        """Write a block's points, then its minutes; return both.  They count only once they are entered.

        After the points are on disk the block is held, whatever happens next.  Raises OSError.
        """
        with self._writing:  # a writer that nobody waits for any more ends before the next one begins
            return self._write(block)

    def _write(self, block: Block) -> tuple[Part, ...]:
        window = [p for p in self.parts(block.rack, Kind.SECONDS) if p.start_s == block.start_s]
        number = 1 + max((p.number for p in window), default=-1)
        facts = {
            "kind": Kind.SECONDS,
            "rack": block.rack,
            "start": block.start_s,
            "span_s": block.window_s,
            "table_id": f"{block.table_id:016x}",
            "frames": pack_frames(block.frames),
        }
        place = (block.rack, block.start_s, block.window_s, number)
        seconds = self._put(Kind.SECONDS, *place, SECONDS_COLUMNS, block.sheets, facts)
        try:
            minutes = self._put_minutes(seconds, minutes_of(block))
        except OSError as err:
            log.warning("the minutes of %s are made at the next start: %s", seconds.name, err.strerror)
            return (seconds,)
        return seconds, minutes

    def enter(self, *parts: Part) -> None:
        """Let questions see parts from now on."""
        with self._lock:
            for part in parts:
                self._parts.setdefault((part.rack, part.kind), {})[part.name] = part

    def forget_index(self, path: Path) -> None:
        """Read a file's footer anew when it is asked for: it has been written again."""
        self._indexes.pop(path, None)

    def drop(self, part: Part) -> None:
        """Delete a part."""
        self._forget(part)
        part.path.unlink(missing_ok=True)

    def lose(self, part: Part, why: str) -> None:
        """Set a broken part aside, and say so."""
        self._forget(part)
        try:
            aside = files.set_aside(part.path)
        except FileNotFoundError:
            return
        except OSError as err:
            log.error("history: %s is broken (%s) and cannot be set aside: %s", part.path, why, err.strerror)
            return
        self.broken.append(aside.name)
        log.error("history: %s is broken (%s), set aside as %s", part.path, why, aside.name)

    @property
    def racks(self) -> list[str]:
        """Return the racks that have a file here."""
        with self._lock:
            return sorted({rack for rack, _kind in self._parts})

    def size(self, kind: Kind) -> int:
        """Return how many bytes the files of a kind take."""
        return sum(part.size for part in self.all_parts(kind))

    def weigh_tables(self) -> dict[tuple[str, int], Path]:
        """Look how many bytes the files of series tables take; return them by rack and table id."""
        found = files.table_files(self.root)
        self.table_bytes = sum(files.size_of(path) for path in found.values())
        return found

    def uses_table(self, rack: str, table_id: int) -> bool:
        """Return whether a rack's points were written under a table; one that cannot be read might have been."""
        wanted = f"{table_id:016x}"
        found = (self.index(part) for part in reversed(self.parts(rack, Kind.SECONDS)))
        return any(index is not None and index.table_id in (wanted, "") for index in found)

    def all_parts(self, kind: Kind) -> list[Part]:
        """Return every part of a kind, oldest first."""
        return sorted((p for rack in self.racks for p in self.parts(rack, kind)), key=lambda p: (p.start_s, p.name))

    def parts(self, rack: str, kind: Kind, from_s: float = 0, to_s: float = float("inf")) -> list[Part]:
        """Return a rack's parts that overlap `from_s` to `to_s` (Unix s), oldest first."""
        with self._lock:
            known = list(self._parts.get((rack, kind), {}).values())
        return sorted((p for p in known if p.end_s > from_s and p.start_s < to_s), key=lambda p: (p.start_s, p.number))

    def held(self, rack: str, start_s: int, end_s: int) -> set[FrameId]:
        """Return the frames that parts hold which overlap the window: it may have had another length then."""
        held: set[FrameId] = set()
        for part in self.parts(rack, Kind.SECONDS, start_s, end_s):
            if (index := self.index(part)) is not None:
                held.update((sequence, unix_ns) for sequence, unix_ns in index.frames.tolist())
        return held

    def folded(self, rack: str, from_s: float = 0, to_s: float = float("inf")) -> set[str]:
        """Return the names of the parts whose minutes already stand in a day's file."""
        days = [p for p in self.parts(rack, Kind.MINUTES, from_s, to_s) if p.whole_day]
        return {name for day in days if (index := self.index(day)) is not None for name in index.held}

    def knows(self, rack: str, key: SeriesKey) -> bool:
        """Return whether any of a rack's parts has this series; the newest are asked first."""
        parts = self.parts(rack, Kind.SECONDS) or self.parts(rack, Kind.MINUTES)
        return any((i := self.index(p)) is not None and key in self.numbers(i) for p in reversed(parts))

    def sources(self, rack: str, from_s: float, to_s: float) -> list[Source]:
        """Return what to read so that each point counts once: points, and minutes where the points are gone."""
        points = self.parts(rack, Kind.SECONDS, from_s, to_s)
        folded, summed = self.folded(rack, from_s, to_s), self.parts(rack, Kind.MINUTES, from_s, to_s)
        fresh = [p for p in summed if p.whole_day or p.name not in folded]
        covered = tuple((p.start_s * 1_000, p.end_s * 1_000) for p in points)
        windows = {p.start_s for p in points}
        bare = [p for p in fresh if p.whole_day or p.start_s not in windows]
        return [*(Source(p) for p in points), *(Source(p, covered) for p in bare)]

    def read(self, sources: Iterable[Source], key: SeriesKey) -> list[Stretch]:
        """Return what the sources say of a series; nothing from one that has gone or turns out broken."""
        return [s.without(source.covered) for source in sources for s in self._read(source.part, key)]

    def _read(self, part: Part, key: SeriesKey) -> list[Stretch]:
        try:
            index = self.index(part)
            if index is None:
                return []
            if part.kind is Kind.MINUTES:
                return [_minutes(*read_series(index, n, [*MINUTES_COLUMNS])) for n in self.numbers(index).get(key, ())]
            name = column_of(key)
            found = [read_series(index, n, [name]) for n in self.numbers(index).get(key, ())]
            return [points_stretch(times, as_floats(columns[name])) for times, columns in found]
        except FileNotFoundError:
            return []
        except SegmentBroken as err:
            self.lose(part, err.why)
            return []

    def index(self, part: Part) -> SegmentIndex | None:
        """Return a part's footer, None when it has gone or was broken (and is set aside)."""
        known = self._indexes.get(part.path)
        if known is None:
            try:
                known = self._indexes[part.path] = read_index(part.path)
            except FileNotFoundError:
                self._forget(part)
            except SegmentBroken as err:
                self.lose(part, err.why)
        return known

    def numbers(self, index: SegmentIndex) -> Numbers:
        """Return where each series stands in a file; files with the same list share one answer.

        Raises SegmentBroken.
        """
        known = self._numbers.get(index.series_id)
        if known is None:
            found: dict[SeriesKey, list[int]] = {}
            for number, key in enumerate(read_names(index)):
                found.setdefault(key, []).append(number)
            while len(self._numbers) >= _MOST_LISTS:
                self._numbers.pop(next(iter(self._numbers)))
            known = self._numbers[index.series_id] = {key: tuple(at) for key, at in found.items()}
        return known

    def series(self, index: SegmentIndex) -> list[SeriesKey]:
        """Return a file's series in order.  Raises SegmentBroken."""
        ordered = {n: key for key, numbers in self.numbers(index).items() for n in numbers}
        return [ordered[n] for n in range(len(ordered))]

    def _complete(self, part: Part) -> None:
        """Make a part's minutes unless they are there."""
        if part.name in self._parts.get((part.rack, Kind.MINUTES), {}):
            return
        if part.name in self.folded(part.rack, part.start_s, part.end_s) or (index := self.index(part)) is None:
            return
        log.info("making the minutes of %s", part.name)
        self.enter(self._put_minutes(part, minutes_of(self._block(part, index))))

    def _block(self, part: Part, index: SegmentIndex) -> Block:
        series, first, sheets = self.series(index), 0, []
        for number, sheet in enumerate(index.sheets):
            keys = tuple(series[first : first + sheet.series])
            name = column_of(keys[0])
            sheets.append(Sheet(keys, sheet.times_ms, read_range(index, number, 0, sheet.series, [name])))
            first += sheet.series
        return Block(part.rack, part.start_s, part.span_s, 0, (), tuple(sheets))

    def _put_minutes(self, of: Part, sheets: Sequence[Sheet]) -> Part:
        facts = {"kind": Kind.MINUTES, "rack": of.rack, "start": of.start_s, "span_s": of.span_s}
        place = (of.rack, of.start_s, of.span_s, of.number)
        return self._put(Kind.MINUTES, *place, MINUTES_COLUMNS, sheets, facts)

    def _put(
        self,
        kind: Kind,
        rack: str,
        start_s: int,
        span_s: int,
        number: int,
        columns: dict[str, str],
        sheets: Iterable[Sheet],
        facts: dict[str, Any],
    ) -> Part:
        path = files.part_path(self.root, rack, kind, start_s, span_s, number)
        size = files.write_whole(path, lambda sink: write_segment(sink, columns, sheets, facts))
        return Part(path, rack, kind, start_s, span_s, number, size)

    def _forget(self, part: Part) -> None:
        with self._lock:
            self._parts.get((part.rack, part.kind), {}).pop(part.name, None)
            self._indexes.pop(part.path, None)


def _minutes(times: Times, columns: Columns) -> Stretch:
    floats = {name: as_floats(values) for name, values in columns.items()}
    return Stretch(times, floats["mean"], floats["min"], floats["max"], columns["count"].astype("int64"))
