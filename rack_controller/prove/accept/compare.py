"""Rules of one phase: a bound on each part, parts against their peers and their design, scatter.  Pure."""

import numpy as np

from rack_controller.prove.accept.evidence import Array, Evidence, Series
from rack_controller.prove.accept.parts import Parts, profile
from rack_controller.prove.accept.plan import MeasureSpec
from rack_controller.prove.accept.robust import (
    centre,
    last_digit,
    middle,
    scatter,
    scatter_of_its_own,
    spread,
    standard_error,
)
from rack_controller.prove.accept.weighed import Weighed, weigh

MOST_ALONE = 4
"""Fewer parts than this have no peers to speak of."""
COUNTED = frozenset({"1", "code", "bits"})
"""Units of what is counted or coded: there one step is a difference, and not what rounding makes of two readings."""
STEPS = 1.5
"""Steps of an instrument's last digit that two that read the same may show apart."""
UNSEEN = "no reading in the phase: its sensor is silent"
UNASKED = "the phase has no number that was asked for: nothing to hold it against"


def bounds(measure: MeasureSpec, evidence: Evidence) -> tuple[float, float]:
    """Return `least` and `most` in the measure's unit, infinite where one is not given.

    Of a measure against what its phase asked for they are multiples of that; NaN where it asked for no number.
    """
    scale = 1.0
    if measure.against == "asked":
        scale = max((p.value for p in evidence.phases_called(measure.phase)), default=float("nan"))
    low = -np.inf if measure.least is None else measure.least * scale
    high = np.inf if measure.most is None else measure.most * scale
    return low, high


def judge_range(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """Each part's median lies between `least` and `most`, in every phase of that name."""
    series = evidence.series[measure.of]
    values, error = _over_phases(series, evidence, measure.phase)
    low, high = bounds(measure, evidence)
    if np.isnan(low) or np.isnan(high):
        return Weighed(gap=UNASKED)
    limits = np.where(values - high > low - values, high, low)
    excess = np.maximum(values - high, low - values)

    def said(n: int) -> str:
        beyond = "above" if values[n] > high else "below" if values[n] < low else "within"
        return f"{measure.of} {_number(values[n])} {measure.unit}, {beyond} {_number(limits[n])}"

    return weigh(series.places, values, limits, excess, error, said, UNSEEN)


def judge_peers(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """Each part's median is near its peers' median times what the design expects of its position."""
    series = evidence.series[measure.of]
    values, error = _over_phases(series, evidence, measure.phase)
    expected = profile(parts, measure.profile, series.places)
    level = _level(measure, series, values / expected)
    wanted = level * expected
    allowed = np.zeros(len(values))
    if measure.within is not None:
        allowed = np.maximum(allowed, measure.within)
    if measure.share is not None:
        allowed = np.maximum(allowed, measure.share * np.abs(wanted))
    if measure.times is not None:
        allowed = np.maximum(allowed, measure.times * spread(values - wanted))
    deviation = values - wanted
    accused = np.abs(deviation) > allowed
    if measure.unit not in COUNTED and accused.any():
        cut = [series.during(p).values[:, ~accused] for p in evidence.phases_called(measure.phase)]
        allowed = np.maximum(allowed, rounding(measure, cut))
    limits = wanted + np.sign(deviation) * allowed

    def said(n: int) -> str:
        return (
            f"{measure.of} {_number(values[n])} {measure.unit}, expected {_number(wanted[n])} from its peers, "
            f"{_number(allowed[n])} off is allowed"
        )

    return weigh(series.places, values, limits, np.abs(deviation) - allowed, error, said, UNSEEN)


def judge_scatter(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """Each part's readings scatter at most `times` as much as its peers', or at most `most`, or by a `share` of it.

    While all move, what is read rarely shows a movement in one step: as much as its peers moved meanwhile is none.
    """
    series = evidence.series[measure.of]
    found = [scatter(series.during(p).values) for p in evidence.phases_called(measure.phase)]
    values = np.max(np.vstack(found), axis=0) if found else np.full(len(series.places), np.nan)
    usual = centre(values)
    bound = measure.most if measure.most is not None else (measure.times or 5.0) * usual
    limits = np.full(len(values), max(bound, measure.within or 0.0))
    if measure.share is not None:
        limits = np.fmax(limits, measure.share * np.abs(_over_phases(series, evidence, measure.phase)[0]))
    if len(values) >= MOST_ALONE:
        cut = [series.during(p).values for p in evidence.phases_called(measure.phase)]
        for n in np.flatnonzero(values > limits):
            values[n] = max(scatter_of_its_own(c, int(n), usual) for c in cut)

    def said(n: int) -> str:
        return f"{measure.of} scatters by {_number(values[n])} {measure.unit}, its peers by {_number(usual)}"

    return weigh(series.places, values, limits, values - limits, 0.2 * limits, said, UNSEEN)


def rounding(measure: MeasureSpec, cut: list[Array]) -> float:
    """Return by how much rounding alone may set two readings apart, in the measure's unit, 0 where it is not known.

    `cut`: readings by phase, (N, P) each, of parts that nothing is said against: a fault must not excuse itself.  Where
    the plan says `within`, a last digit is taken for no coarser than that.
    """
    digit = last_digit(np.vstack(cut)) if cut else 0.0
    return STEPS * (digit if measure.within is None else min(digit, measure.within))


def is_noisy(series: Series, evidence: Evidence, phase: str) -> bool:
    """Return whether most parts of a series scatter in a phase: of what is counted or coded most do not."""
    return any(centre(scatter(series.during(p).values)) > 0.0 for p in evidence.phases_called(phase))


def _level(measure: MeasureSpec, series: Series, normal: Array) -> Array:
    """Return the level that each part's peers have: all of them, or those of its tray or of its place in a tray."""
    if not measure.group:
        return np.full(len(normal), centre(normal))
    groups = np.array([_group(p, measure.group) for p in series.places])
    level = np.empty(len(normal))
    for name in np.unique(groups):
        inside = groups == name
        level[inside] = centre(normal[inside])
    return level


def _group(place: str, group: str) -> str:
    tray, _, part = place.partition("/")
    return part if group == "place" else tray


def _over_phases(series: Series, evidence: Evidence, phase: str) -> tuple[Array, Array]:
    """Return each part's median over all phases of a name, and its standard error."""
    cut = [series.during(p).values for p in evidence.phases_called(phase)]
    values = np.vstack(cut) if cut else np.empty((0, len(series.places)))
    return middle(values), standard_error(values) if len(values) > 2 else np.zeros(len(series.places))


def _number(value: float) -> str:
    return f"{value:.4g}"
