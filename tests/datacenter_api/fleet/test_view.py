"""Ages go on while a controller is silent, and what is too old is stale: never good, in the end never a number."""

import numpy as np
import pytest
from support.play import PlayedRack

from datacenter_api.fleet.record import RackRecord, said_at
from datacenter_api.fleet.view import view_of
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds


def at(rack: PlayedRack, below: str) -> Place:
    return Place(f"{rack.place}/{below}")


def test_an_age_is_the_frames_age_plus_the_time_since(record: RackRecord, rack: PlayedRack) -> None:
    view = view_of(record, Seconds(101.0))
    assert view is not None
    assert view.age(rack.line("u12", Quantity.POWER)) == pytest.approx(1.2)


def test_silence_turns_a_one_second_class_stale_before_a_ten_second_class(record: RackRecord, rack: PlayedRack) -> None:
    view = view_of(record, Seconds(105.0))
    assert view is not None
    assert view.number(at(rack, "u12"), Quantity.POWER) == (5400.0, "stale")
    assert view.number(at(rack, "u12/gpu0"), Quantity.TEMPERATURE) == (45.5, "good")


def test_a_number_that_nobody_can_date_is_unknown(record: RackRecord, rack: PlayedRack) -> None:
    rack.ages[:] = np.iinfo(np.uint16).max
    record.hear_frame(rack.frame(), Seconds(101.0))
    view = view_of(record, Seconds(101.0))
    assert view is not None
    assert view.number(at(rack, "u12"), Quantity.POWER) == (None, "missing")


def test_a_counter_keeps_every_digit(record: RackRecord, rack: PlayedRack) -> None:
    view = view_of(record, Seconds(100.0))
    assert view is not None
    assert view.number(at(rack, "u12/gpu0"), Quantity.ENERGY) == (1_234_567_890_123, "good")


def test_the_controllers_verdict_stands(record: RackRecord, rack: PlayedRack) -> None:
    rack.quality[rack.line("u12", Quantity.POWER)] = Quality.FLAGGED
    record.hear_frame(rack.frame(), Seconds(100.0))
    view = view_of(record, Seconds(100.0))
    assert view is not None
    assert view.number(at(rack, "u12"), Quantity.POWER)[1] == "flagged"


def test_a_frame_of_another_table_is_not_read_with_this_one(record: RackRecord, rack: PlayedRack) -> None:
    frame = rack.frame()
    record.hear_frame(
        type(frame)(7, 9, frame.unix_ns, frame.gauges, frame.counters, frame.ages, frame.quality), Seconds(1)
    )
    assert view_of(record, Seconds(100.0)) is None
    assert not record.live(Seconds(100.0))


def test_an_older_frame_from_the_stream_does_not_replace_a_newer_one(record: RackRecord, rack: PlayedRack) -> None:
    late, newest = rack.frame(), rack.frame()
    record.hear_frame(newest, Seconds(101.0))
    for old in (late, newest):
        record.hear_frame(old, Seconds(200.0))
    assert (record.frame, record.received) == (newest, 101.0), "a repeat does not make it younger"


def test_a_clock_that_was_set_back_or_numbers_that_begin_anew_stop_no_frame(
    record: RackRecord, rack: PlayedRack
) -> None:
    set_back = rack.frame(unix_ns=1)
    record.hear_frame(set_back, Seconds(101.0))
    assert record.frame is set_back
    rack.sequence = 0
    begun_anew = rack.frame()
    record.hear_frame(begun_anew, Seconds(102.0))
    assert record.frame is begun_anew


def test_a_recovered_frame_is_as_old_as_its_time_says(rack: PlayedRack) -> None:
    frame = rack.frame(unix_ns=1_000_000_000)
    assert said_at(frame, Seconds(50.0), UnixNanoseconds(4_000_000_000)) == pytest.approx(47.0)
    assert said_at(frame, Seconds(50.0), UnixNanoseconds(0)) == 50.0, "a clock that went back does not make it younger"


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_what_is_no_finite_number_is_unknown(record: RackRecord, rack: PlayedRack, number: float) -> None:
    rack.gauges[rack.line("u12", Quantity.POWER)] = number  # said to be good all the same
    record.hear_frame(rack.frame(), Seconds(101.0))
    view = view_of(record, Seconds(101.0))
    assert view is not None
    assert view.number(f"{rack.place}/u12", Quantity.POWER) == (None, "missing")
