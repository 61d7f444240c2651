"""Whether a step's evidence is within its plan's limits, and which part is not.  Pure; never a guess.

A measure whose series, fact or record nobody offers is an error, as is one whose every reading is unknown.
"""

from collections.abc import Callable, Mapping

import numpy as np

from rack_controller.prove.accept.compare import COUNTED, MOST_ALONE, is_noisy, judge_peers, judge_range, judge_scatter
from rack_controller.prove.accept.derived import DERIVED, derive, inputs_of
from rack_controller.prove.accept.evidence import Evidence, Series
from rack_controller.prove.accept.over_time import judge_counts, judge_drift, judge_settling, judge_silence
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import MeasureSpec, Plan, Rule, StepSpec, Tolerance
from rack_controller.prove.accept.reaction import (
    judge_alone,
    judge_ceasing,
    judge_following,
    judge_lag,
    judge_removal,
    judge_response,
    judge_taking,
    moves,
    unit_weighed,
)
from rack_controller.prove.accept.steadiness import (
    judge_breath,
    judge_hearing,
    judge_jumps,
    judge_pace,
    judge_peaks,
    judge_strays,
)
from rack_controller.prove.accept.suspects import SWEPT
from rack_controller.prove.accept.told import judge_cabling, judge_fact, judge_place, judge_records, judge_trunks
from rack_controller.prove.accept.verdict import NO_RECORDS, Finding, Measured, Outcome, confidence
from rack_controller.prove.accept.weighed import Weighed

Judge = Callable[[MeasureSpec, Evidence, Parts], Weighed]
RULES: Mapping[Rule, Judge] = {
    Rule.RANGE: judge_range,
    Rule.PEERS: judge_peers,
    Rule.SCATTERS: judge_scatter,
    Rule.FOLLOWS: judge_following,
    Rule.RESPONDS: judge_response,
    Rule.REMOVED: judge_removal,
    Rule.TAKES: judge_taking,
    Rule.ALONE: judge_alone,
    Rule.SETTLES: judge_settling,
    Rule.COUNTS: judge_counts,
    Rule.DRIFTS: judge_drift,
    Rule.SILENT: judge_silence,
    Rule.FACT: judge_fact,
    Rule.PLACED: judge_place,
    Rule.CABLED: judge_cabling,
    Rule.TRUNKED: judge_trunks,
    Rule.PEAKS: judge_peaks,
    Rule.BREATHES: judge_breath,
    Rule.PACES: judge_pace,
    Rule.HEARD: judge_hearing,
    Rule.JUMPS: judge_jumps,
    Rule.STRAYS: judge_strays,
    Rule.LAGS: judge_lag,
    Rule.CEASES: judge_ceasing,
    Rule.RECORD: judge_records,
}
TOLD = {Rule.FACT, Rule.PLACED, Rule.CABLED, Rule.TRUNKED, Rule.RECORD}


def kind_told_of(measure: MeasureSpec) -> str:
    """Return the kind of part of which a measure judges a fact, `*` where it is of whoever tells it."""
    return "port" if measure.rule is Rule.CABLED else measure.only or "*"


def judge_step(step: StepSpec, plan: Plan, evidence: Evidence, parts: Parts) -> list[Measured]:
    """Return what came of every measure of a step, and of its sweep over all series that were read."""
    whole = Evidence(
        evidence.rack,
        derive(evidence.series, parts),
        evidence.phases,
        evidence.facts,
        evidence.built,
        evidence.baseline if plan.baseline is None else plan.baseline.wanted(),
        evidence.records,
        evidence.domain,
    )
    measures = [*step.measures, *sweep_of(step, plan, whole)]
    return [judge(m, whole, parts) for m in measures]


