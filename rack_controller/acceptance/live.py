"""A rig of one real rack: what the product can do itself it does by its own verbs, the rest people are asked for.

Where a stimulus needs hands, a person is told what to do, and the run goes on when readings show that it was done, or
when somebody says so; when neither comes in time, that is an error of the step and no skip.  On an emulated rack the
emulator stands in for hands.  What is done is written down with what undoes it before it is done.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from firmware_bridge.plant.design import design_of
from firmware_bridge.plant.trace import LoadTrace, node_power
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, CommandRefused, PreconditionFailed, RackwrightError
from firmware_bridge.vocabulary.generation import Generation
from rack_controller.acceptance.called import Called, Names, read_calls
from rack_controller.acceptance.drive import AWAY
from rack_controller.acceptance.heard import Heard, in_words
from rack_controller.acceptance.rig import BUILT, Act
from rack_controller.acceptance.undo import UndoBook
from rack_controller.acceptance.watch import Unwatched, Watch
from rack_controller.prove.accept.evidence import Array, Evidence, FactValue, FloorRecord, Phase, Series
from rack_controller.prove.accept.parts import Parts, parts_of
from rack_controller.prove.accept.plan import Plan
from rack_controller.prove.accept.safety import unsafe

Facts = Mapping[str, Mapping[str, FactValue]]
_UNDO = {
    "pull": "restore",
    "stop": "start",
    "wet": "dry",
    "cap": "uncap",
    "load": "unload",
    "load_one": "unload",
    "cycle_ac": "power_on",
    "facility": "facility_usual",
}
UNDOES = frozenset(_UNDO.values())
"""What undoes something."""
_AGAIN = frozenset({"restore", "start", "dry"})
"""What undoes something that was done to one part."""
TAKEN_BACK = {verb: undo for verb, undo in _UNDO.items() if undo in _AGAIN}
"""What is done to one part, and what undoes it."""

_STANDS = frozenset({"load", "cap"})
"""What goes on until something else is asked for."""
GLANCES_S = 15.0
"""Looks beside the rows that lie further apart do not follow each other."""
Row = tuple[float, dict[str, dict[str, float]]]
"""When it was read, and the values by series and place."""


@dataclass(frozen=True, slots=True)
class Read:
    """One reading: place below the rack, quantity, value (None: unknown), unit, and how long ago it was read, s.

    `reading_class`: how often it is read (`ReadingClass`), empty where that is not known.
    """

    place: str
    quantity: str
    value: float | None
    unit: str
    age_s: float = 0.0
    reading_class: str = ""


FACTS = frozenset({"serial", "part", "firmware", "version", "clock_offset_s", "password", "slot", "isolates"})
"""Facts that the product tells of any rack (`Product.facts`, and `isolates` of its leak drill); of parts that tell
nothing the floor notes the same ones.  Settings of the rack's generation are told too."""


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


