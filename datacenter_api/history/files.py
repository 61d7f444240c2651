"""Names and moves of history's files: write-then-rename, set aside, sizes.  Knows nothing of what is inside."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

BROKEN = ".broken"
DAY_S = 86_400
TABLES = "tables"
_PART = re.compile(r"(\d{8}T\d{6}Z)-(\d+)s-(\d+)\.parquet")
_DAY = re.compile(r"(\d{8})\.parquet")
_MAGIC = b"PAR1"


class Kind(StrEnum):
    """What a file holds: single points, or minutes."""

    SECONDS = "seconds"
    MINUTES = "minutes"


@dataclass(frozen=True, slots=True)
class Part:
    """One file: `span_s` from `start_s` (Unix s) of one rack; `number` tells parts of one window apart, -1: a day."""

    path: Path
    rack: str
    kind: Kind
    start_s: int
    span_s: int
    number: int
    size: int

    @property
    def name(self) -> str:
        """Return the file's name: the same for the points of a window part and for its minutes."""
        return self.path.name

    @property
    def whole_day(self) -> bool:
        """Return whether this holds the minutes of many parts."""
        return self.number < 0

    @property
    def end_s(self) -> int:
        """Return where the file's time ends, Unix s."""
        return self.start_s + self.span_s


def part_path(root: Path, rack: str, kind: Kind, start_s: int, span_s: int, number: int) -> Path:
    """Return where a part of a window lies."""
    begin = datetime.fromtimestamp(start_s, UTC)
    return root / rack / kind / f"{begin:%Y-%m-%d}" / f"{begin:%Y%m%dT%H%M%SZ}-{span_s}s-{number}.parquet"


def day_path(root: Path, rack: str, start_s: int) -> Path:
    """Return where the minutes of a whole day lie."""
    return root / rack / Kind.MINUTES / f"{datetime.fromtimestamp(start_s, UTC):%Y%m%d}.parquet"


def find_parts(root: Path) -> Iterator[Part]:
    """Yield every file below `root` that has the name of a part, oldest first within each rack and kind."""
    for kind in Kind:
        for path in sorted(root.glob(f"*/{kind}/**/*.parquet")):
            if (part := part_at(root, path)) is not None:
                yield part


def part_at(root: Path, path: Path) -> Part | None:
    """Return what a file is by its name, None when it is none of ours or has gone."""
    rack, kind = path.relative_to(root).parts[:2]
    window, day = _PART.fullmatch(path.name), _DAY.fullmatch(path.name)
    with contextlib.suppress(OSError, ValueError):
        size = path.stat().st_size
        if window is not None:
            begin = datetime.strptime(window[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return Part(path, rack, Kind(kind), int(begin.timestamp()), int(window[2]), int(window[3]), size)
        if day is not None:
            begin = datetime.strptime(day[1], "%Y%m%d").replace(tzinfo=UTC)
            return Part(path, rack, Kind(kind), int(begin.timestamp()), DAY_S, -1, size)
    return None


def looks_whole(path: Path) -> bool:
    """Return whether a file begins and ends as Parquet does: what a truncated one does not."""
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0, os.SEEK_END)
        if file.tell() < 12:
            return False
        file.seek(-4, os.SEEK_END)
        return head == _MAGIC and file.read(4) == _MAGIC


def write_whole(path: Path, write: Callable[[IO[bytes]], None]) -> int:
    """Write a file so that it is there whole and on disk, or not at all; return its size.  Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.tmp")
    try:
        with draft.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return size


def set_aside(path: Path) -> Path:
    """Rename a broken file so that nobody reads it again; return its new name.  Raises OSError."""
    aside = path.with_name(path.name + BROKEN)
    path.replace(aside)
    return aside


def table_files(root: Path) -> dict[tuple[str, int], Path]:
    """Return the files of series tables below `root` by rack and table id."""
    found = {}
    for path in root.glob(f"*/{TABLES}/*.json"):
        with contextlib.suppress(ValueError):
            found[path.parent.parent.name, int(path.stem, 16)] = path
    return found


def size_of(path: Path) -> int:
    """Return a file's size in bytes, 0 when it has gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def forget_drafts(root: Path) -> None:
    """Delete what a killed writer left half-written."""
    for draft in root.glob("**/.*.tmp"):
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
