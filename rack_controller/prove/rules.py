"""Rules of origin as data: which steps decide, where they must be, what is counted, which share is asked.  Pure."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

import msgspec

from rack_controller.prove.fields import BASES, PROCESSES, STRENGTHS

SCHEMA_VERSION = 1


class Measure(StrEnum):
    """What a rule asks for: a share of cost that lies in its countries, or the one country that the rack comes from."""

    SHARE_OF_COST = "share_of_cost"
    COUNTRY = "country"


class Over(StrEnum):
    """What a share is taken over: every part with its own steps and cost, or trays with the cost of all that is in them
    (the components that go directly into the rack)."""

    EVERY_PART = "every_part"
    TRAYS = "trays"


class Counts(StrEnum):
    """When a part counts as made in a country: all of its deciding steps are there, or the last of them is."""

    ALL = "all"
    LAST = "last"


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From this day of delivery on the share must be more than so many percent."""

    since: date
    more_than_percent: float


class OriginRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of origin.  `deciding` names the processes that decide by kind of part; `default` for all other kinds.

    `rates`: what one unit of a currency is in `currency`; a cost in any other is unknown.  `final`: processes of the
    rack itself that must be in the countries too.  `leaves_out`: what the rule says that is not looked at here.
    """

    name: str
    title: str
    measure: Measure
    source: str
    deciding: Mapping[str, tuple[str, ...]]
    confirmed: bool = False
    counts: Counts = Counts.ALL
    countries: tuple[str, ...] = ()
    least_evidence: str = STRENGTHS[0]
    over: Over = Over.EVERY_PART
    cost_bases: tuple[str, ...] = ()
    currency: str = "USD"
    rates: Mapping[str, float] = {}
    thresholds: tuple[Threshold, ...] = ()
    final: tuple[str, ...] = ()
    leaves_out: tuple[str, ...] = ()

    def threshold_at(self, delivery: date) -> float | None:
        """Return the share that is asked for at a day of delivery, None when none was yet."""
        past = [t for t in self.thresholds if t.since <= delivery]
        return max(past, key=lambda t: t.since).more_than_percent if past else None

    def decides(self, kind: str) -> tuple[str, ...]:
        """Return the processes that decide for a kind of part."""
        return self.deciding.get(kind, self.deciding.get("default", ()))


class RuleBook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every rule of a file; `default` is the one that counts when nobody names another."""

    schema_version: int
    default: str
    rules: tuple[OriginRule, ...]

    def named(self, name: str) -> OriginRule | None:
        """Return a rule, the default one for no name, None for one that there is not."""
        return next((rule for rule in self.rules if rule.name == (name or self.default)), None)


class FactorySite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where things are made: `place` is a country, or a country and its part (`US-WI`).

    `builds`: what is made there; `example`: an assumption of ours, nobody has said so.
    """

    id: str
    title: str
    firm: str
    place: str
    builds: tuple[str, ...]
    source: str
    confirmed: bool = False
    example: bool = False


class Sites(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every site that as-built records may name."""

    schema_version: int
    sites: tuple[FactorySite, ...]

    @property
    def countries(self) -> dict[str, str]:
        """The country of each site."""
        return {site.id: site.place.partition("-")[0] for site in self.sites}


class Codes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Codes that records may use: ISO 3166-1 alpha-2 countries, ISO 4217 currencies, each one text with spaces."""

    schema_version: int
    countries: str
    currencies: str


def faults_of(book: RuleBook) -> list[tuple[str, str]]:
    """Return what is wrong with a rule book, as path and what was expected."""
    faults = []
    if book.schema_version != SCHEMA_VERSION:
        faults.append(("schema_version", f"expected {SCHEMA_VERSION}"))
    names = [rule.name for rule in book.rules]
    if book.default not in names:
        faults.append(("default", f"one of {', '.join(names)}"))
    for at, rule in enumerate(book.rules):
        here = f"rules[{at}]"
        if names.count(rule.name) > 1:
            faults.append((f"{here}.name", "a name that no other rule has"))
        used = {p for processes in rule.deciding.values() for p in processes} | set(rule.final)
        if not used or used - set(PROCESSES):
            faults.append((f"{here}.deciding", f"processes out of {', '.join(PROCESSES)}"))
        if rule.least_evidence not in STRENGTHS:
            faults.append((f"{here}.least_evidence", f"one of {', '.join(STRENGTHS)}"))
        if rule.measure is not Measure.SHARE_OF_COST:
            continue
        if set(rule.cost_bases) - set(BASES) or not rule.cost_bases:
            faults.append((f"{here}.cost_bases", f"some of {', '.join(BASES)}"))
        if rule.rates.get(rule.currency) != 1.0 or min(rule.rates.values()) <= 0:
            faults.append((f"{here}.rates", f"{rule.currency}: 1 and positive rates"))
        if not rule.countries or not rule.thresholds:
            faults.append((here, "a share of cost needs countries and thresholds"))
    return faults
