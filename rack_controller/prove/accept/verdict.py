"""What a judge says: an outcome, and every part that is out of bounds with value, limit and confidence.  Pure."""

import math
from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """How a measure, a step or a run ended.  What could not be measured is an error and never a pass.

    `UNCOMPARED`: a plan leaves it open whether there is anything to compare with, and there was nothing: no pass.
    """

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    STOPPED = "stopped"
    UNCOMPARED = "uncompared"


NO_RECORDS = ": not compared, nobody handed as-built records in"
"""What follows the title of a measure that was not compared."""
_WORST = (Outcome.UNCOMPARED, Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.STOPPED)


class Finding(msgspec.Struct, frozen=True):
    """One part that is out of bounds, or one thing that could not be measured (`error`)."""

    measure: str
    place: str
    serial: str
    text: str
    value: float | str | None
    limit: float | str | None
    unit: str
    source: str
    confidence: float
    error: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same fault when it is found again."""
        return self.measure, self.place


class Measured(msgspec.Struct, frozen=True):
    """One measure of a step: how many parts were judged, the one nearest to its limit, and what was found."""

    id: str
    title: str
    outcome: Outcome
    judged: int
    place: str
    value: float | str | None
    limit: float | str | None
    unit: str
    source: str
    confidence: float
    findings: list[Finding]


def worst(outcomes: list[Outcome]) -> Outcome:
    """Return the worst of some outcomes; a pass when there are none, uncompared when nothing at all was compared."""
    return max(outcomes, key=_WORST.index, default=Outcome.PASS)


def confidence(excess: float, uncertainty: float) -> float:
    """Return how sure it is on which side of a limit a value lies that is `excess` beyond it, either way.

    Both in one unit; normal errors are assumed, and never more than 0.9999 is claimed.
    """
    if not math.isfinite(excess):
        return 0.5
    if uncertainty <= 0.0 or not math.isfinite(uncertainty):
        return 0.9999
    return min(0.5 * (1.0 + math.erf(abs(excess) / uncertainty / math.sqrt(2.0))), 0.9999)
