"""All readings of a rack at one tick, with ages: the only thing a decision looks at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.vocabulary.attention import FULL_ATTENTION, Attention
from firmware_bridge.vocabulary.event_path import EventPath, PathKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.model.failing import Failing
from rack_controller.model.frame import UNKNOWN_COUNTER, Frame, ages_in_steps
from rack_controller.model.liveness import SubtreeState
from rack_controller.model.table import SeriesTable

_GOOD = int(Quality.GOOD)  # a plain number: NumPy compares with members of an enumeration ten times slower


class PowerAxis(StrEnum):
    """What a part is doing.  Silence is unknown, never off."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


class ManagementAxis(StrEnum):
    """Whether its management answers."""

    REACHABLE = "reachable"
    DEGRADED = "degraded"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class EndpointState:
    """Both axes of one endpoint, never merged; `since` is monotonic, `error` names what went wrong last and `error_at`
    when; `events` is how its events come, None where there is no such thing (a serial line); `subtree` is what stands
    behind it, None when nothing does; `attention` is how much it is asked now; `failing`: its resources that fail, by
    where they are."""

    state: PowerAxis
    management: ManagementAxis
    since: Seconds
    last_success: Seconds | None = None
    error: str = ""
    error_at: Seconds | None = None
    events: EventPath | None = None
    subtree: SubtreeState | None = None
    attention: Attention = FULL_ATTENTION
    failing: Mapping[str, Failing] = field(default_factory=dict)

    @property
    def events_proven(self) -> bool:
        """Return whether events come by themselves, and that was proven lately."""
        return self.events is not None and self.events.kind in (PathKind.SSE, PathKind.PUSH)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Arrays are read-only, in table order; `taken_at` (monotonic, NaN: never) and `quality` cover both kinds."""

    rack: Place
    tick: int
    now: Seconds
    unix_ns: UnixNanoseconds
    table: SeriesTable
    gauges: NDArray[np.float64]
    counters: NDArray[np.int64]
    taken_at: NDArray[np.float64]
    quality: NDArray[np.uint8]
    endpoints: dict[Place, EndpointState]

    def reading(self, place: Place, quantity: Quantity) -> Reading | None:
        """Return the reading at `place`, None when the rack has no such series.

        A value that is not there comes back as a Reading whose `value` is None and whose quality says why.
        """
        column = self.table.gauge_index.get((place, quantity))
        if column is not None:
            number = float(self.gauges[column])
            return self._reading(place, quantity, None if np.isnan(number) else number, column)
        column = self.table.counter_index.get((place, quantity))
        if column is None:
            return None
        count = int(self.counters[column])
        return self._reading(
            place, quantity, None if count == UNKNOWN_COUNTER else count, column + len(self.table.gauges)
        )

    def good(self, place: Place, quantity: Quantity) -> float | None:
        """Return a value that can be relied on now: there, fresh and not doubted.  None when there is none."""
        column = self.table.gauge_index.get((place, quantity))
        if column is None:
            return self._good_count(place, quantity)
        value: float = self.gauges.item(column)
        return value if self.quality.item(column) == _GOOD and value == value else None

    def _good_count(self, place: Place, quantity: Quantity) -> float | None:
        column = self.table.counter_index.get((place, quantity))
        if column is None or self.quality.item(len(self.table.gauges) + column) != _GOOD:
            return None
        count = self.counters.item(column)
        return None if count == UNKNOWN_COUNTER else float(count)

    def to_frame(self) -> Frame:
        """Return what goes out on the bus for this tick."""
        return Frame(
            table_id=self.table.table_id,
            sequence=self.tick,
            unix_ns=self.unix_ns,
            gauges=self.gauges.astype(np.float32),
            counters=self.counters,
            ages=ages_in_steps(self.taken_at, self.now),
            quality=self.quality,
        )

    def _reading(self, place: Place, quantity: Quantity, value: float | int | None, line: int) -> Reading:
        return Reading(place, quantity, value, Seconds(float(self.taken_at[line])), Quality(int(self.quality[line])))
