"""One reply: whole, not yet whole, or broken; the same for every way it can be cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.wire.http_reply import HttpReply, ReplyBroken, parse_reply

PLAIN = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 7\r\n\r\n{"a":1}'
CHUNKED = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nX-Auth-Token: t\r\n\r\n"
CHUNKED += b'3\r\n{"a\r\n4;x=y\r\n":1}\r\n0\r\n\r\n'
EMPTY = b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "status", "body"), [(PLAIN, 200, b'{"a":1}'), (CHUNKED, 201, b'{"a":1}'), (EMPTY, 204, b"")]
)
def test_a_whole_reply(raw: bytes, status: int, body: bytes) -> None:
    reply = parse_reply(raw, ended=False)
    assert reply is not None
    assert (reply.status, reply.body) == (status, body)


def test_headers_are_found_in_lower_case() -> None:
    reply = parse_reply(CHUNKED, ended=False)
    assert reply is not None
    assert reply.headers["x-auth-token"] == "t"


@given(st.sampled_from([PLAIN, CHUNKED, EMPTY]), st.data())
def test_a_part_of_a_reply_is_never_taken_for_all_of_it(raw: bytes, data: st.DataObject) -> None:
    whole = parse_reply(raw, ended=True)
    part = parse_reply(raw[: data.draw(st.integers(0, len(raw) - 1))], ended=False)
    assert part is None or part == whole  # the last line break of chunks is not waited for


def test_without_a_length_the_end_of_the_connection_is_the_end() -> None:
    raw = b"HTTP/1.0 200 OK\r\n\r\n{}"
    assert parse_reply(raw, ended=False) is None
    assert parse_reply(raw, ended=True) == HttpReply(200, {}, b"{}")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: b\r\n folded: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{}",
    ],
)
def test_what_is_broken_is_named(raw: bytes) -> None:
    with pytest.raises(ReplyBroken):
        parse_reply(raw, ended=True)
