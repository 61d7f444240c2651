"""Server-sent events as bytes: whatever the chunks are, the messages are the same, and nothing grows without bound."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.wire.redfish.guard import DocumentTooLarge
from firmware_bridge.wire.redfish.sse import MOST_ID, SseMessage, SseParser

STREAM = b": hello\n\nid: 1\ndata: {}\n\nid: 2\r\ndata: [1,\r\ndata: 2]\r\n\r\nevent: x\ndata:3\n\ndata\n\n: beat\n\n"
MESSAGES = [SseMessage("1", b"{}"), SseMessage("2", b"[1,\n2]"), SseMessage("2", b"3"), SseMessage("2", b"")]


def fed(*chunks: bytes) -> list[SseMessage]:
    parser = SseParser()
    return [message for chunk in chunks for message in parser.feed(chunk)]


def test_messages_come_out_whole() -> None:
    assert fed(STREAM) == MESSAGES


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_it_does_not_matter_where_the_chunks_end(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert fed(*(STREAM[a:b] for a, b in itertools.pairwise(edges))) == MESSAGES


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_are_taken(chunks: list[bytes]) -> None:
    fed(*chunks)


@pytest.mark.parametrize("flood", [b"data: " + b"x" * 300, b"x" * 1000, b"data: y\n" * 200])
def test_an_endless_line_or_message_is_refused(flood: bytes) -> None:
    parser = SseParser(most_message=256, most_line=512)
    chunks = [flood[n : n + 100] for n in range(0, len(flood), 100)]
    with pytest.raises(DocumentTooLarge):
        _ = [parser.feed(chunk) for chunk in [*chunks, b"\n\n"]]


@pytest.mark.parametrize("bad", [b"a\x00b", b"x\x1b[31m", b"\xe2\x80\xaegnp", b"z" * (MOST_ID + 1)])
def test_an_id_that_could_not_stand_in_a_header_is_not_kept(bad: bytes) -> None:
    parser = SseParser()
    parser.feed(b"id: 7\ndata: 1\n\nid: " + bad + b"\ndata: 2\n\n")
    assert parser.last_id == "7"
