"""Conditions of a decision, each tied to something that is measured: `racks_passed:L12 >= 17 by 2027-03-31`.  Pure."""

import re
from datetime import date
from enum import StrEnum

import msgspec


class Measure(StrEnum):
    """What a condition can be about; the words after the colon say of what.

    `racks_passed:LEVEL`: how many of the offer's racks have passed a level, by the newest evidence of each.
    `passports_frozen`: how many have an as-accepted passport.  `parts_wrong`: how many parts of all of them did not fit
    when they were frozen.  `origin_share:RULE`: the lowest lower bound of the share, in percent, over all of them.
    `criterion:ID`: a criterion of the evaluation over the offer's racks, the end of its interval that is the worse one
    for the condition.
    """

    RACKS_PASSED = "racks_passed"
    PASSPORTS_FROZEN = "passports_frozen"
    PARTS_WRONG = "parts_wrong"
    ORIGIN_SHARE = "origin_share"
    CRITERION = "criterion"


NEEDS_WORD = frozenset({Measure.RACKS_PASSED, Measure.ORIGIN_SHARE, Measure.CRITERION})
_TEXT = re.compile(
    r"(?P<measure>[a-z_]+)(?::(?P<word>[A-Za-z0-9][A-Za-z0-9-]{0,62}))?\s*(?P<compare>>=|<=)\s*"
    r"(?P<bound>-?\d{1,9}(?:\.\d{1,4})?)\s+by\s+(?P<by>\d{4}-\d{2}-\d{2})"
)


class ConditionOutcome(StrEnum):
    """How a condition stands.  Open: there is time, and it is not met yet."""

    OPEN = "open"
    MET = "met"
    FAILED = "failed"


class Measured(msgspec.Struct, frozen=True):
    """What was measured; None: nobody knows.  `detail` says what it comes from, `on` of which day it is (today)."""

    value: float | None = None
    detail: str = ""
    on: date | None = None


class PurchaseCondition(msgspec.Struct, frozen=True):
    """One condition.  `last` is what was measured when it was looked at last, `met_on` the day it was met."""

    measure: Measure
    compare: str
    bound: float
    by: date
    word: str = ""
    outcome: ConditionOutcome = ConditionOutcome.OPEN
    last: float | None = None
    detail: str = ""
    met_on: date | None = None

    @property
    def measured(self) -> str:
        """What is measured for it: two conditions may ask the same for two days, or from two sides."""
        return f"{self.subject} {self.compare} by {self.by}"

    @property
    def subject(self) -> str:
        """What is measured, as it is written."""
        return f"{self.measure}:{self.word}" if self.word else self.measure.value

    def __str__(self) -> str:
        return f"{self.subject} {self.compare} {self.bound:g} by {self.by}"


def parse_condition(text: str) -> PurchaseCondition:
    """Return the condition of a text.  Raises ValueError that says how one is written."""
    found = _TEXT.fullmatch(text.strip())
    try:
        measure = Measure(found["measure"]) if found else None
        by = date.fromisoformat(found["by"]) if found else None
    except ValueError:
        measure = by = None
    if found is None or measure is None or by is None:
        names = ", ".join(f"{m}:WORD" if m in NEEDS_WORD else m for m in Measure)
        raise ValueError(f"{text[:80]!r}: expected MEASURE >= NUMBER by YYYY-MM-DD, with MEASURE one of {names}")
    if (measure in NEEDS_WORD) is (found["word"] is None):
        what = "what of (racks_passed:L12)" if measure in NEEDS_WORD else "nothing after the colon"
        raise ValueError(f"{text[:80]!r}: {measure} needs {what}")
    if float(found["bound"]) < 0.0 and measure is not Measure.CRITERION:
        raise ValueError(f"{text[:80]!r}: {measure} needs a number that is not below 0")
    return PurchaseCondition(measure, found["compare"], float(found["bound"]), by, found["word"] or "")


def judge_condition(condition: PurchaseCondition, value: Measured, today: date) -> PurchaseCondition:
    """Return the condition as it stands with a measured value.  What was decided once stays as it is."""
    if condition.outcome is not ConditionOutcome.OPEN:
        return condition
    seen = msgspec.structs.replace(condition, last=value.value, detail=value.detail)
    day = min(today, value.on or today)
    if value.value is not None and _holds(condition, value.value) and day <= condition.by:
        return msgspec.structs.replace(seen, outcome=ConditionOutcome.MET, met_on=day)
    if today > condition.by:
        return msgspec.structs.replace(seen, outcome=ConditionOutcome.FAILED)
    return seen


def _holds(condition: PurchaseCondition, value: float) -> bool:
    return value >= condition.bound if condition.compare == ">=" else value <= condition.bound
