"""What racks are compared by, and under which stimuli, as a file says it.  Pure: text in, a plan out."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from firmware_bridge.wire.located_yaml import Located, convert
from rack_controller.prove.evaluate.intervals import ANYTHING, Span

SCHEMA_VERSION = 1
BEFORE, FAULTS = "before", "faults"
"""Phases of a fault drill: healthy at full load, and `faults1`, `faults2` with so many parts out."""
CriterionId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")]
Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_]{0,47}$")]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=7 * 86_400)]


class Way(StrEnum):
    """How a criterion's value comes out of what was read; `ways.py` has one function for each that reads series."""

    WORK_PER_KW = "work_per_kw"
    WORK_RATIO = "work_ratio"
    MARGIN = "margin"
    HEADROOM = "headroom"
    RAMP = "ramp"
    SPREAD = "spread"
    USABLE = "usable"
    FAILURES = "failures"
    DRIFT = "drift"
    REPAIR = "repair"
    DOCK_TO_JOB = "dock_to_job"
    ORIGIN = "origin"
    COST = "cost"


class Kind(StrEnum):
    """What a value is: one number of a rack, a count over an exposure, or bounds that arithmetic gives."""

    NUMBER = "number"
    COUNT = "count"
    BOUNDS = "bounds"


KIND_OF = {
    **dict.fromkeys(Way, Kind.NUMBER),
    Way.FAILURES: Kind.COUNT,
    Way.ORIGIN: Kind.BOUNDS,
    Way.COST: Kind.BOUNDS,
}
_NOT_NEGATIVE = Span(least=0.0)
SPAN_OF = {
    Way.WORK_PER_KW: _NOT_NEGATIVE,
    Way.WORK_RATIO: _NOT_NEGATIVE,  # more than all is no contradiction: both are measured
    Way.MARGIN: ANYTHING,
    Way.HEADROOM: Span(most=1.0),  # more may be drawn than is planned
    Way.RAMP: ANYTHING,
    Way.SPREAD: _NOT_NEGATIVE,
    Way.USABLE: _NOT_NEGATIVE,
    Way.FAILURES: _NOT_NEGATIVE,
    Way.DRIFT: _NOT_NEGATIVE,
    Way.REPAIR: _NOT_NEGATIVE,
    Way.DOCK_TO_JOB: _NOT_NEGATIVE,
    Way.ORIGIN: Span(0.0, 100.0),
    Way.COST: _NOT_NEGATIVE,
}
"""What a value can be at all.  Counted parts are no more than a rack has, which its own value tells (`Seen.most`)."""
FROM_RECORDS = frozenset({Way.REPAIR, Way.DOCK_TO_JOB, Way.ORIGIN, Way.COST})
"""What no run measures: passports and milestones have it."""
NEEDS = {
    Way.WORK_PER_KW: ("step", "stretch"),
    Way.WORK_RATIO: ("step", "stretch", "against"),
    Way.MARGIN: ("step", "stretch", "of", "limit"),
    Way.HEADROOM: ("step", "stretch"),
    Way.RAMP: ("step", "stretch"),
    Way.SPREAD: ("step", "stretch", "of"),
    Way.USABLE: ("faults",),
    Way.FAILURES: ("step", "stretch", "counters"),
}


class InAcceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an acceptance run measures the same: step and phases of its plan."""

    step: str
    stretch: str
    against: str = ""
    loaded: str = ""


class CriterionSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One criterion.  `better`: which way is better; `source`: who says so, or that it is our assumption.

    `step`, `stretch`: where it is read; `against`: the stretch of the same step that it is a share of; `loaded`: the
    one in which GPUs must draw what full load draws, or the value says nothing; `of`: a series;
    `limit`: in its unit; `faults`: how many at once; `counters`: series that count what fails; `rule`: of origin.
    `in_acceptance`: where an acceptance run measures it.
    """

    id: CriterionId
    title: str
    unit: str
    better: Literal["higher", "lower"]
    way: Way
    source: str
    step: str = ""
    stretch: str = ""
    against: str = ""
    loaded: str = ""
    of: str = ""
    limit: float | None = None
    faults: int = 0
    counters: list[str] = []
    rule: str = ""
    in_acceptance: InAcceptance | None = None

    @property
    def kind(self) -> Kind:
        """What its values are."""
        return KIND_OF[self.way]

    @property
    def span(self) -> Span:
        """What its values can be at all."""
        return SPAN_OF[self.way]


