"""Where the conditions of a rack's alarms hold at one tick, and where they are known not to.  Pure.

Unknown is neither: an alarm stands while nobody knows, and none is raised by silence that no definition names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from firmware_bridge.vocabulary.place import RACK_PARTS, Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity, code_of, name_of
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.interlock import Standing
from rack_controller.decide.notice import Finding
from rack_controller.model.alarm import AlarmCatalogue, AlarmDefinition
from rack_controller.model.event import Severity
from rack_controller.model.lasting import LastingEvent
from rack_controller.model.layout import IN_BAND, Layout
from rack_controller.model.snapshot import EndpointState, ManagementAxis, Snapshot

MEETING = Seconds(120.0)
"""So long after the start an endpoint that has not answered yet is no alarm: a hall is met one by one."""
_NO_PLACES: frozenset[Place] = frozenset()


class Key(NamedTuple):
    """What tells one alarm from another."""

    name: str
    place: Place
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """A condition that holds, in words; `wet`: the trays that its water may have reached."""

    text: str
    wet: frozenset[Place] = _NO_PLACES


@dataclass(frozen=True, slots=True)
class Sights:
    """One tick.  `well`: alarms whose condition is known not to hold; `gone`: whose part the rack no longer has."""

    raised: Mapping[Key, Sight]
    well: frozenset[Key]
    gone: frozenset[Key] = frozenset()


@dataclass(frozen=True)
class Watched:
    """What the sights of one tick are made from.  `told`: events that stand, kept by `hear_events`.  `standings`: the
    interlock rows, None before they were judged."""

    layout: Layout
    snapshot: Snapshot
    lasting: Iterable[tuple[str, LastingEvent]] = ()
    told: Mapping[Key, str] = field(default_factory=dict)
    standings: Iterable[Standing] | None = None


def see_alarms(catalogue: AlarmCatalogue, watched: Watched, asked: Iterable[Key]) -> Sights:
    """Return what holds now.  `asked` are the alarms that are active: of each it is told whether that is over."""
    raised: dict[Key, Sight] = {}
    judged = watched.standings is not None
    standings = {s.key: s for s in watched.standings or ()}
    for (cause, place), standing in standings.items():
        definition = catalogue.definitions.get(cause)
        if definition is not None and definition.interlock and standing.tripped_at is not None:
            raised[Key(cause, place)] = Sight(standing.evidence, standing.wet)
    for definition in catalogue.definitions.values():
        if definition.seen is not None:
            raised |= {key: Sight(text) for key, text in _seen(definition, watched).items()}
    well, gone = set(), set()
    for key in asked:
        if key in raised:
            continue
        definition = catalogue.definitions.get(key.name)
        if definition is None:
            gone.add(key)
        elif definition.interlock:
            if judged and (key.name, key.place) not in standings:
                well.add(key)
        else:
            known = _known(definition, key, watched)
            (well if known else gone if known is None else set()).add(key)
    return Sights(raised, frozenset(well), frozenset(gone))


def hear_events(
    told: Mapping[Key, str], findings: Iterable[Finding], definitions: Iterable[AlarmDefinition]
) -> dict[Key, str]:
    """Return which events stand after this second's findings."""
    after = dict(told)
    named = [d for d in definitions if d.seen is not None and d.seen.event is not None]
    for finding in findings:
        for definition in named:
            seen = definition.seen
            assert seen is not None
            key = Key(definition.name, finding.place)
            if finding.kind in seen.until or (finding.kind == seen.event and finding.severity is Severity.OK):
                after.pop(key, None)
            elif finding.kind == seen.event:
                after[key] = finding.message
    return after


