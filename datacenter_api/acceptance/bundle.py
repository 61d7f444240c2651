"""Everything that a run kept in one zip: the same run gives the same bytes, so that a hash of it means something."""

import io
import zipfile
from pathlib import Path

from datacenter_api.acceptance.photos import FOLDER as PHOTOS

_OF_THE_MACHINE = frozenset({"lock", "token", "runner.log", "now.json", "undo.json"})
"""What belongs to the process and not to the evidence."""
_WHEN = (1980, 1, 1, 0, 0, 0)
_PACKED = frozenset({".npz", ".jpg", ".png", ".webp", ".pdf"})


def bundle(folder: Path) -> bytes:
    """Return a run's files as a zip, with its id as the folder's name."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in (*folder.glob("*"), *(folder / PHOTOS).glob("*")) if p.is_file()):
            if path.name in _OF_THE_MACHINE or path.name.startswith("."):
                continue
            entry = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}", _WHEN)
            entry.compress_type = zipfile.ZIP_STORED if path.suffix in _PACKED else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return made.getvalue()
