"""Numbers as a report writes them: four figures, no exponent where none is needed, both bounds of a range."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rack_controller.prove.accept.plan import MeasureSpec, Rule
from rack_controller.prove.report.written import duration, figures, limit_of, quantity, unit_of


@given(st.floats(-1e7, 1e7, exclude_min=True, exclude_max=True).filter(lambda v: abs(v) >= 1e-3))
def test_a_number_is_right_by_four_figures(value: float) -> None:
    text = figures(value)
    back = float(text.replace("\u202f", "").replace("−", "-"))
    assert back == pytest.approx(value, rel=6e-4, abs=1e-4)
    assert len(re.sub(r"[^0-9]", "", text)) <= 8
    assert "e" not in text


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1.912e9, "Hz", "1\u202f912\u00a0MHz"),
        (98_500.0, "W", "98.5\u00a0kW"),
        (0.5, "code", "0.5"),
        (0.965, "1", "0.965"),
        (9e9, "s", "never"),
        (-3.5, "kPa", "−3.5\u00a0kPa"),
        (None, "W", "–"),
        (float("nan"), "W", "–"),
        ("AlwaysOn", "", "AlwaysOn"),
    ],
)
def test_a_quantity_has_the_unit_that_people_read(value: float | str | None, unit: str, said: str) -> None:
    assert quantity(value, unit) == said


def test_a_limit_shows_both_bounds_of_its_plan_and_else_what_the_record_has() -> None:
    spec = MeasureSpec("volts", "Busbar", "rack.voltage", Rule.RANGE, "s", "V", least=48.5, most=52.0)
    assert limit_of(spec, 48.5, 48.9, "V", within=True) == "48.5 … 52\u00a0V"
    only = MeasureSpec("cool", "Cool", "gpu.temperature", Rule.RANGE, "s", "°C", most=80.0)
    assert limit_of(only, 80.0, 60.0, "°C", within=True) == "≤ 80\u00a0°C"
    fact = MeasureSpec("ipmi", "IPMI is off", "ipmi", Rule.FACT, "s", wanted=[False])
    assert limit_of(fact, None, None, "", within=True) == "no"
    for value, within, sign in ((1834.0, False, "≥"), (1850.0, True, "≥"), (1834.0, True, "≤"), (1850.0, False, "≤")):
        assert limit_of(None, 1844.0, value, "TFLOP/s", within=within) == f"{sign} 1\u202f844\u00a0TFLOP/s"


def test_what_is_weighed_as_a_share_has_no_unit() -> None:
    takes = MeasureSpec("takes", "Takes its part", "psu.power", Rule.TAKES, "s", "W", least=0.94, most=1.06)
    assert unit_of(takes, "takes", 48, "W") == "1"
    assert unit_of(None, "motion_gpu_temperature", 72, "K") == "1"
    lives = MeasureSpec("lives", "The sensor measures", "cdu.flow", Rule.BREATHES, "a test", unit="L/min")
    assert unit_of(lives, "lives", 1, "L/min") == "changes"
    moves = MeasureSpec("moves", "The valve moves", "cdu.valve", Rule.FOLLOWS, "s", "%")
    assert (unit_of(moves, "moves", 1, "%"), unit_of(moves, "moves", 9, "%")) == ("%", "1")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0, "0 s"), (59.4, "59 s"), (300.0, "5 min"), (200.0, "3 min 20 s"), (7500.0, "2 h 5 min")]
)
def test_a_length_of_time_has_at_most_two_units(seconds: float, said: str) -> None:
    assert duration(seconds).replace("\u00a0", " ") == said