class Stretch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One stimulus for a while, the same for every generation.

    `load`: share of the GPUs' span; `trace`: the plan's recorded load instead; `limit`: share of the limit that a GPU
    has by default; `facility_c`: temperature of the facility's water.
    """

    name: Id
    for_s: Seconds
    load: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    trace: bool = False
    limit: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    facility_c: float | None = None
    settle_s: Seconds = 0.0
    every_s: Annotated[float, msgspec.Meta(ge=0.05, le=60)] = 2.0


class EvaluationStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stretches one after the other, from rest."""

    id: Id
    title: str
    stretches: Annotated[list[Stretch], msgspec.Meta(min_length=1)]

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return sum(s.settle_s + s.for_s for s in self.stretches)


class FaultDrill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parts that are taken out at full load: each of `kinds` alone, then every two of them together.

    A GPU is usable while it draws at least `least_power` and clocks at least `least_clock` of what it did before.
    """

    kinds: Annotated[list[str], msgspec.Meta(min_length=1)]
    settle_s: Seconds
    for_s: Seconds
    every_s: Annotated[float, msgspec.Meta(ge=0.05, le=60)] = 2.0
    least_power: float = 0.5
    least_clock: float = 0.9


class WorkRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a GPU of a generation does at full clock, for virtual racks, and who says so."""

    tflops: Annotated[float, msgspec.Meta(gt=0)]
    source: str
    confirmed: bool = False


class Pumps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a coolant unit's pumps draw at full speed on virtual racks: with the cube of their speed."""

    rated_w_per_lpm: Annotated[float, msgspec.Meta(gt=0)]
    source: str


class EvaluationPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is done to every rack, and by what racks are then compared."""

    schema_version: Annotated[int, msgspec.Meta(ge=1, le=SCHEMA_VERSION)]
    name: str
    title: str
    steps: Annotated[list[EvaluationStep], msgspec.Meta(min_length=1)]
    criteria: Annotated[list[CriterionSpec], msgspec.Meta(min_length=1)]
    faults: FaultDrill | None = None
    work: dict[str, WorkRate] = {}
    pumps: Pumps | None = None
    stop_c: float = 94.0

    def criterion(self, name: str) -> CriterionSpec | None:
        """Return a criterion by its id."""
        return next((c for c in self.criteria if c.id == name), None)


def evaluation_plan_of(document: Located) -> EvaluationPlan:
    """Return the plan that a document holds.  Raises FileInvalid with file, line, field and what was expected."""
    plan = convert(document, "", EvaluationPlan)
    known = {s.id: {t.name for t in s.stretches} for s in plan.steps}
    if len(known) != len(plan.steps):
        raise document.complaint("steps", "expected an id of its own for every step")
    seen: set[str] = set()
    for n, criterion in enumerate(plan.criteria):
        at = f"criteria[{n}]"
        if criterion.id in seen:
            raise document.complaint(f"{at}.id", f"expected an id of its own, got {criterion.id!r}")
        seen.add(criterion.id)
        if not criterion.source.strip():
            raise document.complaint(f"{at}.source", "expected who says so")
        for field in NEEDS.get(criterion.way, ()):
            if getattr(criterion, field) in ("", None, 0, []):
                raise document.complaint(f"{at}.{field}", f"expected one: {criterion.way} needs it")
        if criterion.step and criterion.step not in known:
            raise document.complaint(f"{at}.step", f"expected a step of this plan, got {criterion.step!r}")
        for field in ("stretch", "against", "loaded"):
            name = getattr(criterion, field)
            if name and name not in known.get(criterion.step, {BEFORE}):
                raise document.complaint(f"{at}.{field}", f"expected a stretch of that step, got {name!r}")
        if criterion.faults and (plan.faults is None or criterion.faults > 2):
            raise document.complaint(f"{at}.faults", "expected 1 or 2, and `faults` of the plan")
    return plan
