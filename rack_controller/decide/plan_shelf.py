"""A plan that switches one power shelf's output: only while the rest carries the bus.  Pure.

What is not known of a shelf does not carry; what is not known of a tray draws its rating.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.power import PowerAction, PowerDepth
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.sequence import Act, Check
from firmware_bridge.vocabulary.sequence import Sequence as PowerSequence
from rack_controller.decide.checks import share_error
from rack_controller.decide.plan_power import Switch
from rack_controller.decide.steps import load_w
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


@dataclass(frozen=True, slots=True)
class ShelfWish:
    """What somebody wants of one shelf: `shelf_on` or `shelf_off`.  `lately`: what was switched too short ago, or is
    being switched; empty: nothing."""

    verb: Verb
    shelf: Place
    lately: str = ""


def plan_shelf(
    wish: ShelfWish, layout: Layout, sequence: PowerSequence, switch: Switch, snapshot: Snapshot, kept_off: str = ""
) -> Plan:
    """Return the plan; one of no stages when the shelf is as wanted.

    Raises TargetUnknown, ArgumentsInvalid or PreconditionFailed with what does not carry what.
    """
    view = _shelf(layout, wish.shelf)
    goal, wanted = ("on", 1.0) if wish.verb is Verb.SHELF_ON else ("off", 0.0)
    action = PowerAction.ON if goal == "on" else PowerAction.FORCE_OFF
    if action not in switch.offers:
        raise ArgumentsInvalid(f"the output of {leaf_of(wish.shelf)} cannot be switched {goal}", advice="at the shelf")
    if wish.lately:
        raise PreconditionFailed(wish.lately, advice="one shelf at a time; wait")
    already = snapshot.good(wish.shelf, Quantity.POWER_STATE) == wanted
    rest = [t for t in _shelves(layout) if t.place != view.place and carries(t, snapshot)]
    charges = {t.place: t.power_max_w for t in layout.trays if t.power_max_w}
    if not already and goal == "off":
        check_rest(view, rest, layout, sequence, snapshot, charges)
    if not already and goal == "on":
        if kept_off:
            raise PreconditionFailed(f"{leaf_of(wish.shelf)} stays off: {kept_off}", advice="see to that first")
        _check_loaded_bus(view, rest, snapshot, charges)
    step = Step(
        id=f"shelf/{leaf_of(wish.shelf)}/{goal}",
        tray=wish.shelf,
        endpoint=switch.endpoint,
        goal="on" if goal == "on" else "off",
        acts=[Act(action, WITHIN_S)],
        direction=Direction.ENERGISED if goal == "on" else Direction.NEUTRAL,
        settle_s=SETTLE_S,
    )
    bus = _bus(sequence)
    after = [] if bus is None else [_bound(bus, [t.place for t in (rest if goal == "off" else [*rest, view])])]
    title = f"Shelf {leaf_of(wish.shelf)} {goal}"
    stage = PlannedStage("shelf", title, [step], after=after, timeout_s=BUS_TIMEOUT_S)
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


def check_rest(
    shelf: TrayView,
    rest: Sequence[TrayView],
    layout: Layout,
    sequence: PowerSequence,
    snapshot: Snapshot,
    charges: dict[str, float],
) -> None:
    """Refuse to switch a shelf off whose load the rest would not carry, one more of them lost.

    Raises PreconditionFailed with the numbers: how many must be there, how evenly they share, present and granted load.
    """
    bus = _bus(sequence)
    least = 1 if bus is None else bus.at_least or 1
    if len(rest) < least:
        raise PreconditionFailed(
            f"{len(rest)} other shelves are known to carry, at least {least} must", advice="see to those first"
        )
    uneven = share_error([snapshot.good(Place(t.place), Quantity.POWER) or 0.0 for t in rest])
    most = next((c.share_error for c in _checks(sequence) if c.share_error is not None), None)
    if most is not None and uneven > most:
        raise PreconditionFailed(
            f"the other shelves do not share evenly: {uneven:.0%} from their mean, at most {most:.0%}",
            advice="see to those first",
        )
    present = sum(snapshot.good(Place(t.place), Quantity.POWER) or 0.0 for t in (*rest, shelf))
    load = max(present, load_w(charges, snapshot, {}))
    able = sorted(_able(t, snapshot) for t in rest)
    carried = sum(able[:-1])  # and one more may fail
    if carried < load:
        raise PreconditionFailed(
            f"the rest carries {carried / 1000:.1f} kW with one more lost, {load / 1000:.1f} kW are drawn or granted",
            advice="switch trays off first, or cap them",
        )


def _check_loaded_bus(shelf: TrayView, rest: Sequence[TrayView], snapshot: Snapshot, charges: dict[str, float]) -> None:
    """Refuse one shelf alone onto a bus that may be loaded: it would carry everything at once."""
    load = load_w(charges, snapshot, {})
    if not rest and load > 0:
        raise PreconditionFailed(
            f"no other shelf is known to carry, and {load / 1000:.1f} kW may be drawn: one alone does not go onto that",
            advice="switch the trays off first",
        )


def _able(shelf: TrayView, snapshot: Snapshot) -> float:
    """Return what a shelf can give: its rating, less the share of supplies that say they are not on."""
    whole = shelf.output_max_w or 0.0
    supplies = next((c.count for c in shelf.components if c.name == "psu"), 0)
    states = [snapshot.good(Place(f"{shelf.place}/psu{n}"), Quantity.POWER_STATE) for n in range(supplies)]
    return whole * (supplies - sum(s == 0.0 for s in states)) / supplies if supplies else whole


def _shelf(layout: Layout, place: Place) -> TrayView:
    found = next((t for t in _shelves(layout) if t.place == place), None)
    if found is None:
        names = ", ".join(leaf_of(Place(t.place)) for t in _shelves(layout)) or "none"
        raise TargetUnknown(f"{place} is no power shelf", advice=f"shelves are {names}")
    return found


def _shelves(layout: Layout) -> list[TrayView]:
    return [t for t in layout.trays if t.kind == TrayKind.POWER_SHELF]


def _checks(sequence: PowerSequence) -> list[Check]:
    return [c for stage in sequence.power_on for c in stage.before if c.over == [TrayKind.POWER_SHELF]]


def _bus(sequence: PowerSequence) -> Check | None:
    return next((c for c in _checks(sequence) if c.quantity is Quantity.VOLTAGE), None)


def _bound(check: Check, places: list[str]) -> PlannedCheck:
    return PlannedCheck(
        name=check.name,
        title=check.title,
        places=places,
        quantity=check.quantity,
        least=check.least,
        most=check.most,
        at_least=check.at_least,
        steady_s=check.steady_s,
    )
