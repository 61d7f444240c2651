"""Rules of origin, sites and codes of an installation: its own files, or the seeds'."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import Located, convert, parse
from rack_controller.prove.check_as_built import Known
from rack_controller.prove.rules import SCHEMA_VERSION, Codes, FactorySite, RuleBook, Sites, faults_of

RULES, CODES, SITES = Path("origin") / "rules.yaml", Path("origin") / "codes.yaml", Path("sites.yaml")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OriginFiles:
    """What records and claims are judged by."""

    book: RuleBook
    sites: tuple[FactorySite, ...]
    countries: frozenset[str]
    currencies: frozenset[str]

    @property
    def country_of_site(self) -> dict[str, str]:
        """The country of each site."""
        return {site.id: site.place.partition("-")[0] for site in self.sites}

    def known(self, today: date) -> Known:
        """Return what values of a factory's file may be."""
        return Known({site.id for site in self.sites}, self.countries, self.currencies, today)


def load_origin_files(search: Sequence[Path] = ()) -> OriginFiles:
    """Read each file from the first folder of `search` that has it, the seeds' otherwise.

    Raises ConfigurationError when one cannot be read, FileInvalid with file and line when one is wrong.
    """
    rules, book = _read(RULES, RuleBook, search)
    for path, expected in faults_of(book):
        raise rules.complaint(path, expected)
    places, sites = _read(SITES, Sites, search)
    _, codes = _read(CODES, Codes, search)
    countries = frozenset(codes.countries.split())
    for at, site in enumerate(sites.sites):
        if site.place.partition("-")[0] not in countries:
            raise places.complaint(f"sites[{at}].place", "a country of ISO 3166-1, such as US-WI")
        if [s.id for s in sites.sites].count(site.id) > 1:
            raise places.complaint(f"sites[{at}].id", "an id that no other site has")
    if sites.schema_version != SCHEMA_VERSION:
        raise places.complaint("schema_version", str(SCHEMA_VERSION))
    return OriginFiles(book, sites.sites, countries, frozenset(codes.currencies.split()))


def _read(file: Path, kind: type[T], search: Sequence[Path]) -> tuple[Located, T]:
    path = next((p for root in search if (p := root / file).is_file()), seeds_folder() / file)
    try:
        document = parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="restore the file") from err
    return document, convert(document, "", kind)
