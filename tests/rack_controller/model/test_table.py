"""The series table: order, identity, round trip."""

import random
from pathlib import Path

import pytest

from firmware_bridge.vocabulary.circuit import Circuit
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from rack_controller.model.table import decode_table, encode_table, make_table

GOLDEN = Path(__file__).parents[2] / "golden" / "table_v1.json"
RACK = Place("lab1/a/r01/k01")


def some_series() -> list[Series]:
    return [
        Series(Place(f"{RACK}/u{u:02d}/gpu{g}"), quantity, ReadingClass.POWER, f"GPU {g}")
        for u in range(11, 14)
        for g in range(4)
        for quantity in (Quantity.POWER, Quantity.TEMPERATURE, Quantity.ENERGY)
    ]


def test_columns_are_found_by_tray_and_what_the_rack_tells_is_in_none() -> None:
    table = make_table(RACK, [*some_series(), Series(RACK, Quantity.POWER, ReadingClass.POWER)])
    columns = table.columns_by_tray[Place(f"{RACK}/u12"), Quantity.POWER]
    assert [table.gauges[n].place for n in columns] == [f"{RACK}/u12/gpu{g}" for g in range(4)]
    assert sum(len(found) for found in table.columns_by_tray.values()) == len(table.gauges) - 1


def test_order_of_arrival_does_not_change_the_table() -> None:
    shuffled = some_series()
    random.Random(7).shuffle(shuffled)
    assert make_table(RACK, shuffled).table_id == make_table(RACK, some_series()).table_id


def test_the_id_of_a_known_table_stays_the_same() -> None:
    assert make_table(RACK, some_series()).table_id == 1337276974598370569


def test_the_wire_form_of_a_table_stays_as_it_is() -> None:
    """If this fails, revert your change, not the file: the API keeps tables of earlier starts on disk."""
    written = GOLDEN.read_bytes().strip()
    assert encode_table(make_table(RACK, some_series()[:3])) == written
    assert decode_table(written) == make_table(RACK, some_series()[:3])


def test_one_more_series_is_another_table() -> None:
    more = [*some_series(), Series(RACK, Quantity.POWER, ReadingClass.POWER)]
    assert make_table(RACK, more).table_id != make_table(RACK, some_series()).table_id


def test_gauges_and_counters_are_kept_apart_and_indexed() -> None:
    table = make_table(RACK, some_series())
    assert len(table.gauges) == 24
    assert len(table.counters) == 12
    for n, series in enumerate(table.counters):
        assert table.counter_index[series.place, series.quantity] == n


def test_the_wire_form_reads_back() -> None:
    table = make_table(RACK, some_series())
    assert decode_table(encode_table(table)) == table


def test_a_table_whose_id_does_not_fit_its_lines_is_refused() -> None:
    body = encode_table(make_table(RACK, some_series())).replace(b"gpu0", b"gpu9")
    with pytest.raises(ValueError, match="says id"):
        decode_table(body)


def test_the_circuit_of_a_reading_travels_and_is_part_of_what_the_table_means() -> None:
    bare = Series(RACK, Quantity.POWER, ReadingClass.POWER)
    whole = Series(RACK, Quantity.POWER, ReadingClass.POWER, circuit=Circuit.TOTAL)
    table = make_table(RACK, [whole])
    assert decode_table(encode_table(table)).series == (whole,)
    assert table.table_id != make_table(RACK, [bare]).table_id
