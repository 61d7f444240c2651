"""What the coolant that is left carries, as a share of what GPUs may draw: pumps that run, flow, supply, heat.  Pure.

Two things bound it, and the smaller counts.  Heat: the flow that the pumps left can move takes away so much at the rise
that the policy allows; what is not capped takes its part first.  Temperature: a chip's distance to its coolant grows
with its own power, so a supply that is warmer than the design leaves less of it before the chip slows itself down.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.layout import CAPPED, Layout, TrayView
from rack_controller.model.snapshot import Snapshot

_FAILED = 2.0  # of a health code: critical
_TURNS = 0.05  # a pump that turns slower than this share of the fastest one stands still
_TELLS = 30.0  # %: below this speed a pump's flow tells nothing of what it can move


@dataclass(frozen=True, slots=True)
class PumpsLeft:
    """The pumps of one coolant unit: `running` of `built`, None where nobody knows, and the flow in L/min that they can
    move at full speed."""

    running: int | None
    built: int
    moves: float


@dataclass(frozen=True, slots=True)
class CoolantLeft:
    """`carries` in W: what the flow that can be moved takes away; `other` in W: heat of what is not capped; `most` in
    W: what everything that is capped may draw.  `supply` and `nominal` in °C, `slowdown` in °C: at which the first chip
    slows itself down, None where nobody knows."""

    carries: float
    other: float
    most: float
    supply: float | None = None
    nominal: float = 0.0
    slowdown: float | None = None

    def share(self, margin_k: float = 0.0) -> float | None:
        """Return the share of `most` that may be drawn, 0 to 1; None where what the answer hangs on is not known.

        `margin_k`: so much warmer than the design's a supply still carries everything.
        """
        by_heat = 1.0 if self.most <= 0 else (self.carries - self.other) / self.most
        by_lift = self._by_lift(margin_k)
        return None if by_lift is None else min(1.0, max(0.0, min(by_heat, by_lift)))

    def _by_lift(self, margin_k: float) -> float | None:
        if self.supply is None or self.supply <= self.nominal + margin_k:
            return 1.0
        if self.slowdown is None or self.slowdown <= self.nominal + margin_k:
            return None
        return (self.slowdown - self.supply) / (self.slowdown - self.nominal - margin_k)


def see_pumps(snapshot: Snapshot, unit: TrayView, lit: int, rated: float) -> PumpsLeft:
    """Return the pumps of a coolant unit.  `lit`: alarm bits that say a pump failed; `rated`: flow of all, L/min.

    A pump runs when its health says so, or where it has none while it turns.  What the pumps left move at full speed is
    their part of what all do; less where flow and speed, which go with each other, show it; never less than what flows.
    """
    place = Place(unit.place)
    built = next((c.count for c in unit.components if c.name == "pump"), 0)
    pumps = [join_place(place, f"pump{n}") for n in range(built)]
    runs = _runs(snapshot, pumps)
    running = sum(r for r in runs.values() if r) if len(runs) == built and runs else None
    if lit and (running is None or running == built):
        running = max(0, built - lit)
    moves = rated if running is None or not built else rated * running / built
    flow = snapshot.good(place, Quantity.FLOW)
    if flow is None:
        return PumpsLeft(running, built, moves)
    speeds = [snapshot.good(p, Quantity.PUMP_SPEED) for p in pumps if runs.get(p, True)]
    known = [s for s in speeds if s is not None and s >= _TELLS]
    if known and len(known) == len(speeds):
        moves = min(moves, flow * 100.0 * len(known) / sum(known))
    return PumpsLeft(running, built, max(moves, flow))


def _runs(snapshot: Snapshot, pumps: Iterable[Place]) -> dict[Place, bool]:
    """Return which pumps run, of those of which it is known."""
    found: dict[Place, bool] = {}
    turns: dict[Place, float] = {}
    for pump in pumps:
        health, rotation = snapshot.good(pump, Quantity.HEALTH), snapshot.good(pump, Quantity.ROTATION)
        if health is not None:
            found[pump] = health < _FAILED
        elif rotation is not None:
            turns[pump] = rotation
    fastest = max(turns.values(), default=0.0)
    return found | {pump: speed > _TURNS * fastest for pump, speed in turns.items()}


def see_left(
    layout: Layout, snapshot: Snapshot, off: frozenset[Place], moves: float | None, rise_k: float, supply: float | None
) -> CoolantLeft:
    """Return what is left of a rack's coolant.  `off`: trays observed off; `moves` in L/min, None: no pump failed;
    `supply` in °C.

    What is not capped is what the shelves deliver less what GPUs say; where either is not known, its ratings.
    """
    trays = [t for t in layout.trays if t.kind in (TrayKind.COMPUTE, TrayKind.SWITCH) and t.place not in off]
    parts = [(Place(t.place), c) for t in trays for c in t.components if c.name == CAPPED]
    gpus = [join_place(tray, f"{CAPPED}{n}") for tray, c in parts for n in range(c.count)]
    most = sum((c.power_max_w or 0.0) * c.count for _, c in parts)
    return CoolantLeft(
        carries=inf if moves is None else moves / 60.0 * layout.coolant_heat_capacity_j_per_l_k * rise_k,
        other=_other(layout, snapshot, trays, gpus, most),
        most=most,
        supply=supply,
        nominal=layout.coolant_supply_nominal_c,
        slowdown=None if supply is None or supply <= layout.coolant_supply_nominal_c else _slowdown(snapshot),
    )


def words_of(left: CoolantLeft) -> str:
    """Return in operators' words what is left."""
    said = []
    if left.carries < inf:
        said.append(f"pumps left carry {power_text(left.carries)}, {power_text(left.other)} of it not of GPUs")
    if left.supply is not None and left.slowdown is not None:
        said.append(f"coolant comes at {left.supply:.1f} °C, a GPU slows down at {left.slowdown:.0f} °C")
    return ", ".join(said)


def _other(layout: Layout, snapshot: Snapshot, trays: list[TrayView], gpus: list[Place], most: float) -> float:
    rated = max(0.0, sum(t.power_max_w or 0.0 for t in trays) - most)
    shelves = [t.place for t in layout.trays if t.kind in (TrayKind.POWER_SHELF, TrayKind.BATTERY_SHELF)]
    given = [snapshot.good(Place(s), Quantity.POWER) for s in shelves]
    drawn = [snapshot.good(g, Quantity.POWER) for g in gpus]
    if not shelves or None in given or None in drawn:
        return rated
    return max(0.0, sum(w for w in given if w is not None) - sum(w for w in drawn if w is not None))


def _slowdown(snapshot: Snapshot) -> float | None:
    """Return the lowest temperature at which a GPU slows itself down, in °C: what it has, and how far it is from it."""
    found = []
    for column in snapshot.table.columns_of(Quantity.TEMPERATURE_MARGIN):
        place = snapshot.table.gauges[column].place
        margin, core = (
            snapshot.good(place, Quantity.TEMPERATURE_MARGIN),
            snapshot.good(place, Quantity.TEMPERATURE_CORE),
        )
        now = snapshot.good(place, Quantity.TEMPERATURE) if core is None else core
        if margin is not None and now is not None:
            found.append(margin + now)
    return min(found, default=None)
