"""What judges are given: readings by place over a window, facts, floor records.  Pure; nothing of what made them.

A place is named below its rack (`u11/gpu2`).  A series is called by the kind of part and the quantity: `gpu.power`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
FactValue = str | float | bool | None


@dataclass(frozen=True, slots=True)
class Series:
    """Readings of one quantity: `values` (N, P) in `unit` at `times` (N,) s, NaN where nothing was read."""

    name: str
    unit: str
    places: tuple[str, ...]
    times: Array
    values: Array

    def during(self, phase: "Phase") -> "Series":
        """Return what was read in a phase."""
        inside = (self.times > phase.begin) & (self.times <= phase.end)
        return Series(self.name, self.unit, self.places, self.times[inside], self.values[inside])

    def index(self, place: str) -> int:
        """Return the column of a place, -1 when it has none."""
        return self.places.index(place) if place in self.places else -1


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time under one stimulus that was applied at `since`, s, and had time to settle until `begin`.

    `place` is the part that it was done to, empty where it was the rack; `value` what was asked for, where it is a
    number (a limit in W).
    """

    name: str
    since: float
    begin: float
    end: float
    place: str = ""
    value: float = float("nan")


@dataclass(frozen=True, slots=True)
class FloorRecord:
    """What a person or a tester on the floor noted of a place: one kind of check with its numbers.

    `tester` and `calibrated_until` (ISO date) say with what it was measured, `on` (ISO date) when.
    """

    kind: str
    place: str
    numbers: Mapping[str, float]
    tester: str
    calibrated_until: str
    on: str
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One rack during one step.

    `facts`: by place, then by name, what the rack says of itself.  `built`: the same of the as-built records.
    `baseline`: by kind of part and fact, what a generation's baseline wants.  `domain`: the racks under test that share
    its NVLink domain, itself among them, in order.
    """

    rack: str
    series: Mapping[str, Series] = field(default_factory=dict)
    phases: tuple[Phase, ...] = ()
    facts: Mapping[str, Mapping[str, FactValue]] = field(default_factory=dict)
    built: Mapping[str, Mapping[str, FactValue]] = field(default_factory=dict)
    baseline: Mapping[str, Mapping[str, FactValue]] = field(default_factory=dict)
    records: tuple[FloorRecord, ...] = ()
    domain: tuple[str, ...] = ()

    def phases_called(self, name: str) -> tuple[Phase, ...]:
        """Return every phase of this name, one for each part that it was done to."""
        return tuple(p for p in self.phases if p.name == name)

    def facts_called(self, name: str) -> Iterator[tuple[str, FactValue]]:
        """Return place and value of one fact."""
        return ((place, said[name]) for place, said in self.facts.items() if name in said)

    def serial(self, place: str) -> str:
        """Return the serial number found at a place, of its tray where the part tells none, else empty."""
        while place:
            said = self.facts.get(place, {}).get("serial")
            if said:
                return str(said)
            place = place.rpartition("/")[0]
        return ""
