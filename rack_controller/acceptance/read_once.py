"""What the files of runs say, read once until one of them is written again: lists look at all runs again and again."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

_Stat = tuple[int, int, int, int]
_FEW = 64
"""So many folders are kept before anybody looks which of them are gone."""
T = TypeVar("T")


class ReadOnce(Generic[T]):
    """What `read` makes of some files of a folder, one answer for each folder, for as long as it is there.

    However many runs a list has, each is read once; a run that is gone is forgotten before there are twice as many.
    """

    def __init__(self, files: Sequence[str], read: Callable[[Path], T]) -> None:
        self._files, self._read = tuple(files), read
        self._kept: dict[Path, tuple[list[_Stat], T]] = {}
        self._look_at = _FEW

    def of(self, folder: Path) -> T:
        """Return what the files of a folder say.  Raises OSError, and what `read` raises: neither is kept."""
        now = [_stat(folder / name) for name in self._files]
        kept = self._kept.get(folder)
        if kept is not None and kept[0] == now:
            return kept[1]
        said = self._read(folder)
        self._kept[folder] = now, said
        if len(self._kept) > self._look_at:
            self._forget()
        return said

    def __len__(self) -> int:
        return len(self._kept)

    def _forget(self) -> None:
        """Forget folders that are gone."""
        for folder in [f for f in tuple(self._kept) if not f.exists()]:
            self._kept.pop(folder, None)
        self._look_at = max(2 * len(self._kept), _FEW)


def _stat(path: Path) -> _Stat:
    """Return what is another once a file was written: also by whoever sets its time back (`ctime`)."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
