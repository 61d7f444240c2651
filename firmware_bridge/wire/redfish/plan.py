"""What to ask an endpoint, class by class, and how each number comes out of a document.  Pure: made once, run often."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass, SeriesKind
from firmware_bridge.vocabulary.reading import Quality, Reading, Series, again
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.moist_air import dew_point_reading
from firmware_bridge.wire.redfish.documents import Decoder, Excerpt, MetricValue, ResourceStatus
from firmware_bridge.wire.redfish.numbers import number, possible, state_name, unreadable, with_unit
from firmware_bridge.wire.redfish.units import unit_of

Convert = Callable[[Any], float | int | None]
MOST_KEPT = 4096
"""Bytes of an answer that is kept to be compared with the next one."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an array (a fan in Thermal, a detector in a group): at `path` below the property.

    `name` is the line's own (`MemberId`, `DeviceName`): where it is known the line is found by it, so that a line that
    moves up does not give another one's number.
    """

    path: tuple[str | int, ...]
    key: str = ""
    name: str = ""

    def of(self, value: Any) -> dict[str, Any] | None:
        """Return the line out of the property's value, None when it is not there any more."""
        for step in self.path[:-1]:
            value = _step(value, step)
        if self.name and isinstance(value, list):
            same = [v for v in value if isinstance(v, dict) and v.get(self.key) == self.name]
            return same[0] if len(same) == 1 else None
        found = _step(value, self.path[-1])
        return found if isinstance(found, dict) else None


@dataclass(frozen=True, slots=True)
class Extract:
    """One series out of one document: property `field`, or `part` of what stands there, times `factor`.

    What stands there is an excerpt, or with `line` a line of an array.  `member` is the URI of the member of an
    expanded collection; empty for the document itself.  `members`: the value is added up over these members.
    """

    series: Series
    field: str
    part: str = "Reading"
    convert: Convert = number
    factor: float = 1.0
    offset: float = 0.0
    member: str = ""
    ignore_state: bool = False
    line: Line | None = None
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetch:
    """One GET and everything it yields.  `collection`: the answer is an expanded collection.

    `instead` are the fetches that this one saves; they yield the same series when it fails.
    """

    uri: str
    decode: Decoder
    extracts: tuple[Extract, ...]
    collection: bool = False
    instead: tuple["Fetch", ...] = ()

    @property
    def tells_leaks(self) -> bool:
        """Tell whether a leak detector is read by it."""
        return any(extract.series.quantity is Quantity.LEAK for extract in self.extracts)


@dataclass(frozen=True, slots=True)
class Sum:
    """A series that no resource gives: the sum of others of its class (a shelf's output is that of its supplies)."""

    series: Series
    parts: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class DewPoint:
    """A dew point that no resource gives: that of air whose temperature and humidity are read in the same class."""

    series: Series
    air: Series
    humidity: Series


@dataclass(frozen=True, slots=True)
class Plan:
    """The fetches of each class; `absent` are promised series that this device does not offer.

    `sensors`: which series a sensor's value in a metric report is, and how it is read there, by the sensor's URI.
    `supplies`: what feeds others, a supply of a shelf: its loss shows in the power class.
    """

    fetches: Mapping[ReadingClass, tuple[Fetch, ...]] = field(default_factory=dict)
    sums: tuple[Sum, ...] = ()
    absent: tuple[Series, ...] = ()
    sensors: Mapping[str, tuple[Extract, ...]] = field(default_factory=dict)
    dew_points: tuple[DewPoint, ...] = ()
    supplies: frozenset[Place] = frozenset()

    def series(self) -> tuple[Series, ...]:
        """Return every series of the plan: what was fetched first, then what is worked out, then what is absent."""
        read = [e.series for fetches in self.fetches.values() for f in fetches for e in f.extracts]
        return (*read, *(s.series for s in self.sums), *(d.series for d in self.dew_points), *self.absent)

    def requests_per_second(self, periods: Mapping[ReadingClass, float]) -> float:
        """Return how often the endpoint is asked when each class is read at its period (seconds)."""
        return sum(len(self.fetches.get(c, ())) / p for c, p in periods.items())


def readings_of(fetch: Fetch, document: Any, now: Seconds) -> list[Reading]:
    """Return the readings of one answer; what it does not say comes back as None with the reason in its quality."""
    if not fetch.collection:
        return [reading_of(e, document, e.member or fetch.uri, now) for e in fetch.extracts]
    members = {m.uri: m for m in document}
    return [
        _added_up(e, fetch.uri, members, now)
        if e.members
        else reading_of(e, members.get(e.member) or members.get(f"{e.member}/"), e.member, now)
        for e in fetch.extracts
    ]


@dataclass(slots=True)
class Answers:
    """What one fetch brings.  Bytes that come again are the same readings at another time: most of what is read every
    second is a state that does not change, and is not decoded anew."""

    fetch: Fetch
    _raw: bytes = b""
    _readings: list[Reading] = field(default_factory=list)

    def readings(self, now: Seconds, raw: bytes) -> list[Reading]:
        """Return the readings of an answer (`readings_of`).  Raises what the decoder raises."""
        if raw == self._raw and raw:
            return again(self._readings, now)
        readings = readings_of(self.fetch, self.fetch.decode(raw), now)
        self._raw, self._readings = (raw, readings) if len(raw) <= MOST_KEPT else (b"", [])
        return readings


