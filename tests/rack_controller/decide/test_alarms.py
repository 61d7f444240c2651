"""The state machine of alarms: whatever is seen and done in whatever order, nothing that matters is lost or silent."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.alarms import Flood, Seen
from rack_controller.decide.alarm_sights import Key, Sight, Sights
from rack_controller.decide.alarms import (
    GONE_AFTER,
    HELD_AFTER_START,
    MOST,
    Book,
    act_on,
    acts_of,
    follow,
    recall,
    why_not,
)
from rack_controller.model.alarm import Alarm, AlarmAct, AlarmCatalogue, AlarmDefinition, AlarmState

RACK = Place("lab1/a/r01/k01")
WATER, PART, MINOR = (Key(name, Place(f"{RACK}/u31")) for name in ("leak.critical", "part.critical", "minor.thing"))
_WORDS = ("why", "what follows", "what to do")
CATALOGUE = AlarmCatalogue(
    {
        WATER.name: AlarmDefinition(WATER.name, "Leak", 1, *_WORDS, interlock=True, silenceable=False),
        PART.name: AlarmDefinition(PART.name, "Part", 2, *_WORDS, seen=Seen(bits=True, for_s=3, well_for_s=5)),
        MINOR.name: AlarmDefinition(MINOR.name, "Minor", 4, *_WORDS, seen=Seen(bits=True), needs_ack=False),
    },
    [],
    Flood(alarms=2, within_s=100, fold_above=3),
)
KEYS = (WATER, PART, MINOR)


@dataclass
class Line:
    """One rack's book, second by second."""

    book: Book = field(default_factory=lambda: recall(RACK, [], 0, Seconds(0.0)))
    now: float = 0.0

    def see(
        self, *holding: Key, seconds: float = 1.0, unknown: tuple[Key, ...] = (), gone: tuple[Key, ...] = ()
    ) -> None:
        self.now += seconds
        well = frozenset(k for k in self.book.alarms if k not in holding and k not in unknown and k not in gone)
        sights = Sights({k: Sight("seen") for k in holding}, well, frozenset(gone))
        self.book = follow(self.book, sights, CATALOGUE, lambda _place: "", Seconds(self.now), int(self.now * 1e9))

    def act(self, key: Key, act: AlarmAct, minutes: int = 5) -> bool:
        alarm = self.book.alarms.get(key)
        if alarm is None or why_not(act, alarm, CATALOGUE.definitions[key.name], "because", minutes):
            return False
        changed = act_on(alarm, act, "ada", "because", minutes, int(self.now * 1e9))
        self.book = replace(self.book, alarms={**self.book.alarms, key: changed})
        return True

    def state(self, key: Key) -> AlarmState | None:
        alarm = self.book.alarms.get(key)
        return None if alarm is None else alarm.state


def test_a_condition_must_hold_before_it_is_an_alarm_and_be_well_before_it_is_none() -> None:
    line = Line()
    for _ in range(3):
        line.see(PART)
    line.see()
    line.see(PART, PART)
    assert line.state(PART) is None, "a gap begins the time anew"
    for _ in range(3):
        line.see(PART)
    assert line.state(PART) is AlarmState.UNACKNOWLEDGED
    line.act(PART, AlarmAct.ACK)
    for _ in range(4):
        line.see()
    line.see(unknown=(PART,))
    for _ in range(5):
        line.see()
    assert line.state(PART) is AlarmState.ACKNOWLEDGED, "what is not known does not count as well"
    line.see()
    assert line.state(PART) is None


def test_over_and_unseen_it_stays_until_it_is_acknowledged_unless_it_needs_no_answer() -> None:
    line = Line()
    line.see(WATER, MINOR)
    line.see()
    assert line.state(WATER) is AlarmState.RETURNED
    assert line.state(MINOR) is None
    line.see(WATER)
    assert line.state(WATER) is AlarmState.UNACKNOWLEDGED
    assert line.book.alarms[WATER].times == 2
    line.see()
    line.act(WATER, AlarmAct.ACK)
    line.see()
    assert line.state(WATER) is None


