"""Whether the record of a run is the one that was sealed: for lists, which look at many runs again and again."""

from functools import lru_cache
from pathlib import Path

from rack_controller.acceptance.run import EVIDENCE, RECORD, RunFolder
from rack_controller.prove.run_files import record_fault
from rack_controller.prove.seal import SUFFIX

_Stat = tuple[int, int, int, int]


def not_as_sealed(folder: RunFolder) -> str:
    """Return what of a run's record does not fit its seal, empty where it fits or nothing is sealed yet.

    Both files are read once, until one of them is replaced or changed.
    """
    try:
        return _fault(folder.path, _stat(folder.path / RECORD), _stat(folder.path / (EVIDENCE + SUFFIX)))
    except FileNotFoundError:
        return ""
    except OSError as err:
        return f"it cannot be looked at: {err.strerror}"


@lru_cache(maxsize=4096)
def _fault(folder: Path, record: _Stat, sealed: _Stat) -> str:
    return record_fault((folder / RECORD).read_bytes(), (folder / (EVIDENCE + SUFFIX)).read_bytes())


def _stat(path: Path) -> _Stat:
    """Return what is another once a file was written: also by whoever sets its time back (`ctime`)."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
