"""One record of an audit log: who did what, chained to the record before it by SHA-256.  Touches no file.

A line is the record as canonical JSON: keys sorted, no spaces, UTF-8, nothing escaped that need not be.  `hash` is the
SHA-256 of the same text without the key `hash`; `previous` is the hash of the record before, of the first 64 zeros.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from firmware_bridge.vocabulary.text import scrub

BEFORE_ALL = "0" * 64
"""What the first record of a chain has as the hash of the record before it."""

BEGINS, TORN, CUT, GAP = "audit.begin", "audit.torn", "audit.cut", "audit.gap"
"""What a log says of itself: it begins; its last line was torn; records are gone from its end; some came late."""

_MOST = {"writer": 32, "actor": 64, "address": 64, "what": 64, "target": 256, "outcome": 64, "detail": 512}


@dataclass(frozen=True, slots=True)
class Deed:
    """Who did what to what, when and how it ended; not yet part of a chain.  Texts are cut to the column's length."""

    unix_ns: int
    actor: str
    address: str
    what: str
    target: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest record of a chain: who keeps it elsewhere can prove that what came before is unchanged."""

    sequence: int = 0
    hash: str = BEFORE_ALL


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One record of a chain.  `sequence` counts from 1; `writer` is the process whose chain it is."""

    sequence: int
    unix_ns: int
    writer: str
    actor: str
    address: str
    what: str
    target: str
    outcome: str
    detail: str
    previous: str
    hash: str

    @property
    def head(self) -> Head:
        """The chain's head when this is its newest record."""
        return Head(self.sequence, self.hash)


_FIELDS = {field.name: field.type for field in fields(AuditRecord)}
_NUMBERS = ("sequence", "unix_ns")


def canonical(content: Mapping[str, object]) -> bytes:
    """Return the one way in which this content is written."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def hash_of(record: AuditRecord) -> str:
    """Return the hash that a record must have by its content."""
    content = asdict(record)
    del content["hash"]
    return hashlib.sha256(canonical(content)).hexdigest()


def chain(deed: Deed, writer: str, head: Head) -> AuditRecord:
    """Return a deed as the next record after `head`."""
    texts = {
        name: scrub(value.encode(errors="replace").decode(), most)
        for name, most in _MOST.items()
        if isinstance(value := writer if name == "writer" else getattr(deed, name), str)
    }
    bare = AuditRecord(head.sequence + 1, deed.unix_ns, **texts, previous=head.hash, hash="")
    return AuditRecord(**{**asdict(bare), "hash": hash_of(bare)})


def line_of(record: AuditRecord) -> bytes:
    """Return a record as a line of a log, its end included."""
    return canonical(asdict(record)) + b"\n"


def read_line(line: bytes) -> AuditRecord:
    """Return the record of a line without its end.

    Raises ValueError when it is none, or is not written in the one way.  Whether its hash is right is not asked.
    """
    content = json.loads(line.decode())  # both errors of these are ValueErrors
    if not isinstance(content, dict) or content.keys() != _FIELDS.keys():
        raise ValueError("not a record of an audit log")
    if any(type(value) is not (int if name in _NUMBERS else str) for name, value in content.items()):
        raise ValueError("a field of another kind")
    record = AuditRecord(**content)
    if canonical(content) != line:
        raise ValueError("not written in the canonical way")
    return record


def digest(lines: bytes) -> str:
    """Return the SHA-256 of any bytes, as records name what is not theirs (a torn line, lines before the chain)."""
    return hashlib.sha256(lines).hexdigest()
