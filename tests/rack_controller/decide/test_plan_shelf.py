"""A shelf is switched only while the rest carries the bus: numbers, what is not known, one at a time."""

import pytest
from support.interlocked import RACK, InterlockedRack

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, CommandRefused, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.power import PowerAction
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.plan_shelf import ShelfWish, plan_shelf
from rack_controller.decide.switch import Switch
from rack_controller.decide.usable_now import UsableNow
from rack_controller.model.lease import Direction
from rack_controller.model.operation import Plan, Verb

SEQUENCE = load_generation("gb200-nvl72").sequence
assert SEQUENCE is not None
U06 = Place(f"{RACK}/u06")
BOTH = frozenset({PowerAction.ON, PowerAction.FORCE_OFF})


def racked(watts: float = 10_000.0, on: int = 8) -> InterlockedRack:
    rack = InterlockedRack()
    shelves = [t for t in rack.layout.trays if t.kind == TrayKind.POWER_SHELF]
    for number, shelf in enumerate(sorted(shelves, key=lambda t: t.place != U06)):
        rack.set(Place(shelf.place), Quantity.POWER_STATE, 1.0 if number < on else 0.0)
        rack.set(Place(shelf.place), Quantity.POWER, watts if number < on else 0.0)
    return rack


def planned(
    rack: InterlockedRack,
    verb: Verb = Verb.SHELF_OFF,
    shelf: Place = U06,
    offers: frozenset[PowerAction] = BOTH,
    without: UsableNow | None = None,
    **more: str,
) -> Plan:
    assert SEQUENCE is not None
    switch = Switch(join_place(shelf, "pmc"), offers)
    wish = ShelfWish(verb, shelf, more.get("lately", ""), without)
    return plan_shelf(wish, rack.layout, SEQUENCE, switch, rack.snapshot(), more.get("kept_off", ""))


def dark(rack: InterlockedRack) -> InterlockedRack:
    rack.switch(False, [Place(t.place) for t in rack.layout.trays if t.kind in (TrayKind.COMPUTE, TrayKind.SWITCH)])
    return rack


def test_one_of_eight_goes_off_and_the_bus_is_looked_at_afterwards() -> None:
    (stage,) = planned(racked()).stages
    (step,) = stage.steps
    assert [a.action for a in step.acts] == [PowerAction.FORCE_OFF]
    assert (step.goal, step.direction, step.tray) == ("off", Direction.NEUTRAL, U06)
    (bus,) = stage.after
    assert (bus.name, len(bus.places), U06 in bus.places) == ("bus", 7, False)
    back = planned(racked(on=8), Verb.SHELF_ON)
    assert (back.stages, back.already) == ([], [U06])


@pytest.mark.parametrize(
    ("rack", "said"),
    [
        (racked(on=4), r"3 other shelves are known to carry, at least 4 must"),
        (racked(on=5), "rest carries 99.0 kW with one more lost, 123.3 kW are drawn or granted"),
        (racked(watts=28_000.0), "rest carries 198.0 kW with one more lost, 224.0 kW are drawn or granted"),
    ],
)
def test_what_the_rest_does_not_carry_stays(rack: InterlockedRack, said: str) -> None:
    with pytest.raises(PreconditionFailed, match=said):
        planned(rack)


def test_a_power_budget_says_what_the_rack_could_use_then_and_an_armed_one_what_is_granted() -> None:
    shadow = UsableNow(99_000.0, "feed b if feed a is lost")
    with pytest.raises(
        PreconditionFailed, match=r"could use 99\.0 kW \(feed b if feed a is lost\) then, 123\.3 kW are"
    ):
        planned(racked(), without=shadow)
    held = UsableNow(99_000.0, "feed b if feed a is lost", kept=True, granted=98_000.0)
    assert planned(racked(watts=10_000.0), without=held).stages
    more = UsableNow(99_000.0, "feed b if feed a is lost", kept=True, granted=101_000.0)
    with pytest.raises(PreconditionFailed, match=r"then, 101\.0 kW are drawn or granted"):
        planned(racked(watts=10_000.0), without=more)


def test_what_is_not_known_does_not_carry_and_draws_its_rating() -> None:
    rack = dark(racked(watts=100.0, on=5))
    assert planned(rack).stages
    rack.set(Place(f"{RACK}/u07"), Quantity.POWER, None)
    with pytest.raises(PreconditionFailed, match="3 other shelves are known"):
        planned(rack)
    half = racked(on=6)
    for shelf in (t.place for t in half.layout.trays if t.kind == TrayKind.POWER_SHELF):
        for psu in range(3):
            half.set(Place(f"{shelf}/psu{psu}"), Quantity.POWER_STATE, 0.0)
    with pytest.raises(PreconditionFailed, match=r"rest carries 66\.0 kW"):
        planned(half)


def test_shelves_that_do_not_share_are_seen_to_first() -> None:
    rack = racked()
    rack.set(Place(f"{RACK}/u08"), Quantity.POWER, 2_000.0)
    with pytest.raises(PreconditionFailed, match="do not share evenly"):
        planned(rack)


def test_one_alone_is_not_switched_onto_a_loaded_bus() -> None:
    rack = racked(on=0)
    with pytest.raises(PreconditionFailed, match=r"no other shelf is known to carry, and 123\.3 kW may be drawn"):
        planned(rack, Verb.SHELF_ON)
    (stage,) = planned(dark(rack), Verb.SHELF_ON).stages
    assert stage.steps[0].direction is Direction.ENERGISED
    assert len(stage.after[0].places) == 1


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"shelf": Place(f"{RACK}/u11")}, TargetUnknown, "u11 is no power shelf"),
        ({"offers": frozenset()}, ArgumentsInvalid, "cannot be switched off"),
        ({"lately": "k01-3 (shelf_off u07) is under way"}, PreconditionFailed, "k01-3"),
    ],
)
def test_what_is_refused_besides(more: dict[str, object], kind: type[CommandRefused], said: str) -> None:
    with pytest.raises(kind, match=said):
        planned(racked(), **more)  # type: ignore[arg-type]


def test_a_latch_keeps_a_shelf_off() -> None:
    with pytest.raises(PreconditionFailed, match="u06 stays off: latch k01-l1"):
        planned(dark(racked(on=0)), Verb.SHELF_ON, kept_off="latch k01-l1")
