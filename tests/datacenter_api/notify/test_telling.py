"""What somebody is to be told: what is new to them, once, as it is now."""

from typing import Any

import msgspec
from support.alarmed import played_alarms

from datacenter_api.notify.telling import SETTLES, Heard, News, Told, Word, after, forgotten, lines_of, news, subject_of
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.alarm import AlarmBrief, AlarmGlance, AlarmState

RACK = Place("lab1/a/r01/k01")
GLANCE = played_alarms(RACK).glance
LEAK, SILENT = GLANCE.briefs[0], next(b for b in GLANCE.briefs if b.name == "endpoint.silent")
NOW = Seconds(100.0)


def heard(*briefs: AlarmBrief, silenced: tuple[str, ...] = (), since: float = 0.0) -> Heard:
    return Heard(
        "k01", AlarmGlance(briefs=list(briefs), silenced=list(silenced)), {b.id: Seconds(since) for b in briefs}
    )


def words(
    told: dict[str, Told], *seen: Heard, priorities: tuple[int, ...] = (1, 2, 3), now: Seconds = NOW
) -> list[Any]:
    return [(n.word, n.alarm.id) for n in news(told, seen, priorities, Seconds(now))]


def as_told(*alarms: AlarmBrief, word: Word = Word.RAISED) -> dict[str, Told]:
    return {a.id: Told(word, a) for a in alarms}


def state(brief: AlarmBrief, word: AlarmState) -> AlarmBrief:
    return msgspec.structs.replace(brief, state=word)


def test_what_is_raised_is_told_once_the_most_urgent_first_and_by_priority() -> None:
    seen = heard(SILENT, LEAK)
    assert words({}, seen) == [(Word.RAISED, LEAK.id), (Word.RAISED, SILENT.id)]
    assert words({}, seen, priorities=(1,)) == [(Word.RAISED, LEAK.id)]
    told = after({}, news({}, [seen], (1, 2, 3), NOW))
    assert words(told, seen) == []


def test_what_its_cause_may_still_hide_waits_and_the_first_priority_does_not() -> None:
    seen = heard(SILENT, LEAK, since=NOW - SETTLES + 1)
    assert words({}, seen) == [(Word.RAISED, LEAK.id)]
    assert words({}, seen, now=Seconds(NOW + 1)) == [(Word.RAISED, LEAK.id), (Word.RAISED, SILENT.id)]


def test_acknowledged_over_and_silenced_are_told_to_whoever_was_told_of_it() -> None:
    told = as_told(SILENT)
    assert words(told, heard(state(SILENT, AlarmState.ACKNOWLEDGED))) == [(Word.ACKNOWLEDGED, SILENT.id)]
    assert words(told, heard(state(SILENT, AlarmState.RETURNED))) == [(Word.OVER, SILENT.id)]
    assert words(told, heard()) == [(Word.OVER, SILENT.id)]
    assert words(told, heard(silenced=(SILENT.id,))) == [(Word.SILENCED, SILENT.id)]
    assert words({}, heard(state(SILENT, AlarmState.ACKNOWLEDGED))) == [], "somebody has seen it already"
    over = as_told(SILENT, word=Word.OVER)
    assert words(over, heard(state(SILENT, AlarmState.RETURNED))) == words(over, heard()) == []


def test_raised_anew_or_off_the_shelf_it_is_told_again() -> None:
    anew = msgspec.structs.replace(SILENT, raised_unix_ns=SILENT.raised_unix_ns + 1)
    assert words(as_told(SILENT, word=Word.OVER), heard(anew)) == [(Word.RAISED, SILENT.id)]
    assert words(as_told(SILENT, word=Word.SILENCED), heard(SILENT)) == [(Word.RAISED, SILENT.id)]


def test_of_a_rack_that_is_not_heard_nothing_is_told() -> None:
    assert words(as_told(SILENT)) == []
    other = Heard("k02", AlarmGlance(), {})
    assert words(as_told(SILENT), other) == [], "another rack says nothing of it"


def test_what_is_over_for_good_is_forgotten() -> None:
    told = {**as_told(SILENT, word=Word.OVER), **as_told(LEAK)}
    assert set(forgotten(told, [heard(LEAK)])) == {LEAK.id}
    assert set(forgotten(told, [heard(LEAK, state(SILENT, AlarmState.RETURNED))])) == {LEAK.id, SILENT.id}
    assert set(forgotten(told, [])) == {LEAK.id, SILENT.id}


def test_a_batch_reads_as_one_line_and_as_text() -> None:
    batch = [News(Word.RAISED, LEAK), News(Word.OVER, SILENT)]
    assert subject_of("lab1", batch) == "[lab1] raised: Leak at k01/u31 and 1 more"
    text = lines_of(batch)
    assert "raised: k01-a1 (priority 1) Leak at lab1/a/r01/k01/u31" in text
    assert "what to do: leave it off" in text
