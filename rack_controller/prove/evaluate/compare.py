"""Groups of racks side by side: a cell for every criterion and group, a contrast for every two groups.  Pure.

A group's value comes from its racks' values, each rack counted once however often it was measured; what was not
measured stays so.  Contrasts are made only of what was measured under the same stimuli.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import combinations

import msgspec

from rack_controller.prove.evaluate.criteria import CriterionSpec, EvaluationPlan, Kind
from rack_controller.prove.evaluate.differences import Difference, How, corrected, of_bounds, of_means, of_rates
from rack_controller.prove.evaluate.intervals import CONFIDENCE, Span, mean_interval, rate_interval
from rack_controller.prove.evaluate.sheet import NOT_MEASURED, Seen, Sheet

ERROR = 0.05
MOST_CONTRASTED = 8
METHOD = (
    "Intervals hold with 95 % confidence: Student's t for means over racks, without what cannot be (fewer than none, "
    "more than there are), Garwood's exact interval for failures, bounds by arithmetic for origin and cost. "
    "Differences: Welch's t test, the exact conditional test for failures; all tests of the table are corrected "
    "together after Holm, real means a corrected chance below 5 %."
)


class Verdict(StrEnum):
    """What can be said of a difference."""

    REAL = "real"
    NOT_SHOWN = "not_shown"
    NOT_COMPARABLE = "not_comparable"
    NOT_MEASURED = "not_measured"


class Group(msgspec.Struct, frozen=True):
    """Racks that are taken together.  `rack_days`: how long all of them were measured."""

    name: str
    racks: int
    sheets: int
    rack_days: float
    rig: str


class Cell(msgspec.Struct, frozen=True):
    """One criterion of one group.

    `value` with `low` and `high`; `between`: standard deviation from rack to rack, `within`: of one rack from time to
    time, both None where nothing tells.  `why`: why there is no value, or what it leaves out.
    """

    criterion: str
    group: str
    racks: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    between: float | None = None
    within: float | None = None
    events: int | None = None
    exposure: float | None = None
    under: str = ""
    why: str = ""


class Contrast(msgspec.Struct, frozen=True):
    """One criterion of two groups: the second less the first.

    `difference` in the criterion's unit; `chance` as tested, `corrected` for all tests of
    the table.  `better`: the better group of a real difference.
    """

    criterion: str
    first: str
    second: str
    verdict: Verdict
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    corrected: float | None = None
    how: How = How.NONE
    better: str = ""
    why: str = ""


class Comparison(msgspec.Struct, frozen=True):
    """All of it.  `tests`: how many tests were corrected together."""

    plan: str
    criteria: list[CriterionSpec]
    groups: list[Group]
    cells: list[Cell]
    contrasts: list[Contrast]
    tests: int
    method: str = METHOD

    def cell(self, criterion: str, group: str) -> Cell | None:
        """Return one cell."""
        return next((c for c in self.cells if c.criterion == criterion and c.group == group), None)


def compare(plan: EvaluationPlan, groups: Mapping[str, Sequence[Sheet]], *, contrast: bool = True) -> Comparison:
    """Return groups of sheets side by side; contrasts for at most `MOST_CONTRASTED` groups."""
    seen = {(c.id, g): _racks(c.id, sheets) for c in plan.criteria for g, sheets in groups.items()}
    cells = [_cell(c, g, *seen[c.id, g]) for c in plan.criteria for g in groups]
    at = {(c.criterion, c.group): c for c in cells}
    pairs = list(combinations(groups, 2)) if contrast and len(groups) <= MOST_CONTRASTED else []
    contrasts = [
        _contrast(c, (at[c.id, a], at[c.id, b]), (seen[c.id, a][0], seen[c.id, b][0]))
        for c in plan.criteria
        for a, b in pairs
    ]
    contrasts = _corrected(contrasts, {c.id: c for c in plan.criteria})
    tests = sum(c.corrected is not None for c in contrasts)
    return Comparison(plan.name, plan.criteria, [_group(n, s) for n, s in groups.items()], cells, contrasts, tests)


def grouped(sheets: Sequence[Sheet], by: str) -> dict[str, list[Sheet]]:
    """Return sheets by `generation`, `rack` or `run`; virtual racks apart from real ones, and what was measured of a
    design before it was changed apart from what was measured since.  Raises ValueError."""
    if by not in {"generation", "rack", "run"}:
        raise ValueError(f"cannot group by {by[:32]!r}: generation, rack or run")
    found: dict[str, list[Sheet]] = {}
    mixed = {s.generation for s in sheets if s.rig == "virtual"} & {s.generation for s in sheets if s.rig != "virtual"}
    designs: dict[str, set[str]] = {}
    for sheet in sheets:
        designs.setdefault(getattr(sheet, by), set()).add(sheet.design_sha256)
    for sheet in sheets:
        name = getattr(sheet, by)
        several = by != "run" and len(designs[name]) > 1
        marks = [sheet.rig] * (by == "generation" and sheet.generation in mixed)
        marks += [f"design {sheet.design_sha256[:8]}" if sheet.design_sha256 else "as it ships"] * several
        found.setdefault(f"{name} ({', '.join(marks)})" if marks else name, []).append(sheet)
    return dict(sorted(found.items()))


def _group(name: str, sheets: Sequence[Sheet]) -> Group:
    rigs = ", ".join(sorted({s.rig for s in sheets}))
    return Group(name, len({s.rack for s in sheets}), len(sheets), math.fsum(s.days for s in sheets), rigs)


def _racks(criterion: str, sheets: Sequence[Sheet]) -> tuple[dict[str, list[Seen]], str, str]:
    """Return what was seen of a criterion by rack, under the stimuli that most sheets share; those; what is left out.

    Reasons of sheets without a value come back where no sheet has one.
    """
    seen = [(s.rack, s.seen.get(criterion, Seen(why="its plan does not ask for it"))) for s in sheets]
    known = [(rack, one) for rack, one in seen if one.value is not None or one.low is not None]
    if not known:
        whys = Counter(one.why or NOT_MEASURED for _, one in seen)
        return {}, "", whys.most_common(1)[0][0] if whys else NOT_MEASURED
    under = Counter(one.under for _, one in known).most_common(1)[0][0]
    racks: dict[str, list[Seen]] = {}
    for rack, one in known:
        if one.under == under:
            racks.setdefault(rack, []).append(one)
    others = sum(one.under != under for _, one in known)
    left = [f"{others} under other stimuli"] if others else []
    missing = len({s.rack for s in sheets} - racks.keys())
    left += [f"{missing} racks not measured"] if missing else []
    return racks, under, f"left out: {', '.join(left)}" if left else ""


def _cell(criterion: CriterionSpec, group: str, racks: dict[str, list[Seen]], under: str, why: str) -> Cell:
    cell = Cell(criterion.id, group, len(racks), under=under, why=why)
    if not racks:
        return cell
    every = [one for some in racks.values() for one in some]
    if criterion.kind is Kind.COUNT:
        events, exposure = _counted(racks)
        found = rate_interval(events, exposure)
        return msgspec.structs.replace(
            cell, value=found.value, low=found.low, high=found.high, events=events, exposure=exposure
        )
    if criterion.kind is Kind.BOUNDS:
        low, high = _bounds(every)
        return msgspec.structs.replace(cell, value=low, low=low, high=high)
    mean = mean_interval(_values(racks), span=_span(criterion, racks))
    return msgspec.structs.replace(
        cell, value=mean.value, low=mean.low, high=mean.high, between=mean.spread, within=_within(racks)
    )


def _values(racks: dict[str, list[Seen]]) -> list[float]:
    """Return one value a rack: the mean of its own."""
    return [math.fsum(one.value or 0.0 for one in some) / len(some) for some in racks.values()]


def _span(criterion: CriterionSpec, racks: dict[str, list[Seen]]) -> Span:
    """Return what the mean of such racks can be: of counted parts no more than the rack with most of them has."""
    mosts = [one.most for some in racks.values() for one in some]
    most = criterion.span.most if None in mosts else max(m for m in mosts if m is not None)
    return criterion.span._replace(most=most)


def _within(racks: dict[str, list[Seen]]) -> float | None:
    """Return the pooled standard deviation of one rack from time to time, None where no rack was measured twice."""
    squares, freedom = 0.0, 0
    for some in racks.values():
        if len(some) > 1:
            found = mean_interval([one.value or 0.0 for one in some])
            squares += (found.spread or 0.0) ** 2 * (len(some) - 1)
            freedom += len(some) - 1
    return math.sqrt(squares / freedom) if freedom else None


def _counted(racks: dict[str, list[Seen]]) -> tuple[int, float]:
    every = [one for some in racks.values() for one in some]
    return sum(one.events or 0 for one in every), math.fsum(one.exposure or 0.0 for one in every)


def _bounds(every: Sequence[Seen]) -> tuple[float, float | None]:
    """Return what holds of every rack: the least lower and the greatest upper bound, None where one has none."""
    low = min(one.low if one.low is not None else one.value or 0.0 for one in every)
    highs = [one.high for one in every]
    return low, None if None in highs else max(h for h in highs if h is not None)


def _contrast(
    criterion: CriterionSpec, cells: tuple[Cell, Cell], racks: tuple[dict[str, list[Seen]], dict[str, list[Seen]]]
) -> Contrast:
    first, second = cells
    made = Contrast(criterion.id, first.group, second.group, Verdict.NOT_MEASURED)
    if not racks[0] or not racks[1]:
        return msgspec.structs.replace(made, why=first.why if not racks[0] else second.why)
    if first.under != second.under:
        why = "not measured under the same stimuli"
        return msgspec.structs.replace(made, verdict=Verdict.NOT_COMPARABLE, why=why)
    found = _difference(criterion, racks)
    verdict = Verdict.REAL if found.how is How.BOUNDS and found.chance == 0.0 else Verdict.NOT_SHOWN
    made = msgspec.structs.replace(
        made, verdict=verdict, difference=found.value, low=found.low, high=found.high, how=found.how, why=found.why
    )
    return made if found.how is How.BOUNDS else msgspec.structs.replace(made, chance=found.chance)


def _difference(criterion: CriterionSpec, racks: tuple[dict[str, list[Seen]], dict[str, list[Seen]]]) -> Difference:
    first, second = racks
    if criterion.kind is Kind.COUNT:
        return of_rates(_counted(first), _counted(second))
    if criterion.kind is Kind.BOUNDS:
        return of_bounds(*(_bounds([one for some in r.values() for one in some]) for r in racks))
    span = _span(criterion, second).less(_span(criterion, first))
    return of_means(_values(first), _values(second), span=span)


def _corrected(contrasts: list[Contrast], criteria: Mapping[str, CriterionSpec]) -> list[Contrast]:
    """Return contrasts with their chances corrected together, what is real, and which group is the better one."""
    tested = [n for n, c in enumerate(contrasts) if c.chance is not None]
    found = list(contrasts)
    for n, chance in zip(tested, corrected([contrasts[n].chance or 0.0 for n in tested]), strict=True):
        verdict = Verdict.REAL if chance < ERROR else Verdict.NOT_SHOWN
        found[n] = msgspec.structs.replace(contrasts[n], corrected=chance, verdict=verdict)
    return [
        msgspec.structs.replace(c, better=_better(c, criteria[c.criterion])) if c.verdict is Verdict.REAL else c
        for c in found
    ]


def _better(contrast: Contrast, criterion: CriterionSpec) -> str:
    more = (contrast.difference or 0.0) > 0.0
    return contrast.second if more is (criterion.better == "higher") else contrast.first


__all__ = ["CONFIDENCE", "Cell", "Comparison", "Contrast", "Group", "Verdict", "compare", "grouped"]
