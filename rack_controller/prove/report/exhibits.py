"""Which raw series a report shows of a step: what was beyond a limit, else what came nearest to one.  Pure.

A drawing has all parts of one series over time, those that matter by name, and beside it every part's own median.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rack_controller.acceptance.record import StepRecord
from rack_controller.prove.accept.derived import derive
from rack_controller.prove.accept.evidence import Array, Evidence, Series
from rack_controller.prove.accept.judge import sweep_of
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import MeasureSpec, Plan, Rule, StepSpec
from rack_controller.prove.accept.robust import middle
from rack_controller.prove.accept.suspects import SWEPT
from rack_controller.prove.accept.verdict import Measured

MOST_OF_A_STEP = 3
MOST_NAMED = 3
"""How many parts of a series are drawn with a line and a name of their own."""
_SAME_UNIT = {Rule.RANGE, Rule.PEERS, Rule.ALONE}
"""Rules whose values are the series' own readings: only then value and limit can be drawn in it."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """One series as it is drawn.

    `marked`: the parts with lines and names of their own, worst first; `faulty`: whether they are out of bounds.
    `limits`: value and words of each limit, in the series' unit.  `spans`: the stretches that were judged, s from the
    step's begin, as `times` are.  `own`: each part's median over them.
    """

    title: str
    unit: str
    places: tuple[str, ...]
    times: Array
    values: Array
    own: Array
    marked: tuple[str, ...]
    faulty: bool
    limits: tuple[tuple[float, str], ...] = ()
    spans: tuple[tuple[float, float], ...] = field(default=())


def drawings_of(
    record: StepRecord, step: StepSpec, plan: Plan, raw: Evidence, parts: Parts, most: int = MOST_OF_A_STEP
) -> list[Drawing]:
    """Return what is worth drawing of a step, worst first; none where nothing was read over time."""
    if not raw.series:
        return []
    whole = Evidence(raw.rack, derive(raw.series, parts), raw.phases)
    specs = {m.id: m for m in (*step.measures, *sweep_of(step, plan, whole)) if m.of in whole.series}
    known = [m for m in record.measures if m.id in specs]
    worst = [m for m in known if any(not f.error and f.place for f in m.findings)]
    # What a measure made for it says comes before what a sweep says of the same fault.
    worst.sort(key=lambda m: (m.id.startswith(SWEPT), -max(f.confidence for f in m.findings)))
    chosen = _one_of_each(worst, specs)[:most] or _nearest(known, specs)
    return [_drawing(m, specs[m.id], whole) for m in chosen]


def _one_of_each(measures: Sequence[Measured], specs: Mapping[str, MeasureSpec]) -> list[Measured]:
    """Return the first measure of every series: two drawings of one series show the same."""
    seen: dict[str, Measured] = {}
    for measured in measures:
        seen.setdefault(specs[measured.id].of, measured)
    return list(seen.values())


def _nearest(measures: Sequence[Measured], specs: Mapping[str, MeasureSpec]) -> list[Measured]:
    """Return the measure whose part came nearest to its limit, by the limit's own size."""
    able = [m for m in measures if _margin(m) is not None and specs[m.id].rule in _SAME_UNIT]
    able.sort(key=lambda m: (m.id.startswith(SWEPT), _margin(m)))
    return able[:1]


def _margin(measured: Measured) -> float | None:
    value, limit = measured.value, measured.limit
    if not isinstance(value, int | float) or not isinstance(limit, int | float) or not limit:
        return None
    return abs(value - limit) / abs(limit)


def _drawing(measured: Measured, spec: MeasureSpec, evidence: Evidence) -> Drawing:
    series = evidence.series[spec.of]
    found = [f for f in measured.findings if not f.error and f.place in series.places]
    found.sort(key=lambda f: -f.confidence)
    marked = tuple(dict.fromkeys(f.place for f in found)) or ((measured.place,) if measured.place else ())
    marked = tuple(p for p in marked if p in series.places)
    names = {spec.phase, spec.to} - {""}
    phases = [p for p in evidence.phases if p.name in names or not names]
    own = middle(np.vstack([series.during(p).values for p in phases])) if phases else middle(series.values)
    # Of a phase that was repeated for many parts, the one of the part that is shown says most.
    shown = [p for p in phases if p.place and p.place in marked] or phases
    begin = float(series.times[0]) if len(series.times) else 0.0
    return Drawing(
        title=measured.title if spec.of in measured.title else f"{measured.title}: {spec.of}",
        unit=series.unit or spec.unit,
        places=series.places,
        times=series.times - begin,
        values=series.values,
        own=own,
        marked=marked[:MOST_NAMED],
        faulty=bool(found),
        limits=_limits(measured, spec, series),
        spans=tuple((p.begin - begin, p.end - begin) for p in shown),
    )


def _limits(measured: Measured, spec: MeasureSpec, series: Series) -> tuple[tuple[float, str], ...]:
    if spec.rule in {Rule.RANGE, Rule.ALONE}:
        bounds = ((spec.least, "at least"), (spec.most, "at most"))
        return tuple((b, word) for b, word in bounds if b is not None)
    if spec.rule is Rule.PEERS and isinstance(measured.limit, int | float):
        return ((float(measured.limit), f"limit of {measured.place}" if len(series.places) > 1 else "limit"),)
    return ()