class Floor(Protocol):
    """What the test floor hands in of a rack while a run goes on.  `tells`: names that it alone tells of."""

    @property
    def tells(self) -> frozenset[str]:
        """Return the checks, and the facts that their records tell."""
        ...

    def series(
        self, wanted: Collection[str], phases: Sequence[Phase], times: Array, also: Collection[str] = ()
    ) -> Mapping[str, Series]:
        """Return what instruments logged of series in phases, at `times`; waits for it as long as that is worth, but
        for what is only wanted `also`."""
        ...

    def look(self, at: float, kinds: Collection[str], read: Collection[str]) -> None:
        """Take down what instruments show at `at` at parts of these kinds that this can ask by itself, but for series
        that were `read` of the rack."""
        ...

    def records(self, told: Collection[str], facts: Collection[str]) -> tuple[FloorRecord, ...]:
        """Return the records; waits for what is judged (`told`) and neither a record nor the rack (`facts`) tells."""
        ...

    def facts(self, records: Sequence[FloorRecord]) -> Mapping[str, Mapping[str, FactValue]]:
        """Return what records tell of parts as facts, by place."""
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
        book: UndoBook | None = None,
        watch: Watch | None = None,
        trace: LoadTrace | None = None,
        floor: Floor | None = None,
        plan: Plan | None = None,
    ) -> None:
        """`doers`: who is asked first stands first; `floor`: what was handed in; `trace`: the recorded load.
        `plan`: whose stop rules are looked at while something is waited for.

        Nothing is read before it is asked for.
        """
        self.racks: tuple[str, ...] = (name,)
        self.parts, self.names = parts, Names(parts)
        self._product, self._doers, self._now, self._floor = product, doers, now, floor
        self._book, self._watch, self._trace = book or UndoBook(), watch or Unwatched(), trace
        self._rows: list[Row] = []
        self._units: dict[str, str] = {}
        self._told: dict[str, dict[str, FactValue]] = {}
        self._traced_from, self._scale = float("nan"), 1.0
        self._acted_at, self._standing = float("-inf"), dict[str, Act]()
        self._heard, self._kinds = Heard(), frozenset[str]()
        self._plan, self._glances = plan, list[Row]()

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
        self._traced_from = float("nan") if act.verb in {"rest", "load", "load_one"} else self._traced_from
        if act.verb == "rest":
            self._standing.clear()
            self._rest()
            return float("nan")
        if act.verb == "trace":
            self._traced_from, self._scale = self.now, act.value
            return float("nan")
        kind = self.parts.kind_of(act.place) if act.place else ""
        undo = Act(_UNDO[act.verb], "" if act.verb == "load_one" else act.place) if act.verb in _UNDO else None
        if undo is not None:
            self._book.owe(undo)
        try:
            value = self._have(act, kind)
        except (ArgumentsInvalid, PreconditionFailed):
            if undo is not None and act.place:
                self._book.settle(undo)  # it was refused before anything was done
            raise
        # What stands already is no stimulus: readings from before it are as good as those after.
        if self._standing.get(act.verb) != act:
            self._acted_at = self.now
        if act.verb == "load_one":
            self._standing.clear()
        elif act.verb in _STANDS:
            self._standing[act.verb] = act
        if act.verb in _AGAIN:
            self._book.settle(act)
        return value

    def run(self, seconds: float, every: float, kinds: frozenset[str]) -> None:
        """Let real time pass; one row of readings every so many seconds."""
        end = self.now + seconds
        while self.now < end:
            began = self.now
            self.read_row(began, kinds)
            self._now.sleep(max(min(every - (self.now - began), end - self.now), 0.0))

    def read_row(self, at: float, kinds: frozenset[str]) -> None:
        """Read one row, of the moment `at`, s, and have a trace go on; no kinds: nothing is read."""
        self._kinds = kinds
        if kinds:
            row = {n: v for n, v in self._look().items() if n.partition(".")[0] in kinds}
            self._rows.append((at, row))
            if self._floor is not None:
                self._floor.look(at, kinds, {n for n, said in row.items() if any(v == v for v in said.values())})
        if self._traced_from == self._traced_from:
            self._follow_trace()  # after the look: until the next one most parts are read under one load

    def look_out(self) -> str:
        """Read once while something is waited for; return which stop rule is broken, twice in a row, empty for none.

        What is read is recorded only where it breaks one: stretches of waiting are no evidence of a phase.
        """
        if self._plan is None or not self._plan.stop:
            return ""
        wanted, at = {rule.of for rule in self._plan.stop}, self.now
        row = {name: said for name, said in self._look().items() if name in wanted}
        self._glances = [g for g in self._glances if at - g[0] <= GLANCES_S] + [(at, row)]
        why = unsafe(self._plan, Evidence(self.racks[0], self._series(self._glances, wanted)))
        if why:
            self._rows = sorted([*self._rows, *self._glances], key=lambda r: r[0])
            self._glances = []
        return why

    def awaited(self, names: Collection[str] | None, since: float) -> str:
        """Return what is waited for until each place was read anew; what stays silent is given up in time."""
        if names is not None and not names:
            return ""
        if self._heard.looked < since:
            return "a reading of what is judged"
        if names is None:
            names = {n for n in self._heard.series if n.partition(".")[0] in self._kinds} - self.names.unlike
        late = self._heard.late(names, since)
        if late and self.now - since >= self._heard.patience_s(late):
            self._heard.give_up(late)
            return ""
        return in_words(late) if late else ""

    def recent(self, names: Collection[str], rows: int) -> list[Evidence]:
        """Return the last rows of some series."""
        return [Evidence(self.racks[0], self._series(self._rows[-rows:], set(names)))]

    def collect(
        self, phases: Sequence[Phase], told: Collection[str] = (), wanted: Collection[str] = ()
    ) -> list[Evidence]:
        """Return what was recorded, with facts, as-built and floor records; the floor is asked for what lacks."""
        rows = self._rows
        series = self._series(rows, {name for _, row in rows for name in row})
        built = self._product.built() if told else {}
        told = {n.removeprefix(BUILT) for n in told if built or not n.startswith(BUILT)}
        drilled = {name for said in self._told.values() for name in said}
        elsewhere = frozenset() if self._floor is None else self._floor.tells - FACTS
        asked = {n for n in told if "." not in n} - drilled - elsewhere
        facts = {place: dict(said) for place, said in self._product.facts(asked).items()}
        records: tuple[FloorRecord, ...] = ()
        if self._floor is not None:
            mute = {n for n, s in series.items() if not np.isfinite(s.values).any()}
            silent = {n for n in wanted if n not in series or n in mute}
            series |= self._floor.series(silent, phases, np.array([t for t, _ in rows]), mute - silent)
            kinds = {place: self.parts.kind_of(place) for place in facts}
            tells = {n for place, said in facts.items() for name in said for n in (name, f"{kinds[place]}.{name}")}
            records = self._floor.records(told, tells) if told else ()
            for place, noted in self._floor.facts(records).items():
                for name, value in noted.items():
                    facts.setdefault(place, {}).setdefault(name, value)
        for place, said in self._told.items():
            facts.setdefault(place, {}).update(said)
        if self._rows is not rows:  # what broke a stop rule meanwhile
            series |= self._series(self._rows, {name for _, row in self._rows for name in row})
        self._rows = []
        return [Evidence(self.racks[0], series, tuple(phases), facts, built, {}, records)]

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
        """Undo all that is owed, also what comes after something that is refused; limits hold until nothing loads."""
        refused: list[RackwrightError] = []
        for act in sorted(self._book.owed(), key=lambda a: a.verb == _UNDO["cap"]):
            try:
                self._have(act, self.parts.kind_of(act.place) if act.place else "")
            except AWAY:
                raise
            except RackwrightError as err:
                refused.append(err)
            else:
                self._book.settle(act)
        if len(refused) > 1:
            raise CommandRefused("; ".join(err.what for err in refused), advice=refused[0].advice)
        if refused:
            raise refused[0]

    def _have(self, act: Act, kind: str) -> float:
        """Have somebody do it: where a device offers no way to, the next one; no other refusal is gone round."""
        able = [doer for doer in self._doers if doer.can(act, kind)]
        for doer in able[:-1]:
            try:
                return doer.do(act, kind)
            except ArgumentsInvalid:
                continue
        if able:
            return able[-1].do(act, kind)
        raise CommandRefused(f"nobody can {act.verb} {act.place or 'the rack'}", advice="correct the plan")

    def _follow_trace(self) -> None:
        assert self._trace is not None
        nodes = node_power(self._trace, self.now - self._traced_from)
        share = float(np.clip(nodes.mean() / max(float(self._trace.watts.max()), 1.0), 0.0, 1.0))
        self._book.owe(Act("unload"))
        self._have(Act("load", value=round(share * self._scale, 3)), "")

    def _look(self) -> dict[str, dict[str, float]]:
        """Return what is read now, but for what was read before the last stimulus: that says nothing of it."""
        now = self.now
        since = now - self._acted_at
        called = _called(self._product.readings(), self.names)
        taken = {(n.series, n.place): None if r.value is None else now - r.age_s for r, n in called}
        self._heard.note(now, taken)
        found, units = _sorted([(r, n) for r, n in called if r.age_s <= since])
        self._units.update(units)
        return {name: said for name, said in found.items() if name not in self.names.unlike}

    def tell(self, place: str, fact: str, value: FactValue) -> None:
        """Add a fact that a stimulus brought to light."""
        self._told.setdefault(place, {})[fact] = value


def live_parts(generation: Generation) -> Parts:
    """Return the parts of a rack that runs."""
    return parts_of(generation, design_of(generation), read_calls().fans_per_tray)


def by_series(reads: Sequence[Read], names: Names) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Return readings by series and place, and the unit of each series; what is at no place of the rack is nobody's."""
    return _sorted(_called(reads, names))


def _called(reads: Sequence[Read], names: Names) -> list[tuple[Read, Called]]:
    """Return readings with what they are called; of two for one series and place the one that counts stands last."""
    called = [(read, name) for read in reads if (name := names.of(read.place, read.quantity)) is not None]
    return sorted(called, key=lambda c: c[1].listed)


def _sorted(called: Sequence[tuple[Read, Called]]) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    found: dict[str, dict[str, float]] = {}
    units: dict[str, str] = {}
    for read, name in called:
        units[name.series] = name.unit or read.unit
        found.setdefault(name.series, {})[name.place] = name.value_of(read.value)
    return found, units
