"""A snapshot's good values: there, fresh and not doubted; everything else is None."""

import pytest

from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.board import Board

RACK = Place("tx1/a/r03/k07")
BMC, GPU = join_place(RACK, "u12/bmc"), join_place(RACK, "u12/gpu0")
KINDS = pytest.mark.parametrize("quantity", [Quantity.POWER, Quantity.ENERGY])  # a gauge and a counter


def shown(quantity: Quantity, value: float | None, quality: Quality = Quality.GOOD, age: float = 0.0) -> Snapshot:
    board = Board(RACK, [BMC], dict.fromkeys(ReadingClass, Seconds(1.0)))
    board.declare(BMC, [Series(GPU, quantity, ReadingClass.POWER)])
    board.snapshot(1, Seconds(0.0), UnixNanoseconds(1))
    board.store([Reading(GPU, quantity, value, Seconds(100.0 - age), quality)])
    return board.snapshot(2, Seconds(100.0), UnixNanoseconds(2))


@KINDS
def test_a_good_value_is_a_number(quantity: Quantity) -> None:
    assert shown(quantity, 700).good(GPU, quantity) == 700.0
    assert shown(quantity, 0).good(GPU, quantity) == 0.0


@KINDS
@pytest.mark.parametrize("quality", [q for q in Quality if q is not Quality.GOOD])
def test_a_value_that_somebody_doubts_is_none(quantity: Quantity, quality: Quality) -> None:
    snapshot = shown(quantity, 700, quality)
    assert snapshot.good(GPU, quantity) is None
    reading = snapshot.reading(GPU, quantity)
    assert reading is not None
    assert reading.value == 700  # it can still be shown


@KINDS
def test_what_was_not_said_is_old_or_is_no_series_is_none(quantity: Quantity) -> None:
    assert shown(quantity, None).good(GPU, quantity) is None
    assert shown(quantity, 700, age=4.0).good(GPU, quantity) is None
    assert shown(quantity, 700, age=60.0).good(GPU, quantity) is None
    assert shown(quantity, 700).good(BMC, quantity) is None
