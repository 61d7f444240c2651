"""Bytes from a device become a document only inside caps; text is scrubbed.  No recursion, no NaN."""

import re
from typing import Any

import msgspec

from firmware_bridge.vocabulary.text import scrub as scrub

MOST_BYTES = 4 * 1024 * 1024
MOST_DEPTH = 64
MOST_MEMBERS = 20_000
MOST_ELEMENTS = 200_000

# Possessive, and an open string runs to the end: linear time whatever the quotes and backslashes are.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_ALL_BYTES = bytes(range(256))
_NOT_BRACKETS = bytes(b for b in _ALL_BYTES if b not in b"{}[]")
_ONE_BRACKET = bytes.maketrans(b"{}", b"[]")

Document = dict[str, Any]


class DocumentFault(ValueError):
    """The bytes cannot become a document."""


class DocumentMalformed(DocumentFault):
    """Not JSON, not an object, NaN or a number out of range, broken text, wrong shape."""


class DocumentTooLarge(DocumentFault):
    """Over the cap on bytes, depth or members."""


def parse(
    raw: bytes,
    most_bytes: int = MOST_BYTES,
    most_depth: int = MOST_DEPTH,
    most_members: int = MOST_MEMBERS,
    *,
    arrays: bool = False,
) -> Document:
    """Return the JSON object in `raw`; with `arrays`, a bare array as the members of a collection.

    Raises DocumentTooLarge (bytes, nesting depth, members; checked before anything is parsed) and DocumentMalformed.
    """
    check_size(raw, most_bytes, most_depth, most_members)
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise DocumentMalformed(f"not valid JSON ({reason_of(err)})") from err
    if arrays and isinstance(document, list):
        return {"Members": document}
    if not isinstance(document, dict):
        raise DocumentMalformed(f"a JSON {type(document).__name__}, expected an object")
    return document


def check_size(raw: bytes, most_bytes: int, most_depth: int, most_members: int) -> None:
    """Raise DocumentTooLarge when `raw` is over a cap.  Linear in its length and free of recursion."""
    if len(raw) > most_bytes:
        raise DocumentTooLarge(f"{len(raw)} bytes, cap {most_bytes}")
    if raw.count(b"{") + raw.count(b"[") <= most_depth and raw.count(b":") <= most_members:
        return
    # Without a backslash every quote is one end of a string: splitting is five times as fast as matching.
    bare = _STRING.sub(b"", raw) if b"\\" in raw else b"".join(raw.split(b'"')[::2])
    if bare.count(b":") > most_members or bare.count(b",") > MOST_ELEMENTS:
        raise DocumentTooLarge(f"more than {most_members} members")
    brackets = bare.translate(_ONE_BRACKET, _NOT_BRACKETS)
    for _ in range(most_depth):
        if not brackets:
            return
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):  # unbalanced: the parser will say so
            break
        brackets = shorter
    if len(brackets) > 0 and brackets.count(b"[") > most_depth:
        raise DocumentTooLarge(f"nested deeper than {most_depth}")
    if b"[]" in brackets:
        raise DocumentTooLarge(f"nested deeper than {most_depth}")


def reason_of(err: Exception) -> str:
    """Return a short, printable reason without the device's own bytes in bulk."""
    return scrub(type(err).__name__ if isinstance(err, RecursionError) else str(err), 120)
