"""A rig of one real rack: what the product can do itself it does by its own verbs, the rest people are asked for.

Where a stimulus needs hands, a person is told what to do, and the run goes on when readings show that it was done, or
when somebody says so; when neither comes in time, that is an error of the step and no skip.  On an emulated rack the
emulator stands in for hands.  What is done is written down with what undoes it before it is done.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from firmware_bridge.plant.trace import LoadTrace, node_power
from firmware_bridge.vocabulary.errors import CommandRefused
from rack_controller.acceptance.rig import Act
from rack_controller.acceptance.undo import UndoBook
from rack_controller.acceptance.watch import Unwatched, Watch
from rack_controller.prove.accept.evidence import Evidence, FactValue, FloorRecord, Phase, Series
from rack_controller.prove.accept.parts import Parts

Facts = Mapping[str, Mapping[str, FactValue]]
RENAMED = {
    "leak.leak": "leak.state",
    "fan.fan_speed": "fan.speed",
    "pump.pump_speed": "pump.speed",
    "psu.rotation": "psu.fan_speed",
}
"""Readings whose series a plan calls otherwise than kind and quantity."""
_UNDO = {
    "pull": "restore",
    "stop": "start",
    "wet": "dry",
    "cap": "uncap",
    "load": "unload",
    "cycle_ac": "power_on",
}
_AGAIN = frozenset({*_UNDO.values()}) - {"unload", "uncap", "power_on"}
"""What undoes something that was done to one part."""


Row = tuple[float, dict[str, dict[str, float]]]
"""When it was read, and the values by series and place."""


@dataclass(frozen=True, slots=True)
class Read:
    """One reading: place below the rack, quantity, value (None: unknown) and unit."""

    place: str
    quantity: str
    value: float | None
    unit: str


class Product(Protocol):
    """What a live rig reads of the running product."""

    def readings(self) -> Sequence[Read]:
        """Return every reading of the rack as it is now."""
        ...

    def facts(self, wanted: Collection[str]) -> Facts:
        """Return what its parts say of themselves, by place below the rack; only what is wanted is asked for anew."""
        ...

    def built(self) -> Facts:
        """Return its as-built records, none when none were handed in."""
        ...


class Doer(Protocol):
    """Somebody or something that gives stimuli: the product, an emulator, people."""

    def can(self, act: Act, kind: str) -> bool:
        """Return whether it can do this to a part of a kind (empty: to the rack, or not known yet)."""
        ...

    def do(self, act: Act, kind: str) -> float:
        """Do it, wait until it is done, and return what was asked for, NaN for no number.

        Raises an error of the tree with the reason when it is refused or does not come about.
        """
        ...


@dataclass(frozen=True, slots=True)
class Now:
    """How time passes and is read: `sleep` waits so many seconds; `clock` counts seconds since the run began."""

    sleep: Callable[[float], None]
    clock: Callable[[], float]


class LiveRig:
    """One real rack under `parts` of its generation."""

    def __init__(
        self,
        name: str,
        parts: Parts,
        product: Product,
        doers: Sequence[Doer],
        now: Now,
        *,
        records: tuple[FloorRecord, ...] = (),
        book: UndoBook | None = None,
        watch: Watch | None = None,
        trace: LoadTrace | None = None,
    ) -> None:
        """`doers`: who is asked first stands first; `records`: what the floor handed in; `trace`: the recorded load.

        Nothing is read before it is asked for.
        """
        self.racks: tuple[str, ...] = (name,)
        self.parts = parts
        self._product, self._doers, self._now, self._records = product, doers, now, records
        self._book, self._watch, self._trace = book or UndoBook(), watch or Unwatched(), trace
        self._rows: list[Row] = []
        self._units: dict[str, str] = {}
        self._told: dict[str, dict[str, FactValue]] = {}
        self._traced_from, self._scale = float("nan"), 1.0

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return self._now.clock()

    def can(self, verb: str) -> bool:
        """Return whether somebody can give this stimulus."""
        if verb == "trace":
            return self._trace is not None and self.can("load")
        return verb == "rest" or any(d.can(Act(verb), "") for d in self._doers)

    def act(self, act: Act) -> float:
        """Have it done, and what undoes it written down before.  Raises with the reason when it is refused."""
        self._traced_from = float("nan") if act.verb in {"rest", "load"} else self._traced_from
        if act.verb == "rest":
            self._rest()
            return float("nan")
        if act.verb == "trace":
            self._traced_from, self._scale = self.now, act.value
            return float("nan")
        kind = self.parts.kind_of(act.place) if act.place else ""
        if act.verb in _UNDO:
            self._book.owe(Act(_UNDO[act.verb], act.place))
        value = self._have(act, kind)
        if act.verb in _AGAIN:
            self._book.settle(act)
        return value

    def run(self, seconds: float, every: float, kinds: frozenset[str]) -> None:
        """Let real time pass; one row of readings every so many seconds."""
        end = self.now + seconds
        while self.now < end:
            began = self.now
            if self._traced_from == self._traced_from:
                self._follow_trace()
            if kinds:
                self._rows.append((began, {n: v for n, v in self._look().items() if n.partition(".")[0] in kinds}))
            self._now.sleep(max(min(every - (self.now - began), end - self.now), 0.0))

    def recent(self, names: Collection[str], rows: int) -> list[Evidence]:
        """Return the last rows of some series."""
        return [Evidence(self.racks[0], self._series(self._rows[-rows:], set(names)))]

    def collect(self, phases: Sequence[Phase], told: Collection[str] = ()) -> list[Evidence]:
        """Return what was recorded, with facts, as-built and floor records."""
        rows, self._rows = self._rows, []
        series = self._series(rows, {name for _, row in rows for name in row})
        facts = {place: dict(said) for place, said in self._product.facts(told).items()}
        for place, said in self._told.items():
            facts.setdefault(place, {}).update(said)
        built = self._product.built() if told else {}
        return [Evidence(self.racks[0], series, tuple(phases), facts, built, {}, self._records)]

    def _series(self, rows: Sequence[Row], names: Collection[str]) -> dict[str, Series]:
        times = np.array([t for t, _ in rows])
        found: dict[str, Series] = {}
        for name in sorted(names):
            places = self.parts.of(name.partition(".")[0])
            if any(name in row for _, row in rows):
                values = np.array([[row.get(name, {}).get(p, np.nan) for p in places] for _, row in rows])
                found[name] = Series(name, self._units.get(name, ""), places, times, values)
        return found

    def _rest(self) -> None:
        for act in self._book.owed():
            self._have(act, self.parts.kind_of(act.place) if act.place else "")
            self._book.settle(act)

    def _have(self, act: Act, kind: str) -> float:
        for doer in self._doers:
            if doer.can(act, kind):
                return doer.do(act, kind)
        raise CommandRefused(f"nobody can {act.verb} {act.place or 'the rack'}", advice="correct the plan")

    def _follow_trace(self) -> None:
        assert self._trace is not None
        nodes = node_power(self._trace, self.now - self._traced_from)
        share = float(np.clip(nodes.mean() / max(float(self._trace.watts.max()), 1.0), 0.0, 1.0))
        self._book.owe(Act("unload"))
        self._have(Act("load", value=round(share * self._scale, 3)), "")

    def _look(self) -> dict[str, dict[str, float]]:
        found, units = by_series(self._product.readings(), self.parts)
        self._units.update(units)
        return found

    def tell(self, place: str, fact: str, value: FactValue) -> None:
        """Add a fact that a stimulus brought to light."""
        self._told.setdefault(place, {})[fact] = value


def by_series(reads: Sequence[Read], parts: Parts) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Return readings by series and place, and the unit of each series; what is at no place of the rack is nobody's."""
    found: dict[str, dict[str, float]] = {}
    units: dict[str, str] = {}
    for read in reads:
        kind = parts.kind_of(read.place)
        if kind:
            name = RENAMED.get(f"{kind}.{read.quantity}", f"{kind}.{read.quantity}")
            units[name] = read.unit
            found.setdefault(name, {})[read.place] = float("nan") if read.value is None else float(read.value)
    return found, units
