"""Lines out of bytes: however they are cut, whatever stands in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.wire.console.lines import MOST_LINE, LineSplitter, plain_line


def split(*pieces: bytes) -> list[bytes]:
    splitter = LineSplitter()
    return [line for piece in pieces for line in splitter.feed(piece)] + splitter.rest()


def test_lines_end_with_either_sign_and_empty_ones_are_left_out() -> None:
    assert split(b"one\r\ntwo\n\rthree\r", b"\nfour") == [b"one", b"two", b"three", b"four"]


def test_a_line_is_given_once_it_has_ended_and_not_before() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"log") == []
    assert splitter.feed(b"in: ") == []
    assert splitter.feed(b"\n") == [b"login: "]
    assert splitter.rest() == []


def test_a_line_without_end_is_cut() -> None:
    pieces = split(*[b"x" * 1000] * 9)
    assert [len(p) for p in pieces] == [MOST_LINE, MOST_LINE, 9000 - 2 * MOST_LINE]


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_how_the_bytes_arrive_makes_no_difference(pieces: list[bytes]) -> None:
    assert split(*pieces) == split(b"".join(pieces))


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        (b"\x1b[1;31mred\x1b[0m alert", "red alert"),
        (b"\x1b]0;a title\x07text", "text"),
        (b"\x1b]0;never ended", ""),
        (b"\x1bP1$r\x1b\\after", "after"),
        (b"\x1b(Bline", "line"),
        (b"half\x1b[", "half"),
        (b"bell\x07 and\x00nul", "bell  and nul"),
        ("a\u202egnp.exe".encode(), "a gnp.exe"),
        (b"\xff\xfebad", "\ufffd\ufffdbad"),
        (b"tab\there", "tab here"),
    ],
)
def test_a_plain_line_holds_nothing_that_moves_a_terminal(raw: bytes, plain: str) -> None:
    assert plain_line(raw) == plain
    assert plain_line(raw).isprintable()


@given(st.binary(max_size=6000))
def test_any_bytes_make_one_printable_bounded_line(raw: bytes) -> None:
    text = plain_line(raw)
    assert len(text) <= MOST_LINE
    assert text == "" or text.isprintable()
