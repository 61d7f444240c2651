"""Frames whose series table nobody can tell, set aside as they came until somebody can.  Never dropped silently."""

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

FOLDER = "unexplained"
_HEAD = struct.Struct("<I")


def put_aside(root: Path, rack: str, table_id: int, bodies: Iterable[bytes]) -> None:
    """Append frames to the file of their table, on disk when this returns.  Raises OSError."""
    path = root / rack / FOLDER / f"{table_id:016x}.frames"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("ab") as file:
        file.write(b"".join(_HEAD.pack(len(body)) + body for body in bodies))
        file.flush()
        os.fsync(file.fileno())


def waiting(root: Path, rack: str) -> dict[int, Path]:
    """Return the files of a rack by table id."""
    return {int(path.stem, 16): path for path in (root / rack / FOLDER).glob("*.frames")}


def read_back(path: Path) -> Iterator[bytes]:
    """Yield the frames of a file; one that a crash cut short ends it.  Raises OSError."""
    with path.open("rb") as file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            (length,) = _HEAD.unpack(head)
            body = file.read(length)
            if len(body) < length:
                return
            yield body
