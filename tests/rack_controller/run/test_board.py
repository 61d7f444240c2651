"""The board: from readings to a snapshot."""

import numpy as np
import pytest

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.axes import Contact
from rack_controller.model.frame import decode_frame, encode_frame
from rack_controller.model.snapshot import ManagementAxis, PowerAxis, Snapshot
from rack_controller.run.board import Board

RACK = Place("lab1/a/r01/k01")
BMC = Place(f"{RACK}/u11/bmc")
GPU = Place(f"{RACK}/u11/gpu0")
PERIODS = {c: Seconds(1.0) for c in ReadingClass}


@pytest.fixture
def board() -> Board:
    board = Board(RACK, [BMC], PERIODS)
    board.declare(
        BMC,
        [
            Series(GPU, Quantity.POWER, ReadingClass.POWER),
            Series(GPU, Quantity.ENERGY, ReadingClass.SLOW),
            Series(Place(f"{RACK}/u11"), Quantity.POWER_STATE, ReadingClass.SAFETY),
        ],
    )
    return board


def take(board: Board, now: float) -> Snapshot:
    return board.snapshot(1, Seconds(now), UnixNanoseconds(5))


def test_readings_that_arrive_before_the_first_snapshot_are_kept(board: Board) -> None:
    board.store([Reading(GPU, Quantity.POWER, 700.0, Seconds(9.5))])
    reading = take(board, 10).reading(GPU, Quantity.POWER)
    assert reading is not None
    assert (reading.value, reading.taken_at, reading.quality) == (700.0, 9.5, Quality.GOOD)


def test_an_undeclared_reading_is_dropped_and_an_unknown_series_is_none(board: Board) -> None:
    take(board, 1)
    board.store([Reading(GPU, Quantity.VOLTAGE, 50.0, Seconds(9.5))])
    assert take(board, 10).reading(GPU, Quantity.VOLTAGE) is None


def test_counters_keep_whole_numbers_and_their_unknown(board: Board) -> None:
    unread = take(board, 1).reading(GPU, Quantity.ENERGY)
    assert unread is not None
    assert (unread.value, unread.quality) == (None, Quality.MISSING)
    board.store([Reading(GPU, Quantity.ENERGY, 123_456_789_012, Seconds(9.5))])
    read = take(board, 10).reading(GPU, Quantity.ENERGY)
    assert read is not None
    assert read.value == 123_456_789_012


def test_a_reading_that_is_older_than_what_is_there_changes_nothing(board: Board) -> None:
    board.store([Reading(GPU, Quantity.POWER, 700.0, Seconds(9.5))])
    board.store([Reading(GPU, Quantity.POWER, 500.0, Seconds(9.4)), Reading(GPU, Quantity.POWER, None, Seconds(9.3))])
    kept = take(board, 10).reading(GPU, Quantity.POWER)
    assert kept is not None
    assert (kept.value, kept.taken_at) == (700.0, 9.5)


def test_the_devices_own_time_stays_with_the_value_that_an_event_brought(board: Board) -> None:
    told = "2026-01-01T00:00:10Z"
    take(board, 9)
    board.store([Reading(GPU, Quantity.POWER, 700.0, Seconds(9.5), device_time=told)])
    board.store([Reading(GPU, Quantity.POWER, 700.0, Seconds(9.6))])
    assert board.told_at(GPU, "power") == told
    board.store([Reading(GPU, Quantity.POWER, 710.0, Seconds(9.7))])
    assert board.told_at(GPU, "power") is None
    assert board.told_at(GPU, "no such quantity") is None


def test_both_axes_are_told_apart(board: Board) -> None:
    assert take(board, 1).endpoints[BMC].management is ManagementAxis.ABSENT
    board.contacts[BMC] = Contact(last_success=Seconds(9.9))
    board.store([Reading(Place(f"{RACK}/u11"), Quantity.POWER_STATE, 1.0, Seconds(9.9))])
    state = take(board, 10).endpoints[BMC]
    assert (state.state, state.management) == (PowerAxis.ON, ManagementAxis.REACHABLE)
    lost = take(board, 60).endpoints[BMC]
    assert (lost.state, lost.management, lost.since) == (PowerAxis.UNKNOWN, ManagementAxis.ABSENT, 60)


def test_values_survive_a_new_series_table(board: Board) -> None:
    board.store([Reading(GPU, Quantity.POWER, 700.0, Seconds(9.5))])
    board.contacts[BMC] = Contact(last_success=Seconds(9.5))
    take(board, 10)
    board.declare(
        BMC, [Series(GPU, Quantity.POWER, ReadingClass.POWER), Series(GPU, Quantity.VOLTAGE, ReadingClass.SLOW)]
    )
    after = take(board, 10.5)
    kept = after.reading(GPU, Quantity.POWER)
    assert kept is not None
    assert kept.value == 700.0
    assert after.reading(GPU, Quantity.ENERGY) is None


def test_a_snapshot_cannot_be_written_to_and_becomes_a_frame(board: Board) -> None:
    board.store([Reading(GPU, Quantity.POWER, 700.0, Seconds(9.5))])
    snapshot = take(board, 10)
    with pytest.raises(ValueError, match="read-only"):
        snapshot.gauges[0] = 1
    frame = decode_frame(encode_frame(snapshot.to_frame()))
    column = snapshot.table.gauge_index[GPU, Quantity.POWER]
    assert frame.gauges[column] == np.float32(700.0)
    assert frame.ages[column] == 50


