"""A plan that switches one power shelf's output: only while the rest carries the bus.  Pure.

What is not known of a shelf does not carry; what is not known of a tray draws its rating.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.power import PowerAction, PowerDepth
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.sequence import Act, Check
from firmware_bridge.vocabulary.sequence import Sequence as PowerSequence
from rack_controller.decide.checks import parts_of, share_error, share_least, well_parts
from rack_controller.decide.steps import load_w
from rack_controller.decide.switch import Switch
from rack_controller.decide.usable_now import UsableNow
from rack_controller.model.layout import Layout, TrayView
from rack_controller.model.lease import Direction
from rack_controller.model.operation import Manner, Plan, PlannedCheck, PlannedStage, Step, Verb
from rack_controller.model.snapshot import Snapshot

WITHIN_S = 30.0
"""How long a shelf may take to show that it is on or off.  Assumption."""
SETTLE_S = 10.0
APART_S = 60.0
"""How far apart two shelves are switched: the first must have been seen by everybody.  Assumption."""
BUS_TIMEOUT_S = 60.0
SUPPLY = "psu"
"""What a supply is called among a shelf's components, and with its number in places."""


@dataclass(frozen=True, slots=True)
class ShelfWish:
    """What somebody wants of one shelf, or of one supply (then `shelf` is the supply's place).  `lately`: what was
    switched too short ago, or is being switched; empty: nothing.  `without`: what the power budget lets the rack use
    once that is off, None where none covers it."""

    verb: Verb
    shelf: Place
    lately: str = ""
    without: UsableNow | None = None

    @property
    def action(self) -> PowerAction:
        """Return what is asked of the device."""
        return PowerAction.ON if self.verb in (Verb.SHELF_ON, Verb.PSU_ON) else PowerAction.FORCE_OFF


def plan_shelf(
    wish: ShelfWish, layout: Layout, sequence: PowerSequence, switch: Switch, snapshot: Snapshot, kept_off: str = ""
) -> Plan:
    """Return the plan; one of no stages when the shelf is as wanted.

    Raises TargetUnknown, ArgumentsInvalid or PreconditionFailed with what does not carry what.
    """
    view = shelf_at(layout, wish.shelf)
    goal, wanted = ("on", 1.0) if wish.action is PowerAction.ON else ("off", 0.0)
    if wish.action not in switch.offers:
        raise ArgumentsInvalid(f"the output of {leaf_of(wish.shelf)} cannot be switched {goal}", advice="at the shelf")
    check_lately(wish)
    already = snapshot.good(wish.shelf, Quantity.POWER_STATE) == wanted
    rest = [t for t in carrying(layout, snapshot) if t.place != view.place]
    if not already and goal == "off":
        check_rest(view, rest, layout, sequence, snapshot, wish.without)
    if not already and goal == "on":
        check_on(wish, rest, layout, snapshot, kept_off)
    bus = bus_check(sequence)
    after = [] if bus is None else [bound_check(bus, rest if goal == "off" else [*rest, view])]
    return one_switch(wish, f"Shelf {leaf_of(wish.shelf)}", layout, sequence, switch, after, already)


def one_switch(
    wish: ShelfWish,
    title: str,
    layout: Layout,
    sequence: PowerSequence,
    switch: Switch,
    after: list[PlannedCheck],
    already: bool,
) -> Plan:
    """Return a plan of one step that switches one source of the bus, of no stages when it is as wanted `already`."""
    goal: Literal["on", "off"] = "on" if wish.action is PowerAction.ON else "off"
    step = Step(
        id=f"shelf/{leaf_of(wish.shelf)}/{goal}",
        tray=wish.shelf,
        endpoint=switch.endpoint,
        goal=goal,
        acts=[Act(wish.action, WITHIN_S)],
        direction=Direction.ENERGISED if goal == "on" else Direction.NEUTRAL,
        settle_s=SETTLE_S,
    )
    stage = PlannedStage("shelf", f"{title} {goal}", [step], after=after, timeout_s=BUS_TIMEOUT_S)
    return Plan(
        rack=layout.rack,
        generation=layout.generation,
        verb=wish.verb,
        target=wish.shelf,
        depth=PowerDepth.NONE,
        manner=Manner.FORCE,
        stages=[] if already else [stage],
        already=[wish.shelf] if already else [],
        charges={},
        usable_w=layout.busbar_power_usable_w,
        request_s=sequence.request_s,
    )


def carries(shelf: TrayView, snapshot: Snapshot) -> bool:
    """Return whether a shelf is known to carry: it says that it is on, and what it gives."""
    place = Place(shelf.place)
    return snapshot.good(place, Quantity.POWER_STATE) == 1.0 and snapshot.good(place, Quantity.POWER) is not None


def carrying(layout: Layout, snapshot: Snapshot) -> list[TrayView]:
    """Return the shelves that are known to carry."""
    return [t for t in _shelves(layout) if carries(t, snapshot)]


def check_lately(wish: ShelfWish) -> None:
    """Refuse while something else is switched, or was just before.  Raises PreconditionFailed."""
    if wish.lately:
        raise PreconditionFailed(wish.lately, advice="one at a time; wait")


def check_rest(
    shelf: TrayView,
    rest: Sequence[TrayView],
    layout: Layout,
    sequence: PowerSequence,
    snapshot: Snapshot,
    without: UsableNow | None = None,
) -> None:
    """Refuse to switch a shelf off whose load the rest would not carry, one more of them lost, or which leaves less
    than its power budget needs, `without` it.

    Raises PreconditionFailed with the numbers: how many must be there, how evenly they share, present and granted load.
    """
    check_shares(rest, "other shelves", sequence, snapshot)
    able = sorted(able_w(t, snapshot) for t in rest)
    check_carried(sum(able[:-1]), [*rest, shelf], layout, snapshot, without)  # and one more may fail


