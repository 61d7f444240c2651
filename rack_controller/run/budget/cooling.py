"""Coolant that follows what limits allow: the units' flow rises first, is measured, and only then may limits rise.

One station asks all coolant units of a site, so each has one owner.  A target that a person or an interlock set is left
alone until it is cleared: racks get what its flow carries.  In shadow it says what it would ask for, and holds nobody.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.set_points import Settable
from rack_controller.decide.budget.live import LiveDecision
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import Row, RowKind, cooling_rows
from rack_controller.decide.cooling import (
    CoolingDecision,
    CoolingDesign,
    CoolingPolicy,
    CoolingSeen,
    CoolingState,
    step_cooling,
)
from rack_controller.decide.loop import coolant_units, dew_point_of
from rack_controller.decide.supply.wiring import Array
from rack_controller.model.lease import Direction, LeaseClass
from rack_controller.model.power_policy import Mode, PowerPolicy
from rack_controller.model.power_view import CoolingView
from rack_controller.run.board import Board
from rack_controller.run.coolant import Coolant
from rack_controller.run.view import RackView

_log = logging.getLogger(__name__)
BY = "cooling"
"""Whose a target is that was set here."""
RISE_K = 10.0  # the coolant's, at most, while it carries a rack's heat: 1.5 L/min a kW
STEP_SHARE = 0.02  # a flow is asked for anew when it is another one by so much
SUPPLY_STEP_C = 0.5
NOTHING: Mapping[Place, float] = {}


@dataclass(slots=True)
class CoolingSide:
    """The coolant units of one rack: what they say, what they may be asked for."""

    place: Place
    view: RackView
    board: Board
    coolant: Coolant
    clock: Clock
    _asking: "asyncio.Task[None] | None" = None

    def points(self, quantity: Quantity) -> list[Settable]:
        """Return the targets of a quantity that can be set and state a range."""
        found = (p for _, p in self.coolant.points().values() if p.quantity is quantity)
        return [p for p in found if p.least is not None and p.most is not None]

    @property
    def has_units(self) -> bool:
        """Return whether a coolant unit stands in the rack."""
        return bool(coolant_units(self.view.layout))

    @property
    def reach(self) -> tuple[float, float]:
        """Return the least and the most flow that its units can be asked for together, L/min, 0 where none can."""
        points = self.points(Quantity.FLOW)
        return sum(float(p.least or 0.0) for p in points), sum(float(p.most or 0.0) for p in points)

    def measured(self) -> tuple[float, float]:
        """Return the flow of all units together, L/min, NaN unknown, and when the oldest of it was read."""
        units = coolant_units(self.view.layout)
        flow, at = self.board.newest(self.board.lines_of([(unit, Quantity.FLOW) for unit in units]))
        return float(flow.sum()), float(at.min(initial=np.inf))

    def supply_set(self) -> float:
        """Return the warmest supply that its units are set to now, °C, NaN where none says it."""
        said = [shown for p in self.points(Quantity.TEMPERATURE_SUPPLY) if (shown := self.coolant.shown(p)) is not None]
        return max(said, default=float("nan"))

    def dew_point(self) -> float:
        """Return the highest dew point that anything says, °C, NaN unknown."""
        said = None if self.view.snapshot is None else dew_point_of(self.view.snapshot)
        return float("nan") if said is None else said

    def ask(self, flow: float, supply: float) -> None:
        """Have the units asked for a flow together, each for its share of the most, and for a supply temperature."""
        if self._asking is not None and not self._asking.done():
            return
        flows, values = self.points(Quantity.FLOW), dict[Place, float]()
        most = sum(float(p.most or 0.0) for p in flows)
        for point in flows:
            share = float(point.most or 0.0) / max(most, 1e-9)
            self._want(values, point, flow * share, STEP_SHARE * float(point.most or 0.0))
        for point in self.points(Quantity.TEMPERATURE_SUPPLY):
            self._want(values, point, supply, SUPPLY_STEP_C)
        if values:
            self._asking = asyncio.get_running_loop().create_task(self._ask(values))

    def _want(self, values: dict[Place, float], point: Settable, value: float, step: float) -> None:
        """Want a value of a target, unless somebody else has set it, or it is there already."""
        value = round(min(max(value, float(point.least or 0.0)), float(point.most or value)), 1)
        wanted = self.coolant.wanted.get(point.place)
        now = self.coolant.shown(point) if wanted is None else wanted.value
        held = (now is None or value < now) and self.coolant.held(point.quantity)
        if (wanted is not None and wanted.by != BY) or held or (now is not None and abs(value - now) < step):
            return
        values[point.place] = value

    async def _ask(self, values: Mapping[Place, float]) -> None:
        try:
            done = await self.coolant.ask(
                self.coolant.wishes(values, BY), LeaseClass.THERMAL, BY, Direction.NEUTRAL, hurry=True
            )
        except RackwrightError as err:
            _log.warning("%s: coolant units are not asked now: %s", self.place, err)
            return
        for point in done:
            _log.info("%s: %s is asked for %g", self.place, leaf_of(tray_of(Place(point.place))), point.value)

    async def close(self) -> None:
        """End what is under way."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Loop:
    """Racks on one coolant loop, and all units that feed it: set as one, each for its share of the most."""

    sides: tuple[CoolingSide, ...]

    @property
    def places(self) -> tuple[Place, ...]:
        """Return its racks."""
        return tuple(side.place for side in self.sides)

    @property
    def most(self) -> float:
        """Return the flow that its units can be asked for together, L/min."""
        return sum(side.reach[1] for side in self.sides)

    @property
    def least(self) -> float:
        """Return the least flow that its units take together, L/min."""
        return sum(side.reach[0] for side in self.sides)

    @property
    def nominal_c(self) -> float:
        """Return the supply that its racks are designed for, °C: of several the coolest, which none is too warm for."""
        return min(side.view.layout.coolant_supply_nominal_c for side in self.sides)

    def measured(self) -> tuple[float, float]:
        """Return the flow of all units together, L/min, NaN unknown, and when the oldest of it was read."""
        each = [side.measured() for side in self.sides if side.has_units]
        return float(sum(flow for flow, _ in each)), min((at for _, at in each), default=np.inf)

    def supply_set(self) -> float:
        """Return the warmest supply that its units are set to now, °C, NaN where none says it."""
        said = [shown for side in self.sides if np.isfinite(shown := side.supply_set())]
        return max(said, default=float("nan"))

    def dew_point(self) -> float:
        """Return the highest dew point that anything says, °C, NaN unknown."""
        said = [dew for side in self.sides if np.isfinite(dew := side.dew_point())]
        return max(said, default=float("nan"))

    def ask(self, flow: float, supply: float) -> None:
        """Have the units of armed racks asked for their share of a flow, and for a supply temperature."""
        for side in self.sides:
            if side.view.layout.armed and side.reach[1] > 0.0:
                side.ask(flow * side.reach[1] / self.most, supply)


