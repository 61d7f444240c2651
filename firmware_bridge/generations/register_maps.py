"""Register maps by name: the site's own folders first, then `seeds/registers`.  Reads files, keeps nothing else."""

import functools
from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.generations.load import generation_folders
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.modbus.map_file import read_map
from firmware_bridge.wire.modbus.register_map import RegisterMap


def register_map_files(search: Sequence[Path] = ()) -> dict[str, Path]:
    """Return every map's file by name; folders in `search` come before the seeds."""
    found: dict[str, Path] = {}
    for root in (*search, seeds_folder() / "registers"):
        if root.is_dir():
            for path in sorted(root.glob("*.yaml")):
                found.setdefault(path.stem, path)
    return found


def load_register_map(name: str, search: Sequence[Path] = ()) -> RegisterMap:
    """Load one map.  Raises ConfigurationError (unknown name, with the known ones) or FileInvalid."""
    return _load(name, tuple(search))


def register_folders(generation: str, search: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Return the folders whose maps come before the seeds': `registers/` beside the generation's own `rack.yaml`."""
    own = generation_folders(search).get(generation)
    return (own / "registers",) if own is not None and (own / "registers").is_dir() else ()


@functools.lru_cache(maxsize=256)
def _load(name: str, search: tuple[Path, ...]) -> RegisterMap:
    files = register_map_files(search)
    path = files.get(name)
    if path is None:
        raise ConfigurationError(f"unknown register map {name!r}", advice=f"known are {', '.join(sorted(files))}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="restore the register map") from err
    found = read_map(text, str(path))
    if found.name != path.stem:
        raise ConfigurationError(f"{path}: name is {found.name!r}", advice=f"name it like its file, {path.stem!r}")
    return found
