"""Rates of counters: never negative, never out of nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.trend import WINDOW, Rise, keep_rise, per_hour
from rack_controller.model.frame import UNKNOWN_COUNTER

U = UNKNOWN_COUNTER


def watched(*samples: tuple[float, list[int]]) -> Rise:
    rise: Rise | None = None
    for at, counts in samples:
        rise = keep_rise(rise, Seconds(at), np.array(counts, dtype=np.int64))
    assert rise is not None
    return rise


def rate(*samples: tuple[float, list[int]]) -> list[float | None] | None:
    found = per_hour(watched(*samples))
    return None if found is None else [None if x != x else round(float(x), 3) for x in found]


def test_growth_is_told_per_hour() -> None:
    assert rate((0, [5, 100]), (30, [5, 101]), (60, [5, 102])) == [0.0, 120.0]


def test_too_short_a_time_gives_no_rate() -> None:
    assert rate((0, [1])) is None
    assert rate((0, [1]), (40, [9])) is None


def test_a_counter_that_falls_back_was_reset_and_grows_by_what_it_shows() -> None:
    assert rate((0, [1_000]), (30, [2]), (60, [3])) == [180.0]


def test_what_is_unknown_in_between_loses_nothing_and_what_was_never_read_stays_unknown() -> None:
    assert rate((0, [10, U]), (30, [U, U]), (60, [13, U])) == [180.0, None]
    assert rate((0, [U]), (30, [500]), (60, [501])) == [60.0]


def test_only_the_window_counts() -> None:
    samples = [(30.0 * n, [n * n]) for n in range(60)]
    rise = watched(*samples)
    assert rise.times[-1] - rise.times[0] <= WINDOW
    assert len(rise.times) <= WINDOW / 20 + 1


def test_other_ports_begin_anew() -> None:
    assert per_hour(keep_rise(watched((0, [1]), (60, [2])), Seconds(90), np.array([1, 2], dtype=np.int64))) is None


@given(st.lists(st.integers(0, 10**6) | st.just(U), min_size=2, max_size=30))
def test_no_rate_is_ever_negative(counts: list[int]) -> None:
    found = per_hour(watched(*((30.0 * n, [c]) for n, c in enumerate(counts))))
    assert found is None or not (found < 0).any()