def judge(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Measured:
    """Return what came of one measure."""
    missing = () if measure.rule in TOLD else tuple(n for n in inputs_of(measure.of) if n not in evidence.series)
    if missing:
        return _error(measure, f"nothing in the rack or on the floor measures {', '.join(missing)}")
    if measure.if_built and not evidence.built:
        return _uncompared(measure)
    weighed = RULES[measure.rule](measure, evidence, parts)
    if weighed.gap:
        return _error(measure, weighed.gap)
    # What no ratio can be made of shows in the series that it is made of, which are swept as well.
    swept_ratio = measure.of in DERIVED and measure.id.startswith(SWEPT)
    unit = unit_weighed(measure.rule, weighed.judged, measure.unit)
    findings = [
        Finding(
            measure=measure.id,
            place=w.place,
            serial=evidence.serial(w.place),
            text=f"{w.place}: {w.text}",
            value=w.value,
            limit=w.limit,
            unit=unit,
            source=measure.source,
            confidence=confidence(w.excess, w.uncertainty),
            error=w.unseen,
        )
        for w in weighed.found
        if not (w.unseen and swept_ratio)
    ]
    outcome = Outcome.FAIL if any(not f.error for f in findings) else Outcome.ERROR if findings else Outcome.PASS
    near = weighed.nearest
    return Measured(
        id=measure.id,
        title=measure.title,
        outcome=outcome,
        judged=weighed.judged,
        place=near.place if near else "",
        value=near.value if near else None,
        limit=near.limit if near else None,
        unit=unit,
        source=measure.source,
        confidence=confidence(near.excess, near.uncertainty) if near else 0.5,
        findings=findings,
    )


def sweep_of(step: StepSpec, plan: Plan, evidence: Evidence) -> list[MeasureSpec]:
    """Return measures for every series and phase that a step sweeps, each part against its peers.

    Its level: within the plan's tolerance of the series, or many times its peers' own scatter where it has none.  Its
    noise, its jumps, how often it is heard and shows something new.  From the first swept phase to the last, where the
    peers plainly move: that it moves as they do.
    """
    named = {(m.of, m.phase) for m in step.measures if m.rule is Rule.PEERS}
    specs: list[MeasureSpec] = []
    for name, series in evidence.series.items():
        if len(series.places) < MOST_ALONE or name.partition(".")[0] == "feedphase":
            for phase in step.sweep if series.places and name not in DERIVED else ():
                specs += [_heard(name, series, phase), *_own(name, series, phase, step, plan)]
            continue
        for phase in step.sweep:
            if name in DERIVED and not _told_anything(series, evidence, phase):
                continue
            if (name, phase) not in named:
                specs.append(_level(name, series, phase, plan.tolerances.get(name)))
            if name in DERIVED:
                continue
            own = _own(name, series, phase, step, plan)
            specs += [_heard(name, series, phase), *own]
            held = {s.rule for s in own}  # what the plan says of an instrument itself comes before what its peers do
            if name in plan.tolerances and is_noisy(series, evidence, phase):
                by_peers = [_noise(name, series, phase), _pace(name, series, phase), _jumps(name, series, phase)]
                specs += [s for s in by_peers if s.rule not in held]
                specs.append(_strays(name, series, phase, plan.tolerances[name]))
            elif series.unit in COUNTED and Rule.JUMPS not in held:
                specs.append(_jumps(name, series, phase))
        if len(step.sweep) > 1 and name not in DERIVED and moves(series, evidence, step.sweep[0], step.sweep[-1]):
            specs.append(_motion(name, series, step.sweep[0], step.sweep[-1]))
    return specs


def sweep_id(phase: str, name: str) -> str:
    """Return what the measure is called by which a sweep of a phase holds a series against its peers."""
    return f"sweep_{phase}_{name.replace('.', '_')}"


def _level(name: str, series: Series, phase: str, tolerance: Tolerance | None) -> MeasureSpec:
    return MeasureSpec(
        id=sweep_id(phase, name),
        title=f"{name} against its peers",
        of=name,
        rule=Rule.PEERS,
        source=tolerance.source if tolerance else "no limit is known: far outside its peers' own scatter",
        unit=series.unit,
        phase=phase,
        within=tolerance.within if tolerance else None,
        share=tolerance.share if tolerance else UNKNOWN_SHARE,
        times=tolerance.times if tolerance else UNKNOWN_TIMES,
        profile=tolerance.profile if tolerance else "",
    )


def _noise(name: str, series: Series, phase: str) -> MeasureSpec:
    return MeasureSpec(
        id=f"noise_{phase}_{name.replace('.', '_')}",
        title=f"{name} is as steady as its peers",
        of=name,
        rule=Rule.SCATTERS,
        source=f"assumption: {NOISE_TIMES:g} times the noise of its peers is a loose contact, air or a bad sensor",
        unit=series.unit,
        phase=phase,
        times=NOISE_TIMES,
        within=1e-9,
    )


def _heard(name: str, series: Series, phase: str) -> MeasureSpec:
    return MeasureSpec(
        id=f"heard_{phase}_{name.replace('.', '_')}",
        title=f"{name} is heard of every part",
        of=name,
        rule=Rule.HEARD,
        source=f"assumption: {MOST_LOST:.0%} of readings may be lost on the way",
        unit="1",
        phase=phase,
        most=MOST_LOST,
    )


def _pace(name: str, series: Series, phase: str) -> MeasureSpec:
    return MeasureSpec(
        id=f"pace_{phase}_{name.replace('.', '_')}",
        title=f"{name} keeps pace with its peers",
        of=name,
        rule=Rule.PACES,
        source="a sensor that shows something new far more rarely than its peers is late or stuck",
        unit="1",
        phase=phase,
        share=LEAST_PACE,
    )


def _jumps(name: str, series: Series, phase: str) -> MeasureSpec:
    stands = f"assumption: {JUMP_TIMES:g} times what its peers' readings stand out by"
    return MeasureSpec(
        id=f"jumps_{phase}_{name.replace('.', '_')}",
        title=f"{name} does not jump",
        of=name,
        rule=Rule.JUMPS,
        source="what is counted or coded does not go and come back by itself" if series.unit in COUNTED else stands,
        unit=series.unit,
        phase=phase,
        times=JUMP_TIMES,
    )


def _strays(name: str, series: Series, phase: str, tolerance: Tolerance) -> MeasureSpec:
    return MeasureSpec(
        id=f"strays_{phase}_{name.replace('.', '_')}",
        title=f"{name} stays where it is beside its peers",
        of=name,
        rule=Rule.STRAYS,
        source=f"for a spell as for good: {tolerance.source}",
        unit=series.unit,
        phase=phase,
        within=tolerance.within,
        share=tolerance.share,
        times=JUMP_TIMES,
    )


def _own(name: str, series: Series, phase: str, step: StepSpec, plan: Plan) -> list[MeasureSpec]:
    """Return how steady an instrument is held to be by itself, but for what a measure of the step asks itself."""
    said, asked = plan.alone.get(name), {(m.of, m.phase, m.rule) for m in step.measures}
    if said is None:
        return []
    # A load that moves moves flows, pressures and voltages with it: noise shows only while it stands, a jump that comes
    # and goes between two readings shows then too.
    moving = any(p.name == phase and p.trace for p in step.phases)
    noise = {} if moving else {"most": said.noise, "share": said.noise_share}
    jumps = {"within": said.jump, "share": said.jump_share}
    if moving:
        jumps = {k: v and MOVING_ROOM * v for k, v in jumps.items()}
    held = (
        (Rule.SCATTERS, "noise", "is as steady as it should be", noise),
        (Rule.JUMPS, "jumps", "does not jump", jumps),
    )
    return [
        MeasureSpec(
            id=f"{called}_{phase}_{name.replace('.', '_')}",
            title=f"{name} {title}",
            of=name,
            rule=rule,
            source=said.source,
            unit=series.unit,
            phase=phase,
            most=limits.get("most"),
            within=limits.get("within"),
            share=limits.get("share"),
        )
        for rule, called, title, limits in held
        if any(limits.values()) and (name, phase, rule) not in asked
    ]


def _motion(name: str, series: Series, phase: str, to: str) -> MeasureSpec:
    return MeasureSpec(
        id=f"motion_{name.replace('.', '_')}",
        title=f"{name} moves as its peers do",
        of=name,
        rule=Rule.FOLLOWS,
        source="a sensor that does not move when all its peers do is stuck",
        unit=series.unit,
        phase=phase,
        to=to,
        least=MOTION[0],
        most=MOTION[1],
    )


def _told_anything(series: Series, evidence: Evidence, phase: str) -> bool:
    """Return whether a derived series says something of most parts in a phase: ratios of nearly nothing do not."""
    cut = [series.during(p).values for p in evidence.phases_called(phase)]
    return any(bool(np.isfinite(values).any(axis=0).mean() > 0.5) for values in cut if len(values))


MOST_LOST, LEAST_PACE, JUMP_TIMES = 0.1, 0.5, 4.0
MOVING_ROOM = 1.5
"""By so much further an instrument may stand out under a load that moves: healthy ones did by 0.73 of its limit."""
UNKNOWN_TIMES, UNKNOWN_SHARE, NOISE_TIMES, MOTION = 12.0, 0.02, 6.0, (0.4, 1.6)


def _uncompared(measure: MeasureSpec) -> Measured:
    title = f"{measure.title}{NO_RECORDS}"
    return Measured(measure.id, title, Outcome.UNCOMPARED, 0, "", None, None, measure.unit, measure.source, 0.5, [])


def _error(measure: MeasureSpec, why: str) -> Measured:
    finding = Finding(measure.id, "", "", why, None, None, measure.unit, measure.source, 0.5, error=True)
    return Measured(
        measure.id, measure.title, Outcome.ERROR, 0, "", None, None, measure.unit, measure.source, 0.5, [finding]
    )
