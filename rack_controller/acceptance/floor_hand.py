"""What the test floor hands in of a live rack: asked of people where a step needs it, waited for, laid beside it.

Records (torque, ground bond, …), facts that they tell, readings that instruments logged.  What does not come in time
stays unknown, and is an error of the measure.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np

from rack_controller.acceptance.floor import facts_of
from rack_controller.acceptance.floor_log import Column, FloorLogs, Used, on_times
from rack_controller.acceptance.watch import NS, Watch
from rack_controller.prove.accept.evidence import Array, FactValue, FloorRecord, Phase, Series
from rack_controller.prove.accept.floor import Check, Checks
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.reaction import BEFORE_S

HOLD_S, LOOK_S = 3.0, 1.0
"""How long a reading counts at least, and how often it is looked for."""


class Instruments(Protocol):
    """Instruments that can be asked while a run goes on, as those at an emulated rack can."""

    def look(self, at: float, kinds: Collection[str], read: Collection[str]) -> None:
        """Take down what they show at `at`, s of the run, at parts of these kinds, but for series that were `read`."""
        ...

    def hand_in(self, names: Collection[str]) -> None:
        """Hand in what was taken down of series; the rest is forgotten."""
        ...


@dataclass
class FloorHand:
    """`noted` returns the rack's records as they are now; `began_unix_ns`: when the run's clock stood at 0.

    `said`: whether somebody said since then that all is handed in; `ask` is told beside the run's folder.
    `instruments`: those that log by themselves.
    """

    noted: Callable[[], tuple[FloorRecord, ...]]
    logs: FloorLogs
    checks: Checks
    parts: Parts
    watch: Watch
    began_unix_ns: int
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    said: Callable[[float], bool] = lambda since: False
    ask: Callable[[str], None] = lambda text: None
    patience_s: float = 1800.0
    instruments: Instruments | None = None
    used: dict[tuple[str, str, str], Used] = field(default_factory=dict)

    @property
    def tells(self) -> frozenset[str]:
        """Return the checks, and the facts that their records tell."""
        return frozenset(self.checks.checks) | self.checks.facts

    def records(self, told: Collection[str], facts: Collection[str]) -> tuple[FloorRecord, ...]:
        """Return the rack's records; wait for the checks that are judged and, of facts that nobody else tells, theirs.

        `told`: names of facts and checks that are judged; `facts`: those of them that the rack tells itself, by name
        and by kind of part and name (`gpu.firmware`).  `told` has the latter too where facts are judged of one kind.
        """
        missed = set(told) - set(facts)

        def wanted(kind: str, name: str) -> bool:
            kinds = {n.partition(".")[0] for n in told if n.endswith(f".{name}")}
            return name in told and bool(not kinds or kinds & {kind, "*"})

        def silent(check: Check) -> bool:
            told_of = [(n, f"{at}.{n}") for n in check.told for at in check.at if self.parts.of(at) and wanted(at, n)]
            return any(n in missed or by_kind not in facts for n, by_kind in told_of)

        checks = {k: c for k, c in self.checks.checks.items() if any(self.parts.of(at) for at in c.at)}
        kinds = [k for k, c in checks.items() if k in missed or (c.facts and silent(c))]

        def lacks() -> str:
            here = {r.kind for r in self.noted()}
            gone = [checks[k].title for k in kinds if k not in here]
            return f"hand in what was measured: {', '.join(gone)}" if gone else ""

        self._wait("the floor's records", lacks)
        return self.noted()

    def facts(self, records: Sequence[FloorRecord]) -> Mapping[str, Mapping[str, FactValue]]:
        """Return what records tell of parts as facts, by place."""
        return facts_of(records, self.checks)

    def look(self, at: float, kinds: Collection[str], read: Collection[str]) -> None:
        """Take down what instruments that log by themselves show at `at`, but for series that were `read`."""
        if self.instruments is not None:
            self.instruments.look(at, kinds, read)

    def series(
        self, wanted: Collection[str], phases: Sequence[Phase], times: Array, also: Collection[str] = ()
    ) -> dict[str, Series]:
        """Return what was logged of these series during phases, at `times` (N,) of the run's clock; wait for it.

        `also`: series that are not worth waiting for.
        """
        if self.instruments is not None:
            self.instruments.hand_in({*wanted, *also})
        instruments = self.checks.instruments
        known = sorted(n for n in {*wanted, *also} if n in instruments and self.parts.of(n.partition(".")[0]))
        names = [n for n in known if n in wanted]
        if not known or not phases:
            return {}
        since, until = self._unix(min(p.since for p in phases) - BEFORE_S), self._unix(max(p.end for p in phases))
        between = " to ".join(time.strftime("%H:%M:%S", time.gmtime(t)) for t in (since, until))

        def lacks() -> str:
            found, _ = self.logs.during(since, until, names)
            gone = [n for n in names if not all(self._covers(found.get(n, {}), p) for p in phases)]
            titles = "; ".join(f"{instruments[n].title} ({n})" for n in gone)
            return f"hand in what the instruments logged from {between} UTC: {titles}" if gone else ""

        self._wait("what the floor's instruments logged", lacks)
        found, used = self.logs.during(since, until, known)
        self._note(used)
        return {n: self._series(n, found[n], times) for n in known if n in found}

    def _wait(self, what: str, lacks: Callable[[], str]) -> None:
        """Ask for what lacks until nothing does, somebody says that it is all, or time is up."""
        began, asked = self.clock(), ""
        while text := lacks():
            if self.said(began) or self.watch.stop() or self.clock() - began >= self.patience_s:
                return
            if text != asked:
                self.watch.waits(what, asks=text, within_s=self.patience_s)
                self.ask(text)
                asked = text
            self.sleep(LOOK_S)

    def _covers(self, places: Mapping[str, Column], phase: Phase) -> bool:
        """Return whether anything was logged of a series in a phase; which place is silent is the judges' to say."""
        begin, end = self._unix(phase.begin), self._unix(phase.end)
        return any(bool(((at >= begin) & (at <= end)).any()) for at, _ in places.values())

    def _series(self, name: str, columns: Mapping[str, Column], times: Array) -> Series:
        places = self.parts.of(name.partition(".")[0])
        here = {p: (at - self.began_unix_ns / NS, said) for p, (at, said) in columns.items()}
        if not len(times):
            times = np.unique(np.concatenate([at for at, _ in here.values()]))
        return Series(name, self.checks.instruments[name].unit, places, times, on_times(here, places, times, HOLD_S))

    def _note(self, used: Sequence[Used]) -> None:
        for one in used:
            key = (one.series, one.tester, one.file_sha256)
            before = self.used.get(key)
            count = one.readings + (0 if before is None else before.readings)
            self.used[key] = msgspec.structs.replace(one, readings=count)

    def _unix(self, run_s: float) -> float:
        return self.began_unix_ns / NS + run_s
