"""One step on a rig: its phases become stimuli and stretches of time, and what was read meanwhile comes back.

What a rig refuses is kept with its reason, and everything is put back to rest whatever happens.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.errors import (
    AuthenticationRequired,
    BusUnavailable,
    DeadlinePassed,
    EnvironmentUnfit,
    RackwrightError,
)
from rack_controller.acceptance.rig import BUILT, Act, Rig
from rack_controller.acceptance.watch import Unwatched, Watch, stretch_of
from rack_controller.prove.accept.derived import inputs_of
from rack_controller.prove.accept.evidence import Evidence, Phase
from rack_controller.prove.accept.judge import TOLD, kind_told_of
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import Level, PhaseSpec, Plan, StepSpec
from rack_controller.prove.accept.safety import unsafe

MANY = frozenset({"port"})
"""Kinds of part that are read only where a step asks for them."""
_DOES = {
    "pull": ("pull", "restore"),
    "wet": ("wet", "dry"),
    "stop": ("stop", "start"),
    "load": ("load_one", ""),
    "load_gpu": ("load_one", ""),
    "drill": ("drill", "end_drill"),
}
ALONE = {"load", "load_gpu"}
"""Stimuli that load one part: `load` says how much, all others idle."""
TAKES_AWAY = frozenset({"pull", "stop"})
"""Stimuli after which the others carry what a part did."""
ALL_KINDS = [
    *("gpu", "cpu", "tray", "fan", "nic", "leak", "switch", "psu", "shelf", "feedphase", "bbu", "cdu", "pump", "rack"),
]
AWAY = (AuthenticationRequired, BusUnavailable, EnvironmentUnfit)
"""The product or this machine is away, which says nothing of the rack: the run is gone on with later."""
SLICE_S = 10.0
"""How long a run goes on at most before it looks whether it is to end."""
RENEW_EVERY_S = 1.0
"""How often is looked, while it is waited for, whether something was read anew."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A stimulus that was not given: to which part, and why."""

    place: str
    why: str


@dataclass(slots=True)
class Driven:
    """What came of a step's stimuli.  `stopped`: why it ended before its time, empty when it did not."""

    evidence: list[Evidence] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    stopped: str = ""


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
    series = (*series_of(step), *(r.of for r in plan.stop))
    return frozenset(n.partition(".")[0] for n in series) | frozenset(step.records)


def series_of(step: StepSpec) -> frozenset[str]:
    """Return the measured series that a step's measures are made of."""
    return frozenset(n for m in step.measures if m.rule not in TOLD for n in inputs_of(m.of))


def series_in(step: StepSpec, phase: PhaseSpec) -> frozenset[str] | None:
    """Return the series that a phase is judged by, None for all that are recorded: the step sweeps it."""
    if phase.name in step.sweep:
        return None
    measures = [m for m in step.measures if m.rule not in TOLD and phase.name in {m.phase, m.to}]
    return frozenset(n for m in measures for n in inputs_of(m.of))


def planned_seconds(step: StepSpec, parts: Parts) -> float:
    """Return how long a step's phases take, s, those that are repeated for each part as often as there are parts."""
    return sum(
        p.settle_s + p.for_s
        if p.each is None
        else p.before_s + len(places_of(p, parts)) * (p.settle_s + p.for_s + p.after_s)
        for p in step.phases
    )


def places_of(phase: PhaseSpec, parts: Parts) -> tuple[str, ...]:
    """Return what a phase is repeated for; GPUs work by their number, those of every tray at once."""
    if phase.do == "load_gpu":
        return tuple(f"*/{phase.each}{n}" for n in range(parts.design.gpus))
    places, named = parts.of(phase.each or ""), frozenset(phase.places)
    return tuple(p for p in places if p in named) if named else places


def drive_step(step: StepSpec, plan: Plan, rig: Rig, parts: Parts, watch: Watch | None = None) -> Driven:
    """Give a step's stimuli one after the other from rest, and return what was read, a rack each.

    Everything is put back to rest at the end, also when something is refused or the run is to end.
    """
    return _Drive(step, plan, rig, parts, watch or Unwatched()).run()


