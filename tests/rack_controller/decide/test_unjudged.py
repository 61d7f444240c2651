"""What cannot be judged is said, for every row and place, with what is missing."""

import pytest
from support.interlocked import InterlockedRack, seeded_policy

from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from rack_controller.decide.picture import BuildingSight
from rack_controller.decide.unjudged import _BUILDING, _RACK, _TRAY, SEES_ITSELF, uncovered, unjudged
from rack_controller.model.interlock import Condition


def lacking(rack: InterlockedRack, building: bool = False) -> dict[str, tuple[str, tuple[Place, ...]]]:
    """Return by cause what is missing where, but for what a whole rack lacks in this kit: a building, damp air."""
    found = unjudged(rack.look(), rack.policy, building=building)
    kit = {"coolant.dew_point", "sensor.loop_falls"} | (set() if building else _of_building())
    return {u.row.cause: (u.why, u.places) for u in found if u.row.cause not in kit}


def _of_building() -> set[str]:
    return {row.cause for row in seeded_policy().rows if row.when in _BUILDING}


def test_every_condition_says_what_it_needs() -> None:
    assert set(_TRAY) | set(_RACK) | set(_BUILDING) | SEES_ITSELF == set(Condition)


def test_a_whole_rack_lacks_nothing() -> None:
    rack = InterlockedRack()
    rack.tick(2)
    assert lacking(rack) == {}


@pytest.mark.parametrize(
    ("place", "quantity", "causes", "why"),
    [
        ("u01", Quantity.FLOW, {"flow.low", "flow.lost"}, "no flow of u01"),
        ("u01", Quantity.TEMPERATURE_SUPPLY, {"coolant.warm"}, "no supply temperature of u01"),
        ("u06", Quantity.POWER, {"power.overload"}, "not every shelf says what it delivers"),
        ("u12", Quantity.POWER_STATE, {"latch.tray_on"}, "its power state is not read"),
    ],
)
def test_a_sensor_that_is_not_heard_is_named(place: str, quantity: Quantity, causes: set[str], why: str) -> None:
    rack = InterlockedRack()
    rack.set(place, quantity, None, Quality.MISSING)
    rack.tick(2)
    found = lacking(rack)
    assert set(found) == causes
    assert {said for said, _ in found.values()} == {why}


def test_a_tray_without_leak_detectors_is_named_at_each_row_and_its_neighbours_are_not() -> None:
    rack = InterlockedRack()
    for n in range(4):
        rack.forget(f"u12/leak{n}")
    found = lacking(rack)
    assert found["leak.critical"] == ("its leak detectors were not heard yet", (rack.place("u12"),))
    assert set(found) >= {"leak.warning", "sensor.faulty", "sensor.all_faulty", "sensor.neighbour_leaks"}
    assert "leak.switch_tray" not in found
    all_of_them = unjudged(rack.look(), rack.policy, building=True)
    (falls,) = [u for u in all_of_them if u.row.cause == "sensor.loop_falls"]
    assert (falls.why, falls.places) == ("its leak detectors were not heard yet", (rack.place("u12"),))


def test_a_loop_that_says_neither_pressure_nor_dew_point_is_told_of() -> None:
    rack = InterlockedRack()
    rack.set("u01", Quantity.PRESSURE_SUPPLY, None, Quality.MISSING)
    found = {u.row.cause: u.why for u in unjudged(rack.look(), rack.policy, building=True)}
    assert found["sensor.loop_falls"] == "no pressure or level of the loop"
    assert found["coolant.dew_point"] == "no dew point of the rack's air"


def test_a_building_that_nobody_agreed_on_and_one_that_says_nothing_differ() -> None:
    rack = InterlockedRack()
    found = unjudged(rack.look(), rack.policy, building=False)
    assert {u.why for u in found if u.row.when in _BUILDING} == {"no building is agreed with for this rack"}
    rack.building = BuildingSight()
    untold = ("the building does not say whether the coolant is closed", (rack.look().rack,))
    assert lacking(rack, building=True) == {"isolation.closed": untold, "isolation.trays_on": untold}
    rack.building = BuildingSight(liquid_isolated=False)
    assert lacking(rack, building=True) == {}


def test_a_detector_on_a_shelf_is_looked_at_by_no_row() -> None:
    rack = InterlockedRack()
    rack.set("u06/leak0", Quantity.LEAK, 2)
    rack.tick(2)
    assert not rack.orders, "nobody looks at it"
    heard = [join_place(rack.place(tray), "leak0") for tray in ("u01", "u06", "u12", "u19")]
    assert uncovered(rack.look(), heard) == [rack.place("u06/leak0")]
