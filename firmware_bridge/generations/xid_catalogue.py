"""Finds and reads the XID catalogue: the user's own in a search folder, else the seed."""

from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import FileInvalid
from firmware_bridge.wire.nvml.xids import XidCatalogue, parse_xids

FILE = "xids.yaml"


def load_xids(search: Sequence[Path] = ()) -> XidCatalogue:
    """Read the first `xids.yaml` of `search` and the seeds.  Raises FileInvalid."""
    path = next((p for p in (*(s / FILE for s in search), seeds_folder() / "knowledge" / FILE) if p.exists()), None)
    if path is None:
        raise FileInvalid(FILE, 1, "file", "expected the seeds' knowledge/xids.yaml: the installation is incomplete")
    try:
        return parse_xids(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as err:
        raise FileInvalid(str(path), 1, "file", f"expected a readable catalogue ({err})") from err
