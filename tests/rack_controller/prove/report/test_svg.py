"""Drawings: well-formed whatever was read, within their frame, with every limit and every marked part by name."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support.accepted import drawing

from rack_controller.prove.report.svg import HEIGHT, WIDTH, draw, ticks

HOSTILE = '"><script>alert(1)</script>'
NAME = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [t.text or "" for t in ElementTree.fromstring(svg).iter(f"{NAME}text")]


@given(
    arrays.arrays(np.float64, (7, 3), elements=st.floats(-1e6, 1e6) | st.just(math.nan)),
    st.lists(st.floats(-1e7, 1e7), max_size=2),
)
def test_whatever_was_read_is_drawn_within_its_frame(values: np.ndarray, limits: list[float]) -> None:
    with np.errstate(all="ignore"):
        own = np.array([np.nanmedian(c) if np.isfinite(c).any() else math.nan for c in values.T])
    made = drawing(
        places=("a", "b", "c"),
        times=np.arange(7.0),
        values=values,
        own=own,
        marked=("b",),
        limits=tuple((v, "at most") for v in limits),
        spans=((1.0, 9.0),),
    )
    svg = draw(made)
    assert "nan" not in svg
    for element in ElementTree.fromstring(svg).iter():
        for pair in re.findall(r"(-?[\d.]+),(-?[\d.]+)", element.get("points", "")):
            assert 0 <= float(pair[0]) <= WIDTH
            assert 0 <= float(pair[1]) <= HEIGHT
        for name, most in (("x", WIDTH), ("y", HEIGHT), ("cx", WIDTH), ("cy", HEIGHT)):
            assert -1e-6 <= float(element.get(name, "0")) <= most, (element.tag, name)


def test_limits_units_and_marked_parts_are_named() -> None:
    said = texts(draw(drawing()))
    assert {"°C", "72 parts", "at most 66", "u13/gpu1", "s"} <= set(said)
    far = texts(draw(drawing(limits=((900.0, "at most"),))))
    assert "at most 900, far off" in far


def test_names_of_marked_parts_do_not_lie_on_each_other() -> None:
    svg = draw(drawing(marked=("u11/gpu0", "u11/gpu1", "u11/gpu2")))
    rows = sorted(
        float(t.get("y", "0")) for t in ElementTree.fromstring(svg).iter(f"{NAME}text") if t.get("font-weight")
    )
    assert len(rows) == 3
    assert min(np.diff(rows)) >= 12.0


def test_what_a_device_calls_itself_is_no_markup() -> None:
    svg = draw(drawing(places=(HOSTILE,), values=np.ones((100, 1)), own=np.ones(1), marked=(HOSTILE,), title=HOSTILE))
    assert "<script" not in svg
    ElementTree.fromstring(svg)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (48.2, 48.9), (-3.0, 1e6), (5.0, 5.0), (1e-9, 2e-9)])
def test_ticks_are_round_in_order_and_at_least_two(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 9
    assert found == sorted(found)


def test_a_series_with_a_gap_is_drawn_in_two_pieces() -> None:
    values = np.full((100, 1), 3.0)
    values[40:60] = math.nan
    whole = draw(drawing(places=("cdu",), values=np.full((100, 1), 3.0), own=np.ones(1), marked=("cdu",), limits=()))
    broken = draw(drawing(places=("cdu",), values=values, own=np.ones(1), marked=("cdu",), limits=()))
    assert broken.count("<polyline") == whole.count("<polyline") + 1