def _seen(definition: AlarmDefinition, watched: Watched) -> dict[Key, str]:
    seen, name = definition.seen, definition.name
    assert seen is not None
    if seen.endpoint:
        return _endpoints(name, seen.endpoint, watched)
    if seen.quantity is not None:
        return _words(name, seen.quantity, seen.values, watched.snapshot)
    if seen.bits:
        return _bits(name, watched.snapshot)
    if seen.event is not None:
        return {key: text for key, text in watched.told.items() if key.name == name}
    if seen.lasting is not None:
        return {Key(name, Place(e.place), d): e.text for d, e in watched.lasting if e.kind == seen.lasting}
    share, silent, total = _silent_share(watched)
    if seen.silent_share is None or share is None or share < seen.silent_share:
        return {}
    return {Key(name, Place(watched.layout.rack)): f"{silent} of {total} controllers are silent"}


def _known(definition: AlarmDefinition, key: Key, watched: Watched) -> bool | None:
    """Return whether it is known that an alarm that is not raised is over; None: its part is there no more."""
    seen, snapshot = definition.seen, watched.snapshot
    assert seen is not None
    if seen.endpoint:
        return True if key.place in snapshot.endpoints else None
    if seen.quantity is not None or seen.bits:
        reading = snapshot.reading(key.place, seen.quantity or Quantity.ALARMS)
        return None if reading is None else reading.value is not None and reading.quality is Quality.GOOD
    if seen.silent_share is not None:
        return _silent_share(watched)[0] is not None
    return True  # what was told is over when it was told so


def _endpoints(name: str, words: Sequence[str], watched: Watched) -> dict[Key, str]:
    found = {}
    for place, state in _outside(watched):
        if state.management in words:
            why = f": {state.error}" if state.error else ""
            found[Key(name, place)] = f"{leaf_of(tray_of(place))} {leaf_of(place)} is {state.management}{why}"
    return found


def _silent_share(watched: Watched) -> tuple[float | None, int, int]:
    """Return which share of the endpoints outside hosts is absent, None where none is known; how many, of how many."""
    states = [state.management for _, state in _outside(watched)]
    silent = sum(state is ManagementAxis.ABSENT for state in states)
    return (silent / len(states) if states else None), silent, len(states)


def _outside(watched: Watched) -> list[tuple[Place, EndpointState]]:
    """Return the endpoints outside hosts, without those that are still being met for the first time."""
    places = {e.place for t in watched.layout.trays for e in t.endpoints if e.enabled and e.protocol not in IN_BAND}
    now = watched.snapshot.now
    return [
        (place, state)
        for place, state in watched.snapshot.endpoints.items()
        if place in places and (state.last_success is not None or now - state.since >= MEETING)
    ]


def _words(name: str, quantity: Quantity, words: list[str], snapshot: Snapshot) -> dict[Key, str]:
    columns = np.array(snapshot.table.columns_by_quantity.get(quantity, []), dtype=np.intp)
    bad = [code_of(quantity, word) for word in words]
    hits = columns[np.isin(snapshot.gauges[columns], bad) & (snapshot.quality[columns] == Quality.GOOD)]
    found = {}
    for column in hits.tolist():
        series = snapshot.table.gauges[column]
        word = name_of(quantity, float(snapshot.gauges[column])).replace("_", " ")
        label = f" ({series.label})" if series.label else ""
        found[Key(name, series.place)] = f"{_part(series)}{label} {quantity.replace('_', ' ')} is {word}"
    return found


def _bits(name: str, snapshot: Snapshot) -> dict[Key, str]:
    columns = snapshot.table.alarm_columns
    hits = columns[(snapshot.gauges[columns] > 0) & (snapshot.quality[columns] == Quality.GOOD)]
    found = {}
    for column in hits.tolist():
        series, word = snapshot.table.gauges[column], int(snapshot.gauges[column])
        for number, bit in enumerate(series.bits):
            if word >> number & 1 and bit and not bit.startswith("~"):
                found[Key(name, series.place, bit)] = f"{_part(series)}: {bit.replace('_', ' ')}"
    return found


def _part(series: Series) -> str:
    above, leaf = series.place.split("/")[RACK_PARTS:-1], leaf_of(series.place)
    return " ".join([*above, leaf])
