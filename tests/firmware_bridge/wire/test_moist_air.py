"""The dew point of air against steam tables, and what is not to be believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.moist_air import dew_point_c, dew_point_reading, saturation_hpa

# Saturation pressure of water in kPa by °C: IAPWS-95 as auxiliary equation (Wagner and Pruss 1993), as steam tables
# print it.
STEAM = {
    5.0: 0.8725,
    10.0: 1.2281,
    15.0: 1.7057,
    20.0: 2.3392,
    25.0: 3.1698,
    30.0: 4.2469,
    35.0: 5.6291,
    40.0: 7.3851,
    45.0: 9.5953,
    50.0: 12.3525,
    60.0: 19.9474,
}
AT = Place("lab1/a/r01/k01/u01/pump1")


@pytest.mark.parametrize(("air", "kpa"), STEAM.items())
def test_the_pressure_of_saturated_air_is_that_of_steam_tables(air: float, kpa: float) -> None:
    assert saturation_hpa(air) / 10.0 == pytest.approx(kpa, rel=4e-3)


@pytest.mark.parametrize("air", STEAM)
@pytest.mark.parametrize("dew", STEAM)
def test_the_dew_point_is_where_the_table_has_the_airs_own_pressure(air: float, dew: float) -> None:
    if dew <= air:
        assert dew_point_c(air, 100.0 * (STEAM[dew] / STEAM[air])) == pytest.approx(dew, abs=0.15)


@pytest.mark.parametrize(
    ("air", "humidity"),
    [(25.0, 0.0), (25.0, 0.9), (25.0, 101.0), (60.5, 50.0), (-40.5, 50.0), (float("nan"), 50.0), (25.0, float("nan"))],
)
def test_outside_of_what_the_formula_holds_for_it_is_unknown(air: float, humidity: float) -> None:
    assert dew_point_c(air, humidity) is None


@given(st.floats(-40.0, 60.0), st.floats(1.0, 100.0))
def test_it_is_never_above_the_air_and_reaches_it_when_the_air_is_full(air: float, humidity: float) -> None:
    dew = dew_point_c(air, humidity)
    assert dew is not None
    assert dew <= air + 1e-9
    assert dew_point_c(air, 100.0) == pytest.approx(air, abs=1e-9)


def reading(quantity: Quantity, value: float | None, at: float, quality: Quality = Quality.GOOD) -> Reading:
    return Reading(AT, quantity, value, Seconds(at), quality)


def test_a_reading_of_it_is_as_old_and_as_doubtful_as_the_worse_of_what_it_is_made_of() -> None:
    warm, damp = reading(Quantity.TEMPERATURE, 25.0, 5.0), reading(Quantity.HUMIDITY, 40.0, 7.0)
    made = dew_point_reading(AT, warm, damp, Seconds(9.0))
    assert (made.place, made.quantity, made.quality, made.taken_at) == (AT, Quantity.DEW_POINT, Quality.GOOD, 5.0)
    assert made.value == pytest.approx(10.5, abs=0.1)  # 0.40 of 3.1698 kPa; the table has 1.2281 at 10 °C
    doubted = reading(Quantity.HUMIDITY, 40.0, 7.0, Quality.FLAGGED)
    assert dew_point_reading(AT, warm, doubted, Seconds(9.0)).quality is Quality.FLAGGED


def test_what_is_not_known_makes_no_dew_point() -> None:
    warm, none = reading(Quantity.TEMPERATURE, 25.0, 5.0), reading(Quantity.HUMIDITY, None, 7.0)
    for humidity, quality in ((none, Quality.MISSING), (reading(Quantity.HUMIDITY, 0.0, 7.0), Quality.REFUSED)):
        made = dew_point_reading(AT, warm, humidity, Seconds(9.0))
        assert (made.value, made.quality) == (None, quality)
    assert dew_point_reading(AT, None, None, Seconds(9.0)).value is None
