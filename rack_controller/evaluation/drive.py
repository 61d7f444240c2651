"""What a plan does to racks: stretches of load, and parts that are taken out at full load; all put back at the end."""

from collections.abc import Iterator
from itertools import combinations_with_replacement

from firmware_bridge.plant.design import RackDesign
from firmware_bridge.plant.state import FACILITY_SUPPLY
from rack_controller.acceptance.rig import Act, Rig
from rack_controller.prove.accept.evidence import Evidence, Phase
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.evaluate.criteria import BEFORE, FAULTS, EvaluationStep, FaultDrill, Stretch

READ = frozenset({"gpu"})
_VERBS = {"pump": ("stop", "start")}


def drive_stretches(step: EvaluationStep, kinds: frozenset[str], rig: Rig, parts: Parts) -> list[Evidence]:
    """Give a step's stimuli one after the other from rest, and return what was read of these kinds, a rack each."""
    phases: list[Phase] = []
    rig.act(Act("rest"))
    try:
        for stretch in step.stretches:
            since = rig.now
            for act in _acts(stretch, parts.design):
                rig.act(act)
            rig.run(stretch.settle_s, stretch.every_s, kinds)
            begin = rig.now
            rig.run(stretch.for_s, stretch.every_s, kinds)
            phases.append(Phase(stretch.name, since, begin, rig.now))
    finally:
        rig.act(Act("rest"))
    return rig.collect(phases)


def _acts(stretch: Stretch, design: RackDesign) -> Iterator[Act]:
    """Return a stretch in a rig's terms: limits as shares of the highest one, water as so much above the usual."""
    if stretch.load is not None:
        yield Act("load", value=stretch.load)
    if stretch.trace:
        yield Act("trace", name="recorded")
    if stretch.limit is not None:
        yield Act("cap", value=stretch.limit * float(design.limit_default) / float(design.limit_max))
    if stretch.facility_c is not None:
        yield Act("facility", value=stretch.facility_c - float(FACILITY_SUPPLY))


def drill_faults(drill: FaultDrill, rig: Rig, parts: Parts) -> list[Evidence]:
    """Take out what the drill names and return what GPUs showed, a rack each; everything is put back at the end."""
    phases: list[Phase] = []
    rig.act(Act("rest"))
    try:
        rig.act(Act("load", value=1.0))
        phases.append(_look(BEFORE, "", drill, rig))
        for places in outages(drill, parts):
            for place in places:
                rig.act(Act(_verbs(place, parts)[0], place))
            phases.append(_look(f"{FAULTS}{len(places)}", " + ".join(places), drill, rig))
            for place in places:
                rig.act(Act(_verbs(place, parts)[1], place))
            rig.run(drill.settle_s, drill.settle_s, frozenset())
    finally:
        rig.act(Act("rest"))
    return rig.collect(phases)


def outages(drill: FaultDrill, parts: Parts) -> Iterator[tuple[str, ...]]:
    """Return which parts go together: the first of each kind alone, then two kinds, or the first two of one.

    A part that lies in another one that goes as well is the next one that does not.
    """
    kinds = [k for k in drill.kinds if parts.of(k)]
    for kind in kinds:
        yield (parts.of(kind)[0],)
    for one, other in combinations_with_replacement(kinds, 2):
        first = parts.of(one)[0]
        second = next((p for p in parts.of(other) if not _same(p, first)), "")
        if second:
            yield first, second


def _same(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _verbs(place: str, parts: Parts) -> tuple[str, str]:
    return _VERBS.get(parts.kind_of(place), ("pull", "restore"))


def _look(name: str, places: str, drill: FaultDrill, rig: Rig) -> Phase:
    since = rig.now
    rig.run(drill.settle_s, drill.settle_s, frozenset())
    begin = rig.now
    rig.run(drill.for_s, drill.every_s, READ)
    return Phase(name, since, begin, rig.now, places)
