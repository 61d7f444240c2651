"""Readings filtered by place and quantity; the highest and lowest, against a plain sort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.play import PlayedRack, played_rack

from datacenter_api.fleet.queries import readings, top
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.view import RackView, view_of
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds

RACK = played_rack()


def view_with(gpu_temperatures: list[float | None]) -> RackView:
    record = RackRecord("k01")
    record.hear_layout(RACK.layout)
    record.hear_table(RACK.table)
    for n, value in enumerate(gpu_temperatures):
        RACK.set(f"u{11 + n // 4:02d}/gpu{n % 4}", Quantity.TEMPERATURE, value)
    record.hear_frame(RACK.frame(), Seconds(0.0))
    view = view_of(record, Seconds(0.0))
    assert view is not None
    return view


@settings(deadline=None, max_examples=60)
@given(st.lists(st.none() | st.floats(20, 110, width=32), min_size=32, max_size=32), st.integers(1, 80), st.booleans())
def test_top_agrees_with_a_plain_sort(values: list[float | None], n: int, lowest: bool) -> None:
    view = view_with(values)
    rows = top([view], Quantity.TEMPERATURE, "gpu", n, lowest)
    lines = view.columns.by_kind[(Quantity.TEMPERATURE, "gpu")]
    known = view.values[lines][view.quality[lines] == Quality.GOOD]
    expected = np.sort(known)[:n] if lowest else np.sort(known)[::-1][:n]
    assert [row.value for row in rows] == pytest.approx(expected.tolist(), rel=1e-6)


def test_top_over_two_racks_names_the_rack(rack: PlayedRack) -> None:
    other = played_rack(2)
    other.set("u20", Quantity.POWER, 99_999.0)
    views = []
    for one in (rack, other):
        record = RackRecord(one.name)
        record.hear_layout(one.layout)
        record.hear_table(one.table)
        record.hear_frame(one.frame(), Seconds(0.0))
        view = view_of(record, Seconds(0.0))
        assert view is not None
        views.append(view)
    best = top(views, Quantity.POWER, None, 1)[0]
    assert (best.place, best.value, best.unit) == ("lab1/a/r01/k02/u20", 99_999.0, "W")


def test_a_place_takes_in_what_lies_below_it_and_nothing_beside_it(rack: PlayedRack, record: RackRecord) -> None:
    view = view_of(record, Seconds(100.0))
    assert view is not None
    rows = readings(view, Place(f"{rack.place}/u12/gpu1"))
    assert {row.place for row in rows} == {f"{rack.place}/u12/gpu1"}
    assert len(readings(view, Place(f"{rack.place}/u1"))) == 0
    assert len(readings(view, rack.place)) == len(rack.table.series)


def test_an_unknown_value_is_none_with_its_quality_and_a_code_has_its_word(
    rack: PlayedRack, record: RackRecord
) -> None:
    rack.set("u12", Quantity.POWER_STATE, None)
    record.hear_frame(rack.frame(), Seconds(100.0))
    view = view_of(record, Seconds(100.0))
    assert view is not None
    (row,) = readings(view, Place(f"{rack.place}/u12"), Quantity.POWER_STATE)
    assert (row.value, row.quality, row.text) == (None, "missing", "unknown")
    (row,) = readings(view, Place(f"{rack.place}/u13"), Quantity.POWER_STATE)
    assert (row.value, row.text) == (1.0, "on")
