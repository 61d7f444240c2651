"""Bodies that are files: read whole, or refused with what to do."""

from starlette.requests import ClientDisconnect, Request

from firmware_bridge.vocabulary.errors import ArgumentsInvalid

FILE = {"requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}
"""What a route that takes a file says of its body."""


async def whole_body(request: Request, what: str, most: int) -> bytes:
    """Return the body of a request.  Raises ArgumentsInvalid when it breaks off; the gate knows how long it may be."""
    try:
        chunks = [chunk async for chunk in request.stream()]
    except ClientDisconnect as err:
        raise ArgumentsInvalid(
            f"{what} did not come whole", advice=f"it has at most {most} bytes; send it again"
        ) from err
    return b"".join(chunks)
