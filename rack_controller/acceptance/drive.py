"""One step on a rig: its phases become stimuli and stretches of time, and what was read meanwhile comes back."""

from collections.abc import Iterator

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.rig import Act, Rig
from rack_controller.prove.accept.derived import inputs_of
from rack_controller.prove.accept.evidence import Evidence, Phase
from rack_controller.prove.accept.judge import TOLD
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import PhaseSpec, Plan, StepSpec

MANY = frozenset({"port"})
"""Kinds of part that are read only where a step asks for them."""
_DOES = {
    "pull": ("pull", "restore"),
    "wet": ("wet", "dry"),
    "stop": ("stop", "start"),
    "load": ("load_one", ""),
    "load_gpu": ("load_one", ""),
    "drill": ("drill", "dry"),
}
_ALONE = {"load", "load_gpu"}
"""Stimuli that load one part: `load` says how much, all others idle."""
ALL_KINDS = ["gpu", "cpu", "tray", "fan", "nic", "leak", "switch", "psu", "shelf", "feedphase", "cdu", "pump", "rack"]


def missing_verbs(step: StepSpec, rig: Rig) -> list[str]:
    """Return the stimuli that a step needs and a rig cannot give."""
    needed = {"rest"}
    for phase in step.phases:
        needed |= {"trace"} if phase.trace else set()
        needed |= {"load"} if phase.load is not None else set()
        needed |= {"cap"} if phase.cap is not None else set()
        needed |= {"facility"} if phase.facility_k is not None else set()
        if phase.do:
            needed |= {verb for verb in _DOES.get(phase.do, (phase.do,)) if verb}
    return sorted(verb for verb in needed if not rig.can(verb))


def kinds_of(step: StepSpec, plan: Plan) -> frozenset[str]:
    """Return the kinds of part that a step reads: all where it sweeps, else those that are judged or may stop it."""
    if step.sweep:
        return frozenset(k for k in ALL_KINDS if k not in MANY) | frozenset(step.records)
    series = [n for m in step.measures if m.rule not in TOLD for n in inputs_of(m.of)]
    return frozenset(n.partition(".")[0] for n in (*series, *(r.of for r in plan.stop))) | frozenset(step.records)


def drive_step(step: StepSpec, plan: Plan, rig: Rig, parts: Parts) -> list[Evidence]:
    """Give a step's stimuli one after the other from rest, and return what was read, a rack each.

    Everything is put back to rest at the end, also when the rig refuses.
    """
    kinds = kinds_of(step, plan)
    done: list[Phase] = []
    rig.act(Act("rest"))
    try:
        for phase in step.phases:
            done += _phase(phase, rig, parts, kinds)
    finally:
        rig.act(Act("rest"))
    return rig.collect(done)


def _phase(phase: PhaseSpec, rig: Rig, parts: Parts, kinds: frozenset[str]) -> Iterator[Phase]:
    asked = float("nan")
    since = rig.now
    for act in _standing(phase):
        value = rig.act(act)
        asked = value if value == value else asked
    if phase.each is None:
        if phase.do is not None:
            rig.act(Act(phase.do))
        yield _stretch(phase, rig, kinds, since, "", asked)
        return
    places = _places(phase, parts)
    if not places:
        raise ConfigurationError(f"the rack has no {phase.each}", advice="correct the plan")
    do, undo = _DOES[phase.do or "pull"]
    rig.run(BEFORE_S, phase.every_s, kinds)
    for place in places:
        since = rig.now
        rig.act(Act(do, place, value=1.0 if phase.load is None else phase.load))
        yield _stretch(phase, rig, kinds, since, place, asked)
        if undo:
            rig.act(Act(undo, place))
        if phase.after_s:
            rig.run(phase.after_s, phase.every_s, kinds)


BEFORE_S = 8.0


def _places(phase: PhaseSpec, parts: Parts) -> tuple[str, ...]:
    """Return what a phase is repeated for; GPUs work by their number, those of every tray at once."""
    if phase.do == "load_gpu":
        return tuple(f"*/{phase.each}{n}" for n in range(parts.design.gpus))
    return tuple(p for p in parts.of(phase.each or "") if not phase.places or p in phase.places)


def _standing(phase: PhaseSpec) -> Iterator[Act]:
    if phase.load is not None and phase.do not in _ALONE:
        yield Act("load", value=phase.load)
    if phase.trace is not None:
        yield Act("trace", name=phase.trace)
    if phase.cap is not None:
        yield Act("cap", value=phase.cap)
    if phase.facility_k is not None:
        yield Act("facility", value=phase.facility_k)


def _stretch(phase: PhaseSpec, rig: Rig, kinds: frozenset[str], since: float, place: str, asked: float) -> Phase:
    if phase.settle_s:
        rig.run(phase.settle_s, phase.every_s, kinds)
    begin = rig.now
    rig.run(phase.for_s, phase.every_s, kinds)
    return Phase(phase.name, since, begin, rig.now, place, asked)
