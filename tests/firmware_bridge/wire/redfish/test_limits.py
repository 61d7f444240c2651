"""Limits of sensors by the reading that each is of, in that reading's unit; what is no number is left out."""

from typing import Any

from firmware_bridge.vocabulary.facts import AspectKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.wire.redfish.limits import MOST, limits_of
from firmware_bridge.wire.redfish.plan import Extract

TRAY = Place("lab1/a/r01/k01/u11")
S = "/redfish/v1/Chassis/C/Sensors"


def extract(part: str, quantity: Quantity, **how: Any) -> Extract:
    return Extract(Series(Place(f"{TRAY}/{part}" if part else TRAY), quantity, ReadingClass.SLOW), "MetricValue", **how)


def found(thresholds: Any, *extracts: Extract) -> dict[str, dict[str, Any]]:
    limits = limits_of({f"{S}/A": {"Thresholds": thresholds}}, {f"{S}/A": extracts, f"{S}/Gone": extracts}, TRAY)
    assert all(a.kind is AspectKind.LIMITS for a in limits)
    return {a.id: a.facts for a in limits}


def test_a_limit_is_in_the_unit_of_its_reading_and_called_like_it() -> None:
    said = {"UpperCaution": {"Reading": 90.0}, "LowerCaution": {"Reading": -5, "Activation": "Decreasing"}}
    assert found(said, extract("gpu0", Quantity.TEMPERATURE)) == {
        "gpu0.temperature": {"upper_caution": 90.0, "lower_caution": -5.0}
    }
    fahrenheit = extract("", Quantity.TEMPERATURE, factor=5 / 9, offset=-160 / 9)
    assert found({"UpperFatal": {"Reading": 212.0}}, fahrenheit) == {"temperature": {"upper_fatal": 100.0}}


def test_what_is_no_limit_is_left_out() -> None:
    odd = {
        "UpperCaution": {"Reading": None},
        "UpperCritical": {"Reading": "soon"},
        "UpperFatal": {"Reading": 1e300},
        "LowerCaution": 5,
        "LowerFatalUser": {"Reading": 1.0},
    }
    assert found(odd, extract("gpu0", Quantity.TEMPERATURE)) == {}
    assert found([odd], extract("gpu0", Quantity.TEMPERATURE)) == {}


def test_there_are_no_more_than_can_be_carried() -> None:
    sensors = {f"{S}/{n}": (extract(f"t{n}", Quantity.TEMPERATURE),) for n in range(MOST + 9)}
    documents = {uri: {"Thresholds": {"UpperCaution": {"Reading": 90.0}}} for uri in sensors}
    assert len(limits_of(documents, sensors, TRAY)) == MOST
