"""What a sensor measures is decided by its type and unit."""

import pytest

from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.wire.redfish.units import of_a_part, scale_of


@pytest.mark.parametrize(
    ("kind", "unit", "sent", "quantity", "ours", "value"),
    [
        ("Temperature", "Cel", 40.0, Quantity.TEMPERATURE, "°C", 40.0),
        ("Temperature", None, 40.0, Quantity.TEMPERATURE, "°C", 40.0),
        ("Temperature", "[degF]", 212.0, Quantity.TEMPERATURE, "°C", 100.0),
        ("Temperature", "K", 300.0, Quantity.TEMPERATURE, "°C", 26.85),
        ("Power", "kW", 1.5, Quantity.POWER, "W", 1500.0),
        ("Heat", "kW", 25.48, Quantity.HEAT, "W", 25480.0),
        ("Heat", None, 25.48, Quantity.HEAT, "W", 25480.0),
        ("EnergykWh", "kW.h", 2.0, Quantity.ENERGY, "J", 7.2e6),
        ("EnergyJoules", "J", 2.0, Quantity.ENERGY, "J", 2.0),
        ("LiquidFlow", "L/s", 2.0, Quantity.FLOW, "L/min", 120.0),
        ("LiquidFlowLPM", "L/min", 2.0, Quantity.FLOW, "L/min", 2.0),
        ("PressurePa", "Pa", 101325.0, Quantity.PRESSURE, "kPa", 101.325),
        ("Rotational", "RPM", 6553.0, Quantity.FAN_SPEED, "RPM", 6553.0),
        ("Rotational", "{rev}/min", 6553.0, Quantity.FAN_SPEED, "RPM", 6553.0),
        (None, "V", 12.0, Quantity.VOLTAGE, "V", 12.0),
        ("Power", "MW", 2.0, Quantity.POWER, "W", 2e6),
        ("Power", "mW", 2.0, Quantity.POWER, "W", 0.002),
        ("Frequency", "mHz", 50_000.0, Quantity.FREQUENCY, "Hz", 50.0),
        ("Frequency", "MHz", 2.0, Quantity.FREQUENCY, "Hz", 2e6),
        ("Power", "WATTS", 5.0, Quantity.POWER, "W", 5.0),
        ("Rotational", "rpm", 5.0, Quantity.FAN_SPEED, "RPM", 5.0),
        ("Temperature", "celsius", 5.0, Quantity.TEMPERATURE, "°C", 5.0),
        ("PressurekPa", "PSI", 10.0, Quantity.PRESSURE, "kPa", 68.94757),
        ("LiquidFlow", "m3/h", 6.0, Quantity.FLOW, "L/min", 100.0),
        ("Rotational", "rev/min", 5.0, Quantity.FAN_SPEED, "RPM", 5.0),
    ],
)
def test_known_sensors(kind: str, unit: str, sent: float, quantity: Quantity, ours: str, value: float) -> None:
    scale = scale_of(kind, unit)
    assert (scale.quantity, scale.unit) == (quantity, ours)
    assert scale.apply(sent) == pytest.approx(value)
    assert scale.oddity == ""


def test_a_number_without_conversion_stays_bit_for_bit() -> None:
    assert scale_of("Percent", "%").apply(29.80392156862745) == 29.80392156862745


def test_a_difference_of_temperatures_is_in_kelvin() -> None:
    scale = scale_of("Temperature", "Cel", "Delta")
    assert (scale.quantity, scale.unit, scale.apply(10.0)) == (Quantity.TEMPERATURE_DELTA, "K", 10.0)


def test_what_does_not_fit_is_said() -> None:
    assert scale_of("Temperature", "V").oddity
    assert scale_of("Temperature", "V").quantity is Quantity.VOLTAGE
    assert scale_of("Altitude", "m").quantity is Quantity.VALUE
    assert scale_of("Power", "furlong").quantity is Quantity.VALUE
    assert scale_of(None, None).oddity
    assert scale_of(7, ["W"]).quantity is Quantity.VALUE


@pytest.mark.parametrize("unit", ["mhz", "MHZ", "KW", "w", "Mv", "PA", "k"])
def test_a_code_in_another_case_is_another_unit_and_not_guessed(unit: str) -> None:
    scale = scale_of("Power", unit)
    assert (scale.quantity, scale.unit) == (Quantity.VALUE, unit)
    assert repr(unit) in scale.oddity


def test_a_unit_that_is_no_text_is_noted() -> None:
    scale = scale_of("Power", ["W"])
    assert (scale.quantity, scale.unit) == (Quantity.POWER, "W")
    assert "no text" in scale.oddity


@pytest.mark.parametrize(
    ("kind", "unit", "quantity", "value"),
    [
        ("temperature", "CEL", Quantity.TEMPERATURE, 104.0),
        ("Temperature", "F", Quantity.TEMPERATURE, 40.0),
        ("Temperature", "\u2103", Quantity.TEMPERATURE, 104.0),
        ("ROTATIONAL", "Rpm", Quantity.FAN_SPEED, 104.0),
        (None, "F", Quantity.VALUE, 104.0),
    ],
)
def test_words_in_their_makers_case_mean_the_same(
    kind: str | None, unit: str, quantity: Quantity, value: float
) -> None:
    scale = scale_of(kind, unit)
    assert (scale.quantity, round(scale.apply(104.0), 6)) == (quantity, value)


def test_a_sensor_says_whether_it_is_about_a_part() -> None:
    assert [of_a_part(c) for c in ("PowerSupply", "GPU", "Chassis", None, 7, ["CPU"])] == [True] * 2 + [False] * 4