def test_what_is_over_when_its_shelf_ends_is_gone_and_what_holds_wants_an_answer() -> None:
    for still in (False, True):
        line = Line()
        line.see(MINOR)
        line.act(MINOR, AlarmAct.ACK)
        line.act(MINOR, AlarmAct.SHELVE, minutes=1)
        line.see(*[MINOR] * still)
        assert line.state(MINOR) is AlarmState.SHELVED
        line.see(*[MINOR] * still, seconds=60.0)
        assert line.state(MINOR) is (AlarmState.UNACKNOWLEDGED if still else None)


def test_what_stood_before_a_start_is_not_over_within_its_first_minute() -> None:
    line = Line()
    line.see(WATER)
    before = list(line.book.alarms.values())
    line.book = recall(RACK, before, line.book.number, Seconds(line.now))
    line.see()
    assert line.state(WATER) is AlarmState.UNACKNOWLEDGED
    line.see(seconds=HELD_AFTER_START)
    assert line.state(WATER) is AlarmState.RETURNED


def test_the_alarm_of_a_part_that_is_gone_is_over_after_a_while() -> None:
    line = Line()
    line.see(WATER)
    line.see(gone=(WATER,))
    line.see(gone=(WATER,), seconds=GONE_AFTER - 1)
    assert line.state(WATER) is AlarmState.UNACKNOWLEDGED
    line.see(gone=(WATER,))
    assert line.state(WATER) is AlarmState.RETURNED


def test_the_list_is_bounded_and_what_may_never_be_silenced_has_room() -> None:
    line = Line()
    many = [Key(PART.name, Place(f"{RACK}/u12"), f"bit{n}") for n in range(MOST + 5)]
    line.see(*many)
    line.see(*many, seconds=3.0)
    assert (len(line.book.alarms), line.book.refused) == (MOST, 5)
    line.see(*many, WATER)
    assert line.state(WATER) is AlarmState.UNACKNOWLEDGED
    assert line.book.refused == 5, "those that wait are counted once"


@pytest.mark.parametrize("act", list(AlarmAct))
def test_an_act_is_offered_exactly_when_it_is_not_refused(act: AlarmAct) -> None:
    alarm = Alarm("k01-a1", PART.name, PART.place, "", "seen", 1)
    for key, definition in ((WATER, CATALOGUE.definitions[WATER.name]), (PART, CATALOGUE.definitions[PART.name])):
        offered = acts_of(alarm, definition)
        assert (act in offered) is (not why_not(act, alarm, definition, "because", 1)), key


_STEPS = st.one_of(
    st.tuples(st.just("see"), st.sets(st.sampled_from(KEYS)), st.sampled_from([1.0, 4.0, 6.0, 400.0])),
    st.tuples(st.just("act"), st.sampled_from(KEYS), st.sampled_from(list(AlarmAct))),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_STEPS, max_size=25))
def test_in_any_order_water_is_never_silent_and_ids_are_never_given_twice(
    steps: list[tuple[str, object, object]],
) -> None:
    line, given_to = Line(), dict[str, Key]()
    for what, first, second in steps:
        if what == "see":
            line.see(*first, seconds=second)  # type: ignore[misc,arg-type]
        else:
            line.act(first, second)  # type: ignore[arg-type]
        if what == "see" and WATER in first:  # type: ignore[operator]
            assert line.state(WATER) in (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
        for key, alarm in line.book.alarms.items():
            assert given_to.setdefault(alarm.id, key) == key
            assert alarm.active or alarm.owed or alarm.shelved_by or alarm.out_by or what == "act"
            assert not (alarm.shelved_by and alarm.out_by)
            assert alarm.owed or alarm.acknowledged_by or not alarm.active
