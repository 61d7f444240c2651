"""One request that must happen at most once: what came of it is told in three ways and nothing is asked again.

It was answered; it was refused, or nothing left at all; or it left and nobody can tell whether the device heard it.
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from firmware_bridge.drivers.redfish.engine import CurlEngine
from firmware_bridge.drivers.redfish.one_call import OneCall, Reply
from firmware_bridge.drivers.redfish.session import Answer
from firmware_bridge.drivers.redfish.transfer import refusal_of
from firmware_bridge.vocabulary.errors import DeviceError, EndpointBusy, EndpointRefused, LoginRefused, OutcomeUnknown
from firmware_bridge.vocabulary.generation import RequestLimits
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.guard import Document, DocumentFault, parse
from firmware_bridge.wire.redfish.links import same_origin_path

_NOT_DONE = (501, 503)  # the others above 500, and 408, leave open how far the device came
_LEFT_OPEN, _IN_CONFLICT, _NO_SESSION = 408, 409, 401
MOST_SAID = 200
LONGEST_UPLOAD = 1800.0  # s; controllers on a shared management network take an image at 1 MB/s and less


Send = Callable[[OneCall, CurlEngine, str, list[str]], Awaitable[Answer]]
"""Makes one request to a URL, with the headers of the session."""


async def post_once(
    call: OneCall,
    engine: CurlEngine,
    endpoint: str,
    url: str,
    headers: list[str],
    body: Document,
    limits: RequestLimits,
) -> Answer:
    """POST `body` to `url` and return the answer of a status below 300.

    Raises EndpointUnreachable and TrustRefused before a byte left, EndpointRefused (and its children) with the status
    and the device's words, OutcomeUnknown when the request left and no status, or one that leaves it open, came back.
    """
    headers = [*headers, "Content-Type: application/json", "Expect:"]
    sending = call.send(engine, "POST", url, headers, msgspec.json.encode(body), fresh=True, hurry=True)
    return await _judged(call, sending, endpoint, url, limits)


async def look_once(
    call: OneCall, engine: CurlEngine, endpoint: str, url: str, headers: list[str], limits: RequestLimits
) -> Answer:
    """GET `url` as `post_once` would POST to it: over a connection of its own, with the session.  Raises as it does."""
    return await _judged(call, call.send(engine, "GET", url, headers, fresh=True), endpoint, url, limits, "GET")


async def set_points(
    call: OneCall,
    engine: CurlEngine,
    endpoint: str,
    changes: Sequence[tuple[str, Document]],
    headers: Callable[[], list[str]],
    limits: RequestLimits,
    renewed: Callable[[], Awaitable[None]],
) -> list[DeviceError | None]:
    """PATCH a document onto each URL over one connection, and return what went wrong with each; nothing is raised.

    A set-point may arrive twice: after a 401 the session is `renewed` and the request made once more.
    """
    ends: list[DeviceError | None] = []
    for url, body in changes:
        content = msgspec.json.encode(body)
        for last in (False, True):
            said = [*headers(), "Content-Type: application/json", "Expect:"]
            end: DeviceError | None = None
            try:
                sending = call.send(engine, "PATCH", url, said, content, keep=True)
                await _judged(call, sending, endpoint, url, limits, "PATCH")
            except DeviceError as err:
                end = err
            if last or not isinstance(end, LoginRefused) or end.status != _NO_SESSION:
                break
            await renewed()
        ends.append(end)
    return ends


async def upload_once(
    call: OneCall,
    engine: CurlEngine,
    endpoint: str,
    url: str,
    headers: list[str],
    pieces: Sequence[bytes],
    kind: str,
    limits: RequestLimits,
) -> Answer:
    """POST a large body of content type `kind` in pieces; answers and raises as `post_once` does."""
    sending = call.upload(engine, url, [*headers, f"Content-Type: {kind}", "Expect:"], pieces, LONGEST_UPLOAD)
    return await _judged(call, sending, endpoint, url, limits)


async def _judged(
    call: OneCall,
    sending: Coroutine[Any, Any, Reply],
    endpoint: str,
    url: str,
    limits: RequestLimits,
    method: str = "POST",
) -> Answer:
    """Return what the device said to a request, or raise which of the other two things happened."""
    verb = f"{method} {urlsplit(url).path}"
    try:
        reply = await sending
    except DeviceError as err:
        if not call.sent:
            raise
        if not call.status:
            raise OutcomeUnknown(endpoint, verb, f"sent, and {err.detail}") from err
        reply = Reply(call.status, {}, b"")  # the status came, the rest of the answer did not
    document = _document(reply.body, limits)
    if 200 <= reply.status < 300:
        return Answer(reply.status, _task(reply, document, url), document)
    said = said_of(document)
    if reply.status == _LEFT_OPEN or (reply.status >= 500 and reply.status not in _NOT_DONE):
        raise OutcomeUnknown(endpoint, verb, f"HTTP {reply.status} {said}".strip())
    if reply.status == _IN_CONFLICT:
        raise EndpointBusy(endpoint, verb, f"HTTP {reply.status} {said}".strip(), status=reply.status)
    refused = refusal_of(endpoint, verb, reply.status)
    if isinstance(refused, EndpointRefused) and said:
        raise type(refused)(endpoint, verb, f"HTTP {reply.status} {said}", status=reply.status)
    raise refused or OutcomeUnknown(endpoint, verb, f"HTTP {reply.status}")


def said_of(document: Document) -> str:
    """Return a device's own words for why not: its first extended message, else the error's (DSP0266 §8.6)."""
    error = document.get("error")
    if not isinstance(error, dict):
        return ""
    extended = error.get("@Message.ExtendedInfo")
    first = extended[0] if isinstance(extended, list) and extended else {}
    said = first.get("Message") if isinstance(first, dict) else None
    said = said if isinstance(said, str) else error.get("message")
    return scrub(said, MOST_SAID) if isinstance(said, str) else ""


def _document(raw: bytes, limits: RequestLimits) -> Document:
    try:
        return parse(raw, limits.most_bytes, limits.most_depth) if raw.strip() else {}
    except DocumentFault:
        return {}  # the status has said what matters


def _task(reply: Reply, document: Document, url: str) -> str | None:
    """Return where the device's own task is watched; a place elsewhere is none."""
    where = document.get("@odata.id") if ".Task" in str(document.get("@odata.type")) else None
    parts = urlsplit(url)
    try:
        return same_origin_path(where or reply.headers.get("location") or "", f"{parts.scheme}://{parts.netloc}")
    except ValueError:
        return None
