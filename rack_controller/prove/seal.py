"""A seal beside a file: who signed it, and the digest of every entry, so that one look tells what was changed.  Pure.

The seal is one line: a DSSE envelope (v1.0.2) around an in-toto statement (v1) whose subject is the file.  Its
predicate lists the file's entries, its lines, each with a name, its length and its CRC-32: they say where a change is;
that there is none is proven by the subject's whole SHA-256.  Seals of before have the first 64 bits of each line's
SHA-256 in its place, and are judged by it.
"""

import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec
import orjson

from rack_controller.prove.keys import Signer, Succession, fingerprint, raw, signed_by, text, vouched

SUFFIX = ".dsse"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:rackwright:predicate:entries:v2"
_CRC = "crc32"
MOST_TOLD = 20


Check: TypeAlias = tuple[int, int | str]
"""What a line is known by again: its length, and its CRC-32 or its short digest."""


class Wrong(StrEnum):
    """What was done to a file or its seal."""

    ALTERED = "altered"
    REORDERED = "reordered"
    CUT = "cut"
    ADDED = "added"
    SEAL = "seal"
    SIGNER = "signer"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: bytes `begin` to `end` (exclusive) of `file`, and which entry that is."""

    wrong: Wrong
    file: str
    begin: int
    end: int
    entry: str
    detail: str

    def __str__(self) -> str:
        where = f"bytes {self.begin} to {self.end - 1}" if self.end > self.begin else f"at byte {self.begin}"
        named = f", {self.entry}" if self.entry else ""
        return f"{self.wrong}: {self.file}, {where}{named}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What came of looking at a file with its seal.  `signer` is the key's name, empty where none can be told."""

    faults: tuple[Fault, ...]
    signer: str
    trusted: bool
    statement: dict[str, Any]

    @property
    def holds(self) -> bool:
        """Return whether file and seal are as they were signed; by whom is another question."""
        return not self.faults


@dataclass(frozen=True, slots=True)
class Said:
    """What a seal says about its file beside the entries, and the key that says it, with how that came to sign."""

    about: dict[str, Any]
    key: bytes
    chain: tuple[Succession, ...]

    @property
    def signer(self) -> str:
        """The key's name."""
        return fingerprint(self.key)

    def is_by(self, known: Sequence[str]) -> bool:
        """Return whether a key of these names signed it, or one that they lead to."""
        return self.signer in known or any(vouched(name, self.chain, self.key) for name in known)


class _Subject(msgspec.Struct, frozen=True):
    name: str
    digest: dict[str, str]


class _Signer(msgspec.Struct, frozen=True):
    public_key: str
    succession: tuple[Succession, ...]


class _Predicate(msgspec.Struct, frozen=True):
    about: dict[str, Any]
    signer: _Signer
    entries: dict[str, list[int | str]]


class _Statement(msgspec.Struct, frozen=True):
    """What of a seal's payload is looked at: whoever signs may write anything there."""

    subject: list[_Subject]
    predicate: _Predicate


def seal(
    name: str,
    lines: Sequence[bytes],
    names: Sequence[str],
    signer: Signer,
    about: dict[str, Any],
    content: bytes | None = None,
) -> bytes:
    """Return the seal of a file that consists of these lines, each with its end; `names` name them.

    `about` is what else is signed: what the file is, of which rack, made when.  `content`: the lines as one, where
    somebody has put them together already.
    """
    whole = b"".join(lines) if content is None else content
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": hashlib.sha256(whole).hexdigest()}}],
        "predicateType": PREDICATE,
        "predicate": {
            "about": about,
            "signer": {"public_key": text(signer.public), "succession": [_as_dict(s) for s in signer.chain]},
            "entries": {
                "names": list(names),
                "bytes": list(map(len, lines)),
                _CRC: list(map(zlib.crc32, lines)),
            },
        },
    }
    payload = orjson.dumps(statement, option=orjson.OPT_SORT_KEYS)
    signature = signer.private.sign(_to_sign(payload))
    return _envelope(payload, fingerprint(signer.public), signature)


