"""Where the conditions of alarms hold, where they are known not to, and what is neither."""

from dataclasses import replace

import pytest

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.alarm_catalogue import catalogue_of
from rack_controller.decide.alarm_sights import MEETING, Key, Watched, hear_events, see_alarms
from rack_controller.decide.axes import Contact
from rack_controller.decide.interlock import Standing
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.board import Board
from tests.support.alarmed import RULES
from tests.support.interlocked import RACK, planned, seeded_policy

LAYOUT, CATALOGUE = planned(), catalogue_of(RULES, seeded_policy())
ENDPOINTS = [Place(e.place) for t in LAYOUT.trays for e in t.endpoints if e.enabled]
PSU, GPU = Place(f"{RACK}/u06/psu0"), Place(f"{RACK}/u12/gpu0")
BITS = Key("device.alarm", PSU, "fan_fault")
Q = Quantity


def snapshot(
    now: float = 1_000.0, *, silent: tuple[Place, ...] = (), met: bool = True, **values: float | None
) -> Snapshot:
    board = Board(RACK, ENDPOINTS, {c: Seconds(1.0) for c in ReadingClass})
    series = [
        Series(PSU, Q.ALARMS, ReadingClass.SAFETY, "", ("", "fan_fault", "~charged")),
        Series(GPU, Q.HEALTH, ReadingClass.SLOW, "GPU_0"),
    ]
    board.declare(ENDPOINTS[0], series)
    for place in ENDPOINTS:
        board.contacts[place] = Contact(
            Seconds(1.0 if place in silent else now) if met else None, 5 * (place in silent)
        )
    given = {(PSU, Q.ALARMS): values.get("bits", 0.0), (GPU, Q.HEALTH): values.get("health", 0.0)}
    for (place, quantity), value in given.items():
        quality = Quality.MISSING if value is None else Quality.GOOD
        board.store([Reading(place, quantity, value, Seconds(now), quality)])
    return board.snapshot(1, Seconds(now), UnixNanoseconds(int(now * 1e9)))


def sights(seen: Snapshot, *asked: Key, **more: object) -> tuple[dict[Key, str], frozenset[Key], frozenset[Key]]:
    found = see_alarms(CATALOGUE, Watched(LAYOUT, seen, **more), asked)  # type: ignore[arg-type]
    return {key: sight.text for key, sight in found.raised.items()}, found.well, found.gone


def test_a_bit_is_an_alarm_by_its_name_and_one_that_informs_is_none() -> None:
    raised, _, _ = sights(snapshot(bits=0b110))
    assert raised == {BITS: "u06 psu0: fan fault"}
    assert sights(snapshot(bits=0b100), BITS)[:2] == ({}, frozenset({BITS}))


def test_a_reading_that_nobody_can_trust_is_neither_well_nor_ill() -> None:
    bad = Key("part.critical", GPU)
    assert sights(snapshot(health=2.0))[0] == {bad: "u12 gpu0 (GPU_0) health is critical"}
    assert sights(snapshot(health=None), bad) == ({}, frozenset(), frozenset())
    assert sights(snapshot(health=0.0), bad) == ({}, frozenset({bad}), frozenset())
    other = Key("part.critical", Place(f"{RACK}/u12/gpu9"))
    assert sights(snapshot(), other) == ({}, frozenset(), frozenset({other}))


def test_a_silent_endpoint_counts_once_it_was_met_or_had_its_time() -> None:
    silent = Key("endpoint.silent", ENDPOINTS[3])
    raised, _, _ = sights(snapshot(silent=(ENDPOINTS[3],)))
    assert set(raised) == {silent}
    assert sights(snapshot(), silent)[1] == {silent}
    fresh = snapshot(met=False)
    assert sights(fresh)[0] == {}, "the controller has only begun"
    late = replace(fresh, now=Seconds(fresh.now + MEETING))
    assert Key("rack.dark", RACK) in sights(late)[0]


@pytest.mark.parametrize(("share", "dark"), [(0.5, False), (0.85, True)])
def test_a_rack_is_dark_when_nearly_all_of_it_is_silent(share: float, dark: bool) -> None:
    count = int(len(ENDPOINTS) * share)
    raised, _, _ = sights(snapshot(silent=tuple(ENDPOINTS[:count])))
    assert (Key("rack.dark", RACK) in raised) is dark


def test_a_row_is_an_alarm_while_it_is_tripped_and_over_when_it_is_gone() -> None:
    key = Key("leak.critical", Place(f"{RACK}/u31"))
    confirming = Standing(key.name, key.place, Seconds(1.0), "leak1 is critical")
    tripped = replace(confirming, tripped_at=Seconds(2.0), holds=False, wet=frozenset({key.place}))
    assert sights(snapshot(), standings=[confirming])[0] == {}
    assert sights(snapshot(), standings=[tripped])[0] == {key: "leak1 is critical"}
    assert sights(snapshot(), key, standings=[confirming])[1] == frozenset(), "it may trip again"
    assert sights(snapshot(), key, standings=[])[1] == {key}
    assert sights(snapshot(), key, standings=None)[1] == frozenset(), "nothing was judged yet"


def test_what_is_told_stands_from_one_event_to_the_other_at_its_place() -> None:
    shelf, other = Place(f"{RACK}/u06"), Place(f"{RACK}/u07")

    def heard(told: dict[Key, str], kind: str, place: Place, severity: Severity = Severity.WARNING) -> dict[Key, str]:
        return hear_events(told, [Finding(place, kind, severity, kind)], CATALOGUE.definitions.values())

    told = heard({}, "power.on_battery", shelf)
    assert set(sights(snapshot(), told=told)[0]) == {Key("power.on_battery", shelf)}
    assert heard(told, "power.on_mains", other) == told
    assert heard(told, "power.on_mains", shelf) == {}
    broken = heard({}, "interlock.broken", RACK, Severity.CRITICAL)
    assert heard(broken, "interlock.broken", RACK, Severity.OK) == {}
    assert heard({}, "console.boot", shelf) == {}


def test_an_alarm_that_no_file_knows_any_more_goes_away_in_time() -> None:
    orphan = Key("of.yesterday", PSU)
    assert sights(snapshot(), orphan)[2] == {orphan}
