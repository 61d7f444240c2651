"""How each criterion's value comes out of one rack's readings; what is missing makes it unknown, not small.  Pure.

Every way takes the criterion, the evidence of its step and what is known of the rack, and returns a `Seen`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from rack_controller.prove.accept.evidence import Array, Evidence, Phase, Series
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.robust import middle
from rack_controller.prove.evaluate.criteria import BEFORE, FAULTS, CriterionSpec, FaultDrill, Way
from rack_controller.prove.evaluate.sheet import Seen, not_measured

LEAST_KNOWN = 0.9
LEAST_DRAWN = 0.6
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of a rack beside its readings: parts, the power its design plans to use (W), a GPU's limit (W)."""

    parts: Parts
    usable_w: float
    gpu_limit_w: float
    drill: FaultDrill | None = None


class Unmeasured(Exception):
    """A value cannot be told from what was read; the text says why."""


def measure(criterion: CriterionSpec, evidence: Evidence, subject: Subject) -> Seen:
    """Return what one criterion makes of one step's evidence; never a guess."""
    try:
        if criterion.loaded:
            _draws_enough(evidence, _phase(evidence, criterion.loaded), subject)
        return _WAYS[criterion.way](criterion, evidence, subject)
    except Unmeasured as err:
        return not_measured(str(err))


def _work_per_kw(criterion: CriterionSpec, evidence: Evidence, subject: Subject) -> Seen:
    phase = _phase(evidence, criterion.stretch)
    work, power = _pace(evidence, phase), _facility_w(evidence, phase)
    return Seen(work / (power / 1e3), detail=f"{work:.4g} TFLOP/s on {power / 1e3:.4g} kW")


def _work_ratio(criterion: CriterionSpec, evidence: Evidence, subject: Subject) -> Seen:
    limited, full = _phase(evidence, criterion.stretch), _phase(evidence, criterion.against)
    share = _facility_w(evidence, limited) / _facility_w(evidence, full)
    return Seen(_pace(evidence, limited) / _pace(evidence, full), detail=f"at {share:.1%} of the facility's power")


def _margin(criterion: CriterionSpec, evidence: Evidence, subject: Subject) -> Seen:
    phase = _phase(evidence, criterion.stretch)
    hottest = _series(evidence, criterion.of, phase)
    levels = _known(middle(hottest.values), criterion.of)
    at = int(np.argmax(levels))
    assert criterion.limit is not None
    return Seen(criterion.limit - float(levels[at]), detail=f"{hottest.places[at]} at {levels[at]:.1f}")


def _headroom(criterion: CriterionSpec, evidence: Evidence, subject: Subject) -> Seen:
    phase = _phase(evidence, criterion.stretch)
    peak = float(np.max(_sums(evidence, "shelf.power", phase)))
    return Seen(1.0 - peak / subject.usable_w, detail=f"{peak / 1e3:.4g} of {subject.usable_w / 1e3:.4g} kW")


def _ramp(criterion: CriterionSpec, evidence: Evidence, subject: Subject) -> Seen:
    phase = _phase(evidence, criterion.stretch)
    times = _series(evidence, "feedphase.power", phase).times
    power = _sums(evidence, "feedphase.power", phase)
    if len(times) < 3:
        raise Unmeasured("too few readings to see a ramp")
    return Seen(float(np.max(np.diff(power) / np.diff(times))) / 1e3)


def _spread(criterion: CriterionSpec, evidence: Evidence, subject: Subject) -> Seen:
    series = _series(evidence, criterion.of, _phase(evidence, criterion.stretch))
    levels = _known(middle(series.values), criterion.of)
    if np.median(levels) <= 0.0:
        raise Unmeasured(f"{criterion.of} is nothing")
    slowest = series.places[int(np.argmin(levels))]
    return Seen(float(np.ptp(levels) / np.median(levels)), detail=f"slowest {slowest}")


def _usable(criterion: CriterionSpec, evidence: Evidence, subject: Subject) -> Seen:
    drill = subject.drill
    drilled = evidence.phases_called(f"{FAULTS}{criterion.faults}")
    if drill is None or not drilled:
        raise Unmeasured("no part was taken out")
    before = _phase(evidence, BEFORE)
    power, clock = (_middle_of(evidence, name, before) for name in ("gpu.power", "gpu.clock_core"))
    fewest, worst = len(power), ""
    for phase in drilled:
        with np.errstate(invalid="ignore"):
            draws = _middle_of(evidence, "gpu.power", phase) >= drill.least_power * power
            clocks = _middle_of(evidence, "gpu.clock_core", phase) >= drill.least_clock * clock
        usable = int(np.sum(draws & clocks))
        if usable < fewest or not worst:
            fewest, worst = usable, phase.place
    detail = f"of {len(power)}, worst of {len(drilled)}: {worst}"
    return Seen(float(fewest), detail=detail, most=float(len(power)))