def test_while_endpoints_are_awaited_the_table_is_not_laid_out_every_second(board: Board) -> None:
    first = take(board, 10).table
    board.declare(BMC, [Series(GPU, Quantity.VOLTAGE, ReadingClass.SLOW)])
    assert take(board, 11).table is first
    assert (GPU, Quantity.VOLTAGE) in take(board, 13).table.gauge_index


LEAK = Place(f"{RACK}/u11/leak0")


def leaking(*said: tuple[float | None, float]) -> tuple[Board, list[float | None]]:
    """Return a board that was told these (state, taken at) between two ticks, and what the next three ticks saw."""
    board = Board(RACK, [BMC], PERIODS)
    board.declare(BMC, [Series(LEAK, Quantity.LEAK, ReadingClass.SAFETY)])
    board.store([Reading(LEAK, Quantity.LEAK, 0.0, Seconds(9.0))])
    take(board, 9)
    for value, at in said:
        board.store([Reading(LEAK, Quantity.LEAK, value, Seconds(at), device_time=f"t{at}")])
    seen = [take(board, 10.0 + n).reading(LEAK, Quantity.LEAK) for n in range(3)]
    return board, [None if r is None else r.value for r in seen]


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ([(2.0, 9.2), (0.0, 9.4)], [2.0, 0.0, 0.0]),
        ([(2.0, 9.2), (0.0, 9.2)], [2.0, 0.0, 0.0]),
        ([(1.0, 9.2), (2.0, 9.3), (1.0, 9.4), (0.0, 9.5)], [2.0, 0.0, 0.0]),
        ([(2.0, 9.2), (0.0, 9.4), (2.0, 9.6)], [2.0, 2.0, 2.0]),
        ([(2.0, 9.2), (0.0, 9.4), (2.0, 9.3)], [2.0, 0.0, 0.0]),
        ([(2.0, 9.2), (None, 9.4)], [2.0, None, None]),
        ([(0.0, 9.2), (2.0, 9.4)], [2.0, 2.0, 2.0]),
    ],
)
def test_a_leak_that_ends_between_two_ticks_is_seen_by_one(
    said: list[tuple[float | None, float]], seen: list[float | None]
) -> None:
    assert leaking(*said)[1] == seen


def test_a_leak_that_was_seen_ends_at_once_and_its_time_is_its_own() -> None:
    board = leaking((2.0, 9.2), (2.0, 9.3))[0]
    assert board.told_at(LEAK, "leak") == "t9.3"
    board.store([Reading(LEAK, Quantity.LEAK, 0.0, Seconds(13.0), device_time="t13")])
    reading = take(board, 13.5).reading(LEAK, Quantity.LEAK)
    assert reading is not None
    assert (reading.value, board.told_at(LEAK, "leak")) == (0.0, "t13")


def test_the_time_of_a_leak_is_told_with_it_and_not_that_of_its_end() -> None:
    board = Board(RACK, [BMC], PERIODS)
    board.declare(BMC, [Series(LEAK, Quantity.LEAK, ReadingClass.SAFETY)])
    take(board, 9)
    for value, told in ((2.0, "wet"), (0.0, "dry")):
        board.store([Reading(LEAK, Quantity.LEAK, value, Seconds(9.5), device_time=told)])
    take(board, 10)
    assert board.told_at(LEAK, "leak") == "wet"
    take(board, 11)
    assert board.told_at(LEAK, "leak") == "dry"


def test_the_pause_between_tables_grows_while_somebody_is_awaited_and_ends_with_the_last() -> None:
    """Readers keep each table as long as a frame under it, and ten racks that are met side by side take their time."""
    board, tables = Board(RACK, [BMC], PERIODS), list[tuple[int, int]]()
    for now in range(60):
        board.declare(
            BMC, [Series(Place(f"{RACK}/u11/part{n}"), Quantity.POWER, ReadingClass.POWER) for n in range(now + 1)]
        )
        table = take(board, now).table.table_id
        if not tables or tables[-1][1] != table:
            tables.append((now, table))
    assert [now for now, _ in tables] == [0, 3, 9, 21, 33, 45, 57]
    board.contacts[BMC] = Contact(last_success=Seconds(60.0))
    assert take(board, 60).table.table_id != tables[-1][1], "nobody is awaited any more: at once"


def test_whoever_watches_leaks_hears_one_that_has_no_column_yet_and_one_that_was_overtaken() -> None:
    board, heard = Board(RACK, [BMC], PERIODS), list[Reading]()
    board.on_leaks = heard.extend
    first, late = (Reading(LEAK, Quantity.LEAK, 2.0, Seconds(at)) for at in (9.0, 8.5))
    board.store([first])
    assert heard == [], "nobody has said that there is such a detector"
    board.declare(BMC, [Series(LEAK, Quantity.LEAK, ReadingClass.SAFETY)])
    board.store([first])
    assert heard == [first]
    take(board, 10)
    board.store([Reading(LEAK, Quantity.LEAK, 0.0, Seconds(11.0))])
    board.store([late])
    assert heard[-1] == late


def test_an_endpoint_that_joins_is_told_of_before_it_is_met_and_costs_nobody_a_value(board: Board) -> None:
    take(board, 1)
    board.store([Reading(GPU, Quantity.POWER, 700.0, Seconds(9.5))])
    late = Place("lab1/a/r01/k01/u40/bmc")
    board.admit(late)
    taken = take(board, 10)
    assert taken.endpoints[late].management is not ManagementAxis.REACHABLE
    assert taken.reading(late, Quantity.MANAGEMENT) is not None
    power = taken.reading(GPU, Quantity.POWER)
    assert power is not None
    assert power.value == 700.0
