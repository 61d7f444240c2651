"""What a supervisor must know of a site file without building any driver: its name, racks and endpoint counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.generations.building import building_side
from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.vocabulary.building import BuildingSide
from firmware_bridge.vocabulary.place import Place


@dataclass(frozen=True, slots=True)
class SiteSummary:
    """The site's name, how many enabled endpoints each rack has, and what is agreed with its building, if anything."""

    name: str
    endpoints: dict[Place, int]
    building: BuildingSide | None = None


def check_generation(name: str, search: Sequence[Path] = ()) -> None:
    """Raise ConfigurationError when no generation has this name or alias, FileInvalid when its files are wrong.

    `search` are folders that come before the seeds' own.
    """
    load_generation(name, search)


def describe_site(path: Path) -> SiteSummary:
    """Read a site file.  Raises ConfigurationError or FileInvalid."""
    site = read_site(path)
    counts = {r.place: sum(e.enabled for e in site.endpoints_of(r.place)) for r in site.racks}
    return SiteSummary(site.name, counts, building_side(site.building, [r.place for r in site.racks]))