class _Drive:
    """One step's way through its phases."""

    def __init__(self, step: StepSpec, plan: Plan, rig: Rig, parts: Parts, watch: Watch) -> None:
        self._step, self._plan, self._rig, self._parts, self._watch = step, plan, rig, parts, watch
        self._kinds = kinds_of(step, plan)
        self._phases: list[Phase] = []
        self._given_up = False
        self.driven = Driven()

    def run(self) -> Driven:
        """Go through all phases, or as far as the rig and those who look on let it."""
        try:
            if self._give(Act("rest")) is not None:
                for phase in self._step.phases:
                    if self._over:
                        break
                    self._phase(phase)
        finally:
            self._rest()
        measures = [m for m in self._step.measures if m.rule in TOLD]
        told = {BUILT * m.if_built + m.of for m in measures} | {f"{kind_told_of(m)}.{m.of}" for m in measures}
        if self.driven.stopped:
            self._watch.ends(self.driven.stopped)  # what is known is taken, and nothing is waited for
        self.driven.evidence = self._rig.collect(self._phases, told, series_of(self._step))
        self.driven.stopped = self.driven.stopped or self._watch.stop()
        return self.driven

    @property
    def _over(self) -> bool:
        return self._given_up or bool(self.driven.stopped)

    def _rest(self) -> None:
        try:
            self._rig.act(Act("rest"))
        except AWAY:
            raise
        except RackwrightError as err:
            why = f"the rack is not back at rest: {err}"
            self.driven.stopped = f"{self.driven.stopped}; {why}" if self.driven.stopped else why

    def _phase(self, phase: PhaseSpec) -> None:
        asked, since = float("nan"), self._rig.now
        for act in _standing(phase):
            value = self._give(act)
            if value is None:
                self._given_up = True
                return
            asked = value if value == value else asked
        if phase.each is not None:
            self._each(phase, asked)
        elif phase.do is None or self._give(Act(phase.do)) is not None:
            self._stretch(phase, since, "", asked)

    def _each(self, phase: PhaseSpec, asked: float) -> None:
        places = places_of(phase, self._parts)
        if not places:
            self.driven.refused.append(Refused("", f"the rack has no {phase.each}"))
            return
        do, undo = _DOES[phase.do or "pull"]
        self._pass(phase.before_s, phase.every_s)
        self._renew(phase)
        for place in places:
            if self._over:
                return
            since = self._rig.now
            if self._give(Act(do, place, value=1.0 if phase.load is None else phase.load)) is None:
                continue
            self._stretch(phase, since, place, asked)
            if undo and self._give(Act(undo, place)) is None:
                self._given_up = True
            else:
                self._pass(phase.after_s, phase.every_s)
                if undo and place != places[-1]:
                    self._renew(phase)

    def _stretch(self, phase: PhaseSpec, since: float, place: str, asked: float) -> None:
        self._watch.phase(phase.name, place, phase.settle_s + phase.for_s)
        if phase.settle_s:
            self._pass(phase.settle_s, phase.every_s)
            if self._renew(phase):
                self._watch.waits(stretch_of(phase.name, place, phase.for_s), within_s=phase.for_s)
        begin = self._rig.now
        self._pass(phase.for_s, phase.every_s)
        if not self.driven.stopped:
            self._phases.append(Phase(phase.name, since, begin, self._rig.now, place, asked))

    def _renew(self, phase: PhaseSpec) -> bool:
        """Go on until all that the phase is judged by was read since now; return whether that took any time.

        What is read every ten seconds says nothing of the seconds before; a phase without a time to settle is looked
        at from its stimulus on, and waits for nothing.
        """
        since, names = self._rig.now, series_in(self._step, phase)
        while not self.driven.stopped and (lacks := self._rig.awaited(names, since)):
            self._watch.waits(lacks)
            self._pass(min(phase.every_s, RENEW_EVERY_S), min(phase.every_s, RENEW_EVERY_S))
        return self._rig.now > since

    def _pass(self, seconds: float, every: float) -> None:
        """Let time pass, and look now and then whether the run is to end."""
        part = max(int(SLICE_S / every), 1) * every
        left = seconds
        while left > 1e-6 and not self.driven.stopped:
            now = min(part, left)
            self._rig.run(now, every, self._kinds)
            left -= now
            self.driven.stopped = self._watch.stop() or self._unsafe(int(part / every) + 2)

    def _unsafe(self, rows: int) -> str:
        """Return which stop rule is broken, and of several racks in which.

        Racks that only share a rig are each accepted by themselves, and are judged at the step's end; what is done to
        racks together ends for all of them.
        """
        racks = self._rig.racks
        if len(racks) > 1 and self._step.level is not Level.L12:
            return ""
        recent = self._rig.recent([r.of for r in self._plan.stop], rows)
        said = ((unsafe(self._plan, evidence), evidence.rack) for evidence in recent)
        return next((text + f" in {rack}" * (len(racks) > 1) for text, rack in said if text), "")

    def _give(self, act: Act) -> float | None:
        """Give a stimulus; None when it was refused, or nothing more is to be done."""
        try:
            value = self._rig.act(act)
        except AWAY:
            raise
        except RackwrightError as err:
            self.driven.stopped = self.driven.stopped or self._watch.stop()
            if not self.driven.stopped:  # what is broken off for the run's end was not refused
                self.driven.refused.append(Refused(act.place, _refusal(act, err)))
            # Nobody knows whether it is gone: nothing else is taken away beside it, and rest puts it back.
            self._given_up |= act.verb in TAKES_AWAY and isinstance(err, DeadlinePassed)
            return None
        self.driven.stopped = self.driven.stopped or self._watch.stop()
        return None if self.driven.stopped else value


def _refusal(act: Act, err: RackwrightError) -> str:
    advice = f" ({err.advice})" if err.advice else ""
    return f"{act.verb}{f' of {act.place}' if act.place else ''} was refused: {err.what}{advice}"


def _standing(phase: PhaseSpec) -> Iterator[Act]:
    if phase.load is not None:  # what works alone does so beside idle parts, also before the first one
        yield Act("load", value=0.0 if phase.do in ALONE else phase.load)
    if phase.trace is not None:
        yield Act("trace", value=phase.scale, name=phase.trace)
    if phase.cap is not None:
        yield Act("cap", value=phase.cap)
    if phase.facility_k is not None:
        yield Act("facility", value=phase.facility_k)
