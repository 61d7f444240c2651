"""Power is written in one way: whole watts below 10 kW, kW with one decimal from there on."""

import pytest

from firmware_bridge.vocabulary.amounts import power_text


@pytest.mark.parametrize(
    ("watts", "text"),
    [
        *((None, "–"), (0.0, "0 W"), (-0.4, "0 W"), (899.6, "900 W"), (1_200.0, "1200 W"), (-2_400.0, "-2400 W")),
        *((9_999.4, "9999 W"), (9_999.6, "10.0 kW"), (22_880.0, "22.9 kW"), (-120_000.0, "-120.0 kW")),
    ],
)
def test_power_has_one_form(watts: float | None, text: str) -> None:
    assert power_text(watts) == text


def test_what_is_unknown_is_said_as_its_place_says_it() -> None:
    assert power_text(None, unknown="unknown") == "unknown"
