"""Puts the site's power budget together: its racks' wiring, the graph above them, the policy that stands in a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.generations.upstream_file import read_upstream
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import Generation
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.site import Site
from firmware_bridge.wire.located_yaml import parse
from rack_controller.assemble_policies import FOLDER
from rack_controller.decide.budget.roster import roster_of
from rack_controller.decide.supply.wiring import NO_FEED
from rack_controller.model.power_policy import KIND, SpecInvalid
from rack_controller.run.budget.book import ActivePolicy, read_power
from rack_controller.run.budget.station import BudgetStation
from rack_controller.run.journal import Journal


def budget_station(
    site: Site,
    site_file: Path,
    generations: Mapping[str, Generation],
    journal: Journal,
    clock: Clock,
    search: Sequence[Path] = (),
) -> BudgetStation:
    """Return the budget of a site's racks.  Raises ConfigurationError and FileInvalid with file, line and reason."""
    racks = [(Place(rack.place), generations[rack.generation]) for rack in site.racks]
    feeds = {place: frozenset(f.name for f in g.feeds) or frozenset({NO_FEED}) for place, g in racks}
    upstream = read_upstream(site_file, feeds)
    filed = filed_policy(search)
    station = BudgetStation(roster_of(racks, upstream.racks), upstream, journal, clock, filed)
    station.cooling.loops = tuple(site.coolant_loops.values())
    station.played.search = tuple(search)
    if filed is not None:
        try:
            station.fits(filed.spec, [])
            station.known(filed.spec)
        except SpecInvalid as err:
            raise filed.complaint(err) from err
    return station


def filed_policy(search: Sequence[Path] = ()) -> ActivePolicy | None:
    """Return the power policy of the first folder that has one: `policies/` below `search`, then the seeds.

    Raises FileInvalid where one is wrong, and where a folder has two: they would decide over the same racks.
    """
    for folder in [*(root / FOLDER for root in search), seeds_folder() / FOLDER]:
        found: list[ActivePolicy] = []
        for path in sorted(folder.glob("*.yaml")):
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as err:
                raise ConfigurationError(f"cannot read {path}: {err}", advice="restore the file") from err
            document = parse(text, str(path))
            if isinstance(document.value, dict) and document.value.get("kind") == KIND:
                found.append(read_power(text, str(path)))
        if len(found) > 1:
            said = f"expected one power policy in a folder, {Path(found[0].origin).name} is one already"
            raise found[1].document.complaint("kind", said)
        if found:
            return found[0]
    return None