def missing(fetch: Fetch, now: Seconds) -> list[Reading]:
    """Return the readings of a fetch that failed: all unknown."""
    return [
        Reading(e.series.place, e.series.quantity, None, now, Quality.MISSING, e.member or fetch.uri)
        for e in fetch.extracts
    ]


def sums_of(sums: Sequence[Sum], readings: Sequence[Reading], now: Seconds) -> list[Reading]:
    """Return the sums; one part unknown makes the sum unknown, because half a sum reads like a small load."""
    known = {(r.place, r.quantity): r.value for r in readings}
    found: list[Reading] = []
    for entry in sums:
        values = [known.get((p.place, p.quantity)) for p in entry.parts]
        good = [v for v in values if v is not None]
        whole = len(good) == len(values) and bool(values)
        total = float(sum(good)) if whole else None
        quality = Quality.GOOD if whole else Quality.MISSING
        found.append(Reading(entry.series.place, entry.series.quantity, total, now, quality, "sum"))
    return found


def dew_points_of(entries: Sequence[DewPoint], readings: Sequence[Reading], now: Seconds) -> list[Reading]:
    """Return the dew points of what was read just now (`moist_air`)."""
    if not entries:
        return []
    known = {(r.place, r.quantity): r for r in readings}
    return [
        dew_point_reading(
            e.series.place,
            known.get((e.air.place, e.air.quantity)),
            known.get((e.humidity.place, e.humidity.quantity)),
            now,
        )
        for e in entries
    ]


def reading_of(extract: Extract, document: Any, source: str, now: Seconds) -> Reading:
    """Return one series out of one document, None: there is no such document."""
    series = extract.series
    if document is None:
        return Reading(series.place, series.quantity, None, now, Quality.MISSING, source)
    raw, status = getattr(document, extract.field), document.Status
    if type(raw) is Excerpt:
        raw = getattr(raw, extract.part)
    elif extract.line is not None:
        raw, status = _in_line(extract, raw)
    if raw is None:
        return Reading(series.place, series.quantity, None, now, Quality.MISSING, source)
    value = extract.convert(raw)
    if value is None:
        value = _in_own_unit(raw, series) if extract.convert is number else None
    elif extract.factor != 1.0 or extract.offset != 0.0:
        value = value * extract.factor + extract.offset
    if value is None:
        return Reading(series.place, series.quantity, None, now, Quality.REFUSED, source)
    if not possible(series.quantity, value):  # what was finite on the wire may not be so after scaling
        return Reading(series.place, series.quantity, None, now, Quality.REFUSED, source)
    if series.kind is SeriesKind.COUNTER:
        value = int(value)
    if series.quantity is Quantity.LEAK and value == 0 and unreadable(status):
        # A detector that is off or absent saw nothing: that is not the same as dry.  A leak it told of still counts.
        return Reading(series.place, series.quantity, None, now, Quality.FLAGGED, source)
    flagged = (type(document) is MetricValue and document.stale) or (not extract.ignore_state and unreadable(status))
    return Reading(series.place, series.quantity, value, now, Quality.FLAGGED if flagged else Quality.GOOD, source)


def _added_up(extract: Extract, source: str, members: Mapping[str, Any], now: Seconds) -> Reading:
    """Return the sum over an extract's members; one that is missing or unreadable makes it unknown."""
    found = [getattr(members.get(m) or members.get(f"{m}/"), extract.field, None) for m in extract.members]
    values = [v for raw in found if (v := extract.convert(raw)) is not None]
    total = sum(values)
    whole = len(values) == len(found) and possible(extract.series.quantity, total)
    quality = Quality.GOOD if whole else Quality.MISSING if None in found else Quality.REFUSED
    return Reading(extract.series.place, extract.series.quantity, total if whole else None, now, quality, source)


def _in_line(extract: Extract, value: Any) -> tuple[Any, ResourceStatus | None]:
    """Return a line's raw value and its own status; a line that is Absent has no value, whatever number it shows."""
    line = extract.line.of(value) if extract.line is not None else None
    if line is None:
        return None, None
    said = line.get("Status")
    status = ResourceStatus(said.get("State"), said.get("Health")) if isinstance(said, dict) else None
    if extract.part == "Status":
        return status, status
    gone = status is not None and state_name(status.State) == "Absent" and not extract.ignore_state
    return None if gone else line.get(extract.part), status


def _in_own_unit(raw: Any, series: Series) -> float | None:
    """Return a number that came as text with its unit, in the series' unit; None when that unit is not of its kind."""
    pair = with_unit(raw)
    own = unit_of(pair[1]) if pair is not None else None
    return None if pair is None or own is None or own[0] != series.unit else pair[0] * own[1] + own[2]


def _step(value: Any, step: str | int) -> Any:
    if isinstance(step, str):
        return value.get(step) if isinstance(value, dict) else None
    return value[step] if isinstance(value, list) and step < len(value) else None


def state_extract(series: Series, name: str, convert: Convert, member: str = "") -> Extract:
    """Return an extract of a state (power, leak, health): it counts also when the part itself is switched off."""
    return Extract(series, name, convert=convert, member=member, ignore_state=True)


CODED = frozenset({Quantity.LEAK, Quantity.POWER_STATE, Quantity.HEALTH, Quantity.LOCATE})
