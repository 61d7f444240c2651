"""A plan on a rig from its first step to its last: entry, stimuli, judgement, retest, and the stop for safety.

The engine decides nothing about physics: what is good is the plan's, what is true the evidence's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from firmware_bridge.vocabulary.errors import RackwrightError
from rack_controller.acceptance.drive import AWAY, Refused, drive_step, missing_verbs
from rack_controller.acceptance.record import StepRecord
from rack_controller.acceptance.rig import Act, Rig
from rack_controller.acceptance.watch import Unwatched, Watch
from rack_controller.prove.accept.derived import OF_ALL_IN_A_TRAY
from rack_controller.prove.accept.evidence import Evidence
from rack_controller.prove.accept.hall import HALL, with_hall
from rack_controller.prove.accept.judge import judge_step, sweep_id
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import EntrySpec, Level, Plan, StepSpec
from rack_controller.prove.accept.robust import middle
from rack_controller.prove.accept.safety import broken
from rack_controller.prove.accept.verdict import Finding, Measured, Outcome, worst

LOOK_S, LOOK_EVERY_S = 6.0, 2.0
LEAST_TOGETHER = 2
"""Racks that a cluster is at least: one alone says nothing of how several are together."""
Keep = Callable[[StepSpec, Evidence, int], tuple[str, str]]
"""Takes step, evidence and try; returns file name and SHA-256 of the raw series that it kept."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One try of a step on one rack."""

    measures: list[Measured]
    outcome: Outcome
    stop: str
    raw: tuple[str, str]


def run_step(
    step: StepSpec,
    plan: Plan,
    rig: Rig,
    parts: Parts,
    before: Sequence[Sequence[StepRecord]],
    keep: Keep | None = None,
    retest: bool = True,
    watch: Watch | None = None,
    unmet: Sequence[str] = (),
) -> list[StepRecord]:
    """Run one step on every rack of a rig and return a record each.  `before`: what each rack's run has so far.

    A step that cannot be run is an error of all racks; one whose evidence is out of bounds is repeated as the plan
    says, and a part that shows the same fault again is to be taken out.  `watch`: who looks on; `unmet`: why each rack
    may not begin for what lies before its run, empty where it may.  Racks together begin together or not at all.
    """
    began, watch = rig.now, watch or Unwatched()
    why = _cannot(step, rig)
    if why:
        return [_unrun(step, began, why) for _ in rig.racks]
    own = [_held_back(step, records) for records in before]
    held = _all_or_none(step, rig, [a or b for a, b in zip(unmet or own, own, strict=True)])
    if step.entry and not all(held):
        entry = _entry(step, rig)
        held = _all_or_none(step, rig, [a or b for a, b in zip(held, entry, strict=True)])
    if all(held):
        return [_unrun(step, began, why) for why in held]
    tries = [_try(step, plan, rig, parts, keep, watch, 1)]
    while (
        retest
        and len(tries) <= step.retest
        and any(j.outcome not in _NO_SURER and not j.stop for j, h in zip(tries[-1], held, strict=True) if not h)
    ):
        tries.append(_try(step, plan, rig, parts, keep, watch, len(tries) + 1))
    took = rig.now - began
    return [
        _unrun(step, began, held[n]) if held[n] else _record(step, parts, began, took, [t[n] for t in tries])
        for n in range(len(rig.racks))
    ]


def outcome_of(steps: Sequence[StepRecord]) -> Outcome:
    """Return how a run ended: as its worst required step did; it does not pass where one compared nothing."""
    ends = [s.outcome for s in steps if s.required]
    ended = worst(ends)
    return Outcome.UNCOMPARED if ended is Outcome.PASS and Outcome.UNCOMPARED in ends else ended


def _try(
    step: StepSpec, plan: Plan, rig: Rig, parts: Parts, keep: Keep | None, watch: Watch, number: int
) -> list[Judged]:
    judged = []
    driven = drive_step(step, plan, rig, parts, watch)
    for evidence in with_hall(driven.evidence, parts) if step.level is Level.L12 else driven.evidence:
        ended = broken(plan, evidence)
        stop = driven.stopped or (ended.text if ended else "")
        # What was cut short is kept, and judged by nobody but the rule that ended it.
        measures = [] if driven.stopped else judge_step(step, plan, evidence, parts)
        measures = [ended.measured(evidence), *measures] if ended else measures
        if driven.refused:
            measures = [_not_done(driven.refused, evidence, placed=not _is_joint(step, rig)), *measures]
        raw = keep(step, evidence, number) if keep is not None else ("", "")
        judged.append(Judged(measures, worst([m.outcome for m in measures]), stop, raw))
    return judged


def _not_done(refused: Sequence[Refused], evidence: Evidence, *, placed: bool) -> Measured:
    """Return what could not be done to which part, and why: an error, never a skip.

    Not `placed`: the reason says of which rack it is a part, and the other racks' part of that name is none of it.
    """
    places = [r.place if placed else "" for r in refused]
    findings = [_unable(r.why, place, evidence.serial(place)) for r, place in zip(refused, places, strict=True)]
    title = "everything that the step asks for can be done"
    return Measured("done", title, Outcome.ERROR, len(refused), "", None, None, "", _MUST, 0.5, findings)


def _record(step: StepSpec, parts: Parts, began: float, took: float, tries: list[Judged]) -> StepRecord:
    first, last = tries[0], tries[-1]
    keys = [{f.key for m in t.measures for f in m.findings if not f.error} for t in tries]
    again = set.intersection(*keys) if len(keys) > 1 else set()
    outcome = Outcome.STOPPED if last.stop else last.outcome
    gone = [f for m in first.measures for f in m.findings if len(tries) > 1 and not f.error and f.key not in again]
    return StepRecord(
        id=step.id,
        title=step.title,
        level=step.level,
        required=step.required,
        outcome=outcome,
        began_s=began,
        took_s=took,
        tries=len(tries),
        measures=last.measures,
        parts_out=_out([f for m in last.measures for f in m.findings if f.place and f.key in again], step, parts),
        not_again=gone,
        why=last.stop,
        raw=last.raw[0],
        raw_sha256=last.raw[1],
    )


