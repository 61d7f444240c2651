"""Whether any change of an audit log is found, and named as what it is."""

import hashlib
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rack_controller.decide.audit_chain import Verdict, Wrong, judge_chain, lines_of
from rack_controller.model.audit import (
    CUT,
    TORN,
    AuditRecord,
    Deed,
    Head,
    canonical,
    chain,
    digest,
    hash_of,
    line_of,
    read_line,
)

EMPTY = Head()
TEXTS = st.text(max_size=12)
DEEDS = st.builds(Deed, st.integers(0, 2**63), TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)


def chained(deeds: list[Deed], head: Head = EMPTY) -> list[AuditRecord]:
    records: list[AuditRecord] = []
    for deed in deeds:
        records.append(chain(deed, "api", records[-1].head if records else head))
    return records


def deeds(count: int) -> list[Deed]:
    return [Deed(n, "ann", "::1", "login", f"u{n}", "ok", 'ü "quoted" \\') for n in range(count)]


def judged(content: bytes, head: Head, whole: bool = True) -> Verdict:
    return judge_chain(lines_of("api.jsonl", content), whole=whole, anchors=[head])


def log_of(records: list[AuditRecord]) -> bytes:
    return b"".join(map(line_of, records))


@given(st.lists(DEEDS, min_size=1, max_size=6))
@settings(max_examples=25)
def test_what_was_written_holds_whatever_stands_in_it(wished: list[Deed]) -> None:
    records = chained(wished)
    verdict = judged(log_of(records), records[-1].head)
    assert (verdict.breach, verdict.records) == (None, len(records))
    assert all(read_line(line_of(r)[:-1]) == r and hash_of(r) == r.hash for r in records)
    bare = [re.sub(rb'"hash":"[0-9a-f]{64}",', b"", line_of(r)[:-1]) for r in records]  # as docs say it to anybody
    assert [hashlib.sha256(line).hexdigest() for line in bare] == [r.hash for r in records]
    assert all(b.previous == a.hash and b.sequence == a.sequence + 1 for a, b in pairwise(records))


def test_every_altered_byte_is_found_at_its_record() -> None:
    """Every byte of a log, each with a bit of a digit's, a letter's case and the highest turned."""
    records = chained(deeds(3))
    content = log_of(records)
    for at in range(len(content)):
        for bit in (1, 32, 128):
            altered = bytearray(content)
            altered[at] ^= bit
            breach = judged(bytes(altered), records[-1].head).breach
            assert breach is not None, f"byte {at} altered by {bit} is not seen"
            assert breach.line == content[:at].count(b"\n") + 1


@given(st.data())
@settings(max_examples=80)
def test_every_byte_that_is_gone_or_put_in_is_found(data: st.DataObject) -> None:
    records = chained(deeds(4))
    content = log_of(records)
    at = data.draw(st.integers(0, len(content) - 1))
    put = data.draw(st.binary(max_size=3))
    changed = content[:at] + put + content[at + data.draw(st.integers(0 if put else 1, 4)) :]
    if changed != content:
        assert judged(changed, records[-1].head).breach is not None


@pytest.mark.parametrize("gone", range(6))
def test_a_removed_line_is_found_also_the_last(gone: int) -> None:
    records = chained(deeds(6))
    breach = judged(log_of(records[:gone] + records[gone + 1 :]), records[-1].head).breach
    assert breach is not None
    last = gone == 5
    assert (breach.wrong, breach.sequence) == (Wrong.TRUNCATED if last else Wrong.REMOVED, gone + 1)
    assert breach.line == (5 if last else gone + 1)


@pytest.mark.parametrize("twice", range(5))
@pytest.mark.parametrize("behind", range(5))
def test_a_line_that_stands_twice_is_found(twice: int, behind: int) -> None:
    records = chained(deeds(5))
    changed = [*records[: behind + 1], records[twice], *records[behind + 1 :]]
    breach = judged(log_of(changed), records[-1].head).breach
    assert breach is not None
    if twice <= behind:
        assert (breach.wrong, breach.sequence, breach.line) == (Wrong.REPEATED, twice + 1, behind + 2)
    elif changed != records:
        assert breach.wrong in (Wrong.REORDERED, Wrong.REPEATED)


