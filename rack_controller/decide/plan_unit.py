"""A plan that stops a coolant unit, starts it or cycles its power: only while nothing it cools is on or hot.  Pure.

What is not known of a tray is on, and what is not known of the loop is not cool.  Two persons may overrule that; nobody
overrules a leak when coolant is to flow.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of, rack_of, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerDepth
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.sequence import Act
from firmware_bridge.vocabulary.sequence import Sequence as PowerSequence
from rack_controller.decide.checks import fault_at, seen_off
from rack_controller.decide.plan_power import COOLED, bind_check, cooled_checks
from rack_controller.decide.switch import Switch
from rack_controller.model.bypass import SIGN_WITHIN_NS
from rack_controller.model.layout import Layout
from rack_controller.model.lease import Direction, Facet
from rack_controller.model.operation import STILLS, Manner, Operation, Plan, PlannedCheck, PlannedStage, Step, Verb
from rack_controller.model.snapshot import Snapshot

WITHIN_S = 60.0
"""How long a unit may take to show that its pumps stand or turn.  Assumption; a cycle may take twice as long."""
SETTLE_S = 5.0
TIMEOUT_S = 900.0
_WORDS: dict[Verb, tuple[PowerAction, Literal["stopped", "running"], str]] = {
    Verb.COOLANT_STOP: (PowerAction.FORCE_OFF, "stopped", "stopped"),
    Verb.COOLANT_START: (PowerAction.ON, "running", "started"),
    Verb.COOLANT_CYCLE: (PowerAction.FORCE_RESTART, "running", "power-cycled"),
}


@dataclass(frozen=True, slots=True)
class UnitWish:
    """What somebody wants of one coolant unit.  `despite`: also while trays are on or hot, if a second person agrees.

    `busy`: what else is under way and must end first; `wet`: what leaks; empty: nothing.
    """

    verb: Verb
    unit: Place
    despite: bool = False
    busy: str = ""
    wet: str = ""


def plan_unit(
    wish: UnitWish,
    layout: Layout,
    sequence: PowerSequence,
    switch: Switch,
    snapshot: Snapshot,
    starting: Collection[Place] = (),
    beside: Collection[tuple[Layout, Snapshot | None]] = (),
) -> Plan:
    """Return the plan.  `starting`: trays that may come on at any moment, whatever they say; `beside`: the other racks
    on the unit's loop, as they are seen.

    Raises TargetUnknown, ArgumentsInvalid, or PreconditionFailed with every tray that is on or hot.
    """
    name = leaf_of(_unit_at(layout, wish.unit))
    action, goal, done = _WORDS[wish.verb]
    if action not in switch.offers:
        raise ArgumentsInvalid(f"{name} cannot be {done}: it offers no way to do that", advice="see to it at the unit")
    if wish.busy:
        raise PreconditionFailed(wish.busy, advice="wait for that, or cancel it")
    if wish.wet and wish.verb is not Verb.COOLANT_STOP:
        raise PreconditionFailed(f"no coolant is to flow: {wish.wet}", advice="inspect it and clear that first")
    cooled = cooled_checks(layout, sequence) if wish.verb in STILLS else []
    heat: dict[str, str] = {}
    for rack, seen in [(layout, snapshot), *beside] if wish.verb in STILLS else []:
        heat |= _heat(rack, cooled_checks(rack, sequence), seen, starting)
    if heat and not wish.despite:
        raise PreconditionFailed(
            _hot(name, done, heat),
            advice="switch the rack off and let it cool; two persons may do it all the same (--despite-heat)",
        )
    stage = PlannedStage(
        "unit",
        f"Coolant unit {name} {done}",
        [_step(wish, switch, action, goal)],
        before=[] if heat else cooled,
        after=_flow_checks(layout, sequence) if goal == "running" else [],
        timeout_s=TIMEOUT_S,
    )
    return Plan(
        rack=layout.rack,
        generation=layout.generation,
        verb=wish.verb,
        target=wish.unit,
        depth=PowerDepth.NONE,
        manner=Manner.FORCE,
        stages=[stage],
        already=[],
        charges={},
        usable_w=0.0,
        request_s=sequence.request_s,
        despite={tray: why for tray, why in heat.items() if wish.despite},
    )


def why_not_now(
    plan: Plan,
    sequence: PowerSequence,
    racks: Collection[tuple[Layout, Snapshot | None]],
    starting: Collection[Place] = (),
    wet: str = "",
) -> str:
    """Return why a plan's request may not go out by now, empty when it may: since it was approved something leaks, or
    a tray came on.  Asked just before the request, also before one that is made again.

    How long flow went on is not asked a second time: a unit that was silent for a moment need not begin anew.  What
    two persons overruled stays overruled, and nothing else: a tray that they did not see hot holds the request back.
    """
    if wet and plan.verb is not Verb.COOLANT_STOP:
        return f"no coolant is to flow: {wet}"
    if plan.verb not in STILLS:
        return ""
    heat: dict[str, str] = {}
    for layout, seen in racks:
        checks = [c for c in cooled_checks(layout, sequence) if c.quantity is not Quantity.FLOW]
        heat |= _heat(layout, checks, seen, starting)
    heat = {place: why for place, why in heat.items() if place not in plan.despite}
    return _hot(leaf_of(Place(plan.target)), _WORDS[plan.verb][2], heat) if heat else ""


def why_not_approved(operation: Operation, actor: str, now_ns: int) -> tuple[str, str] | None:
    """Return why `actor` cannot approve a plan that overrules heat, and what to do; None when they can."""
    if actor == operation.actor:
        return f"{actor} asked for {operation.id} despite heat; another person must approve it", "ask one who may"
    if now_ns - operation.made_unix_ns > SIGN_WITHIN_NS:
        return f"{operation.id} was asked for more than an hour ago", "plan again"
    return None


def _step(wish: UnitWish, switch: Switch, action: PowerAction, goal: Literal["stopped", "running"]) -> Step:
    within = 2 * WITHIN_S if action is PowerAction.FORCE_RESTART else WITHIN_S
    return Step(
        id=f"unit/{leaf_of(wish.unit)}/{wish.verb.removeprefix('coolant_')}",
        tray=wish.unit,
        endpoint=switch.endpoint,
        goal=goal,
        acts=[Act(action, within)],
        direction=Direction.NEUTRAL,
        facet=Facet.COOLING,
        settle_s=SETTLE_S,
    )


def _flow_checks(layout: Layout, sequence: PowerSequence) -> list[PlannedCheck]:
    """Return what the sequence asks of the flow before trays go on."""
    stated = [c for stage in sequence.power_on for c in stage.before if c.quantity is Quantity.FLOW]
    return [bind_check(c, layout) for c in stated]


def _heat(
    layout: Layout, checks: Collection[PlannedCheck], snapshot: Snapshot | None, starting: Collection[Place]
) -> dict[str, str]:
    """Return, by tray, why what the unit cools is not known to be off and cool; the units themselves too."""
    found: dict[str, str] = {}
    if snapshot is None:
        return {layout.rack: "was not read yet"}
    for view in layout.trays:
        tray = Place(view.place)
        if view.kind not in COOLED:
            continue
        if tray in starting:
            found[tray] = "may come on at any moment"
        elif not seen_off(snapshot, tray):
            on = snapshot.good(tray, Quantity.POWER_STATE)
            found[tray] = "does not say that it is off" if on is None else "is on"
    for check in checks:
        for place in map(Place, check.places):
            if tray_of(place) not in found and (fault := fault_at(check, snapshot, place)):
                part = "" if tray_of(place) == place else f"{leaf_of(place)} "
                found[tray_of(place)] = f"{check.title}: {part}{fault}"
    return found


def _hot(name: str, done: str, heat: dict[str, str]) -> str:
    return f"{name} is not {done} while trays that it cools are on or hot: {_told(heat)}"


def _told(heat: dict[str, str]) -> str:
    """Return all trays by what is said of them, each named."""
    by_reason: dict[str, list[str]] = {}
    several = len({rack_of(Place(tray)) for tray in heat}) > 1
    for tray, why in heat.items():
        short = "/".join(tray.split("/")[-2:]) if several else leaf_of(Place(tray))
        by_reason.setdefault(why, []).append(short)
    return "; ".join(f"{', '.join(names)} {why}" for why, names in by_reason.items())


def _unit_at(layout: Layout, place: Place) -> Place:
    units = [t.place for t in layout.trays if t.kind == TrayKind.COOLANT_UNIT]
    if place not in units:
        named = ", ".join(leaf_of(Place(u)) for u in units) or "none"
        raise TargetUnknown(f"{place} is no coolant unit", advice=f"units are {named}")
    return place