def _failures(criterion: CriterionSpec, evidence: Evidence, subject: Subject) -> Seen:
    phase = _phase(evidence, criterion.stretch)
    failed: set[str] = set()
    for name in criterion.counters:
        series = _series(evidence, name, phase)
        _known(series.values[[0, -1]].ravel(), name)
        grown = series.values[-1] - series.values[0] > 0.0
        failed |= {p for p, grew in zip(series.places, grown, strict=True) if grew}
    exposure = (phase.end - phase.begin) / DAY_S
    names = ", ".join(sorted(failed)[:4])
    return Seen(len(failed) / exposure, events=len(failed), exposure=exposure, detail=names)


def _drift(criterion: CriterionSpec, evidence: Evidence, subject: Subject) -> Seen:
    told = [(place, value) for place, value in evidence.facts_called("firmware") if value is not None]
    held = [(p, v, want) for p, v in told if (want := _wanted(p, evidence, subject.parts)) is not None]
    if not held:
        raise Unmeasured("no part tells its firmware" if not told else "no baseline is known")
    away = [p for p, value, want in held if value != want]
    detail = f"of {len(held)}" + (f": {', '.join(away[:4])}" if away else "")
    return Seen(float(len(away)), detail=detail, most=float(len(held)))


_WAYS: Mapping[Way, Callable[[CriterionSpec, Evidence, Subject], Seen]] = {
    Way.WORK_PER_KW: _work_per_kw,
    Way.WORK_RATIO: _work_ratio,
    Way.MARGIN: _margin,
    Way.HEADROOM: _headroom,
    Way.RAMP: _ramp,
    Way.SPREAD: _spread,
    Way.USABLE: _usable,
    Way.FAILURES: _failures,
    Way.DRIFT: _drift,
}


def _phase(evidence: Evidence, name: str) -> Phase:
    found = evidence.phases_called(name)
    if not found:
        raise Unmeasured(f"there was no {name}")
    return found[0]


def _series(evidence: Evidence, name: str, phase: Phase) -> Series:
    series = evidence.series.get(name)
    if series is None:
        raise Unmeasured(f"nothing measures {name}")
    inside = series.during(phase)
    if not len(inside.times):
        raise Unmeasured(f"{name} was not read in {phase.name}")
    return inside


def _middle_of(evidence: Evidence, name: str, phase: Phase) -> Array:
    return middle(_series(evidence, name, phase).values)


def _known(values: Array, name: str) -> Array:
    """Return values of which none is unknown.  Raises Unmeasured: an extreme of those that speak says nothing."""
    silent = int(np.isnan(values).sum())
    if silent:
        raise Unmeasured(f"{silent} of {values.size} readings of {name} are unknown")
    return values


def _sums(evidence: Evidence, name: str, phase: Phase) -> Array:
    """Return a series' sum over its parts at every moment at which all of them are known."""
    values = _series(evidence, name, phase).values.sum(axis=1)
    known = values[np.isfinite(values)]
    if len(known) < LEAST_KNOWN * len(values):
        raise Unmeasured(f"{name} is unknown at {len(values) - len(known)} of {len(values)} moments")
    return np.asarray(known)


def _facility_w(evidence: Evidence, phase: Phase) -> float:
    """Return what the facility gives on average: the feeds, with supplies' loss and fans, and the loop's pumps."""
    return float(np.mean(_sums(evidence, "feedphase.power", phase)) + np.mean(_sums(evidence, "pump.power", phase)))


def _pace(evidence: Evidence, phase: Phase) -> float:
    """Return the work of all GPUs in step: as many times the slowest one's rate at every moment, on average."""
    values = _series(evidence, "gpu.work_rate", phase).values
    slowest = values.min(axis=1)
    known = slowest[np.isfinite(slowest)]
    if len(known) < LEAST_KNOWN * len(slowest):
        raise Unmeasured(f"gpu.work_rate is unknown at {len(slowest) - len(known)} of {len(slowest)} moments")
    return float(np.mean(known)) * len(values[0])


def _draws_enough(evidence: Evidence, phase: Phase, subject: Subject) -> None:
    """Raise Unmeasured where GPUs draw far less than full load: what they then say of work or heat says nothing."""
    drawn = float(np.mean(_sums(evidence, "gpu.power", phase)))
    asked = subject.gpu_limit_w * len(subject.parts.of("gpu"))
    if drawn < LEAST_DRAWN * asked:
        raise Unmeasured(
            f"GPUs drew {drawn / 1e3:.3g} of {asked / 1e3:.3g} kW in {phase.name}: it was no full load, "
            "or heat had slowed them down"
        )


def _wanted(place: str, evidence: Evidence, parts: Parts) -> object:
    tray = parts.kind_of(place.partition("/")[0])
    for name in (place, f"{tray}/{place.rpartition('/')[2]}", parts.kind_of(place)):
        said = evidence.baseline.get(name, {}).get("firmware")
        if said is not None:
            return said
    return None
