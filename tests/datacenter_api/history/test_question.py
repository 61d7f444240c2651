"""What `from`, `to` and `step` may say, and buckets against a plain count."""

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacenter_api.history.question import MOST_POINTS, TooManyPoints, make_span, parse_step, parse_time
from datacenter_api.history.rollup import gather
from datacenter_api.history.settings import HistorySettings, parse_size, settings_from
from datacenter_api.history.sheet import points_stretch
from firmware_bridge.vocabulary.errors import ConfigurationError

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("text", "unix_s"),
    [
        ("now", NOW),
        ("-1h", NOW - 3600),
        ("-90s", NOW - 90),
        ("-2d", NOW - 172_800),
        ("-0.5h", NOW - 1800),
        ("1789999000", 1_789_999_000.0),
        ("2026-09-21T14:13:20Z", 1_790_000_000.0),
        ("2026-09-21T14:13:20", 1_790_000_000.0),
        ("2026-09-21T16:13:20+02:00", 1_790_000_000.0),
    ],
)
def test_times(text: str, unix_s: float) -> None:
    assert parse_time(text, NOW) == unix_s


@pytest.mark.parametrize("text", ["", "yesterday", "-", "-1y", "2026-13-01", "1e9", "-9999999w", "9" * 40, "nan"])
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|outside"):
        parse_time(text, NOW)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert math.isfinite(parse_time(text, NOW))


def test_steps() -> None:
    assert parse_step("auto", 0, 3_600) == 5
    assert parse_step("auto", 0, 86_400) == 120
    assert parse_step("auto", 0, 60) == 1
    assert parse_step("auto", 0, 365 * 86_400) == 86_400
    assert parse_step("60", 0, 1) == 60
    for text in ("0", "-1", "1.5", "x", ""):
        with pytest.raises(ValueError, match="step"):
            parse_step(text, 0, 1)


@given(st.floats(0, 4e9), st.floats(1e-3, 4e8), st.integers(1, 90_000), st.integers(1, 32))
def test_a_span_covers_what_was_asked_or_names_a_step_that_does(
    begin: float, length: float, step: int, series: int
) -> None:
    end = begin + length
    if end <= begin:
        return
    try:
        span = make_span(begin, end, step, series)
    except TooManyPoints as err:
        span = make_span(begin, end, err.step_s, series)
    assert span.from_s <= begin
    assert span.to_s >= end
    assert span.buckets * series <= MOST_POINTS
    assert span.from_s % span.step_s == 0


def test_to_before_from() -> None:
    with pytest.raises(ValueError, match="after"):
        make_span(10, 10, 1, 1)


@given(st.lists(st.tuples(st.integers(0, 50_000), st.none() | st.floats(-1e6, 1e6)), max_size=60), st.integers(1, 9))
def test_buckets_hold_what_a_plain_loop_finds(points: list[tuple[int, float | None]], step_s: int) -> None:
    points = sorted(points, key=lambda p: p[0])
    times = np.array([t for t, _ in points], dtype=np.int64)
    values = np.array([np.nan if v is None else v for _, v in points], dtype=np.float64)
    half = len(points) // 2
    found = gather(
        [points_stretch(times[:half], values[:half]), points_stretch(times[half:], values[half:])],
        10_000,
        step_s * 1000,
        5,
    )
    for n in range(5):
        inside = [
            v for t, v in points if v is not None and 10_000 + n * step_s * 1000 <= t < 10_000 + (n + 1) * step_s * 1000
        ]
        assert found.count[n] == len(inside)
        if inside:
            assert found.mean[n] == pytest.approx(sum(inside) / len(inside), abs=1e-6)
            assert (found.least[n], found.most[n]) == (min(inside), max(inside))
        else:
            assert np.isnan(found.mean[n])


def test_settings_from_the_environment() -> None:
    assert settings_from({}) == HistorySettings()
    assert settings_from({"RACKWRIGHT_HISTORY_BUDGET": "500MB"}).budget_bytes == 500_000_000
    assert settings_from({"RACKWRIGHT_HISTORY_WINDOW": "20"}).window_s == 20
    assert parse_size("1.5GiB") == 3 * 2**29
    for bad in ({"RACKWRIGHT_HISTORY_BUDGET": "much"}, {"RACKWRIGHT_HISTORY_WINDOW": "7"}):
        with pytest.raises(ConfigurationError, match=r"history|HISTORY"):
            settings_from(bad)
    with pytest.raises(ConfigurationError, match="whole seconds"):
        settings_from({"RACKWRIGHT_HISTORY_WINDOW": "x"})
