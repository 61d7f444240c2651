"""One supply is switched only while the others carry the bus: numbers, what is not well, what is looked at after."""

import pytest
from support.interlocked import RACK, InterlockedRack

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, CommandRefused, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerAction
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.plan_shelf import ShelfWish
from rack_controller.decide.plan_supply import plan_supply
from rack_controller.decide.switch import Switch
from rack_controller.model.lease import Direction
from rack_controller.model.operation import Plan, Verb

SEQUENCE = load_generation("gb200-nvl72").sequence
PSU3 = Place(f"{RACK}/u06/psu3")
BOTH = frozenset({PowerAction.ON, PowerAction.FORCE_OFF})


def racked(watts: float = 10_000.0, on: int = 8) -> InterlockedRack:
    """Return a rack whose first shelves are on, each supply giving its part; the others are off."""
    rack = InterlockedRack()
    shelves = [t for t in rack.layout.trays if t.kind == TrayKind.POWER_SHELF]
    for number, shelf in enumerate(sorted(shelves, key=lambda t: t.place != f"{RACK}/u06")):
        carries = number < on
        rack.set(Place(shelf.place), Quantity.POWER_STATE, float(carries))
        rack.set(Place(shelf.place), Quantity.POWER, watts * carries)
        for n in range(6):
            rack.set(Place(f"{shelf.place}/psu{n}"), Quantity.POWER_STATE, float(carries))
            rack.set(Place(f"{shelf.place}/psu{n}"), Quantity.POWER, watts * carries / 6)
    return rack


def put(rack: InterlockedRack, shelf: str, supplies: range, quantity: Quantity, value: float) -> InterlockedRack:
    for n in supplies:
        rack.set(Place(f"{RACK}/{shelf}/psu{n}"), quantity, value)
    return rack


def less(rack: InterlockedRack, supplies: range, quantity: Quantity, value: float) -> InterlockedRack:
    """Take supplies of u06 away: its shelf gives less, each of the others as much as before."""
    rack.set(Place(f"{RACK}/u06"), Quantity.POWER, 10_000.0 * (6 - len(supplies)) / 6)
    return put(rack, "u06", supplies, quantity, value)


def planned(
    rack: InterlockedRack,
    verb: Verb = Verb.PSU_OFF,
    supply: Place = PSU3,
    offers: frozenset[PowerAction] = BOTH,
    lately: str = "",
    kept_off: str = "",
) -> Plan:
    assert SEQUENCE is not None
    wish = ShelfWish(verb, supply, lately)
    return plan_supply(wish, rack.layout, SEQUENCE, Switch(supply, offers), rack.snapshot(), kept_off)


def test_one_supply_goes_off_and_bus_and_shares_are_looked_at_afterwards() -> None:
    (stage,) = planned(racked()).stages
    (step,) = stage.steps
    assert [a.action for a in step.acts] == [PowerAction.FORCE_OFF]
    assert (step.goal, step.direction, step.tray, step.endpoint) == ("off", Direction.NEUTRAL, PSU3, PSU3)
    bus, share = stage.after
    assert (bus.name, len(bus.places)) == ("bus", 8)
    assert (share.quantity, len(share.places), f"{RACK}/u06" in share.places) == (Quantity.POWER, 7, False)
    assert share.share_error == 0.1


def test_on_again_and_what_is_so_already() -> None:
    off = put(racked(), "u06", range(3, 4), Quantity.POWER_STATE, 0.0)
    (stage,) = planned(off, Verb.PSU_ON).stages
    assert (stage.steps[0].direction, f"{RACK}/u06" in stage.after[1].places) == (Direction.ENERGISED, True)
    assert planned(racked(), Verb.PSU_ON).already == [PSU3]
    assert planned(off).already == [PSU3]


@pytest.mark.parametrize(
    ("rack", "said"),
    [
        (racked(on=3), "3 shelves are known to carry, at least 4 must"),
        (racked(on=4, watts=31_000.0), r"rest carries 121\.0 kW with one more lost, 124\.0 kW are drawn or granted"),
        (
            less(racked(on=4), range(2), Quantity.HEALTH, 2.0),
            r"rest carries 110\.0 kW with one more lost, 123\.3 kW are drawn or granted",
        ),
        (
            put(racked(), "u06", range(3), Quantity.POWER_STATE, 0.0),
            "the shelves do not share evenly: 5[0-9]% from their mean, at most 10%",
        ),
    ],
)
def test_what_the_rest_does_not_carry_stays(rack: InterlockedRack, said: str) -> None:
    with pytest.raises(PreconditionFailed, match=said):
        planned(rack)


def test_a_shelf_with_a_supply_less_still_shares_evenly() -> None:
    assert planned(less(racked(), range(1), Quantity.POWER_STATE, 0.0)).stages


def test_the_last_supply_is_the_shelf() -> None:
    rack = racked()
    for n in (0, 1, 2, 4, 5):
        put(rack, "u06", range(n, n + 1), Quantity.POWER_STATE, 0.0)
    with pytest.raises(PreconditionFailed, match="u06/psu3 is the last of its shelf that carries"):
        planned(rack)


def test_one_alone_is_not_switched_onto_a_loaded_bus() -> None:
    with pytest.raises(PreconditionFailed, match="one alone does not go onto that"):
        planned(racked(on=0), Verb.PSU_ON)


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"supply": Place(f"{RACK}/u11/psu0")}, TargetUnknown, "u11 is no power shelf"),
        ({"supply": Place(f"{RACK}/u06/psu6")}, TargetUnknown, "u06 has no psu6"),
        ({"supply": Place(f"{RACK}/u06")}, TargetUnknown, "is a whole shelf"),
        ({"supply": Place(RACK)}, TargetUnknown, "is no power shelf"),
        ({"offers": frozenset()}, ArgumentsInvalid, "u06/psu3 cannot be switched off: its shelf offers no way"),
        ({"lately": "k01-3 (shelf_off u07) is under way"}, PreconditionFailed, "k01-3"),
    ],
)
def test_what_is_refused_besides(more: dict[str, object], kind: type[CommandRefused], said: str) -> None:
    with pytest.raises(kind, match=said):
        planned(racked(), **more)  # type: ignore[arg-type]


def test_a_latch_keeps_a_supply_off() -> None:
    off = put(racked(), "u06", range(3, 4), Quantity.POWER_STATE, 0.0)
    with pytest.raises(PreconditionFailed, match="psu3 stays off: latch k01-l1"):
        planned(off, Verb.PSU_ON, kept_off="latch k01-l1")
