"""A plan that switches a rack, trays of it, or one: from the generation's sequence and what is seen now.  Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place, leaf_of
from firmware_bridge.vocabulary.power import PowerAction, PowerDepth
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.sequence import Act, Check, Scope, Stage
from firmware_bridge.vocabulary.sequence import Sequence as PowerSequence
from rack_controller.decide.checks import judge_check, parts_of, share_least
from rack_controller.decide.isolate import isolation
from rack_controller.decide.left_out import check_apart, check_whole, left_out_of, unasked
from rack_controller.decide.switch import Switch
from rack_controller.decide.usable_now import UsableNow
from rack_controller.model.layout import Layout, TrayView
from rack_controller.model.lease import Direction
from rack_controller.model.operation import Manner, Plan, PlannedCheck, PlannedStage, Step, Verb
from rack_controller.model.snapshot import Snapshot

COOLED = (TrayKind.COMPUTE, TrayKind.SWITCH)
GENTLE = frozenset({PowerAction.GRACEFUL_OFF})
KINDS = frozenset(map(str, TrayKind))
_NOBODY: Mapping[Place, str] = MappingProxyType({})
_NOTHING: Mapping[Place, Switch] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PowerWish:
    """What somebody wants: `target` is a rack, a tray, or a kind of tray in the rack (`RACK compute`); `slots` names
    some trays of the rack (`u12`), empty: all of them.

    `depth` matters for off, `manner` for off and cycle.
    """

    verb: Verb
    target: Place
    kind: TrayKind | None = None
    depth: PowerDepth = PowerDepth.HOST_OFF
    manner: Manner = Manner.GRACEFUL_THEN_FORCE
    slots: tuple[str, ...] = ()

    def is_whole(self, layout: Layout) -> bool:
        """Return whether it is for all of a rack."""
        return self.target == layout.rack and self.kind is None and not self.slots

    @property
    def words(self) -> str:
        """Return the target in words, from which `parse_target` makes the same wish again."""
        return " ".join(
            [self.target, *([self.kind] if self.kind else []), *([",".join(self.slots)] if self.slots else [])]
        )


def parse_target(words: str) -> tuple[Place, TrayKind | None, tuple[str, ...]]:
    """Return the target, kind and slots out of a plan's target in words."""
    target, *more = words.split(" ")
    kinds = [word for word in more if word in KINDS]
    slots = [word for word in more if word not in KINDS]
    return Place(target), TrayKind(kinds[0]) if kinds else None, tuple(slots[0].split(",")) if slots else ()


def plan_power(
    wish: PowerWish,
    layout: Layout,
    sequence: PowerSequence | None,
    switches: Mapping[Place, Switch],
    snapshot: Snapshot | None,
    kept_off: Mapping[Place, str] = _NOBODY,
    usable: UsableNow | None = None,
    outputs: Mapping[Place, Switch] = _NOTHING,
    busy: str = "",
) -> Plan:
    """Return the plan.  `switches`: by tray, what can switch it; `kept_off`: by tray, why it must stay off: then it is
    left out of what switches on; `usable`: what the rack may use by its power budget, None without one; `outputs`: by
    shelf, what switches it, and `busy` what is under way, for a rack that is isolated.

    Raises TargetUnknown, ArgumentsInvalid or PreconditionFailed; a plan that it returns can be carried out as far as is
    known now.
    """
    if sequence is None:
        raise PreconditionFailed(
            f"generation {layout.generation} does not say in which order its trays are switched",
            advice="write a sequence.yaml for it",
        )
    if snapshot is None:
        raise PreconditionFailed(f"{layout.rack} has not been read yet", advice="wait a few seconds")
    if wish.verb is not Verb.OFF and wish.depth is not PowerDepth.HOST_OFF:
        raise ArgumentsInvalid(f"{wish.verb} knows no depth", advice="--depth is for off")
    if wish.depth is PowerDepth.NONE:
        raise ArgumentsInvalid("off has a depth", advice="host_off, aux_off, or for a whole rack isolated")
    kept = kept_off if wish.verb is not Verb.OFF else {}
    plan = _Planner(wish, layout, sequence, switches, snapshot, kept).plan()
    if wish.depth is PowerDepth.ISOLATED:
        checks = _before_isolation(layout, sequence, snapshot, first=not plan.stages)
        last = isolation(layout, wish.is_whole(layout), outputs, checks, busy)
        plan = msgspec.structs.replace(plan, stages=[*plan.stages, last])
    if usable is None:
        return plan
    return msgspec.structs.replace(plan, usable_w=round(usable.watts, 1), usable_by=usable.by)