def judge(file: str, content: bytes, sealed: bytes, known: Sequence[str]) -> Opinion:
    """Return what is wrong with a file and its seal, first things first.  `known`: names of keys that are trusted."""
    seal_name = file + SUFFIX
    try:
        payload, statement, said = _open(sealed)
    except (ValueError, KeyError, TypeError, IndexError) as err:
        fault = Fault(Wrong.SEAL, seal_name, 0, len(sealed), "", f"it is no seal: {str(err) or type(err).__name__}")
        return Opinion((fault,), "", trusted=False, statement={})
    faults = _look_at_seal(seal_name, sealed, payload, statement, said)
    faults += _look_at_file(file, content, statement)
    by = _said(statement)
    return Opinion(tuple(faults[:MOST_TOLD]), by.signer, not faults and by.is_by(known), statement)


def said_by(file: str, sealed: bytes) -> Said:
    """Return what a seal says about its file, and who says it; whether the file fits is not looked at.

    Raises ValueError where it is no seal, or its signature does not fit what it signs.
    """
    try:
        payload, statement, said = _open(sealed)
    except (ValueError, KeyError, TypeError, IndexError) as err:
        raise ValueError(f"it is no seal: {str(err) or type(err).__name__}") from err
    for fault in _look_at_seal(file + SUFFIX, sealed, payload, statement, said):
        raise ValueError(fault.detail)
    return _said(statement)


def _said(statement: dict[str, Any]) -> Said:
    said = statement["predicate"]
    chain = tuple(Succession(**s) for s in said["signer"]["succession"])
    return Said(dict(said["about"]), raw(said["signer"]["public_key"]), chain)


def _open(sealed: bytes) -> tuple[bytes, dict[str, Any], dict[str, Any]]:
    envelope = orjson.loads(sealed)
    (said,) = envelope["signatures"]
    payload = raw(envelope["payload"])
    statement = orjson.loads(payload)
    checked = msgspec.convert(statement, _Statement)
    signer = checked.predicate.signer
    raw(signer.public_key), raw(said["sig"])
    [(raw(s.old), raw(s.new), raw(s.signature)) for s in signer.succession]
    _entries(statement)
    str(checked.subject[0].digest["sha256"])
    return payload, statement, {"type": envelope["payloadType"], **said}


def _look_at_seal(
    name: str, sealed: bytes, payload: bytes, statement: dict[str, Any], said: dict[str, Any]
) -> list[Fault]:
    key = raw(statement["predicate"]["signer"]["public_key"])
    signature = raw(said["sig"])
    good = said["type"] == PAYLOAD_TYPE and signed_by(key, _to_sign(payload), signature)
    if not good:
        begin = sealed.find(b'"payload"')
        what = "its signature does not fit what it signs: payload, key or signature were changed"
        return [Fault(Wrong.SEAL, name, max(begin, 0), len(sealed), "", what)]
    wanted = _envelope(payload, fingerprint(key), signature)
    if sealed == wanted:
        return []
    begin = next((at for at, (a, b) in enumerate(zip(sealed, wanted, strict=False)) if a != b), len(wanted))
    what = "what it signs is untouched, the envelope around it was changed"
    return [Fault(Wrong.SEAL, name, begin, max(begin + 1, len(sealed)), "", what)]


def _look_at_file(file: str, content: bytes, statement: dict[str, Any]) -> list[Fault]:
    if hashlib.sha256(content).hexdigest() == statement["subject"][0]["digest"]["sha256"]:
        return []
    wanted = _entries(statement)
    found = _lines(content, zlib.crc32 if _CRC in statement["predicate"]["entries"] else _sha256_64)
    faults = _compare(file, wanted, found)
    return faults or [
        Fault(Wrong.ALTERED, file, 0, len(content), "", "it is another file than the one that was sealed")
    ]


def _entries(statement: dict[str, Any]) -> list[tuple[str, int, Check]]:
    """Return name, length and check of every entry that was sealed.  Raises ValueError, TypeError, KeyError."""
    listed = statement["predicate"]["entries"]
    checks: list[int | str] = [*map(int, listed[_CRC])] if _CRC in listed else [*map(str, listed["sha256_64"])]
    columns = zip(listed["names"], map(int, listed["bytes"]), checks, strict=True)
    return [(str(name), size, (size, check)) for name, size, check in columns]


