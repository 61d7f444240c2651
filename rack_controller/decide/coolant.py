"""Which targets of a coolant unit a wish or an interlock comes to, and what must not be turned down.  Pure.

A target stays within what the unit's register map states.  Flow goes down only as far as the heat of this moment
allows, and no target goes down while an interlock stands that turned one up.  Nothing here stops a unit.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from firmware_bridge.vocabulary.set_points import Settable
from rack_controller.decide.interlock import Order, Standing
from rack_controller.decide.set_points import agrees, check_range
from rack_controller.model.interlock import Act, InterlockPolicy
from rack_controller.model.limit import COOLANT_WORDS, SetPoint

QUANTITIES = frozenset(COOLANT_WORDS.values())
COOLS = frozenset({Quantity.FLOW, Quantity.PRESSURE_DELTA, Quantity.PUMP_SPEED})
"""Targets of which more carries more heat away."""
_UNKNOWN_WORD = f"one of {', '.join(COOLANT_WORDS)}"


@dataclass(frozen=True, slots=True)
class CoolantWish:
    """What somebody wants of the unit `unit`: `what` (a word of `COOLANT_WORDS`) at `value`, in its quantity's unit."""

    unit: Place
    what: str
    value: float


@dataclass(frozen=True, slots=True)
class LoopNow:
    """What a change is judged by: the flow that this moment's heat needs and what the other units move, in L/min
    (None: nobody knows), and why nothing is turned down, empty when it may be."""

    need: float | None = None
    others: float | None = 0.0
    held: str = ""


def find_target(unit: Place, what: str, points: Mapping[Place, Settable]) -> Settable:
    """Return what `what` of a unit is.  Raises ArgumentsInvalid (no such word), or TargetUnknown: it has none."""
    quantity = COOLANT_WORDS.get(what)
    if quantity is None:
        raise ArgumentsInvalid(f"of a coolant unit nothing is called {what!r}", advice=_UNKNOWN_WORD)
    mine = [p for p in points.values() if tray_of(p.place) == unit]
    found = next((p for p in mine if p.quantity is quantity), None)
    if found is None:
        has = ", ".join(word for word, q in COOLANT_WORDS.items() if any(p.quantity is q for p in mine)) or "nothing"
        raise TargetUnknown(
            f"{leaf_of(unit)} has no {what} that can be set",
            advice=f"it lets {has} be set; a register map states what, with its range",
        )
    return found


def decide_coolant(wish: CoolantWish, points: Mapping[Place, Settable], shown: float | None, now: LoopNow) -> Settable:
    """Return the target that a wish changes; `shown`: what it is now, None when nobody knows.

    Raises TargetUnknown, ArgumentsInvalid (outside the range) or PreconditionFailed (turned down too far, or held).
    """
    point = find_target(wish.unit, wish.what, points)
    check_range(point, wish.value)
    if not turns_down(point, wish.value, shown):
        return point
    if now.held:
        raise PreconditionFailed(
            f"{wish.what} of {leaf_of(wish.unit)} is not turned down: {now.held}", advice="see to that first"
        )
    if point.quantity is Quantity.FLOW:
        _check_need(wish, now)
    return point


def decide_raise(order: Order, points: Mapping[Place, Settable], shown: Mapping[Place, float]) -> dict[Place, float]:
    """Return the targets of `order.targets` that an interlock turns up: flow to a share of the most, supply by some K.

    A supply whose target nobody knows is left alone: what is warmer than that is not known either.
    """
    found: dict[Place, float] = {}
    for point in points.values():
        if tray_of(point.place) not in order.targets or point.most is None:
            continue
        if order.act is Act.RAISE_FLOW and point.quantity is Quantity.FLOW:
            found[point.place] = max(point.least or 0.0, (order.share or 1.0) * point.most)
        elif order.act is Act.RAISE_SUPPLY and point.quantity is Quantity.TEMPERATURE_SUPPLY and point.place in shown:
            found[point.place] = min(point.most, shown[point.place] + (order.by_k or 0.0))
    return found


def higher_only(
    values: Mapping[Place, float], wanted: Mapping[str, SetPoint], shown: Mapping[Place, float]
) -> dict[Place, float]:
    """Return the values that turn nothing down: above what is wanted, and not below what the unit keeps.

    What it keeps already is asked for all the same: a unit may show a target that it does not follow yet.
    """
    return {
        place: value
        for place, value in values.items()
        if (place not in wanted or value > wanted[place].value) and value >= shown.get(place, value)
    }


def holds_coolant(standings: Collection[Standing], policy: InterlockPolicy, quantity: Quantity) -> str:
    """Return which standing row turned this target of coolant units up, empty when none did."""
    act = Act.RAISE_SUPPLY if quantity is Quantity.TEMPERATURE_SUPPLY else Act.RAISE_FLOW
    rows = {row.cause: row for row in policy.rows}
    for standing in standings:
        row = rows.get(standing.cause)
        if row is not None and standing.tripped_at is not None and any(rung.do is act for rung in row.ladder):
            return f"{row.title} at {leaf_of(standing.place)}: {standing.evidence}"
    return ""


def turns_down(point: Settable, value: float, shown: float | None) -> bool:
    """Return whether a target goes down; from what nobody knows it does."""
    return shown is None or (value < shown and not agrees(point.quantity, shown, value))


def _check_need(wish: CoolantWish, now: LoopNow) -> None:
    unit = SPECS[Quantity.FLOW].unit
    if now.need is None or now.others is None:
        raise PreconditionFailed(
            f"nobody knows how much flow the heat of {leaf_of(wish.unit)}'s rack needs now",
            advice="wait until shelves and coolant units say what they carry",
        )
    if wish.value + now.others < now.need:
        raise PreconditionFailed(
            f"{wish.value + now.others:.0f} {unit} would be left, the heat of this moment needs {now.need:.0f}",
            advice="cap trays or switch them off first",
        )
