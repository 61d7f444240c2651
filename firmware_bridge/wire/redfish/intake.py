"""From what a device tells by itself to readings, and to what must be looked at.  Pure; time is an argument.

A state is taken from an event only when the event states it, is new, and is the newest word on it.  Everything else
that names a resource we read is looked at once: reading is always right, an event can be late.
"""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.documents import Decoder, MetricValue
from firmware_bridge.wire.redfish.events import EventRecord, stated
from firmware_bridge.wire.redfish.links import tidy
from firmware_bridge.wire.redfish.plan import Extract, Fetch, Plan

MOST_SEEN = 512
LATE_SECONDS = 3.0
FORGET_OFFSET_AFTER = 8
MOST_LOOKS = 8
"""More resources than this named in one batch: the whole safety class is read instead."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Readings to store, resources to read once, whether all safety readings are due, the records that are new and came
    in time, and the leak detectors to look at where all safety readings must not be read now.  `all_power`: something
    happened to a supply, so that what the endpoint gives may be less."""

    readings: tuple[Reading, ...] = ()
    look_at: tuple[Fetch, ...] = ()
    all_safety: bool = False
    all_power: bool = False
    repeated: int = 0
    fresh: tuple[EventRecord, ...] = ()
    leaks: tuple[Fetch, ...] = ()


@dataclass(slots=True)
class Intake:
    """What is remembered of one endpoint's events: ids seen lately, the newest device time of each series.

    `offset` is the smallest difference seen between our receipt and the device's own time (s): what is more than
    LATE_SECONDS above it was under way for longer than usual.  A clock that was set back is noticed after a few.
    """

    origins: Mapping[str, Fetch] = field(default_factory=dict)
    supplies: frozenset[Place] = frozenset()
    seen: dict[tuple[str, str, str, str], None] = field(default_factory=dict)
    newest: dict[tuple[Place, Quantity], float] = field(default_factory=dict)
    offset: float | None = None
    late_in_a_row: int = 0

    def take(self, records: Iterable[EventRecord], now: Seconds) -> Taken:
        """Return what a batch of records comes to."""
        readings: dict[tuple[Place, Quantity, object], Reading] = {}  # each state once, the last one last
        looks: dict[str, Fetch] = {}
        repeated, everything, power = 0, False, False
        leaks: tuple[Fetch, ...] = ()
        fresh: list[EventRecord] = []
        for record in records:
            again = self._is_repeated(record)
            if again and record.time:
                repeated += 1
                continue
            # Ids alone may start anew with the device: one without a time may be told again, or be another.
            late = again or self._is_late(record, now)
            if not late:
                fresh.append(record)
            fetch = self.origins.get(record.origin)
            if fetch is None:
                everything |= record.severity in ("Warning", "Critical")
                continue
            power |= any(extract.series.place in self.supplies for extract in fetch.extracts)
            reading = None if late else self._reading(record, fetch, now)
            if reading is None:
                looks[fetch.uri] = fetch
            else:
                key = (reading.place, reading.quantity, reading.value)
                readings.pop(key, None)
                readings[key] = reading
        if len(looks) > MOST_LOOKS:
            leaks = tuple(fetch for fetch in looks.values() if fetch.tells_leaks)[:MOST_LOOKS]
            looks, everything = {}, True
        return Taken(tuple(readings.values()), tuple(looks.values()), everything, power, repeated, tuple(fresh), leaks)

    def _is_repeated(self, record: EventRecord) -> bool:
        if record.key in self.seen:
            return True
        self.seen[record.key] = None
        if len(self.seen) > MOST_SEEN:
            self.seen.pop(next(iter(self.seen)))
        return False

    def _is_late(self, record: EventRecord, now: Seconds) -> bool:
        at = device_seconds(record.time)
        if at is None:
            return False
        difference = now - at
        if self.offset is None or difference < self.offset:
            self.offset = difference
        late = difference > self.offset + LATE_SECONDS
        self.late_in_a_row = self.late_in_a_row + 1 if late else 0
        if self.late_in_a_row >= FORGET_OFFSET_AFTER:
            self.offset, self.late_in_a_row = difference, 0
            self.newest.clear()
        return late

    def _reading(self, record: EventRecord, fetch: Fetch, now: Seconds) -> Reading | None:
        """Return the reading that the event states, None when the resource must be asked: also where it has several
        of them, or lines of an array, because the event does not say which one it means."""
        told = stated(record)
        meant = {e.series: e for e in fetch.extracts if told is not None and e.series.quantity is told[0]}
        if told is None or len(meant) != 1:
            return None
        ((series, extract),) = meant.items()
        if extract.line is not None:
            return None
        key, at = (series.place, series.quantity), device_seconds(record.time)
        if at is not None:
            if at < self.newest.get(key, at):
                return None
            self.newest[key] = at
        return Reading(series.place, series.quantity, told[1], now, Quality.GOOD, record.origin, record.time)


def device_seconds(text: str) -> float | None:
    """Return a device's own time in seconds since 1970, None for what is no ISO 8601 time."""
    try:
        at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=datetime.UTC)).timestamp()


def origins_of(plan: Plan) -> dict[str, Fetch]:
    """Return a fetch for each single resource that the plan reads, members of collections and reports included."""
    extracts: dict[str, list[Extract]] = {}
    kinds: dict[str, Decoder] = {}
    todo = [f for fetches in plan.fetches.values() for f in fetches]
    while todo:
        fetch = todo.pop()
        todo.extend(fetch.instead)
        if fetch.decode.kind is MetricValue:
            continue
        for extract in fetch.extracts:
            uri = tidy(extract.member or fetch.uri)
            kinds.setdefault(uri, Decoder(fetch.decode.kind))
            extracts.setdefault(uri, []).append(_alone(extract))
    return {uri: Fetch(uri, kinds[uri], tuple(found)) for uri, found in extracts.items()}


def _alone(extract: Extract) -> Extract:
    return replace(extract, member="")
