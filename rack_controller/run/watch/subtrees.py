"""What stands behind the endpoints of a rack, once a tick: facts gathered, a decision asked for, values marked.

The decision itself is `decide/liveness.py`; here are only the columns that belong to each subtree and what was there
before.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.ports.offered import offers
from firmware_bridge.ports.telemetry import Nesting, TelemetrySource
from firmware_bridge.vocabulary.errors import EndpointRefused
from firmware_bridge.vocabulary.place import Place, join_place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.subtree import Subtree
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.liveness import STALLED_AFTER, SubtreeFacts, decide_liveness, next_state
from rack_controller.model.layout import Layout
from rack_controller.model.liveness import Cause, Liveness, Presence, SubtreeState
from rack_controller.model.snapshot import EndpointState, Snapshot
from rack_controller.model.table import SeriesTable

# A part counts as live while its newest value is no more than this many periods older than the endpoint's newest
# answer: a BMC that hangs takes its board's values with it, and that is not the board's fault.
BEHIND_PERIODS = 1.5
GRACE = Seconds(3.0)  # s in which an endpoint that just came back may have read one class and not yet the other
LOOK_AGAIN_EVERY = Seconds(30.0)
_PART = re.compile(r"([a-z]+)\d+")
_WHOLE = frozenset({Presence.ABSENT, Presence.FROZEN})


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a subtree's values stand in one table: all lines, those of each part, those of all parts that are read most
    often."""

    subtree: Subtree
    lines: NDArray[np.intp]
    parts: Mapping[str, NDArray[np.intp]]
    quick: NDArray[np.intp]


@dataclass(slots=True)
class _Watched:
    """One endpoint with something behind it: what the generation plans, what was there, how it stands."""

    endpoint: Place
    name: str
    planned: Mapping[str, int]
    known: dict[str, int] = field(default_factory=dict)
    energy: dict[str, tuple[float | None, Seconds]] = field(default_factory=dict)  # part -> value, since
    columns: tuple[int, _Columns] | None = None
    state: SubtreeState | None = None
    looked_again: Seconds | None = None


