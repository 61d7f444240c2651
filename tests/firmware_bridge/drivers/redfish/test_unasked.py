"""What metric reports brought whole since a class was read last is not asked for again, safety readings apart."""

from firmware_bridge.drivers.redfish.unasked import Unasked
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.documents import Decoder, Sensor
from firmware_bridge.wire.redfish.plan import Extract, Fetch


def fetch(*names: str) -> Fetch:
    extracts = tuple(Extract(Series(Place(n), Quantity.POWER, ReadingClass.POWER), "Reading") for n in names)
    return Fetch(f"/{names[0]}", Decoder(Sensor), extracts)


def brought(name: str, at: float, quality: Quality = Quality.GOOD) -> Reading:
    return Reading(Place(name), Quantity.POWER, 5.0, Seconds(at), quality)


def test_a_fetch_is_saved_when_everything_it_yields_came_since_the_class_was_read_last() -> None:
    held, due = Unasked(), [fetch("a", "b"), fetch("c")]
    held.take([brought("a", 0.5), brought("b", 0.5)])
    assert held.spared(ReadingClass.POWER, due, Seconds(1.0)) == (due, [])  # never read: nothing is known of its rate
    held.take([brought("a", 1.5), brought("c", 1.5)])
    asked, readings = held.spared(ReadingClass.POWER, due, Seconds(2.0))
    assert (asked, [r.place for r in readings]) == ([due[0]], ["c"])
    assert held.spared(ReadingClass.POWER, due, Seconds(3.0))[0] == due
    held.take([brought("c", 3.5, Quality.FLAGGED)])
    assert held.spared(ReadingClass.POWER, due, Seconds(4.0))[0] == due


def test_safety_readings_are_asked_for_in_any_case() -> None:
    held, due = Unasked(), [fetch("a")]
    held.spared(ReadingClass.SAFETY, due, Seconds(1.0))
    held.take([brought("a", 1.5)])
    assert held.spared(ReadingClass.SAFETY, due, Seconds(2.0)) == (due, [])
