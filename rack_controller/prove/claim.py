"""A claim of origin: what one rule makes of one rack's records, with bounds, and as one sentence.  Pure."""

from datetime import date
from enum import StrEnum

import msgspec

from rack_controller.prove.rules import Measure


class ClaimVerdict(StrEnum):
    """How a claim stands.  Undecided: what is unknown could turn it either way."""

    MET = "met"
    NOT_MET = "not_met"
    UNDECIDED = "undecided"


class OriginClaim(msgspec.Struct, frozen=True):
    """What one rule makes of one rack's records.

    `lower_percent` and `upper_percent` hold the share whatever the unknown turns out to be, rounded away from each
    other; None for a rule that asks for a country.  `parts_…` count parts; `reasons` say what the bounds come from.
    """

    rule: str
    title: str
    measure: Measure
    verdict: ClaimVerdict
    delivery: date | None
    lower_percent: float | None = None
    upper_percent: float | None = None
    more_than_percent: float | None = None
    country: str = ""
    final: str = ""
    parts: int = 0
    parts_in: int = 0
    parts_out: int = 0
    parts_unknown: int = 0
    costs_unknown: int = 0
    by_country: dict[str, int] = {}
    reasons: tuple[str, ...] = ()
    leaves_out: tuple[str, ...] = ()
    source: str = ""


def words_of(claim: OriginClaim) -> str:
    """Return a claim as one sentence."""
    if claim.lower_percent is None or claim.upper_percent is None:
        return f"{claim.title}: {claim.country}, as the rule {claim.rule} has it ({claim.verdict.replace('_', ' ')})"
    share = f"between {claim.lower_percent:.2f} % and {claim.upper_percent:.2f} %"
    asked = "" if claim.more_than_percent is None else f", asked for more than {claim.more_than_percent:g} %"
    when = "" if claim.delivery is None else f" at delivery on {claim.delivery.isoformat()}"
    return f"{claim.title}: {share}{asked}{when} ({claim.verdict.replace('_', ' ')})"
