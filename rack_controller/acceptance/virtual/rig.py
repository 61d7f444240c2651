"""Racks in virtual time: the plant moves on as fast as it can, and only what instruments show is handed out.

Nobody sleeps.  Several racks of one design run in lockstep, each made differently, each with its own planted fault.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from firmware_bridge.plant.design import design_of
from firmware_bridge.plant.state import Conditions, initial_state
from firmware_bridge.plant.step import move_on
from firmware_bridge.plant.trace import LoadTrace, node_power
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import Generation
from rack_controller.acceptance.rig import Act
from rack_controller.acceptance.virtual.made import make, plant
from rack_controller.acceptance.virtual.occasions import Occasions
from rack_controller.acceptance.virtual.papers import Papers
from rack_controller.acceptance.virtual.recipe import Planted, Recipe
from rack_controller.acceptance.virtual.sensors import Sensors
from rack_controller.acceptance.virtual.truth import Moment, Truth
from rack_controller.prove.accept.evidence import Array, Evidence, FactValue, Phase, Series
from rack_controller.prove.accept.parts import parts_of

MOST_DT_S = 1.0
COUNT_S = 10.0
RESTART_S = 8.0  # assumption: a restarted controller reads again after so long
REACTION_S = 1.0  # assumption: a wet detector's tray is off after so long


class VirtualRig:
    """A rig of R virtual racks of one generation; a rig with the same arguments shows the same for ever."""

    def __init__(
        self,
        generation: Generation,
        recipe: Recipe,
        names: Sequence[str],
        seed: int = 0,
        faults: Sequence[Planted | None] = (),
        trace: LoadTrace | None = None,
    ) -> None:
        """`faults`: planted one a rack, none where it is None or the list ends.  `trace`: the recorded load."""
        design = design_of(generation)
        self.racks: tuple[str, ...] = tuple(names)
        self.parts = parts_of(generation, design, recipe.fans_per_tray)
        faults = tuple(faults) + (None,) * (len(self.racks) - len(faults))
        self._design, self._recipe, self._trace = design, recipe, trace
        self._made = make(self.parts, recipe, len(self.racks), seed)
        plant(self._made, faults)
        self._occasions = Occasions(self._made, faults)
        self._sensors = Sensors(self.parts, recipe, len(self.racks), seed, faults, self._occasions.in_force)
        self._papers = Papers(self._made, recipe, self.racks, seed, faults, self._occasions.in_force)
        self._truth, self._at = Truth(self._made, recipe), Moment(self._made)
        self._state = initial_state(design, len(self.racks))
        self._conditions = Conditions.healthy(design, len(self.racks))
        self._dice = np.random.default_rng((seed, 4))
        self._rows: list[tuple[float, dict[str, Array]]] = []
        self._tracing, self._blind_until, self._drilled, self._cycled = False, -1.0, -1.0, -1.0
        self._isolated: list[dict[str, bool]] = [{} for _ in self.racks]
        self._capped_at, self._scale = -1e9, 1.0
        self._clock = self._traced_from = self._uncounted = 0.0
        self._touch()

    @property
    def now(self) -> float:
        """Virtual seconds since the rig began."""
        return self._clock

    def can(self, verb: str) -> bool:
        """Return whether this stimulus can be given."""
        return verb in _VERBS and (verb != "trace" or self._trace is not None)

    def act(self, act: Act) -> float:
        """Give a stimulus to every rack.  Raises ConfigurationError for a place that they do not have."""
        value = _VERBS[act.verb](self, act)
        self._occasions.given(act.verb, act.place, self._clock)
        self._touch()
        return float("nan") if value is None else value

    def run(self, seconds: float, every: float, kinds: frozenset[str]) -> None:
        """Let virtual time pass; one row of what instruments show every so many seconds."""
        end = self._clock + seconds
        sampled = self._clock
        while self._clock < end - 1e-6:
            dt = min(MOST_DT_S, every, end - self._clock)
            if self._tracing:
                self._follow_trace()
            self._state = move_on(self._state, self._at.demand, self._in_force(), dt)
            self._clock += dt
            self._react()
            self._uncounted += dt
            if self._uncounted >= COUNT_S:
                self._truth.count(self._uncounted, self._dice)
                self._uncounted = 0.0
            if self._clock - sampled >= every - 1e-6 or self._clock >= end - 1e-6:
                truth = self._truth.of(self._state, self._at, self._clock - sampled)
                if self._occasions.look(truth, self._clock):
                    self._touch()
                sampled = self._clock
                if kinds:
                    self._rows.append((self._clock, self._look(truth, kinds)))

    def awaited(self, names: Collection[str] | None, since: float) -> str:
        """Return nothing: every row has every instrument."""
        return ""

    def recent(self, names: Collection[str], rows: int) -> list[Evidence]:
        """Return the last rows of some series, a rack each; nothing is forgotten."""
        some = self._rows[-rows:]
        series = self._stacked(some, [n for n in names if some and n in some[0][1]])
        return [Evidence(name, series[r]) for r, name in enumerate(self.racks)]

    def collect(
        self, phases: Sequence[Phase], told: Collection[str] = (), wanted: Collection[str] = ()
    ) -> list[Evidence]:
        """Return what was recorded, a rack each, with facts, records and baseline."""
        rows, self._rows = self._rows, []
        series = self._stacked(rows, list(rows[0][1]) if rows else [])
        return [
            Evidence(
                rack=name,
                series=series[r],
                phases=tuple(phases),
                facts=self._said(r),
                built=self._papers.built(r),
                baseline=self._papers.baseline,
                records=self._papers.records(r),
                domain=self._papers.domain(r),
            )
            for r, name in enumerate(self.racks)
        ]

    def _said(self, rack: int) -> Mapping[str, Mapping[str, FactValue]]:
        """Return what a rack says of itself, and what drills brought to light."""
        facts, drilled = self._papers.facts(rack, self._clock), self._isolated[rack]
        return facts | {tray: {**facts.get(tray, {}), "isolates": off} for tray, off in drilled.items()}

    def _stacked(self, rows: list[tuple[float, dict[str, Array]]], names: list[str]) -> list[dict[str, Series]]:
        """Return rows as series by name, a rack each."""
        times = np.array([t for t, _ in rows])
        stacked = {n: np.stack([row[n] for _, row in rows], axis=1) for n in names}
        unit = self._recipe.instruments
        return [
            {n: Series(n, unit[n].unit, self.parts.of(n.partition(".")[0]), times, v[r]) for n, v in stacked.items()}
            for r in range(len(self.racks))
        ]

    def _look(self, truth: dict[str, Array], kinds: frozenset[str]) -> dict[str, Array]:
        shown = self._sensors.read(truth, self._clock, kinds)
        if self._clock < self._blind_until:
            return {name: np.full_like(value, np.nan) for name, value in shown.items()}
        return shown

    def _in_force(self) -> Array:
        """Return what limits hold, W, (R, T, G): late in some trays, never in others."""
        since = self._clock - self._capped_at
        late = (since < self._made["tray.cap_delay_s"]) | (since > self._made["tray.cap_forgets_s"])
        deaf = late | (self._made["tray.obeys_cap"] <= 0.0)
        own, gain = (self._made[f"gpu.limit_{n}"].reshape(self._at.caps.shape) for n in ("most", "gain"))
        return np.minimum(np.where(deaf[:, :, None], float(self._design.limit_default), self._at.caps * gain), own)

    def _follow_trace(self) -> None:
        assert self._trace is not None
        nodes = node_power(self._trace, self._clock - self._traced_from)
        share = float(np.clip(nodes.mean() / max(float(self._trace.watts.max()), 1.0), 0.0, 1.0))
        self._demand(share * self._scale)

    def _demand(self, share: float) -> None:
        span = self._design.gpu_max - self._design.gpu_idle
        self._at.demand = np.full_like(self._at.demand, self._design.gpu_idle + share * span)

    def _react(self) -> None:
        """Let come up what comes up by itself after mains, and the rack's controller do what a drill asks for: the wet
        detector's tray goes off."""
        if self._cycled >= 0.0:
            late = self._clock - self._cycled >= self._made["tray.starts_after_s"]
            on = (self._made["tray.starts_alone"] > 0.0) & late
            if (on != self._at.tray_on).any():
                self._at.tray_on = on
                self._touch()
        if self._drilled < 0.0 or self._clock - self._drilled < REACTION_S:
            return
        owner = np.array([p.partition("/")[0] for p in self.parts.of("leak")])
        trays = np.array(self.parts.of("tray"))
        rows = np.arange(len(self.racks))[:, None]
        seen = (self._at.wet[rows, self._made.wired["leak"]] * self._made["leak.works"]) > 0.0
        hit = seen @ (owner[:, None] == trays[None, :]).astype(np.float64) > 0.0
        off = hit & (self._made["rack.reacts"] > 0.0)
        for r, known in enumerate(self._isolated):
            known.update({t: True for t in known if off[r, self.parts.of("tray").index(t)]})
        if (self._at.tray_on & off).any():
            self._at.tray_on = self._at.tray_on & ~off
            self._touch()

    def _touch(self) -> None:
        """Hand the plant what is on now."""
        at, design, racks = self._at, self._design, len(self.racks)
        live = np.take_along_axis(at.feedphase_on, self._made.wired["feedphase"], axis=1)
        psus = (live & at.psu_on & (self._made["psu.present"] > 0.0)).reshape(racks, design.shelves, design.psus)
        self._conditions = replace(
            self._conditions,
            tray_on=at.tray_on.copy(),
            psu_ok=psus,
            pump_ok=at.pump_on.copy(),
            facility_supply=Conditions.healthy(design, racks).facility_supply + at.facility_k,
        )
        self._state = replace(self._state, conditions=self._conditions)

    def _columns(self, kind: str, place: str) -> list[int]:
        found = [n for n, p in enumerate(self.parts.of(kind)) if p == place or p.startswith(place + "/")]
        if not found:
            raise ConfigurationError(f"the rack has no {kind} at {place!r}", advice="name a place of the generation")
        return found

    def _switch(self, act: Act, *, on: bool) -> None:
        kind = self.parts.kind_of(act.place)
        if kind in {"psu", "shelf"}:
            self._at.psu_on[:, self._columns("psu", act.place)] = on
        elif kind == "feed":
            self._at.feedphase_on[:, self._columns("feedphase", act.place)] = on
        elif kind == "pump":
            self._at.pump_on[:, self._columns("pump", act.place)] = on
        elif kind == "tray":
            self._at.tray_on[:, self._columns("tray", act.place)] = on
        else:
            raise ConfigurationError(
                f"{act.place!r} cannot be pulled", advice="a supply, shelf, feed, pump or tray can"
            )

    def _load(self, act: Act) -> None:
        self._tracing = False
        self._demand(act.value)

    def _load_one(self, act: Act) -> None:
        """One tray works, or GPU n of every tray; all else idles."""
        self._tracing = False
        self._demand(0.0)
        span = float(self._design.gpu_max - self._design.gpu_idle)
        full = float(self._design.gpu_idle) + act.value * span
        if act.place in self.parts.of("tray"):
            self._at.demand[:, self.parts.of("tray").index(act.place), :] = full
        else:
            number = int(act.place.rpartition("gpu")[2])
            self._at.demand[:, :, number] = full

    def _start_trace(self, act: Act) -> None:
        self._tracing, self._traced_from = True, self._clock
        self._scale = 1.0 if np.isnan(act.value) else act.value

    def _cap(self, act: Act) -> float:
        watts = float(self._design.limit_default) if np.isnan(act.value) else act.value * float(self._design.limit_max)
        watts = max(watts, float(self._design.limit_min))
        if (self._at.caps != watts).any():
            self._capped_at = self._clock
        self._at.caps = np.full_like(self._at.caps, watts)
        return watts

    def _facility(self, act: Act) -> None:
        self._at.facility_k = act.value

    def _wet(self, act: Act, value: float) -> None:
        self._at.wet[:, self._columns("leak", act.place)] = value

    def _drill(self, act: Act) -> None:
        """Wet a tray's first detector with the interlocks armed."""
        self._at.wet[:, self._columns("leak", act.place)[0]] = 1.0
        for known in self._isolated:
            known[act.place] = False
        self._drilled = self._clock

    def _cycle(self, act: Act) -> None:
        """Mains go and come back: what comes up by itself shows."""
        self._cycled = self._clock
        self._react()

    def _restart(self, act: Act) -> None:
        self._blind_until = self._clock + RESTART_S
        self._at.tray_on = self._at.tray_on & (self._made["tray.trips_on_restart"] <= 0.0)

    def _rest(self, act: Act) -> None:
        fresh = Moment(self._made)
        self._at = fresh
        self._tracing, self._drilled, self._cycled = False, -1.0, -1.0


_VERBS: dict[str, Callable[[VirtualRig, Act], float | None]] = {
    "load": VirtualRig._load,
    "load_one": VirtualRig._load_one,
    "trace": VirtualRig._start_trace,
    "cap": VirtualRig._cap,
    "facility": VirtualRig._facility,
    "pull": lambda rig, act: rig._switch(act, on=False),
    "restore": lambda rig, act: rig._switch(act, on=True),
    "stop": lambda rig, act: rig._switch(act, on=False),
    "start": lambda rig, act: rig._switch(act, on=True),
    "wet": lambda rig, act: rig._wet(act, 1.0),
    "dry": lambda rig, act: rig._wet(act, 0.0),
    "drill": VirtualRig._drill,
    "end_drill": lambda rig, act: rig._wet(act, 0.0),
    "cycle_ac": VirtualRig._cycle,
    "restart_controller": VirtualRig._restart,
    "rest": VirtualRig._rest,
}
