"""One HTTP/1.1 reply out of bytes: what a single question to a device needs, and no more (RFC 9112).  Pure.

Refuses compressed bodies, folded headers and lengths that contradict each other.
"""

import re
from dataclasses import dataclass

MOST_HEAD = 32 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\Z)")
_BODILESS = (204, 304)


class ReplyBroken(ValueError):
    """The bytes are no HTTP reply that we take."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """Status, headers (names in lower case; of a repeated one the last) and the whole body."""

    status: int
    headers: dict[str, str]
    body: bytes


def parse_reply(raw: bytes | bytearray, ended: bool) -> HttpReply | None:
    """Return the reply in `raw`, None while it is not whole.  `ended`: the peer has closed, nothing will follow.

    Raises ReplyBroken.
    """
    data = bytes(raw)
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        if ended or len(data) > MOST_HEAD or (len(data) >= 5 and not data.startswith(b"HTTP/")):
            raise ReplyBroken("not an HTTP reply" if data else "closed without a reply")
        return None
    first, *lines = head.split(b"\r\n")
    match = _STATUS.match(first)
    if match is None:
        raise ReplyBroken("not an HTTP reply")
    status, headers = int(match[1]), _headers(lines)
    if 100 <= status < 200:
        return parse_reply(body, ended)
    whole = b"" if status in _BODILESS else _body(headers, body, ended)
    return None if whole is None else HttpReply(status, headers, whole)


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name.strip() or line[:1] in (b" ", b"\t"):
            raise ReplyBroken("a broken header line")
        headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
    return headers


def _body(headers: dict[str, str], body: bytes, ended: bool) -> bytes | None:
    if headers.get("content-encoding", "identity") != "identity":
        raise ReplyBroken("a compressed body that was not asked for")
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _chunks(body, ended)
    length = headers.get("content-length")
    if length is None:
        return body if ended else None
    if not length.isdigit() or len(length) > 12:
        raise ReplyBroken("a broken content length")
    if len(body) < int(length):
        if ended:
            raise ReplyBroken("the body broke off")
        return None
    return body[: int(length)]


def _chunks(body: bytes, ended: bool) -> bytes | None:
    parts: list[bytes] = []
    while True:
        size_line, found, rest = body.partition(b"\r\n")
        if not found:
            break
        digits = size_line.partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", digits):
            raise ReplyBroken("a broken chunk")
        size = int(digits, 16)
        if size == 0:
            return b"".join(parts)
        if len(rest) < size + 2:
            break
        parts.append(rest[:size])
        body = rest[size + 2 :]
    if ended:
        raise ReplyBroken("the body broke off")
    return None
