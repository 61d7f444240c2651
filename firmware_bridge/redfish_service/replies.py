"""HTTP sides of a reply: headers, entity tags, bodies in and out.  Knows neither resources nor sessions."""

import functools
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from firmware_bridge.redfish_service.messages import RequestRefused, error_body
from firmware_bridge.redfish_service.source import Document, Outcome
from firmware_bridge.vocabulary.errors import RackwrightError

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Reply = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers (without content-length), body."""

MOST_BODY = 1 << 20
ODATA = (b"odata-version", b"4.0")
JSON = (b"content-type", b"application/json;charset=utf-8")
NO_CACHE = (b"cache-control", b"no-cache")
_TYPE_MARK = b'"@odata.type":"#'


def refusal_reply(err: RackwrightError) -> Reply:
    """Return status, headers and error body for an error of our tree."""
    extra = [ODATA, JSON, NO_CACHE]
    if isinstance(err, RequestRefused):
        extra.extend(err.headers)
    return err.http_status, extra, orjson.dumps(error_body(err))


def outcome_reply(outcome: Outcome) -> Reply:
    """Return status, headers and body for what a change led to."""
    extra = [ODATA, NO_CACHE, *outcome.headers]
    if outcome.location:
        extra.append((b"location", ascii_bytes(outcome.location)))
    if outcome.document is None:
        return outcome.status, extra, b""
    extra += [JSON, (b"etag", etag_of(outcome.document))]
    return outcome.status, extra, outcome.document.raw


def check_reader(headers: dict[bytes, bytes], media: bytes | None = None) -> None:
    """Refuse what the headers of a read ask for and we do not have: 406 for Accept, 412 for OData-Version.

    `media` is the content type of what there is, None for JSON.
    """
    accept = headers.get(b"accept")
    kind = b"json" if media is None else media.split(b";")[0].rpartition(b"/")[2]
    if accept is not None and kind not in accept and b"*" not in accept and accept.strip():
        raise RequestRefused("HeaderInvalid", "Accept", status=406)
    version = headers.get(b"odata-version")
    if version is not None and version.strip() != b"4.0":
        raise RequestRefused("HeaderInvalid", "OData-Version", status=412)


async def json_body(headers: dict[bytes, bytes], receive: Receive) -> dict[str, Any]:
    """Return the request's JSON object, `{}` when it has none.  Raises RequestRefused (400, 413, 415)."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestRefused("MalformedJSON")
        size += len(message.get("body", b""))
        if size > MOST_BODY:
            raise RequestRefused("PayloadTooLarge")
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    raw = b"".join(chunks)
    if not raw.strip():
        return {}
    kind = headers.get(b"content-type", b"application/json").split(b";")[0].strip().lower()
    if kind != b"application/json":
        raise RequestRefused("HeaderInvalid", "Content-Type", status=415)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as err:
        raise RequestRefused("MalformedJSON") from err
    if not isinstance(body, dict):
        raise RequestRefused("MalformedJSON")
    return body


def etag_of(document: Document) -> bytes:
    """Return a document's entity tag: its own, or a digest of what it says."""
    if document.etag is not None:
        return document.etag.encode()
    return b'"%x-%x"' % (zlib.crc32(document.raw), len(document.raw))


def matches(wanted: bytes, etag: bytes) -> bool:
    """Tell whether an If-Match or If-None-Match header names this entity tag."""
    offered = [w.strip().removeprefix(b"W/") for w in wanted.split(b",")]
    return b"*" in offered or etag.removeprefix(b"W/") in offered


def schema_link(raw: bytes) -> tuple[bytes, bytes] | None:
    """Return the `Link: …; rel=describedby` header for the type that the JSON names, None when it names none."""
    start = raw.find(_TYPE_MARK)
    if start < 0:
        return None
    start += len(_TYPE_MARK)
    return _schema_header(raw[start : raw.find(b'"', start)])


@functools.lru_cache(maxsize=512)
def _schema_header(type_name: bytes) -> tuple[bytes, bytes]:
    schema = type_name.rsplit(b".", 1)[0]
    return b"link", b"<http://redfish.dmtf.org/schemas/v1/%s.json>; rel=describedby" % schema


@functools.lru_cache(maxsize=256)
def ascii_bytes(text: str) -> bytes:
    """Return header text as bytes; cached, because few texts recur all the time."""
    return text.encode("ascii")
