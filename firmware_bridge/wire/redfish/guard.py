"""Bytes from a device become a document only inside caps; text is scrubbed.  No recursion, no NaN."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

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
Decoded = TypeVar("Decoded")
_MARK = b"\xef\xbb\xbf"


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
    document = decoded(raw, msgspec.json.decode)
    if arrays and isinstance(document, list):
        return {"Members": document}
    if not isinstance(document, dict):
        raise DocumentMalformed(f"a JSON {type(document).__name__}, expected an object")
    return document


def decoded(raw: bytes, decode: Callable[[bytes], Decoded], *, shaped: bool = False) -> Decoded:
    """Return what `decode` makes of `raw`; bytes that are no UTF-8, or begin with its mark, are put right once.

    Raises DocumentMalformed; with `shaped` msgspec's ValidationError as it is: well-formed, but of another shape.
    """
    try:
        return _decoded(raw, decode, shaped)
    except DocumentMalformed:
        text, oddity = straightened(raw)
        if not oddity:
            raise
    return _decoded(text, decode, shaped)


def _decoded(raw: bytes, decode: Callable[[bytes], Decoded], shaped: bool) -> Decoded:
    try:
        return decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        if shaped and isinstance(err, msgspec.ValidationError):
            raise
        raise DocumentMalformed(f"not valid JSON ({reason_of(err)})") from err


def straightened(raw: bytes) -> tuple[bytes, str]:
    """Return the bytes as UTF-8 without a byte order mark, and what is to be noted: empty when they were so.

    JSON between systems is UTF-8 without a mark (RFC 8259 §8.1); older firmware writes a degree sign in Latin-1.
    """
    if raw.isascii():
        return raw, ""
    bare = raw[len(_MARK) :] if raw.startswith(_MARK) else raw
    try:
        bare.decode("utf-8")
    except UnicodeDecodeError:
        return bare.decode("latin-1").encode("utf-8"), "no UTF-8: read as Latin-1"
    return bare, "" if bare is raw else "begins with a byte order mark: left out"


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
