"""The latest value of every series of one rack, kept in arrays so that a snapshot is a copy and not a walk."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.attention import FULL_ATTENTION, Attention
from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.event_path import EventPath
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass, code_of
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.axes import Contact, decide_events, decide_management, decide_power
from rack_controller.decide.failing import judge_failing
from rack_controller.decide.staleness import judge_ages
from rack_controller.model.failing import Failing
from rack_controller.model.frame import UNKNOWN_COUNTER
from rack_controller.model.snapshot import EndpointState, Snapshot
from rack_controller.model.table import SeriesKey, SeriesTable, make_table

# While endpoints are being met one by one, the table is laid out after this pause, then after twice as long, and so on
# up to the longest: each table is kept by every reader for as long as a frame under it is.
LAY_OUT_EVERY, LONGEST_PAUSE = Seconds(3.0), Seconds(12.0)
_T = TypeVar("_T", bound=np.generic)


class Board:
    """Where collectors put readings and the tick takes its snapshot."""

    def __init__(self, rack: Place, endpoints: Iterable[Place], periods: dict[ReadingClass, Seconds]) -> None:
        self.rack = rack
        self.contacts: dict[Place, Contact] = {place: Contact() for place in endpoints}
        self.paths: dict[Place, EventPath] = {}
        self.attentions: dict[Place, Attention] = {}
        self._failing: dict[Place, Mapping[str, Failing]] = {}
        self.on_leaks: Callable[[list[Reading]], object] = lambda _leaks: None
        self.on_told: Callable[[], object] = lambda: None  # something came unasked, and is stored
        self._told: dict[SeriesKey, str] = {}
        self._periods = periods
        self._series: dict[Place, tuple[Series, ...]] = {}
        self._states: dict[Place, EndpointState] = {}
        self._early: list[Reading] = []
        self._unseen: set[SeriesKey] = set()  # leaks that no snapshot has shown yet
        self._ended: dict[SeriesKey, Reading] = {}  # what those detectors said since
        self._due: dict[SeriesKey, Reading] = {}
        self._dirty = False
        self._laid_out_at, self._lay_out_pause = Seconds(float("-inf")), LAY_OUT_EVERY
        self._lay_out({})

    def admit(self, endpoint: Place) -> None:
        """Take an endpoint that joins while the rack is being read: the next snapshot says it, met or not."""
        if endpoint not in self.contacts:
            self.contacts[endpoint] = Contact()
            self._lay_out_again()

    def note_faults(self, endpoint: Place, faults: Mapping[str, DeviceError], now: Seconds) -> None:
        """Take which resources could not be read the last time: how long and how often is kept here."""
        self._failing[endpoint] = judge_failing(self._failing.get(endpoint, {}), faults, now)

    def declare(self, endpoint: Place, series: Sequence[Series]) -> None:
        """Take the series an endpoint will deliver; the table is laid out anew with the next snapshot."""
        if self._series.get(endpoint) != tuple(series):
            self._series[endpoint] = tuple(series)
            self._dirty = True

    def store(self, readings: Iterable[Reading]) -> None:
        """Write readings down.  One that no declared series is for is dropped, one that is older than what is there
        changes nothing: an event and a poll of the same sensor may overtake each other.  A leak stands until a snapshot
        has shown it; whoever watches leaks hears each word of a detector at once, also before there is a column for it
        and when a newer word has come before it."""
        leaks: list[Reading] = []
        index, values, taken_at, quality = self._index, self._values, self._taken_at, self._quality
        for reading in readings:
            n = index.get((reading.place, reading.quantity))
            if reading.quantity is Quantity.LEAK and (n is not None or self._dirty):
                leaks.append(reading)
            if n is None:
                if self._dirty:
                    self._early.append(reading)
                continue
            if reading.taken_at < taken_at[n]:
                continue
            if reading.quantity is Quantity.LEAK and self._waits(n, reading):
                continue
            if reading.device_time or self._told:
                self._tell(reading)
            if reading.value is None:
                values[n] = np.nan
                quality[n] = reading.quality if reading.quality is not Quality.GOOD else Quality.MISSING
            else:
                values[n] = reading.value
                quality[n] = reading.quality
            taken_at[n] = reading.taken_at
        if leaks:
            self.on_leaks(leaks)

    def _waits(self, n: int, reading: Reading) -> bool:
        """Tell whether a leak's end must wait: no snapshot has shown yet that there was one."""
        key, value = (reading.place, reading.quantity), reading.value or 0.0
        ended = self._ended.get(key)
        if ended is not None and reading.taken_at < ended.taken_at:
            return True
        if key in self._unseen and value < self._values[n]:
            self._ended[key] = reading
            return True
        self._ended.pop(key, None)
        if value > 0 and not value <= self._values[n]:  # also where nothing was known
            self._unseen.add(key)
        return False

    def lines_of(self, keys: Sequence[SeriesKey]) -> NDArray[np.int64]:
        """Return where series stand, -1 for those that the rack does not have; holds while `table` is the same."""
        return np.array([self._index.get(key, -1) for key in keys], dtype=np.int64)

    def newest(self, lines: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what was read last at these lines, and when; NaN where nothing is known, or not to be relied on."""
        known = (lines >= 0) & (self._quality[lines] == Quality.GOOD) if len(self._quality) else lines < -1
        return np.where(known, self._values[lines], np.nan), np.where(known, self._taken_at[lines], np.nan)

    def told_at(self, place: Place, quantity: str) -> str | None:
        """Return the device's own time of a value that an event brought, None for one that we read."""
        try:
            return self._told.get((place, Quantity(quantity)))
        except ValueError:
            return None

    def _tell(self, reading: Reading) -> None:
        key = (reading.place, reading.quantity)
        if reading.device_time:
            self._told[key] = reading.device_time
        elif reading.value != self._values[self._index[key]]:
            self._told.pop(key, None)  # another value, and not from an event

    def snapshot(self, tick: int, now: Seconds, unix_ns: UnixNanoseconds) -> Snapshot:
        """Return everything known at `now`: stale values flagged, forgotten ones unknown, both axes decided."""
        if self._dirty and (now - self._laid_out_at >= self._lay_out_pause or not self._awaited()):
            if self._laid_out_at > float("-inf"):
                self._lay_out_pause = Seconds(min(LONGEST_PAUSE, self._lay_out_pause * 2))
            self._lay_out_again()
            self._laid_out_at = now
        self.store(self._due.values())
        self._write_management(now)
        judged = judge_ages(self._taken_at, self._quality, self._periods_by_line, now)
        values = np.where(judged.forget, np.nan, self._values)
        split = len(self.table.gauges)
        tail = values[split:]
        counters = np.where(np.isnan(tail), float(UNKNOWN_COUNTER), tail).astype(np.int64)
        self._unseen.clear()
        self._due, self._ended = self._ended, {}
        return Snapshot(
            rack=self.rack,
            tick=tick,
            now=now,
            unix_ns=unix_ns,
            table=self.table,
            gauges=_frozen(values[:split]),
            counters=_frozen(counters),
            taken_at=_frozen(self._taken_at.copy()),
            quality=_frozen(judged.quality),
            endpoints=dict(self._states),
        )

    def _awaited(self) -> bool:
        """Return whether endpoints that were never heard may still bring series of their own."""
        return any(contact.last_success is None for contact in self.contacts.values())

    def _write_management(self, now: Seconds) -> None:
        period = self._periods[ReadingClass.SAFETY]
        for endpoint, contact in self.contacts.items():
            management = decide_management(contact, now, period)
            line = self._index.get((tray_of(endpoint), Quantity.POWER_STATE))
            reported = None if line is None or np.isnan(self._values[line]) else float(self._values[line])
            power = decide_power(reported, management)
            was = self._states.get(endpoint)
            since = was.since if was and (was.state, was.management) == (power, management) else now
            events = decide_events(self.paths.get(endpoint), management, now)
            self._states[endpoint] = EndpointState(
                power,
                management,
                since,
                contact.last_success,
                contact.error,
                contact.error_at,
                events,
                attention=self.attentions.get(endpoint, FULL_ATTENTION),
                failing=self._failing.get(endpoint, {}),
            )
            n = self._index[(endpoint, Quantity.MANAGEMENT)]
            self._values[n] = code_of(Quantity.MANAGEMENT, management)
            self._taken_at[n], self._quality[n] = now, Quality.GOOD

    def _lay_out_again(self) -> None:
        self._lay_out(
            {
                key: (float(self._values[n]), float(self._taken_at[n]), int(self._quality[n]))
                for key, n in self._index.items()
            }
        )
        self._dirty = False
        early, self._early = self._early, []
        self.store(early)

    def _lay_out(self, held: dict[SeriesKey, tuple[float, float, int]]) -> None:
        own = [Series(e, Quantity.MANAGEMENT, ReadingClass.SAFETY) for e in self.contacts]
        self.table: SeriesTable = make_table(self.rack, [*own, *(s for lines in self._series.values() for s in lines)])
        lines = self.table.series
        self._index: dict[SeriesKey, int] = {(s.place, s.quantity): n for n, s in enumerate(lines)}
        self._values: NDArray[np.float64] = np.full(len(lines), np.nan)
        self._taken_at: NDArray[np.float64] = np.full(len(lines), np.nan)
        self._quality: NDArray[np.uint8] = np.full(len(lines), Quality.MISSING, dtype=np.uint8)
        self._periods_by_line = np.array([float(self._periods[s.reading_class]) for s in lines])
        for key, (value, taken_at, quality) in held.items():
            n = self._index.get(key)
            if n is not None:
                self._values[n], self._taken_at[n], self._quality[n] = value, taken_at, quality


def _frozen(array: NDArray[_T]) -> NDArray[_T]:
    array.flags.writeable = False
    return array
