"""Files that are replaced whole: whoever reads one sees the old or the new content, never half of either.

Files that belong together are replaced together: after a crash in between the next one who looks ends what was begun.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import msgspec

from firmware_bridge.vocabulary.errors import EnvironmentUnfit


def keep(path: Path, content: bytes, *, durable: bool = True, mode: int = 0o644) -> None:
    """Replace a file; on the disk before this returns where it is `durable`.  Raises EnvironmentUnfit."""
    keep_written(path, lambda file: file.write(content), durable=durable, mode=mode)


def keep_written(path: Path, write: Callable[[IO[bytes]], object], *, durable: bool = True, mode: int = 0o644) -> None:
    """Replace a file by what `write` writes, as `keep` does; it is never in memory as a whole."""
    scratch = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode), "w+b") as file:
            write(file)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        scratch.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError as err:
        raise EnvironmentUnfit(f"{path.name} is not kept: {err.strerror}", advice="make room") from err


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read piece by piece.  Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep_together(folder: Path, name: str, make: Callable[[], Mapping[str, bytes]]) -> None:
    """Replace files that belong together, all or none: `settle_together` ends what a crash cut.

    `name`: by which they are known; `make` returns them from what is there now, which nobody else replaces meanwhile.
    Raises EnvironmentUnfit, and what `make` raises.
    """
    with alone(folder, name):
        _replace_all(folder, name)
        keep(_journal(folder, name), msgspec.msgpack.encode(dict(make())))
        _replace_all(folder, name)


def settle_together(folder: Path, name: str) -> None:
    """End what a crash cut of files that belong together; nothing where nothing was.  Raises EnvironmentUnfit."""
    if _journal(folder, name).is_file():
        with alone(folder, name):
            _replace_all(folder, name)


def _replace_all(folder: Path, name: str) -> None:
    journal = _journal(folder, name)
    try:
        files = msgspec.msgpack.decode(journal.read_bytes(), type=dict[str, bytes])
    except FileNotFoundError:
        return  # somebody else was faster
    except (OSError, msgspec.MsgspecError) as err:
        raise EnvironmentUnfit(f"{journal.name} cannot be read: {err}", advice="remove it") from err
    for file, content in files.items():
        keep(folder / file, content)
    journal.unlink()


def _journal(folder: Path, name: str) -> Path:
    return folder / f".{name}.together"


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Have nobody else replace files of this name meanwhile; the kernel lets go whatever happens."""
    path = folder / f".{name}.lock"
    try:
        file = path.open("ab")
    except OSError as err:
        raise EnvironmentUnfit(f"{path.name} is not kept: {err.strerror}", advice="make room") from err
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk: a file that was renamed is under its new name also after a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems cannot, and keep names in order by themselves
            os.fsync(handle)
    finally:
        os.close(handle)
