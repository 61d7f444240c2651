"""Seals: any byte altered, any line moved, cut or put in is found and named; a key vouches for the next."""

import base64
import hashlib
import zlib

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from rack_controller.prove.keys import Signer, fingerprint, signed_by, succeed, text, vouched
from rack_controller.prove.seal import PAYLOAD_TYPE, Opinion, Wrong, judge, seal

KEY = Signer(Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
NAMES = ["heading", "u01", "u02", "u03", "end"]
LINES = [b'{"parts":[\n', b'{"u01":1},\n', b'{"u02":2},\n', b'{"u03":3}\n', b"]}\n"]
CONTENT = b"".join(LINES)
SEAL = seal("x.json", LINES, NAMES, KEY, {"rack": "k01"})


def opinion(content: bytes = CONTENT, sealed: bytes = SEAL) -> Opinion:
    return judge("x.json", content, sealed, [fingerprint(KEY.public)])


def test_what_was_sealed_holds_and_its_signer_is_known() -> None:
    seen = opinion()
    assert (seen.faults, seen.trusted, seen.signer) == ((), True, fingerprint(KEY.public))
    assert judge("x.json", CONTENT, SEAL, []).holds
    assert not judge("x.json", CONTENT, SEAL, ["0" * 64]).trusted


def test_the_seal_is_a_dsse_envelope_around_an_in_toto_statement() -> None:
    envelope = orjson.loads(SEAL)
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    to_sign = b"DSSEv1 " + str(len(kind)).encode() + b" " + kind + b" " + str(len(payload)).encode() + b" " + payload
    assert envelope["payloadType"] == PAYLOAD_TYPE
    assert signed_by(KEY.public, to_sign, base64.b64decode(envelope["signatures"][0]["sig"]))
    statement = orjson.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": "x.json", "digest": {"sha256": hashlib.sha256(CONTENT).hexdigest()}}]


def test_every_altered_byte_of_the_file_is_found_in_its_entry() -> None:
    begins = [sum(map(len, LINES[:n])) for n in range(len(LINES) + 1)]
    for at in range(len(CONTENT)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(CONTENT)
            changed[at] ^= flip
            first = opinion(bytes(changed)).faults[0]
            entry = next(n for n in range(len(LINES)) if begins[n] <= at < begins[n + 1])
            assert first.entry == NAMES[entry], (at, str(first))
            assert first.begin <= at < first.end
            assert first.wrong is Wrong.ALTERED


def test_every_altered_byte_of_the_seal_is_found() -> None:
    for at in range(len(SEAL)):
        for flip in (0x01, 0x20):
            changed = bytearray(SEAL)
            changed[at] ^= flip
            seen = opinion(sealed=bytes(changed))
            assert not seen.holds, at
            assert seen.faults[0].wrong is Wrong.SEAL, (at, seen.faults)
            assert not seen.trusted


@pytest.mark.parametrize("sealed", [b"", b"{}", b"[]", b"null", SEAL[:-1], SEAL[:100], SEAL + b" ", SEAL + SEAL])
def test_what_is_no_seal_holds_nothing(sealed: bytes) -> None:
    seen = opinion(sealed=sealed)
    assert not seen.holds
    assert seen.faults[0].file == "x.json.dsse"


def test_moved_cut_added_and_shortened_lines_are_told_apart() -> None:
    def first(*lines: bytes) -> tuple[Wrong, str]:
        fault = opinion(b"".join(lines)).faults[0]
        return fault.wrong, fault.entry

    a, b, c, d, e = LINES
    assert first(a, c, b, d, e) == (Wrong.REORDERED, "u02")
    assert first(a, b, d, e) == (Wrong.CUT, "u02")
    assert first(a, b, c, d) == (Wrong.CUT, "end")
    assert first(a, b, c[:4]) == (Wrong.CUT, "u02")
    assert first(a, b, b'{"new":9},\n', c, d, e) == (Wrong.ADDED, "line 3")
    assert first(a, b, b, c, d, e) == (Wrong.REORDERED, "u01")
    assert first(a, b, c, d, e, b"more\n") == (Wrong.ADDED, "line 6")
    assert first() == (Wrong.CUT, "heading")


@settings(max_examples=200)
@given(st.permutations(range(5)), st.integers(0, 5), st.integers(0, 60), st.binary(max_size=3))
def test_no_change_at_all_is_overlooked(order: list[int], kept: int, at: int, put: bytes) -> None:
    content = b"".join(LINES[n] for n in order[:kept])
    content = content[:at] + put + content[at:]
    assert opinion(content).holds == (content == CONTENT)


def test_a_line_that_was_made_up_to_have_the_same_check_is_told_if_not_where() -> None:
    twin, line = b'{"u02":"061a2506"},\n', b'{"u02":"3a2e356a"},\n'
    assert zlib.crc32(twin) == zlib.crc32(line)
    before, after = CONTENT.replace(LINES[2], line), CONTENT.replace(LINES[2], twin)
    sealed = seal("x.json", before.splitlines(keepends=True), NAMES, KEY, {})
    (fault,) = opinion(after, sealed).faults
    assert (fault.wrong, fault.begin, fault.end, fault.entry) == (Wrong.ALTERED, 0, len(after), "")
    (fault,) = opinion(after.replace(LINES[3], b"x" + LINES[3]), sealed).faults
    assert fault.entry == NAMES[3], "beside one that is found it is not named"


def test_another_file_of_the_same_signer_is_not_this_one() -> None:
    other = seal("y.json", LINES[:2], NAMES[:2], KEY, {})
    assert not opinion(sealed=other).holds


def test_a_key_is_trusted_through_those_that_vouch_for_it_and_only_forwards() -> None:
    keys = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3)]
    public = [Signer(k).public for k in keys]
    chain = tuple(succeed(keys[n], public[n + 1], n) for n in range(2))
    sealed = seal("x.json", LINES, NAMES, Signer(keys[2], chain), {})
    for key in public:
        assert judge("x.json", CONTENT, sealed, [fingerprint(key)]).trusted
    assert not judge("x.json", CONTENT, SEAL, [fingerprint(public[1])]).trusted, "an older key is not vouched for"
    stranger = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
    forged = type(chain[0])(text(public[0]), text(Signer(stranger).public), 5, chain[0].signature)
    assert not vouched(fingerprint(public[0]), (forged,), Signer(stranger).public)
