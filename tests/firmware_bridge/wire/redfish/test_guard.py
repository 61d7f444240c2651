"""Documents come in only inside the caps, whatever the bytes are."""

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.wire.redfish.documents import Decoder, Sensor
from firmware_bridge.wire.redfish.guard import (
    DocumentFault,
    DocumentMalformed,
    DocumentTooLarge,
    parse,
    scrub,
    straightened,
)

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), plain, max_size=5))
def test_a_regular_document_comes_through_unchanged(document: dict[str, object]) -> None:
    assert parse(json.dumps(document).encode()) == document


@given(st.integers(1, 200))
def test_depth_is_counted_exactly(depth: int) -> None:
    raw = b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)
    if depth <= 64:
        assert isinstance(parse(raw), dict)
    else:
        with pytest.raises(DocumentTooLarge, match="deeper"):
            parse(raw)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_hundred_thousand_levels_are_refused_at_once(opening: bytes) -> None:
    began = time.perf_counter()
    with pytest.raises(DocumentTooLarge):
        parse(opening * 100_000)
    assert time.perf_counter() - began < 2.0


def test_brackets_inside_text_do_not_count() -> None:
    assert parse(json.dumps({"a": "[{" * 500, "b": '\\"[' * 500}).encode())["a"] == "[{" * 500


@pytest.mark.parametrize(
    "body",
    [
        b'{"Reading": NaN}',
        b'{"Reading": Infinity}',
        b'{"Reading": 1e999}',
        b'{"Reading": ' + b"9" * 5000 + b"}",
        b'{"Name": "\\ud800"}',
        b'{"Name": "\xff',
        b"\xef\xbb\xbf" * 100_000 + b"{}",
        b"\xff\xfe{\x00}\x00",
        b"\x1f\x8b\x08\x00",
        b'{"Reading": 1} and more',
        b'{"half": ',
        b"[1, 2]",
        b"",
    ],
)
def test_what_is_no_document_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(DocumentMalformed):
        parse(body)


def test_members_and_bytes_have_caps() -> None:
    with pytest.raises(DocumentTooLarge, match="members"):
        parse(json.dumps({str(n): n for n in range(20_001)}).encode())
    with pytest.raises(DocumentTooLarge, match="bytes"):
        parse(b"{" + b" " * 100 + b"}", most_bytes=64)


@given(st.binary(max_size=200))
def test_no_bytes_bring_anything_but_a_document_or_a_fault(raw: bytes) -> None:
    with contextlib.suppress(DocumentFault):
        assert isinstance(parse(raw), dict)


def test_quotes_and_backslashes_cost_linear_time() -> None:
    began = time.perf_counter()
    with pytest.raises(DocumentFault):
        parse(b'{"a": [[[[' * 20 + b'\\"' * 1_000_000)
    assert time.perf_counter() - began < 2.0


def test_text_is_one_printable_line() -> None:
    assert scrub("PSU\x00 \u202e0\r\nX-Admin: yes\x1b[31m") == "PSU   0 X-Admin: yes [31m"
    assert scrub(None) == ""
    assert scrub({"a": 1}) == ""
    assert scrub(42) == "42"
    assert len(scrub("x" * 100_000)) == 16 * 1024


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b'\xef\xbb\xbf{"Name": "a", "Reading": 1}', "byte order mark"),
        (b'{"Name": "\xb0C", "Reading": 1}', "Latin-1"),
        ('{"Name": "\u2103", "Reading": 1}'.encode(), ""),
        (b'{"Name": "a", "Reading": 1}', ""),
    ],
)
def test_bytes_that_are_nearly_right_are_read_and_told(raw: bytes, what: str) -> None:
    assert parse(raw)["Reading"] == 1
    assert Decoder(Sensor)(raw).Reading == 1
    assert what in straightened(raw)[1]
    assert bool(what) == bool(straightened(raw)[1])
    assert parse(b'\xef\xbb\xbf{"Name": "\xb0C"}') == {"Name": "\xb0C"}, "both at once"
