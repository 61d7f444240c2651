"""Files as one zip whose every byte follows from them, so that whatever is changed around them shows too.  Pure.

Nothing in it is compressed: how a compressor writes differs between its versions, and leaves bits that mean nothing.
"""

import io
import zipfile
import zlib
from collections.abc import Mapping

MOST_BYTES = 2 << 30
_WHEN = (1980, 1, 1, 0, 0, 0)
_UNIX, _READABLE = 3, 0o644 << 16


def zipped(root: str, files: Mapping[str, bytes]) -> bytes:
    """Return files, by path, as a zip with one folder `root`."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{root}/{path}", _WHEN)
            entry.create_system, entry.external_attr = _UNIX, _READABLE
            archive.writestr(entry, content)
    return made.getvalue()


def unzipped(content: bytes) -> tuple[str, dict[str, bytes]]:
    """Return the folder of a zip and its files by path.  Raises ValueError for what cannot be read as one."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [n for n in archive.namelist() if not n.endswith("/")]
            if sum(i.file_size for i in archive.infolist()) > MOST_BYTES:
                raise ValueError(f"it unpacks to more than {MOST_BYTES >> 30} GiB")
            if len(names) != len(set(names)):
                raise ValueError("a file stands in it twice")
            files = {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as err:
        raise ValueError(f"it is no zip that can be read: {err}") from err
    roots = {name.partition("/")[0] for name in names}
    if len(roots) > 1:
        raise ValueError("it has more than one folder")
    return "".join(roots), {name.partition("/")[2]: kept for name, kept in files.items()}


def around(content: bytes, root: str, files: Mapping[str, bytes]) -> str:
    """Return where a zip's own bytes, around its files, are not as `zipped` writes them; empty where they are."""
    wanted = zipped(root, files)
    if content == wanted:
        return ""
    pairs = enumerate(zip(content, wanted, strict=False))
    at = next((n for n, (a, b) in pairs if a != b), min(len(content), len(wanted)))
    return f"byte {at}, around its files: the zip was packed anew, or changed"
