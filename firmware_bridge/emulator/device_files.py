"""Where the data of an emulated device lies: in its generation's own folder, else among the seeds."""

from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.generations.load import generation_folders
from firmware_bridge.generations.seeds import seeds_folder


def device_folder(generation: str, device: str, search: Sequence[Path] = ()) -> Path:
    """Return the folder that holds `<device>.yaml`; `search` are further folders with generations."""
    own = generation_folders(search).get(generation)
    if own is not None and (own / "devices" / f"{device}.yaml").is_file():
        return own / "devices"
    return seeds_folder() / "devices"
