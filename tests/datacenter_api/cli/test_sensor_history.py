"""How `sensor history` draws: a bar for what is known, a blank for what is not."""

from hypothesis import given
from hypothesis import strategies as st

from datacenter_api.cli.sensor_history import drawn, summary

SERIES = {"place": "lab1/a/r01/k01/u11", "quantity": "power", "unit": "W"}


def test_bars_rise_with_the_values_and_gaps_stay_empty() -> None:
    assert drawn([0.0, 1.0, None, 7.0]) == "▁▂ █"
    assert drawn([5.0, 5.0]) == "▁▁"
    assert drawn([]) == ""


@given(st.lists(st.none() | st.floats(-1e6, 1e6), max_size=500), st.integers(1, 80))
def test_a_line_is_never_wider_than_asked(values: list[float | None], width: int) -> None:
    assert len(drawn(values, width)) <= width


def test_the_summary_weighs_by_count() -> None:
    rows = [
        {"mean": 10.0, "min": 9.0, "max": 11.0, "count": 9},
        {"mean": None, "min": None, "max": None, "count": 0},
        {"mean": 20.0, "min": 20.0, "max": 20.0, "count": 1},
    ]
    said = summary(SERIES, rows)
    assert said.endswith("least 9 W, mean 11 W, most 20 W, last 20 W")
    assert "nothing known" in summary(SERIES, rows[1:2])