@dataclass(frozen=True, slots=True)
class _Planner:
    wish: PowerWish
    layout: Layout
    sequence: PowerSequence
    switches: Mapping[Place, Switch]
    snapshot: Snapshot
    kept_off: Mapping[Place, str]

    def plan(self) -> Plan:
        chosen, lacking = self._chosen()
        already = self._already(chosen)
        left_out = left_out_of([t for t in chosen if t.place not in already], self.kept_off)
        doing = [t for t in chosen if t.place not in already and t.place not in left_out]
        stages: list[PlannedStage] = []
        if self.wish.verb is not Verb.ON:
            stages += self._stages(self.sequence.power_off, doing, "off")
            self._check_begin(stages)
            check_apart(stages, self.snapshot, left_out)
        if self.wish.verb is not Verb.OFF:
            coming = self._stages(self.sequence.power_on, doing, "on")
            coming = _after_off(coming, stages)
            check_whole(coming, [t for t in self.layout.trays if t.place in left_out], self.sequence, left_out)
            stages += [unasked(stage, left_out) for stage in coming]
        charges = {t.place: t.power_max_w for t in self.layout.trays if t.power_max_w}
        return Plan(
            rack=self.layout.rack,
            generation=self.layout.generation,
            verb=self.wish.verb,
            target=self.wish.words,
            depth=self.wish.depth,
            manner=self.wish.manner,
            stages=stages,
            already=already,
            charges=charges,
            usable_w=self.layout.busbar_power_usable_w,
            request_s=self.sequence.request_s,
            unswitched=[t.place for t in lacking],
            left_out=left_out,
        )

    def _check_begin(self, stages: Sequence[PlannedStage]) -> None:
        """Refuse what nothing in the plan would make possible: switch trays go off after the hosts that use them."""
        for check in stages[0].before if stages else []:
            judged = judge_check(check, self.snapshot, {})
            if not judged.holds:
                raise PreconditionFailed(judged.text, advice="see to that first, or switch the whole rack")

    def _chosen(self) -> tuple[list[TrayView], list[TrayView]]:
        """Return the trays that are meant, and those of them that nothing we read can switch."""
        target, kind, slots = self.wish.target, self.wish.kind, self.wish.slots
        whole = target == self.layout.rack
        inside = [t for t in self.layout.trays if whole or t.place == target]
        if not inside or (slots and not whole):
            raise TargetUnknown(f"no rack or tray {target!r}", advice="name a rack, or a tray such as u12")
        if missing := set(slots) - {leaf_of(Place(t.place)) for t in inside}:
            raise TargetUnknown(f"{target} has no {', '.join(sorted(missing))}", advice="see `rackwright rack show`")
        inside = [t for t in inside if not slots or leaf_of(Place(t.place)) in slots]
        switched = {k for stage in (*self.sequence.power_on, *self.sequence.power_off) for k in stage.of}
        wanted = [t for t in inside if (kind is None or t.kind == kind) and t.kind in switched]
        lacking = [t for t in wanted if Place(t.place) not in self.switches]
        named = bool(slots) or not whole  # one by one: then each of them must be one that can be switched
        bad = lacking or [t for t in inside if slots and kind is None and t.kind not in switched]
        if not wanted or (named and bad):
            what = kind or (bad or inside)[0].kind if named else kind or "tray"
            where = f"{target} {leaf_of(Place(bad[0].place))}" if slots and bad else target
            raise TargetUnknown(
                f"{where}: no {what.replace('_', ' ')} there can be switched", advice="see `rackwright rack show`"
            )
        return [t for t in wanted if t not in lacking], lacking

    def _already(self, chosen: Sequence[TrayView]) -> list[str]:
        """Return the trays that say they are as wanted; where it is not known, they are switched."""
        if self.wish.verb is Verb.CYCLE or self.wish.depth is PowerDepth.AUX_OFF:
            return []
        wanted = 1.0 if self.wish.verb is Verb.ON else 0.0
        return [t.place for t in chosen if self.snapshot.good(Place(t.place), Quantity.POWER_STATE) == wanted]

    def _stages(self, stages: Sequence[Stage], doing: Sequence[TrayView], goal: str) -> list[PlannedStage]:
        """Bind every stage to its trays.  A stage without any is left out, unless its checks are what a later stage
        that energises stands on, or it guards what is left of the heat of a whole rack."""
        whole = self.wish.is_whole(self.layout)
        bound = []
        for stage in stages:
            trays = sorted(
                (t for t in doing if t.kind in stage.of), key=lambda t: t.unit, reverse=stage.order == "down"
            )
            if not trays and stage.of and goal == "off":
                continue
            if not trays and not stage.of and goal == "off" and (not whole or self.wish.verb is Verb.CYCLE):
                continue
            bound.append(self._bind(stage, trays, goal))
        while bound and goal == "on" and not bound[-1].steps:
            bound.pop()
        return bound if any(stage.steps for stage in bound) else []

    def _bind(self, stage: Stage, trays: Sequence[TrayView], goal: str) -> PlannedStage:
        steps = [step for tray in trays for step in self._steps(stage, tray, goal)]
        mine = {t.place for t in trays}
        after = stage.after if steps or stage.of == [] or goal == "on" else []
        return PlannedStage(
            name=stage.name,
            title=stage.title,
            steps=steps,
            before=[c for c in (self._check(c, mine) for c in stage.before) if c.places],
            after=[c for c in (self._check(c, mine) for c in after) if c.places],
            width=stage.width,
            gap_s=stage.gap_s,
            timeout_s=stage.timeout_s,
            stops=stage.on_failure == "stop",
        )

    def _steps(self, stage: Stage, tray: TrayView, goal: str) -> list[Step]:
        acts = self.sequence.acts.get(TrayKind(tray.kind))
        if acts is None:
            raise PreconditionFailed(
                f"the sequence of {self.layout.generation} does not say how a {tray.kind} is switched"
            )
        step = Step(
            id=f"{stage.name}/{leaf_of(Place(tray.place))}/{goal}",
            tray=tray.place,
            endpoint=self.switches[Place(tray.place)].endpoint,
            goal="on" if goal == "on" else "off",
            acts=self._offered(acts.host_on if goal == "on" else self._off(acts.host_off, tray), tray),
            direction=Direction.ENERGISED if goal == "on" else Direction.SAFE,
            charge_w=tray.power_max_w or 0.0,
            inrush_w=stage.inrush_w if goal == "on" else 0.0,
            settle_s=stage.settle_s,
        )
        if goal == "on" or self.wish.depth is not PowerDepth.AUX_OFF:
            return [step]
        if not acts.aux_off:
            raise ArgumentsInvalid(
                f"auxiliary power of a {tray.kind.replace('_', ' ')} tray of {self.layout.generation} cannot be "
                "switched off",
                advice="--depth host_off",
            )
        return [step, _deeper(step, self._offered(acts.aux_off, tray))]

    def _offered(self, acts: Sequence[Act], tray: TrayView) -> list[Act]:
        """Return the acts that a tray offers; all of them while it is not known what it does."""
        offers = self.switches[Place(tray.place)].offers
        kept = [act for act in acts if act.action in offers] if offers else list(acts)
        if not kept:
            wanted = " or ".join(act.action for act in acts)
            raise ArgumentsInvalid(
                f"{leaf_of(Place(tray.place))} does not offer {wanted}", advice=f"it offers {', '.join(sorted(offers))}"
            )
        return kept

    def _off(self, acts: Sequence[Act], tray: TrayView) -> list[Act]:
        chosen = {
            Manner.GRACEFUL_THEN_FORCE: list(acts),
            Manner.GRACEFUL: [a for a in acts if a.action in GENTLE],
            Manner.FORCE: [a for a in acts if a.action not in GENTLE],
        }[self.wish.manner]
        if not chosen:
            raise ArgumentsInvalid(f"a {tray.kind.replace('_', ' ')} tray knows no {self.wish.manner} off")
        return chosen

    def _check(self, check: Check, mine: set[str]) -> PlannedCheck:
        return bind_check(check, self.layout, None if check.scope is Scope.RACK else mine)


