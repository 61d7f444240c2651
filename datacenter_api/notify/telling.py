"""What somebody is to be told of a rack's alarms, from what they were told last.  Pure.

Levels, not edges: what came and went while nobody could be reached is told as it is now, once.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.alarm import AlarmBrief, AlarmGlance, AlarmState

SETTLES = Seconds(5.0)
"""So long an alarm must stand before it is told, unless it is of the first priority: its cause may hide it by then."""
MOST_AT_ONCE = 50


class Word(StrEnum):
    """What is told of an alarm."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    OVER = "over"
    SILENCED = "silenced"  # shelved, out of service, or hidden behind its cause


class Told(msgspec.Struct, frozen=True):
    """What somebody was told of one alarm last.  The alarm's words are kept for the day it is gone."""

    word: Word
    alarm: AlarmBrief


class News(msgspec.Struct, frozen=True):
    """One thing to be told."""

    word: Word
    alarm: AlarmBrief


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of one rack's alarms now.  `since`: by id, since when (monotonic) each is heard."""

    rack: str
    glance: AlarmGlance
    since: Mapping[str, Seconds]


def news(told: Mapping[str, Told], heard: Iterable[Heard], priorities: Collection[int], now: Seconds) -> list[News]:
    """Return what is to be told, the most urgent first.  Racks of which nothing is heard are left out of `heard`."""
    found: list[News] = []
    for rack in heard:
        standing = {alarm.id: alarm for alarm in rack.glance.briefs}
        found += [
            News(word, alarm)
            for alarm in rack.glance.briefs
            if alarm.priority in priorities and (word := _word(told.get(alarm.id), alarm, rack, now))
        ]
        silenced = set(rack.glance.silenced)
        for name, last in told.items():
            if name in standing or _rack_of(name) != rack.rack:
                continue
            word = Word.SILENCED if name in silenced else Word.OVER
            if last.word is not word and last.word is not Word.OVER:
                found.append(News(word, last.alarm))
    return sorted(found, key=lambda n: (n.alarm.priority, n.word is not Word.RAISED, n.alarm.raised_unix_ns))


def after(told: Mapping[str, Told], delivered: Iterable[News]) -> dict[str, Told]:
    """Return what somebody knows once `delivered` arrived."""
    return {**told, **{n.alarm.id: Told(n.word, n.alarm) for n in delivered}}


def forgotten(told: Mapping[str, Told], heard: Iterable[Heard]) -> dict[str, Told]:
    """Return what somebody was told without alarms that are over for good: their ids never come again."""
    racks = {rack.rack: {a.id for a in rack.glance.briefs} | set(rack.glance.silenced) for rack in heard}
    return {
        name: last
        for name, last in told.items()
        if last.word is not Word.OVER or name in racks.get(_rack_of(name), {name})
    }


def _word(last: Told | None, alarm: AlarmBrief, rack: Heard, now: Seconds) -> Word | None:
    known = None if last is None or last.alarm.raised_unix_ns != alarm.raised_unix_ns else last.word
    match alarm.state:
        case AlarmState.ACKNOWLEDGED:
            return Word.ACKNOWLEDGED if known is Word.RAISED else None
        case AlarmState.RETURNED if last is not None and known is not None:
            # Whoever was told of it when it was over already knows that.
            return None if known is Word.OVER or last.alarm.state is AlarmState.RETURNED else Word.OVER
    if known in (Word.RAISED, Word.ACKNOWLEDGED, Word.OVER):
        return None
    settled = alarm.priority == 1 or now - rack.since.get(alarm.id, now) >= SETTLES
    return Word.RAISED if settled else None


def _rack_of(name: str) -> str:
    return name.rpartition("-a")[0]


def subject_of(site: str, batch: list[News]) -> str:
    """Return a batch in one line: the first of it, and how many more."""
    first = batch[0]
    place = first.alarm.place.split("/", 3)[-1]
    more = f" and {len(batch) - 1} more" if len(batch) > 1 else ""
    return f"[{site}] {first.word}: {first.alarm.title} at {place}{more}"


def lines_of(batch: list[News]) -> str:
    """Return a batch as plain text for a mail."""
    blocks = []
    for each in batch:
        alarm = each.alarm
        blocks.append(
            f"{each.word}: {alarm.id} (priority {alarm.priority}) {alarm.title} at {alarm.place}\n"
            f"  {alarm.text}\n  consequence: {alarm.consequence}\n  what to do: {alarm.response}\n"
        )
    return "\n".join(blocks)
