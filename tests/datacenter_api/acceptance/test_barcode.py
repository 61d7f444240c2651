"""A scanned part is held against the part that is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacenter_api.acceptance.barcode import Fit, check, is_same

BUILT = {"u05/psu2": "PS-00-42", "u07/psu1": "PS-00-43", "u05": "SHELF7", "feed-a": ""}
ASKS = "pull u05/psu2, or switch it off"


@pytest.mark.parametrize(
    ("code", "asks", "fit", "said"),
    [
        ("PS-00-42", ASKS, Fit.RIGHT, "Right part: this is u05/psu2."),
        ("sps0042", ASKS, Fit.RIGHT, "Right part"),
        ("PS-00-43", ASKS, Fit.WRONG, "Wrong part: this is u07/psu1, u05/psu2 is asked for."),
        ("SHELF7", ASKS, Fit.WRONG, "Wrong part: this is u05, u05/psu2"),
        ("NOBODY", ASKS, Fit.UNKNOWN, "No record of this rack has the serial number NOBODY."),
        ("PS-00-42", "", Fit.UNCHECKED, "This is u05/psu2. Nobody asks for a part now."),
        ("PS-00-42", "bring every GPU to 80 % of its load", Fit.UNCHECKED, "This is u05/psu2."),
    ],
)
def test_a_scan_says_which_part_it_is_and_whether_it_is_the_one(code: str, asks: str, fit: Fit, said: str) -> None:
    scan = check(code, asks, BUILT)
    assert scan.fit is fit
    assert scan.said.startswith(said)


def test_without_records_nothing_is_right_or_wrong() -> None:
    assert check("PS-00-42", ASKS, {}).fit is Fit.UNCHECKED


@given(st.text("ABCS0123456789", min_size=1, max_size=12), st.sampled_from(["", "S", "SN", "1S"]), st.text(max_size=5))
def test_what_labels_put_before_a_serial_number_does_not_count_and_another_number_does(
    serial: str, mark: str, more: str
) -> None:
    assert is_same(f" {mark}{serial.lower()} ", serial)
    assert not is_same(serial + "9", serial)
    assert not is_same(more, "")