@dataclass(slots=True)
class Cooling:
    """All of a site's.  `sides`: of its racks; `loops`: racks whose units feed one loop together, which has one owner
    here.  A rack in none of them is on a loop of its own."""

    sides: dict[Place, CoolingSide] = field(default_factory=dict)
    policy: CoolingPolicy = field(default_factory=CoolingPolicy)
    loops: tuple[tuple[Place, ...], ...] = ()
    last: CoolingDecision | None = None
    _mode: Mode | None = None
    _shared: "tuple[Loop, ...]" = ()
    _design: CoolingDesign | None = None
    _state: CoolingState | None = None
    _flow: Array = field(default_factory=lambda: np.zeros(0))

    def follow(
        self,
        policy: PowerPolicy,
        roster: Roster,
        before: LiveDecision | None,
        now: float,
        going: Mapping[Place, float] = NOTHING,
    ) -> list[Row]:
        """Decide once by what limits of the cycle before allow; returns what measured flow holds racks to.

        going: of racks, W at their feeds that are about to go off.
        """
        granted = (
            {
                roster.racks[int(np.argmax(row.share))].place: float(charged)
                for row, charged in zip(before.rows, before.step.charged.tolist(), strict=False)
                if row.kind is RowKind.RACK
            }
            if before is not None
            else {}
        )
        shadow = policy.cooling is not None and policy.mode is Mode.SHADOW
        return self.cycle(Mode.SHADOW if shadow else policy.cooling, roster, granted, now, going)

    def cycle(
        self,
        mode: Mode | None,
        roster: Roster,
        granted: Mapping[Place, float],
        now: float,
        going: Mapping[Place, float] = NOTHING,
    ) -> list[Row]:
        """Decide once; returns what measured flow holds racks to: nothing in shadow.

        granted: what a rack's limits allow at its feeds, W; going: how much of it is about to go off.
        """
        if self._mode is Mode.ARMED and mode is not Mode.ARMED:
            self._let_go()
        self._mode = mode
        shared = self._loops() if mode else ()
        if not shared:
            self.last, self._state = None, None
            return []
        if _known(shared) != _known(self._shared) or self._state is None:
            self._shared, self._design = shared, design_of(roster, shared)
            self._state = CoolingState.new(self._design, np.array([loop.supply_set() for loop in shared]))
        assert self._design is not None
        measured, racks = [loop.measured() for loop in shared], [place for loop in shared for place in loop.places]
        self._flow = np.array([flow for flow, _ in measured])
        seen = CoolingSeen(
            now=now,
            flow=self._flow,
            flow_at=np.array([at for _, at in measured]),
            granted=np.array([granted.get(place, np.inf) for place in racks]),
            dew_point=np.array([loop.dew_point() for loop in shared]),
            going=np.array([going.get(place, 0.0) for place in racks]),
        )
        self._state, self.last = step_cooling(self._state, self._design, self.policy, seen)
        if mode is not Mode.ARMED:
            return []
        for n, loop in enumerate(shared):
            loop.ask(float(self.last.flow[n]), float(self.last.supply[n]))
        index = [next(r for r, rack in enumerate(roster.racks) if rack.place == place) for place in racks]
        return cooling_rows(roster.racks, index, self.last.ceiling)

    def _loops(self) -> "tuple[Loop, ...]":
        """Return the loops with a unit whose flow can be set."""
        together = {place for loop in self.loops for place in loop}
        alone = ((place,) for place in self.sides if place not in together)
        found = (Loop(tuple(self.sides[p] for p in places if p in self.sides)) for places in (*self.loops, *alone))
        return tuple(loop for loop in found if loop.most > 0.0)

    def _let_go(self) -> None:
        """Have every unit asked for all it may be asked for: from now on nobody follows what is granted.

        The supply stays where it is: what was right above the dew point a moment ago is no jump now.
        """
        if self._state is not None:
            for loop, supply in zip(self._shared, self._state.supply.tolist(), strict=True):
                loop.ask(np.inf, supply)

    def view(self, place: Place) -> CoolingView | None:
        """Return what is decided of a rack's coolant, None where nothing is."""
        n = next((n for n, loop in enumerate(self._shared) if place in loop.places), None)
        if self.last is None or self._mode is None or n is None:
            return None
        racks = [p for loop in self._shared for p in loop.places]
        ceiling = float(self.last.ceiling[racks.index(place)])
        return CoolingView(
            mode=self._mode,
            flow_lpm=float(self._flow[n]) if np.isfinite(self._flow[n]) else None,
            target_lpm=float(self.last.flow[n]),
            supply_c=float(self.last.supply[n]),
            carries_w=ceiling if np.isfinite(ceiling) else None,
            why=self.last.why[n],
            shared=[leaf_of(p) for p in self._shared[n].places if p != place],
        )


def _known(loops: Sequence[Loop]) -> list[tuple[tuple[Place, ...], float]]:
    """Return what of loops makes them others: their racks, and what their units can be asked for."""
    return [(loop.places, loop.most) for loop in loops]


def design_of(roster: Roster, loops: Sequence[Loop]) -> CoolingDesign:
    """Return the loops with their racks, one after the other."""
    sides = [side for loop in loops for side in loop.sides]
    index = [next(r for r, rack in enumerate(roster.racks) if rack.place == side.place) for side in sides]
    floors = np.bincount(roster.rack, weights=roster.floor, minlength=len(roster.racks)).astype(np.float64)
    capacity = np.array([side.view.layout.coolant_heat_capacity_j_per_l_k for side in sides])
    return CoolingDesign(
        unit=np.repeat(np.arange(len(loops)), [len(loop.sides) for loop in loops]),
        flow_max=np.array([loop.most for loop in loops]),
        flow_min=np.array([loop.least for loop in loops]),
        lpm_per_w=float(60.0 / (capacity.min() * RISE_K)),
        least=roster.law.drawn(floors)[index],
        supply=np.array([loop.nominal_c for loop in loops]),
    )