def bind_check(check: Check, layout: Layout, mine: set[str] | None = None) -> PlannedCheck:
    """Return a check of the sequence over a rack's trays, of those in `mine` where that is given."""
    trays = [t for t in layout.trays if t.kind in check.over and (mine is None or t.place in mine)]
    cooling = [t.place for t in layout.trays if t.kind == TrayKind.COOLANT_UNIT]  # one loop, fed by all
    return PlannedCheck(
        name=check.name,
        title=check.title,
        places=[place for tray in trays for place in _places(check, tray)],
        quantity=check.quantity,
        wanted=check.wanted,
        least=check.least,
        most=check.most,
        over_supply_k=check.over_supply_k,
        at_least=check.at_least,
        share_error=check.share_error,
        share_least=0.0 if check.share_error is None else share_least(check, trays),
        per={t.place: parts for t in trays if (parts := parts_of(check, t))},
        steady_s=check.steady_s,
        versions=bool(check.same_version),
        dark_when_off=check.dark_when_off,
        supplies=cooling if check.over_supply_k is not None else [],
    )


def _before_isolation(
    layout: Layout, sequence: PowerSequence, snapshot: Snapshot, *, first: bool
) -> list[PlannedCheck]:
    """Return what must hold before the bus ends.  The time that coolant flows on is waited for where no stage before
    has; where it stands already, off and cool is all there is to see."""
    units = [Place(t.place) for t in layout.trays if t.kind == TrayKind.COOLANT_UNIT]
    flows = first and any((snapshot.good(unit, Quantity.FLOW) or 0.0) > 0.0 for unit in units)
    checks = [c for c in cooled_checks(layout, sequence) if c.quantity is not Quantity.FLOW or flows]
    return checks if flows else [msgspec.structs.replace(c, steady_s=0.0) for c in checks]


