"""What to ask an endpoint, class by class, and how each number comes out of a document.  Pure: made once, run often."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass, SeriesKind
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.documents import Decoder, Excerpt
from firmware_bridge.wire.redfish.numbers import number, possible, unreadable

Convert = Callable[[Any], float | int | None]


@dataclass(frozen=True, slots=True)
class Extract:
    """One series out of one document: property `field`, or `part` of the excerpt standing there, times `factor`.

    `member` is the URI of the member of an expanded collection; empty for the document itself.
    """

    series: Series
    field: str
    part: str = "Reading"
    convert: Convert = number
    factor: float = 1.0
    offset: float = 0.0
    member: str = ""
    ignore_state: bool = False


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


@dataclass(frozen=True, slots=True)
class Sum:
    """A series that no resource gives: the sum of others of its class (a shelf's output is that of its supplies)."""

    series: Series
    parts: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The fetches of each class; `absent` are promised series that this device does not offer."""

    fetches: Mapping[ReadingClass, tuple[Fetch, ...]] = field(default_factory=dict)
    sums: tuple[Sum, ...] = ()
    absent: tuple[Series, ...] = ()

    def series(self) -> tuple[Series, ...]:
        """Return every series of the plan: what was fetched first, then sums, then what is absent."""
        read = [e.series for fetches in self.fetches.values() for f in fetches for e in f.extracts]
        return (*read, *(s.series for s in self.sums), *self.absent)

    def requests_per_second(self, periods: Mapping[ReadingClass, float]) -> float:
        """Return how often the endpoint is asked when each class is read at its period (seconds)."""
        return sum(len(self.fetches.get(c, ())) / p for c, p in periods.items())


def readings_of(fetch: Fetch, document: Any, now: Seconds) -> list[Reading]:
    """Return the readings of one answer; what it does not say comes back as None with the reason in its quality."""
    if not fetch.collection:
        return [_reading(e, document, e.member or fetch.uri, now) for e in fetch.extracts]
    members = {m.uri: m for m in document}
    return [_reading(e, members.get(e.member) or members.get(f"{e.member}/"), e.member, now) for e in fetch.extracts]


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


def _reading(extract: Extract, document: Any, source: str, now: Seconds) -> Reading:
    series = extract.series
    if document is None:
        return Reading(series.place, series.quantity, None, now, Quality.MISSING, source)
    raw = getattr(document, extract.field)
    if type(raw) is Excerpt:
        raw = getattr(raw, extract.part)
    if raw is None:
        return Reading(series.place, series.quantity, None, now, Quality.MISSING, source)
    value = extract.convert(raw)
    if value is None:
        return Reading(series.place, series.quantity, None, now, Quality.REFUSED, source)
    if extract.factor != 1.0 or extract.offset != 0.0:
        value = value * extract.factor + extract.offset
    if not possible(series.quantity, value):  # what was finite on the wire may not be so after scaling
        return Reading(series.place, series.quantity, None, now, Quality.REFUSED, source)
    if series.kind is SeriesKind.COUNTER:
        value = int(value)
    if series.quantity is Quantity.LEAK and value == 0 and unreadable(document.Status):
        # A detector that is off or absent saw nothing: that is not the same as dry.  A leak it told of still counts.
        return Reading(series.place, series.quantity, None, now, Quality.FLAGGED, source)
    flagged = not extract.ignore_state and unreadable(document.Status)
    return Reading(series.place, series.quantity, value, now, Quality.FLAGGED if flagged else Quality.GOOD, source)


def state_extract(series: Series, name: str, convert: Convert, member: str = "") -> Extract:
    """Return an extract of a state (power, leak, health): it counts also when the part itself is switched off."""
    return Extract(series, name, convert=convert, member=member, ignore_state=True)


CODED = frozenset({Quantity.LEAK, Quantity.POWER_STATE, Quantity.HEALTH, Quantity.LOCATE})
