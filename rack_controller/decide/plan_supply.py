"""A plan that switches one supply of a power shelf: only while the rest of the bus's supplies carries it.  Pure.

A supply that is off or critical does not carry; nor does a shelf of which is not known that it does.
"""

import msgspec

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import TRAY_PARTS, Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerAction
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.sequence import Sequence as PowerSequence
from rack_controller.decide.plan_shelf import (
    SUPPLY,
    ShelfWish,
    able_w,
    bound_check,
    bus_check,
    carries,
    carrying,
    check_carried,
    check_lately,
    check_on,
    check_shares,
    one_switch,
    share_check,
    shelf_at,
    well_supplies,
)
from rack_controller.decide.switch import Switch
from rack_controller.model.layout import Layout, TrayView
from rack_controller.model.operation import Plan, PlannedCheck
from rack_controller.model.snapshot import Snapshot

STEADY_S = 5.0
"""How long shelves must share the load before a switch is over.  Assumption, as for the bus."""


def plan_supply(
    wish: ShelfWish, layout: Layout, sequence: PowerSequence, switch: Switch, snapshot: Snapshot, kept_off: str = ""
) -> Plan:
    """Return the plan for `psu_on` or `psu_off`; one of no stages when the supply is as wanted.

    Raises TargetUnknown, ArgumentsInvalid or PreconditionFailed with what does not carry what.
    """
    shelf, name = _shelf_of(layout, wish.shelf), _name(wish.shelf)
    on = wish.action is PowerAction.ON
    if wish.action not in switch.offers:
        raise ArgumentsInvalid(
            f"{name} cannot be switched {'on' if on else 'off'}: its shelf offers no way to do that to a single supply",
            advice="switch the whole shelf, or see to it there",
        )
    check_lately(wish)
    already = snapshot.good(wish.shelf, Quantity.POWER_STATE) == (1.0 if on else 0.0)
    shelves = carrying(layout, snapshot)
    if not already and on:
        check_on(wish, shelves, layout, snapshot, kept_off)
    if not already and not on:
        _check_others(wish, shelf, shelves, layout, sequence, snapshot)
    after = _checks_after(wish.shelf, on, shelves, sequence, snapshot)
    return one_switch(wish, f"Supply {name}", layout, sequence, switch, after, already)


def _check_others(
    wish: ShelfWish,
    shelf: TrayView,
    shelves: list[TrayView],
    layout: Layout,
    sequence: PowerSequence,
    snapshot: Snapshot,
) -> None:
    """Refuse where all other supplies that are well, one more of them lost, would not carry the load, and where the
    shelf is left without any: that is switching the shelf."""
    supply = wish.shelf
    if carries(shelf, snapshot) and not [s for s in well_supplies(shelf, snapshot) if s != supply]:
        raise PreconditionFailed(
            f"{_name(supply)} is the last of its shelf that carries", advice=f"switch {leaf_of(tray_of(supply))} off"
        )
    check_shares(shelves, "shelves", sequence, snapshot)
    able = sum(able_w(t, snapshot) for t in shelves)
    if supply in well_supplies(shelf, snapshot) and carries(shelf, snapshot):
        able -= _rating_w(shelf)
    lost = max((_rating_w(t) for t in shelves), default=0.0)  # and one more may fail
    check_carried(able - lost, shelves, layout, snapshot, wish.without)


def _rating_w(shelf: TrayView) -> float:
    """Return what one supply of a shelf gives at most, in W."""
    return (shelf.output_max_w or 0.0) / next((c.count for c in shelf.components if c.name == SUPPLY), 1)


def _checks_after(
    supply: Place, on: bool, shelves: list[TrayView], sequence: PowerSequence, snapshot: Snapshot
) -> list[PlannedCheck]:
    """Return what must hold afterwards: the bus is stable, and the shelves that then have every supply share the load.

    One with a supply less gives less: how it shares is no question of evenness.
    """
    bus, share = bus_check(sequence), share_check(sequence)
    checks = [] if bus is None else [bound_check(bus, shelves)]
    whole = [t for t in shelves if _whole(t, supply, on, snapshot)]
    if share is not None and whole:
        checks.append(msgspec.structs.replace(bound_check(share, whole), steady_s=STEADY_S))
    return checks


def _whole(shelf: TrayView, supply: Place, on: bool, snapshot: Snapshot) -> bool:
    """Return whether every supply of a shelf is well once `supply` is switched."""
    well = set(well_supplies(shelf, snapshot))
    if tray_of(supply) == shelf.place:
        well = well | {supply} if on else well - {supply}
    return len(well) == next((c.count for c in shelf.components if c.name == SUPPLY), 0)


def _shelf_of(layout: Layout, supply: Place) -> TrayView:
    if len(supply.split("/")) <= TRAY_PARTS:
        shelf_at(layout, supply)
        raise TargetUnknown(f"{supply} is a whole shelf", advice="name one of its supplies, such as u06/psu3")
    shelf = shelf_at(layout, tray_of(supply))
    count = next((c.count for c in shelf.components if c.name == SUPPLY), 0)
    if leaf_of(supply) not in {f"{SUPPLY}{n}" for n in range(count)}:
        there = f"{SUPPLY}0 to {SUPPLY}{count - 1}" if count else "none"
        raise TargetUnknown(f"{leaf_of(tray_of(supply))} has no {leaf_of(supply)}", advice=f"its supplies are {there}")
    return shelf


def _name(supply: Place) -> str:
    return f"{leaf_of(tray_of(supply))}/{leaf_of(supply)}"