def cooled_checks(layout: Layout, sequence: PowerSequence) -> list[PlannedCheck]:
    """Return what must hold before flow or the bus ends: every tray off, and what the sequence asks for after a rack
    went off.  Raises PreconditionFailed where it does not say when a rack is cool."""
    stated = [c for stage in sequence.power_off if not stage.of for c in stage.after]
    if not any(c.over_supply_k is not None for c in stated):
        raise PreconditionFailed(
            f"the sequence of {layout.generation} does not say when a rack is cool",
            advice="write a stage of power_off without trays, with over_supply_k",
        )
    lasts = max(c.steady_s for c in stated)  # coolant that flows on counts from the last tray that went off
    off = Check("off", "trays off", list(COOLED), quantity=Quantity.POWER_STATE, wanted="off", steady_s=lasts)
    return [c for c in (bind_check(c, layout) for c in (off, *stated)) if c.places]


def _after_off(coming: Sequence[PlannedStage], going: Sequence[PlannedStage]) -> list[PlannedStage]:
    """Return the stages of a cycle that switch on: no tray comes on whose off failed."""
    off = {step.tray: step.id for stage in going for step in stage.steps}
    return [
        msgspec.structs.replace(
            stage, steps=[msgspec.structs.replace(s, needs=off.get(s.tray, s.needs)) for s in stage.steps]
        )
        for stage in coming
    ]


def _deeper(step: Step, acts: Sequence[Act]) -> Step:
    return Step(
        id=f"{step.id}_aux",
        tray=step.tray,
        endpoint=step.endpoint,
        goal="off",
        acts=list(acts),
        direction=Direction.SAFE,
        depth=PowerDepth.AUX_OFF,
        needs=step.id,
    )


def _places(check: Check, tray: TrayView) -> list[str]:
    place = Place(tray.place)
    if check.same_version:
        return [e.place for e in tray.endpoints if leaf_of(Place(e.place)) == check.same_version and e.enabled]
    if check.sensors:
        return [join_place(place, sensor) for sensor in check.sensors]
    if not check.part:
        return [tray.place]
    if any(leaf_of(Place(e.place)) == check.part for e in tray.endpoints):
        return [join_place(place, check.part)]
    counted = next((c.count for c in tray.components if c.name == check.part), 0)
    return [join_place(place, f"{check.part}{n}") for n in range(counted)]
