"""A multipart request body in its parts (RFC 7578), for the one kind of request that carries a file."""

import re
from typing import Any

from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.replies import Receive

_BOUNDARY = re.compile(rb'boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?')
_NAME = re.compile(rb'name="([^"\r\n]{1,64})"')


async def multipart_body(headers: dict[bytes, bytes], receive: Receive, most_bytes: int) -> dict[str, bytes]:
    """Return the parts of a body by name.  Raises RequestRefused (400, 413, 415)."""
    kind = headers.get(b"content-type", b"")
    boundary = _BOUNDARY.search(kind)
    if not kind.lower().startswith(b"multipart/form-data") or boundary is None:
        raise RequestRefused("HeaderInvalid", "Content-Type", status=415)
    return parts_of(await _whole(receive, most_bytes), boundary[1])


def parts_of(body: bytes, boundary: bytes) -> dict[str, bytes]:
    """Return the parts between the boundaries by their names.  Raises RequestRefused."""
    found: dict[str, bytes] = {}
    line = b"--" + boundary
    pieces = (b"\r\n" + body).split(b"\r\n" + line)
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise RequestRefused("MalformedJSON")
    for piece in pieces[1:-1]:
        head, blank, content = piece.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if not blank or name is None:
            raise RequestRefused("MalformedJSON")
        found[name[1].decode("latin-1")] = content
    return found


async def _whole(receive: Receive, most_bytes: int) -> bytes:
    chunks, size = [], 0
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise RequestRefused("MalformedJSON")
        size += len(message.get("body", b""))
        if size > most_bytes:
            raise RequestRefused("PayloadTooLarge")
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
