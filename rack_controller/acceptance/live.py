"""A rig of one real rack: readings of the running product, and people who do what only people can.

Where a stimulus needs hands, a person is told what to do, and the run goes on when the readings show that it was done,
or when the time for it has passed: judging what then is there is the plan's business.  It writes nothing to the rack.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rack_controller.acceptance.rig import Act
from rack_controller.prove.accept.evidence import Evidence, FactValue, FloorRecord, Phase, Series
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.robust import centre

Facts = Mapping[str, Mapping[str, FactValue]]
RENAMED = {
    "leak.leak": "leak.state",
    "fan.fan_speed": "fan.speed",
    "pump.pump_speed": "pump.speed",
    "psu.rotation": "psu.fan_speed",
    "port.link": "port.link",
    "port.symbol_errors": "port.symbol_errors",
    "port.link_downed": "port.link_downed",
}
"""Readings whose series a plan calls otherwise than kind and quantity."""
LOOK_S = 0.5
_GONE, _BACK = 0.2, 0.5
"""Shares of what a part showed before: below it is gone, above it is back."""
_NEAR = 0.15
_POWERED = ("psu", "shelf", "tray", "pump")


@dataclass(frozen=True, slots=True)
class Read:
    """One reading: place below the rack, quantity, value (None: unknown) and unit."""

    place: str
    quantity: str
    value: float | None
    unit: str


class Product(Protocol):
    """What a live rig asks of the running product."""

    def readings(self) -> Sequence[Read]:
        """Return every reading of the rack as it is now."""
        ...

    def facts(self) -> Facts:
        """Return what its parts say of themselves, by place below the rack."""
        ...

    def built(self) -> Facts:
        """Return its as-built records, none when none were handed in."""
        ...


@dataclass(frozen=True, slots=True)
class Hands:
    """How people are told, time passes and is read: `tell` says what to do, `sleep` waits so many seconds."""

    tell: Callable[[str], None]
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    patience_s: float = 600.0


class LiveRig:
    """One real rack under `parts` of its generation; `records` are what the floor handed in."""

    def __init__(
        self, name: str, parts: Parts, product: Product, hands: Hands, records: tuple[FloorRecord, ...] = ()
    ) -> None:
        """Nothing is read before it is asked for."""
        self.racks: tuple[str, ...] = (name,)
        self.parts = parts
        self._product, self._hands, self._records = product, hands, records
        self._began = hands.clock()
        self._rows: list[tuple[float, dict[str, dict[str, float]]]] = []
        self._units: dict[str, str] = {}
        self._undone: list[Act] = []

    @property
    def now(self) -> float:
        """Seconds since the rig began."""
        return self._hands.clock() - self._began

    def can(self, verb: str) -> bool:
        """Return whether this stimulus can be given: by people, and what they can see to it that it was done."""
        return verb in _TASKS or verb == "rest"

    def act(self, act: Act) -> float:
        """Have people do it and wait until it shows, at most as long as they are given."""
        if act.verb == "rest":
            for undo in reversed(self._undone):
                self._have(undo)
            self._undone.clear()
            return float("nan")
        self._undone = [u for u in self._undone if (u.verb, u.place) != (act.verb, act.place)]
        self._have(act)
        if act.verb in _UNDO:
            self._undone.append(Act(_UNDO[act.verb], act.place))
        return float("nan")

    def run(self, seconds: float, every: float, kinds: frozenset[str]) -> None:
        """Let real time pass; one row of readings every so many seconds."""
        end = self.now + seconds
        while self.now < end:
            began = self.now
            if kinds:
                self._rows.append((began, {n: v for n, v in self._look().items() if n.partition(".")[0] in kinds}))
            self._hands.sleep(max(min(every - (self.now - began), end - self.now), 0.0))

    def collect(self, phases: Sequence[Phase]) -> list[Evidence]:
        """Return what was recorded, with facts, as-built and floor records."""
        times = np.array([t for t, _ in self._rows])
        names = {name for _, row in self._rows for name in row}
        series: dict[str, Series] = {}
        for name in sorted(names):
            places = self.parts.of(name.partition(".")[0])
            values = np.array([[row.get(name, {}).get(p, np.nan) for p in places] for _, row in self._rows])
            series[name] = Series(name, self._units.get(name, ""), places, times, values)
        self._rows = []
        facts, built = self._product.facts(), self._product.built()
        return [Evidence(self.racks[0], series, tuple(phases), facts, built, {}, self._records)]

    def _look(self) -> dict[str, dict[str, float]]:
        """Return what is read now by series and place."""
        found: dict[str, dict[str, float]] = {}
        for read in self._product.readings():
            kind = self.parts.kind_of(read.place)
            if not kind:
                continue
            name = RENAMED.get(f"{kind}.{read.quantity}", f"{kind}.{read.quantity}")
            self._units[name] = read.unit
            found.setdefault(name, {})[read.place] = float("nan") if read.value is None else float(read.value)
        return found

    def _have(self, act: Act) -> None:
        before = self._look()
        self._hands.tell(_TASKS[act.verb].format(place=act.place, percent=100.0 * act.value))
        until = self._hands.clock() + self._hands.patience_s
        while not self._shows(act, before, self._look()):
            if self._hands.clock() >= until:
                self._hands.tell(f"{act.place or 'the rack'}: nothing was seen of it, going on")
                return
            self._hands.sleep(LOOK_S)

    def _shows(self, act: Act, before: dict[str, dict[str, float]], now: dict[str, dict[str, float]]) -> bool:
        if act.verb == "load":
            design = self.parts.design
            want = design.gpu_idle + act.value * (design.gpu_max - design.gpu_idle)
            drawn = centre(np.array(list(now.get("gpu.power", {}).values())))
            return bool(abs(drawn - want) <= _NEAR * want)
        if act.verb in {"wet", "dry"}:
            return (now.get("leak.state", {}).get(act.place, 0.0) > 0.5) == (act.verb == "wet")
        name = self._tells(act.place)
        had, has = before.get(name, {}).get(act.place, np.nan), now.get(name, {}).get(act.place, np.nan)
        if act.verb in {"pull", "stop"}:
            return not has > _GONE * had
        full = centre(np.array(list(now.get(name, {}).values())))
        return bool(has > _BACK * full)

    def _tells(self, place: str) -> str:
        """Return the series that shows whether a part works."""
        kind = self.parts.kind_of(place)
        return "pump.speed" if kind == "pump" else f"{kind}.power"


_TASKS = {
    "pull": "pull {place}, or switch it off",
    "restore": "put {place} back, or switch it on",
    "stop": "stop {place}",
    "start": "start {place}",
    "wet": "wet the leak detector {place}",
    "dry": "dry the leak detector {place}",
    "load": "bring every GPU to {percent:.0f} % of its load",
}
_UNDO = {"pull": "restore", "stop": "start", "wet": "dry"}