def _out(found: Sequence[Finding], step: StepSpec, parts: Parts) -> list[str]:
    """Return what is to be taken out: a tray goes with all that is in it, a cold plate that starves names its GPUs.

    A tray that nothing but the mean of its parts speaks against stays where single parts of it make that mean.
    """
    halls = {m.id for m in step.measures if m.of in HALL} | {sweep_id(p, of) for p in step.sweep for of in HALL}
    found = [f for f in found if f.measure not in halls]  # a rack is no part of itself
    means = {m.id: m.of for m in step.measures if m.of in OF_ALL_IN_A_TRAY}
    means |= {sweep_id(phase, of): of for phase in step.sweep for of in OF_ALL_IN_A_TRAY}
    places = {f.place for f in found}
    for tray in {p for p in places if "/" not in p}:
        against = [f for f in found if f.place == tray]
        if all(f.measure in means and _made_by_few(f, means[f.measure], found, parts) for f in against):
            places.discard(tray)
    return sorted(p for p in places if "/" not in p or p.partition("/")[0] not in places)


def _made_by_few(mean: Finding, of: str, found: Sequence[Finding], parts: Parts) -> bool:
    """Return whether what at most half of a tray's parts are beyond their own limits puts its mean beyond its own."""
    inside = [p for p in parts.of(OF_ALL_IN_A_TRAY[of]) if p.startswith(f"{mean.place}/")]
    beyond: dict[str, float] = {}
    for f in found:
        if f.place in inside and f.unit == mean.unit:
            beyond[f.place] = max(beyond.get(f.place, 0.0), _beyond(f))
    return 0 < 2 * len(beyond) <= len(inside) and sum(beyond.values()) >= len(inside) * _beyond(mean)


def _beyond(found: Finding) -> float:
    numbers = isinstance(found.value, int | float) and isinstance(found.limit, int | float)
    return abs(float(found.value) - float(found.limit)) if numbers else 0.0  # type: ignore[arg-type]


def _cannot(step: StepSpec, rig: Rig) -> str:
    if step.level is Level.L12 and len(rig.racks) < LEAST_TOGETHER:
        return "it takes racks together, and this run has one"
    verbs = missing_verbs(step, rig)
    return f"this rig cannot {', '.join(verbs)}" if verbs else ""


def _is_joint(step: StepSpec, rig: Rig) -> bool:
    """Return whether a step is done to several racks as one, and not to each that happens to share a rig."""
    return step.level is Level.L12 and len(rig.racks) > 1


def _all_or_none(step: StepSpec, rig: Rig, held: list[str]) -> list[str]:
    """Return why each rack may not begin a step; of racks together none may where one may not, and it is named."""
    if not _is_joint(step, rig) or not any(held):
        return held
    named = dict(zip(rig.racks, held, strict=True))
    texts = dict.fromkeys(why if why.startswith(rack) else f"{rack}: {why}" for rack, why in named.items() if why)
    return ["; ".join(texts)] * len(held)


def _held_back(step: StepSpec, records: Sequence[StepRecord]) -> str:
    """Return why a rack may not begin: a step that must come first was stopped, or could not be run at all."""
    ended = {r.id: r for r in records}
    for name in step.after:
        record = ended.get(name)
        if record is None:
            return f"step {name} has not been run"
        if record.outcome is Outcome.STOPPED or (record.outcome is Outcome.ERROR and not record.measures):
            return f"step {name} ended with {record.outcome}"
    return ""


def _entry(step: StepSpec, rig: Rig) -> list[str]:
    try:
        rig.act(Act("rest"))
    except AWAY:
        raise
    except RackwrightError as err:
        return [f"the rack is not at rest: {err}"] * len(rig.racks)
    kinds = frozenset(e.of.partition(".")[0] for e in step.entry)
    rig.run(LOOK_S, LOOK_EVERY_S, kinds)
    return [next((w for e in step.entry if (w := _refuses(e, seen))), "") for seen in rig.collect(())]


def _refuses(entry: EntrySpec, seen: Evidence) -> str:
    series = seen.series.get(entry.of)
    if series is None:
        return f"{entry.title}: nothing measures {entry.of}"
    values = middle(series.values)
    low = -np.inf if entry.least is None else entry.least
    high = np.inf if entry.most is None else entry.most
    # What is silent does not hold a step back: it is the step's own business to find it.
    bad = np.flatnonzero((values < low) | (values > high))
    return f"{entry.title}: {entry.of} of {series.places[int(bad[0])]} is {values[bad[0]]:.4g}" if bad.size else ""


def _unrun(step: StepSpec, began: float, why: str) -> StepRecord:
    finding = _unable(why, "", "")
    measured = Measured("run", "the step can be run", Outcome.ERROR, 0, "", None, None, "", "", 0.5, [finding])
    return StepRecord(step.id, step.title, step.level, step.required, Outcome.ERROR, began, 0.0, 0, [measured], why=why)


_NO_SURER = {Outcome.PASS, Outcome.UNCOMPARED}
"""What a second try does not make any surer."""
_MUST = "a required test that cannot run is an error"


def _unable(why: str, place: str, serial: str) -> Finding:
    return Finding("done" if place else "run", place, serial, why, None, None, "", _MUST, 0.5, error=True)