def _lines(content: bytes, check: Callable[[bytes], int | str]) -> list[tuple[int, bytes, Check]]:
    """Return the lines of a file with where each begins and its check."""
    lines, begin = [], 0
    *whole, last = content.split(b"\n")
    for line in [*(part + b"\n" for part in whole), last] if last else [part + b"\n" for part in whole]:
        lines.append((begin, line, (len(line), check(line))))
        begin += len(line)
    return lines


def _compare(file: str, wanted: list[tuple[str, int, Check]], found: list[tuple[int, bytes, Check]]) -> list[Fault]:
    """Return what differs between the entries that were sealed and the lines that are there.

    Whatever stands in both in the same order is as it was; between two such stretches lines were altered, put in, taken
    out or moved.
    """
    there = {check: at for at, (_, _, check) in enumerate(found)}
    sealed_at = {check: at for at, (_, _, check) in enumerate(wanted)}
    faults: list[Fault] = []
    a = b = 0
    while a < len(wanted) or b < len(found):
        if a < len(wanted) and b < len(found) and wanted[a][2] == found[b][2]:
            a, b = a + 1, b + 1
            continue
        if len(faults) >= MOST_TOLD:
            break
        fault, a, b = _differ(file, wanted, found, there, sealed_at, a, b)
        faults.append(fault)
    return faults


def _differ(
    file: str,
    wanted: list[tuple[str, int, Check]],
    found: list[tuple[int, bytes, Check]],
    there: dict[Check, int],
    sealed_at: dict[Check, int],
    a: int,
    b: int,
) -> tuple[Fault, int, int]:
    """Return the next difference, and where to go on in the sealed entries and in the lines."""
    end = found[-1][0] + len(found[-1][1]) if found else 0
    if b >= len(found):
        name = wanted[a][0]
        later = there.get(wanted[a][2])
        what = "it is not there any more" if later is None else f"it stands at byte {found[later][0]}"
        wrong = Wrong.CUT if later is None else Wrong.REORDERED
        return Fault(wrong, file, end, end, name, what), a + 1, b
    begin, line, check = found[b]
    if a >= len(wanted):
        home = sealed_at.get(check)
        what = "nobody sealed this line" if home is None else f"a copy of entry {home + 1}, {wanted[home][0]}"
        return Fault(Wrong.ADDED, file, begin, begin + len(line), f"line {b + 1}", what), a, b + 1
    name = wanted[a][0]
    home, later = sealed_at.get(check), there.get(wanted[a][2])
    if home is None and later is None:
        if len(line) < wanted[a][1] and b == len(found) - 1:
            what = f"its end is missing: {len(line)} of {wanted[a][1]} bytes are there"
            return Fault(Wrong.CUT, file, begin, begin + len(line), name, what), a + 1, b + 1
        what = f"entry {a + 1} is not what was sealed"
        return Fault(Wrong.ALTERED, file, begin, begin + len(line), name, what), a + 1, b + 1
    if home is None:
        return Fault(Wrong.ADDED, file, begin, begin + len(line), f"line {b + 1}", "nobody sealed this line"), a, b + 1
    if later is None:
        what = f"entry {a + 1} is not there: entry {home + 1}, {wanted[home][0]}, follows"
        return Fault(Wrong.CUT, file, begin, begin, name, what), a + 1, b
    what = f"entry {home + 1} stands where entry {a + 1}, {name}, was sealed"
    return Fault(Wrong.REORDERED, file, begin, begin + len(line), wanted[home][0], what), a + 1, b + 1


def _envelope(payload: bytes, key: str, signature: bytes) -> bytes:
    signatures = [{"keyid": key, "sig": text(signature)}]
    envelope = {"payloadType": PAYLOAD_TYPE, "payload": text(payload), "signatures": signatures}
    return orjson.dumps(envelope) + b"\n"


def _to_sign(payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding of a payload."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _sha256_64(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()[:16]


def _as_dict(step: Succession) -> dict[str, str | int]:
    return {"old": step.old, "new": step.new, "unix_ns": step.unix_ns, "signature": step.signature}
