"""One rack's side of the budget: what was read last of its GPUs and supplies, and what stands above its limits."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.budget.batteries import charging
from rack_controller.decide.budget.wellness import GIVES_W, Wellness, judge_supplies
from rack_controller.decide.notice import Finding
from rack_controller.decide.supply.usable import stepped_inlet
from rack_controller.decide.supply.wiring import Array, Mask, RackWiring
from rack_controller.model.limit import LimitState
from rack_controller.model.power_policy import Staleness
from rack_controller.model.snapshot import ManagementAxis, PowerAxis, Snapshot
from rack_controller.model.table import SeriesTable
from rack_controller.run.board import Board
from rack_controller.run.budget.grants import Grants
from rack_controller.run.budget.in_band import HostGrants
from rack_controller.run.view import RackView

BEYOND = 1.10  # of what it may draw at most: a GPU above it does not keep its limit any more
BEYOND_W = 30.0


@dataclass(frozen=True, slots=True)
class SideSight:
    """n GPUs: `power`, `read` (a limit that was read back and is old enough), W, NaN unknown; `seen`: whether its power
    is fresh; `ceiling` what persons and interlocks allow, NaN nobody; `able`: can be written to, and `free`: at this
    moment; `began`: was reset, booted or lost since the last sight.  `well` (P,), `inlet` (S,) °C in steps, `meter`
    W of DC; `charging` W of DC that battery shelves may take."""

    power: Array
    read: Array
    seen: Mask
    ceiling: Array
    able: Mask
    free: Mask
    began: Mask
    well: Mask
    inlet: Array
    meter: float
    charging: float = 0.0


@dataclass(slots=True)
class RackSide:
    """See the module.  `places` are the rack's GPUs as in the roster."""

    place: Place
    wiring: RackWiring
    places: tuple[Place, ...]
    view: RackView
    board: Board
    grants: Grants
    in_band: HostGrants
    clock: Clock
    tell: Callable[[Finding], None]
    endpoints: Mapping[Place, Place] = field(default_factory=dict)  # of those that can be written now
    shut: Callable[[Place, str, float, str], str] | None = None  # see PowerPlanning.shut
    leaving: Callable[[], Collection[Place]] = tuple  # trays that somebody switches off now
    _wellness: Wellness | None = None
    _inlet: Array | None = None
    _looked_at: Snapshot | None = None
    _table: SeriesTable | None = None
    _lines: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    _on: dict[Place, tuple[bool, bool]] = field(default_factory=dict)
    _since: dict[Place, Seconds] = field(default_factory=dict)
    _batteries: dict[Place, float] = field(default_factory=dict)  # what each battery shelf gives at most, W
    _bound: Array | None = None
    _fell_at: Array = field(default_factory=lambda: np.array(-np.inf))

    @property
    def armed(self) -> bool:
        """Return whether anything may be written to this rack at all."""
        return self.view.layout.armed

    def is_off(self, tray: Place) -> bool | None:
        """Return whether a tray is seen off, None where nobody knows."""
        snapshot = self.view.snapshot
        state = None if snapshot is None else snapshot.good(tray, Quantity.POWER_STATE)
        return None if state is None else state == 0.0

    def see(self, stale: Staleness, bound: Array) -> SideSight:
        """Return what is known now; `bound` (n,) W is what each GPU may draw at most."""
        now = self.clock.now()
        self._lay_out()
        power, at = self.board.newest(self._lines["power"])
        seen = np.asarray(now - at <= stale.raise_s)
        power = np.where(seen, power, np.nan)
        began = self._began(now)
        began |= np.asarray(power > np.maximum(bound * BEYOND, bound + BEYOND_W)) & self._follows(at, bound, now, stale)
        self.in_band.doubt([self.places[n] for n in np.flatnonzero(began).tolist()])
        self.endpoints = self.grants.able() if self.armed else {}
        able = np.array([place in self.endpoints for place in self.places], dtype=np.bool_)
        shelves, shelf_at = self.board.newest(self._lines["shelf"])
        supplies, _ = self.board.newest(self._lines["supply"])
        inlet, _ = self.board.newest(self._lines["inlet"])
        self._inlet = stepped_inlet(self._inlet, inlet)
        known = np.where(now - shelf_at <= stale.raise_s, shelves, np.nan)
        self._wellness, well, meter = judge_supplies(
            self._wellness or Wellness.unknown(self.wiring), self.wiring, known, supplies, now
        )
        return SideSight(
            power=power,
            read=self._read(now, stale),
            seen=seen,
            ceiling=self.ceilings(),
            able=able,
            free=np.array([self.endpoints.get(place) not in self.grants.busy for place in self.places], dtype=np.bool_),
            began=began,
            well=well,
            inlet=self._inlet,
            meter=meter,
            charging=self._charging(),
        )

    def _follows(self, at: Array, bound: Array, now: Seconds, stale: Staleness) -> Mask:
        """Return which power readings were taken after the bound on it fell: older ones tell nothing of a limit."""
        if self._bound is not None:
            self._fell_at = np.where(bound < self._bound, now, self._fell_at)
        self._bound = bound
        return np.asarray(at >= self._fell_at + stale.settle_s)

    def glance(self) -> bytes:
        """Return what of the rack's supplies and shelves gives nothing, as it was read last."""
        self._lay_out()
        dead = [self.board.newest(self._lines[name])[0] < GIVES_W for name in ("shelf", "supply")]
        return np.concatenate(dead).tobytes()

    def _charging(self) -> float:
        """Return what the rack's battery shelves may charge with now, W of DC."""
        if not self._batteries:
            return 0.0
        (power, _), (level, _) = (self.board.newest(self._lines[name]) for name in ("battery", "charge"))
        return float(charging(power, level, np.array(list(self._batteries.values()))).sum())

    def _read(self, now: Seconds, stale: Staleness) -> Array:
        """Return the newest limit read back of each GPU, by the readings or after a write; none from before the GPU
        began anew, and none so young that its power may not have followed."""
        values, at = self.board.newest(self._lines["limit"])
        for n, place in enumerate(self.places):
            own = self.grants.read.get(place)
            if own is not None and not at[n] > own[1]:
                values[n], at[n] = own
            if self._since.get(place, -np.inf) > at[n]:
                at[n] = np.nan
        age = now - at
        return np.where((age >= stale.settle_s) & (age <= stale.read_s), values, np.nan)

    def _began(self, now: Seconds) -> Mask:
        """Return whose tray was switched on, or came back, since the last look: its limits may be the default again."""
        began = np.zeros(len(self.places), dtype=np.bool_)
        snapshot = self.view.snapshot
        if snapshot is None or snapshot is self._looked_at:
            return began
        self._looked_at = snapshot
        states: dict[Place, tuple[bool, bool]] = {}
        for endpoint, at in snapshot.endpoints.items():
            on, here = states.get(tray := tray_of(endpoint), (False, False))
            states[tray] = (on or at.state == PowerAxis.ON, here or at.management == ManagementAxis.REACHABLE)
        for n, place in enumerate(self.places):
            tray = tray_of(place)
            was, now_is = self._on.get(tray), states.get(tray, (False, False))
            if was is not None and ((now_is[0] and not was[0]) or (now_is[1] and not was[1])):
                began[n], self._since[place] = True, now
        self._on = states
        return began

    def ceilings(self) -> Array:
        """Return what persons and interlocks want of each GPU, (n,) W, NaN nobody."""
        wanted = self.grants.limits.wanted
        found = np.full(len(self.places), np.nan)
        if wanted:
            for n, place in enumerate(self.places):
                point = wanted.get(place)
                if point is not None and point.state is not LimitState.REFUSED:
                    found[n] = point.value
        return found

    def _lay_out(self) -> None:
        table = self.board.table
        if table is self._table:
            return
        self._table = table
        shelves = [join_place(self.place, name) for name in self.wiring.shelves]
        supplies = [join_place(self.place, *name.split("/")) for name in self.wiring.names]
        self._batteries = {
            Place(tray.place): sum(part.count * (part.power_max_w or 0.0) for part in tray.components)
            for tray in self.view.layout.trays
            if tray.kind == TrayKind.BATTERY_SHELF
        }
        self._lines = {
            "power": self.board.lines_of([(p, Quantity.POWER) for p in self.places]),
            "limit": self.board.lines_of([(p, Quantity.POWER_LIMIT) for p in self.places]),
            "shelf": self.board.lines_of([(p, Quantity.POWER) for p in shelves]),
            "inlet": self.board.lines_of([(p, Quantity.TEMPERATURE) for p in shelves]),
            "supply": self.board.lines_of([(p, Quantity.POWER) for p in supplies]),
            "battery": self.board.lines_of([(p, Quantity.POWER) for p in self._batteries]),
            "charge": self.board.lines_of([(p, Quantity.LEVEL) for p in self._batteries]),
        }