class Subtrees:
    """The subtrees of one rack; those the generation names.  `sources` may change: endpoints join while it runs."""

    def __init__(
        self, layout: Layout, sources: Mapping[Place, TelemetrySource], periods: Mapping[ReadingClass, Seconds]
    ) -> None:
        self._sources, self._periods = sources, periods
        self._watched = [
            _Watched(Place(e.place), e.subtree, {c.name: c.count for c in t.components if c.name in e.subtree_parts})
            for t in layout.trays
            for e in t.endpoints
            if e.subtree is not None
        ]
        self._table_id = -1
        self._ages: NDArray[np.float64] = np.empty(0)

    def judge(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot with every subtree's state, and with no value of a missed one marked as good."""
        if not self._watched:
            return snapshot
        if snapshot.table.table_id != self._table_id:
            self._table_id = snapshot.table.table_id
            self._ages = np.array([BEHIND_PERIODS * self._periods[s.reading_class] for s in snapshot.table.series])
        quality = snapshot.quality.copy()
        # Until when each line's number is as new as an answer of its endpoint; a line without a number never is.
        numbers = (quality == Quality.GOOD) | (quality == Quality.STALE)
        until = np.where(numbers, snapshot.taken_at + self._ages, -np.inf)
        endpoints = dict(snapshot.endpoints)
        for watched in self._watched:
            state = endpoints.get(watched.endpoint)
            if state is None or not offers(self._sources.get(watched.endpoint), Nesting):
                continue
            columns = self._columns(watched, snapshot.table)
            found = decide_liveness(self._facts(watched, columns, state, snapshot, until))
            watched.state = next_state(watched.state, watched.name, found, snapshot.now)
            endpoints[watched.endpoint] = replace(state, subtree=watched.state)
            _mark(quality, columns, found)
        quality.flags.writeable = False
        return replace(snapshot, quality=quality, endpoints=endpoints)

    def to_look_at_again(self, now: Seconds) -> Iterable[Place]:
        """Yield the endpoints that list less than they should: meeting them anew shows whether it came back."""
        for watched in self._watched:
            shrunk = watched.state is not None and watched.state.liveness.cause is Cause.SHRUNK
            if shrunk and (watched.looked_again is None or now - watched.looked_again >= LOOK_AGAIN_EVERY):
                watched.looked_again = now
                yield watched.endpoint

    def _columns(self, watched: _Watched, table: SeriesTable) -> _Columns:
        """Return where the subtree's values stand; worked out anew when the table or the endpoint's plan changed."""
        source = self._sources[watched.endpoint]
        subtree = (source.subtree if offers(source, Nesting) else None) or Subtree()
        if watched.columns is not None:
            table_id, known = watched.columns
            if table_id == table.table_id and known.subtree is subtree:
                return known
        split = len(table.gauges)
        parts: dict[str, list[int]] = {}
        lines = []
        for place, quantity in subtree.series:
            line = table.gauge_index.get((place, quantity))
            counter = table.counter_index.get((place, quantity)) if line is None else None
            at = line if line is not None else split + counter if counter is not None else None
            name = leaf_of(place)
            match = _PART.fullmatch(name)
            if match is not None and match[1] in watched.planned:
                parts.setdefault(name, []).extend([] if at is None else [at])
            lines += [] if at is None else [at]
        of_parts = _indices([line for at in parts.values() for line in at])
        ages = self._ages[of_parts]
        quick = of_parts[ages == ages.min()] if ages.size else of_parts
        made = _Columns(subtree, _indices(lines), {name: _indices(at) for name, at in parts.items()}, quick)
        watched.columns = (table.table_id, made)
        return made

    def _facts(
        self, watched: _Watched, columns: _Columns, state: EndpointState, snapshot: Snapshot, until: NDArray[np.float64]
    ) -> SubtreeFacts:
        parts, heard = columns.parts, state.last_success if state.last_success is not None else snapshot.now
        just_back = snapshot.now - state.since <= GRACE
        unread = frozenset(
            p for p, at in parts.items() if _unread(snapshot.taken_at[at], state.since if just_back else None)
        )
        faults = [e for u, e in self._sources[watched.endpoint].faults.items() if columns.subtree.holds(u)]
        live = frozenset(p for p, at in parts.items() if bool((until[at] >= heard).any()))
        if any(isinstance(e, EndpointRefused) for e in faults) and _all_missing(snapshot.quality[columns.quick]):
            live = frozenset()  # it answers errors: what is read seldom is of before, however young it is
        for name in live:
            kind = name.rstrip("0123456789")
            watched.known[kind] = max(watched.known.get(kind, 0), int(name[len(kind) :]) + 1)
        return SubtreeFacts(
            name=watched.name,
            management=state.management,
            power=state.state,
            planned=watched.planned if state.last_success is not None else {},
            known=watched.known,
            listed=frozenset(parts),
            unread=unread - live,
            live=live,
            dark=frozenset(p for p in live if _reads(snapshot, watched.endpoint, p, Quantity.NVLINKS_UP) == 0),
            stalled=frozenset(p for p in live if self._stalled(watched, p, snapshot)),
            sensors=len(columns.lines),
            good=int(np.count_nonzero(until[columns.lines] >= heard)),
            refused=next((type(e).__name__ + _status(e) for e in faults), ""),
        )

    def _stalled(self, watched: _Watched, part: str, snapshot: Snapshot) -> bool:
        """Return whether a part's energy has stood still for long although it says that it draws power."""
        energy = _reads(snapshot, watched.endpoint, part, Quantity.ENERGY)
        power = _reads(snapshot, watched.endpoint, part, Quantity.POWER)
        value, since = watched.energy.get(part, (None, snapshot.now))
        if energy is None or energy != value or not power:
            value, since = energy, snapshot.now
        watched.energy[part] = (value, since)
        return snapshot.now - since >= STALLED_AFTER


def _all_missing(quality: NDArray[np.uint8]) -> bool:
    """Return whether all of these lines were asked for and not had; late is not missing."""
    return bool(quality.size) and bool((quality == Quality.MISSING).all())


def _unread(taken_at: NDArray[np.float64], since: Seconds | None) -> bool:
    """Return whether none of these lines was read yet, or, with `since`, none since then."""
    read = ~np.isnan(taken_at) if since is None else taken_at >= since
    return not bool(read.any())


def _reads(snapshot: Snapshot, endpoint: Place, part: str, quantity: Quantity) -> float | None:
    return snapshot.good(join_place(tray_of(endpoint), part), quantity)


def _mark(quality: NDArray[np.uint8], columns: _Columns, found: Liveness) -> None:
    """Mark what looks good and is not: all of a subtree that is gone or frozen, the lines of parts that are missing."""
    gone = [columns.lines] if found.presence in _WHOLE else []
    if found.presence is Presence.PARTIAL and found.cause is not Cause.DARK:
        gone = [columns.parts[name] for name in found.missing if name in columns.parts]
    for lines in gone:
        good = lines[quality[lines] == Quality.GOOD]
        quality[good] = Quality.FLAGGED


def _indices(lines: list[int]) -> NDArray[np.intp]:
    return np.array(sorted(lines), dtype=np.intp)


def _status(error: Exception) -> str:
    status = getattr(error, "status", None)
    return f" {status}" if status else ""
