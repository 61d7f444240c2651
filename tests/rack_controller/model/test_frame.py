"""The telemetry frame's bytes.  If the golden test fails, revert your change, not the file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.model.frame import OLDEST_AGE, UNKNOWN_COUNTER, Frame, ages_in_steps, decode_frame, encode_frame

GOLDEN = Path(__file__).parents[2] / "golden" / "frame_v1.bin"


def golden_frame() -> Frame:
    return Frame(
        table_id=0x1122334455667788,
        sequence=42,
        unix_ns=UnixNanoseconds(1_763_800_000_000_000_000),
        gauges=np.array([1.5, np.nan, -3.25], dtype=np.float32),
        counters=np.array([7, UNKNOWN_COUNTER], dtype=np.int64),
        ages=np.array([0, 100, 65535, 3, 4], dtype=np.uint16),
        quality=np.array([0, 1, 2, 3, 4], dtype=np.uint8),
    )


def test_the_bytes_of_version_1_stay_as_they_are() -> None:
    assert encode_frame(golden_frame()) == GOLDEN.read_bytes()


def test_a_recorded_frame_of_version_1_is_still_read() -> None:
    frame = decode_frame(GOLDEN.read_bytes())
    assert (frame.table_id, frame.sequence, frame.unix_ns) == (0x1122334455667788, 42, 1_763_800_000_000_000_000)
    assert frame.gauges[0] == 1.5
    assert np.isnan(frame.gauges[1])
    assert frame.counters.tolist() == [7, UNKNOWN_COUNTER]
    assert frame.ages.tolist() == [0, 100, 65535, 3, 4]
    assert frame.quality.tolist() == [0, 1, 2, 3, 4]


@given(
    hnp.arrays(np.float32, st.integers(0, 40)),
    hnp.arrays(np.int64, st.integers(0, 9)),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
)
def test_what_goes_in_comes_out(gauges: np.ndarray, counters: np.ndarray, table: int, sequence: int) -> None:
    lines = len(gauges) + len(counters)
    ages = np.arange(lines, dtype=np.uint16)
    frame = Frame(table, sequence, UnixNanoseconds(1), gauges, counters, ages, ages.astype(np.uint8))
    back = decode_frame(encode_frame(frame))
    assert (back.table_id, back.sequence) == (table, sequence)
    np.testing.assert_array_equal(back.gauges, gauges)
    np.testing.assert_array_equal(back.counters, counters)
    np.testing.assert_array_equal(back.ages, ages)


@pytest.mark.parametrize(
    "body", [b"", b"RWTF", b"XXXX" + bytes(60), GOLDEN.read_bytes()[:-1], GOLDEN.read_bytes() + b"x"]
)
def test_bytes_that_are_no_frame_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"expected|needs?|bytes"):
        decode_frame(body)


@given(st.binary(max_size=200))
def test_hostile_bytes_never_do_worse_than_valueerror(body: bytes) -> None:
    try:
        decode_frame(b"RWTF\x01\x00" + body)
    except ValueError:
        return


def test_ages_are_rounded_up_and_clipped() -> None:
    ages = ages_in_steps(np.array([10.0, 9.995, np.nan, -1e9, 11.0]), Seconds(10.0))
    assert ages.tolist() == [0, 1, OLDEST_AGE, OLDEST_AGE, 0]


def test_a_frame_with_missing_ages_is_not_encoded() -> None:
    frame = golden_frame()
    with pytest.raises(ValueError, match="5 series"):
        encode_frame(Frame(1, 1, UnixNanoseconds(1), frame.gauges, frame.counters, frame.ages[:2], frame.quality))