def check_shares(shelves: Sequence[TrayView], called: str, sequence: PowerSequence, snapshot: Snapshot) -> None:
    """Refuse where fewer shelves carry than the sequence asks for, or what their supplies give is uneven.

    Raises PreconditionFailed with the numbers.
    """
    bus = bus_check(sequence)
    least = 1 if bus is None else bus.at_least or 1
    if len(shelves) < least:
        raise PreconditionFailed(
            f"{len(shelves)} {called} are known to carry, at least {least} must", advice="see to those first"
        )
    check = share_check(sequence)
    if check is None or check.share_error is None:
        return
    least_w = share_least(msgspec.structs.replace(check, per=SUPPLY), shelves)
    uneven = share_error([_each_w(t, snapshot) for t in shelves], least_w)
    if uneven > check.share_error:
        raise PreconditionFailed(
            f"the {called} do not share evenly: {uneven:.0%} from their mean, at most {check.share_error:.0%}",
            advice="see to those first",
        )


def check_carried(
    carried_w: float,
    shelves: Sequence[TrayView],
    layout: Layout,
    snapshot: Snapshot,
    without: UsableNow | None = None,
) -> None:
    """Refuse where less can be carried than `shelves` give now or trays are granted: by the ratings of what is left,
    and by what the power budget lets the rack use without what is switched off.  Raises PreconditionFailed."""
    present = sum(snapshot.good(Place(t.place), Quantity.POWER) or 0.0 for t in shelves)
    granted = without.granted if without is not None and without.kept else load_w(_charges(layout), snapshot, {})
    load = max(present, granted)
    if carried_w < load:
        raise PreconditionFailed(
            f"the rest carries {power_text(carried_w)} with one more lost, {power_text(load)} are drawn or granted",
            advice="switch trays off first, or cap them",
        )
    if without is not None and without.watts < load:
        raise PreconditionFailed(
            f"the rack could use {without.words} then, {power_text(load)} are drawn or granted",
            advice="cap the rack to that first (rackwright power cap), or switch trays off",
        )


def check_on(wish: ShelfWish, rest: Sequence[TrayView], layout: Layout, snapshot: Snapshot, kept_off: str) -> None:
    """Refuse what must stay off, and one source alone onto a bus that may be loaded: it would carry everything at once.

    Raises PreconditionFailed.
    """
    if kept_off:
        raise PreconditionFailed(f"{leaf_of(wish.shelf)} stays off: {kept_off}", advice="see to that first")
    load = load_w(_charges(layout), snapshot, {})
    if not rest and load > 0:
        raise PreconditionFailed(
            f"no other shelf is known to carry, and {power_text(load)} may be drawn: one alone does not go onto that",
            advice="switch the trays off first",
        )


def well_supplies(shelf: TrayView, snapshot: Snapshot) -> list[Place]:
    """Return the supplies of a shelf, without those that say they are off or critical."""
    count = next((c.count for c in shelf.components if c.name == SUPPLY), 0)
    return well_parts(snapshot, [f"{shelf.place}/{SUPPLY}{n}" for n in range(count)])


def _each_w(shelf: TrayView, snapshot: Snapshot) -> float:
    """Return what each supply of a shelf that is well gives, in W; of a shelf without supplies, what it gives."""
    return (snapshot.good(Place(shelf.place), Quantity.POWER) or 0.0) / (len(well_supplies(shelf, snapshot)) or 1)


def _charges(layout: Layout) -> dict[str, float]:
    return {t.place: t.power_max_w for t in layout.trays if t.power_max_w}


def able_w(shelf: TrayView, snapshot: Snapshot) -> float:
    """Return what a shelf can give: its rating, less the share of supplies that are not well."""
    whole = shelf.output_max_w or 0.0
    supplies = next((c.count for c in shelf.components if c.name == SUPPLY), 0)
    return whole * len(well_supplies(shelf, snapshot)) / supplies if supplies else whole


def shelf_at(layout: Layout, place: Place) -> TrayView:
    """Return a power shelf.  Raises TargetUnknown with those there are."""
    found = next((t for t in _shelves(layout) if t.place == place), None)
    if found is None:
        names = ", ".join(leaf_of(Place(t.place)) for t in _shelves(layout)) or "none"
        raise TargetUnknown(f"{place} is no power shelf", advice=f"shelves are {names}")
    return found


def _shelves(layout: Layout) -> list[TrayView]:
    return [t for t in layout.trays if t.kind == TrayKind.POWER_SHELF]


def _checks(sequence: PowerSequence) -> list[Check]:
    return [c for stage in sequence.power_on for c in stage.before if c.over == [TrayKind.POWER_SHELF]]


def share_check(sequence: PowerSequence) -> Check | None:
    """Return the check of how evenly shelves share that the sequence makes before trays go on, None for none."""
    return next((c for c in _checks(sequence) if c.share_error is not None), None)


def bus_check(sequence: PowerSequence) -> Check | None:
    """Return the check of the bus voltage that the sequence makes before trays go on, None where it has none."""
    return next((c for c in _checks(sequence) if c.quantity is Quantity.VOLTAGE), None)


def bound_check(check: Check, shelves: Sequence[TrayView]) -> PlannedCheck:
    """Return a check of the sequence over these shelves."""
    return PlannedCheck(
        name=check.name,
        title=check.title,
        places=[shelf.place for shelf in shelves],
        quantity=check.quantity,
        least=check.least,
        most=check.most,
        at_least=check.at_least,
        share_error=check.share_error,
        share_least=0.0 if check.share_error is None else share_least(check, shelves),
        per={t.place: parts for t in shelves if (parts := parts_of(check, t))},
        steady_s=check.steady_s,
    )
