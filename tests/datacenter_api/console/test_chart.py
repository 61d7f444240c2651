"""Charts: gaps stay gaps, a sum that lacks a part shows it, the last value is told with its age, text is escaped."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from html import unescape

import numpy as np
import pytest

from datacenter_api.console.chart import Chart, draw_chart
from datacenter_api.console.scale import make_axis, time_ticks
from datacenter_api.console.traces import Trace, Wish, make_trace, runs
from datacenter_api.history.question import Span
from datacenter_api.history.sheet import Stretch
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity

NAN = float("nan")
HOSTILE = '"><script>alert(1)</script>'
FROM = 1_800_000_000


def stretch(values: Sequence[float], spread: float = 0.0) -> Stretch:
    mean = np.array(values)
    times = np.arange(len(values), dtype=np.int64) * 15_000
    return Stretch(times, mean, mean - spread, mean + spread, (~np.isnan(mean)).astype(np.int64))


def wish(name: str, keys: int = 1, period_s: float = 1.0) -> Wish:
    return Wish(name, tuple((Place(f"lab1/a/r01/k01/u{n:02d}"), Quantity.POWER) for n in range(keys)), period_s)


def trace(values: Sequence[float], name: str = "u06", spread: float = 0.0, period_s: float = 1.0) -> Trace:
    return make_trace(wish(name, period_s=period_s), [stretch(values, spread)], 15)


def chart(*traces: Trace, unit: str = "W", title: str = "Power") -> str:
    buckets = len(traces[0].mean)
    return draw_chart(Chart(title, unit, traces, Span(FROM, 15, buckets)))


def lines(drawn: str, word: str) -> list[str]:
    return re.findall(rf'<(?:polyline|polygon) class="{word} ([^"]*)"', drawn)


def test_a_gap_stays_a_gap() -> None:
    assert len(lines(chart(trace([1.0, 2.0, NAN, NAN, 3.0, 4.0])), "mean")) == 2
    assert len(lines(chart(trace([1.0, 2.0, 3.0, 4.0])), "mean")) == 1


def test_a_slow_reading_is_no_gap_until_it_is_stale() -> None:
    slow = [1.0, NAN, 2.0, NAN, 3.0]
    assert len(runs(trace(slow, period_s=10.0), 15)) == 1
    assert len(runs(trace([1.0, NAN, NAN, 2.0], period_s=10.0), 15)) == 2
    assert len(runs(trace(slow, period_s=1.0), 15)) == 3


def test_the_band_bounds_the_line_and_is_only_there_for_one_line() -> None:
    one = chart(trace([10.0, 20.0], spread=5.0))
    assert len(lines(one, "band")) == 1
    two = chart(trace([10.0, 20.0], "a"), trace([12.0, 22.0], "b"))
    assert lines(two, "band") == []
    assert len(lines(two, "mean")) == 2


def test_a_sum_that_lacks_a_part_is_told_apart() -> None:
    summed = make_trace(wish("total", keys=2), [stretch([1.0, 1.0, 1.0, NAN]), stretch([2.0, NAN, 2.0, NAN])], 15)
    assert summed.mean[:3].tolist() == [3.0, 1.0, 3.0]
    assert np.isnan(summed.mean[3])
    assert summed.whole.tolist() == [True, False, True, False]
    drawn = chart(summed)
    assert lines(drawn, "mean") == ["s0", "s0 part", "s0"]
    (shown,) = json.loads(unescape(re.findall(r'data-chart="([^"]*)"', drawn)[0]))["traces"]
    assert shown["part"] == [1]
    assert shown["mean"] == [3.0, 1.0, 3.0, None]


def test_the_last_value_is_told_and_how_old_it_is_once_nothing_follows() -> None:
    assert "<b>52.00</b> kW" in chart(trace([50_000.0, 52_000.0]))
    old = chart(trace([50_000.0, 52_000.0, *[NAN] * 8]))
    assert re.search(r'<b>52.00</b> kW <span class="old">at \d\d:\d\d</span>', old)


def test_a_single_reading_between_gaps_is_seen() -> None:
    (points,) = re.findall(r'class="mean s0" points="([^"]*)"', chart(trace([NAN, NAN, 5.0, NAN, NAN])))
    assert len(points.split()) == 2


def test_nothing_known_says_so() -> None:
    drawn = chart(trace([NAN, NAN]))
    assert "no history in this time" in drawn
    assert "<svg" not in drawn
    silent = chart(trace([1.0, 2.0], "gpu0"), trace([NAN, NAN], "gpu1"))
    assert "gpu1: –" in silent


def test_names_are_escaped_and_the_drawing_is_well_formed() -> None:
    drawn = chart(trace([1.0, 2.0], HOSTILE), trace([1.0, NAN], "b"), title=HOSTILE)
    assert "<script" not in drawn
    (svg,) = re.findall(r"<svg.*?</svg>", drawn)
    tree = ET.fromstring(svg)
    assert tree.get("aria-label", "").startswith(HOSTILE)


def test_the_words_tell_what_the_picture_shows() -> None:
    label = unescape(re.findall(r'aria-label="([^"]*)"', chart(trace([10.0, 30.0, 20.0], spread=1.0), unit="°C"))[0])
    assert label == "Power: least 9, most 31, last 20 °C" or label == "Power: least 9.0, most 31.0, last 20.0 °C"


@pytest.mark.parametrize(
    ("least", "most", "unit"),
    [
        (0, 0, "W"),
        (30, 30, "°C"),
        (-5, 5, "A"),
        (53_000, 54_000, "W"),
        (1e9, 1.1e9, "J"),
        (0.01, 0.02, "1"),
        (100, 100, "%"),
    ],
)
def test_an_axis_holds_what_it_shows_with_few_round_ticks(least: float, most: float, unit: str) -> None:
    axis = make_axis(least, most, unit)
    assert axis.low <= least <= most <= axis.high
    assert axis.low < axis.high
    assert 2 <= len(axis.ticks) <= 7
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks)
    assert len({axis.text(tick) for tick in axis.ticks}) == len(axis.ticks), "no two ticks read alike"


def test_a_steady_value_looks_steady() -> None:
    axis = make_axis(30.0, 30.02, "°C")
    assert axis.high - axis.low >= 2.0


def test_times_are_round_and_utc() -> None:
    assert [text for _, text in time_ticks(0, 3_600)] == ["00:00", "00:15", "00:30", "00:45", "01:00"]
    assert all(text.endswith(":00") for _, text in time_ticks(0, 86_400))