@pytest.mark.parametrize(("one", "other"), [(a, b) for a in range(5) for b in range(a + 1, 5)])
def test_lines_that_changed_places_are_found(one: int, other: int) -> None:
    records = chained(deeds(5))
    moved = list(records)
    moved[one], moved[other] = moved[other], moved[one]
    breach = judged(log_of(moved), records[-1].head).breach
    assert breach is not None
    assert (breach.wrong, breach.sequence, breach.line) == (Wrong.REORDERED, one + 1, one + 1)


def test_a_record_written_anew_with_a_right_hash_is_found_by_the_next_and_the_last_by_the_head() -> None:
    records = chained(deeds(4))
    for at in range(4):
        bare = replace(records[at], actor="nobody", hash="")
        changed = [*records[:at], replace(bare, hash=hash_of(bare)), *records[at + 1 :]]
        breach = judged(log_of(changed), records[-1].head).breach
        assert breach is not None
        assert (breach.wrong, breach.sequence, breach.line) == (Wrong.ALTERED, at + 1, at + 1)


def test_a_chain_written_anew_is_found_by_any_head_that_was_kept() -> None:
    records, anew = chained(deeds(5)), chained([replace(d, actor="eve") for d in deeds(5)])
    for kept in records:
        breach = judged(log_of(anew), kept.head).breach
        assert breach is not None
        assert (breach.wrong, breach.sequence) == (Wrong.ALTERED, kept.sequence)
    assert judged(log_of(anew), Head()).holds  # nobody kept one: nobody can tell


def test_a_part_of_a_log_holds_by_itself_and_is_no_whole() -> None:
    records = chained(deeds(6))
    assert judged(log_of(records[3:]), records[-1].head, whole=False).holds
    breach = judged(log_of(records[3:]), records[-1].head).breach
    assert breach is not None
    assert (breach.wrong, breach.sequence) == (Wrong.REMOVED, 1)
    assert "records 1 to 3 are not there" in breach.detail


def test_a_torn_line_holds_only_with_the_record_that_tells_of_it() -> None:
    records = chained(deeds(3))
    torn = line_of(records[2])[:100]
    content = log_of(records[:2]) + torn
    breach = judged(content, records[1].head).breach
    assert breach is not None
    assert (breach.wrong, breach.line) == (Wrong.TRUNCATED, 3)
    telling = chain(Deed(9, "", "", TORN, "api", "noted", f"sha256 {digest(torn)}"), "api", records[1].head)
    after = chain(deeds(1)[0], "api", telling.head)
    whole = content + b"\n" + log_of([telling, after])
    verdict = judged(whole, after.head)
    assert verdict.holds
    assert [text.partition(":")[0] for text in verdict.told] == [f"record 3 ({TORN})"]
    for changed in (whole.replace(torn, torn[:-1]), whole.replace(torn + b"\n", b"")):
        assert not judged(changed, after.head).holds


def test_what_the_writer_found_cut_off_stays_a_breach() -> None:
    records = chained(deeds(5))
    telling = chain(Deed(9, "", "", CUT, "api", "noted", "2 were gone"), "api", records[4].head)
    breach = judged(log_of([*records[:3], telling]), telling.head).breach
    assert breach is not None
    assert (breach.wrong, breach.sequence) == (Wrong.REMOVED, 4)
    assert "2 were gone" in breach.detail


@pytest.mark.parametrize("line", [b"", b"null", b"[]", b"{}", b'{"sequence":1}', b"\xff", b"NaN", b"1" * 5_000])
def test_what_is_no_record_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_line(line)
    (record,) = chained(deeds(1))
    assert not judged(line_of(record) + line + b"\n", record.head).holds


def test_a_field_of_another_kind_or_a_key_too_many_is_no_record() -> None:
    (record,) = chained(deeds(1))
    plain = line_of(record)[:-1].replace(b'"sequence":1', b'"sequence":true')
    for line in (plain, canonical({"more": 1}), b" " + line_of(record)[:-1]):
        with pytest.raises(ValueError, match=r"kind|record|canonical"):
            read_line(line)
