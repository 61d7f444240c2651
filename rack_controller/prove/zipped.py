"""Files as one zip whose every byte follows from them, so that whatever is changed around them shows too.  Pure.

Nothing in it is compressed: how a compressor writes differs between its versions, and leaves bits that mean nothing.
"""

import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO, cast

from rack_controller.prove.many_files import ManyFiles, ZipFiles, opened

MOST_BYTES = 2 << 30
"""What a zip may unpack to, unless it has that many bytes itself, as those of long runs do: they are not compressed."""
MOST_IN_MEMORY = 16 << 20
_PIECE = 1 << 20
_WHEN = (1980, 1, 1, 0, 0, 0)
_UNIX, _READABLE = 3, 0o644 << 16


def zipped(root: str, files: Mapping[str, bytes]) -> bytes:
    """Return files, by path, as a zip with one folder `root`."""
    made = io.BytesIO()
    zip_into(made, root, files)
    return made.getvalue()


def zip_into(made: IO[bytes], root: str, files: Mapping[str, bytes]) -> None:
    """Write files, by path, as a zip with one folder `root`, piece by piece."""
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(f"{root}/{path}", _WHEN)
            entry.create_system, entry.external_attr = _UNIX, _READABLE
            entry.file_size = files.size(path) if isinstance(files, ManyFiles) else len(files[path])
            with archive.open(entry, "w") as to, opened(files, path) as file:
                shutil.copyfileobj(file, to, _PIECE)


def spooled() -> IO[bytes]:
    """Return a file that is gone once it is closed, in memory as long as it is small."""
    return cast("IO[bytes]", tempfile.SpooledTemporaryFile(MOST_IN_MEMORY))


def unzipped(content: bytes | IO[bytes]) -> tuple[str, Mapping[str, bytes]]:
    """Return the folder of a zip and its files by path, each read when it is asked for.

    Raises ValueError for what cannot be read as one, as far as its last byte.
    """
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        size = file.seek(0, io.SEEK_END)
        archive = zipfile.ZipFile(file)
        names = [n for n in archive.namelist() if not n.endswith("/")]
        if sum(i.file_size for i in archive.infolist()) > max(MOST_BYTES, size):
            raise ValueError(f"it unpacks to more than {MOST_BYTES >> 30} GiB, and to more than it has itself")
        if len(names) != len(set(names)):
            raise ValueError("a file stands in it twice")
        if bad := archive.testzip():
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {bad!r}")
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as err:
        raise ValueError(f"it is no zip that can be read: {err}") from err
    roots = {name.partition("/")[0] for name in names}
    if len(roots) > 1:
        raise ValueError("it has more than one folder")
    return "".join(roots), ZipFiles(archive, {name.partition("/")[2]: name for name in names})


def around(content: bytes | IO[bytes], root: str, files: Mapping[str, bytes]) -> str:
    """Return where a zip's own bytes, around its files, are not as `zipped` writes them; empty where they are."""
    found = io.BytesIO(content) if isinstance(content, bytes) else content
    with spooled() as wanted:
        zip_into(wanted, root, files)
        at = _differ_at(found, wanted)
    return "" if at is None else f"byte {at}, around its files: the zip was packed anew, or changed"


def _differ_at(found: IO[bytes], wanted: IO[bytes]) -> int | None:
    """Return the first byte that is not the same in two files, None where they are the same."""
    at = found.seek(0)
    wanted.seek(0)
    while True:
        a, b = found.read(_PIECE), wanted.read(_PIECE)
        if a != b:
            pairs = enumerate(zip(a, b, strict=False))
            return at + next((n for n, (one, other) in pairs if one != other), min(len(a), len(b)))
        if not a:
            return None
        at += len(a)
