"""Which rack a typed place lies in, and numbers as people read them."""

from typing import Any

import pytest

from datacenter_api.cli.connection import Connection, Server
from datacenter_api.cli.output import number, scaled
from datacenter_api.cli.rack import rack_holding, tray_power
from firmware_bridge.vocabulary.errors import ConfigurationError


class Racks(Connection):
    """An API that knows some racks."""

    def __init__(self, *places: str) -> None:
        super().__init__(Server("127.0.0.1", 1, None))
        self.places = places

    def get(self, path: str, **query: Any) -> Any:
        assert (path, query) == ("/api/v1/racks", {})
        return [{"rack": place, "name": place.rsplit("/", 1)[1]} for place in self.places]


@pytest.mark.parametrize(
    ("place", "rack", "found"),
    [
        ("k02/u06/pmm", None, "lab1/a/r01/k02"),
        ("k02", None, "lab1/a/r01/k02"),
        ("lab1/a/r01/k01/u06", None, "lab1/a/r01/k01"),
        ("u06", "k01", "k01"),
    ],
)
def test_the_names_that_are_printed_are_understood(place: str, rack: str | None, found: str) -> None:
    assert rack_holding(Racks("lab1/a/r01/k01", "lab1/a/r01/k02"), place, rack) == found


def test_without_a_rack_the_only_one_is_meant_and_several_are_refused() -> None:
    assert rack_holding(Racks("lab1/a/r01/k01"), "u06") == "lab1/a/r01/k01"
    assert rack_holding(Racks("lab1/a/r01/k01"), None) == "lab1/a/r01/k01"
    with pytest.raises(ConfigurationError, match="name one: lab1/a/r01/k01, lab1/a/r01/k02"):
        rack_holding(Racks("lab1/a/r01/k01", "lab1/a/r01/k02"), "u06")


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert number(-0.2, 0, "W") == "0 W"
    assert number(-0.0, 1, "kW") == "0.0 kW"
    assert number(-3_000.4, 0, "W") == "-3000 W"


def test_old_watts_are_marked_as_such() -> None:
    said = [
        tray_power({"power_w": w, "power_quality": q})
        for w, q in ((5400.0, "good"), (5400.0, "stale"), (None, "stale"))
    ]
    assert said == ["5400 W", "5400 W (stale)", "–"]


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (1_965_000_000.0, "Hz", (1965.0, "MHz")),
        (50.0, "Hz", (50.0, "Hz")),
        (12_900.0, "W", (12.9, "kW")),
        (900.0, "W", (900.0, "W")),
        (1e9, "RPM", (1e9, "RPM")),
    ],
)
def test_a_large_number_gets_a_larger_unit(value: float, unit: str, shown: tuple[float, str]) -> None:
    assert scaled(value, unit) == shown
