"""What the interlocks look at: one rack as trays, loop, shelves and building, each value known or None.  Pure.

A value counts as known only while it is good and younger than three of its periods; whatever else a snapshot holds is
unknown here, because a protection that acts on old numbers protects nobody.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.detectors import WET, DetectorSight, Verdict, all_dry, leaks_critically
from rack_controller.decide.drip import Drip, falls_on
from rack_controller.decide.heard import Heard, Sights
from rack_controller.model.interlock import DripMap, InterlockPolicy, LoopRules
from rack_controller.model.layout import IN_BAND, Layout
from rack_controller.model.snapshot import ManagementAxis, Snapshot

_PUMP = "pump"
_GOOD = int(Quality.GOOD)  # a plain number: NumPy compares with members of an enumeration ten times slower
_QUALITIES = {int(quality): quality for quality in Quality}
WATCHED = (TrayKind.COMPUTE, TrayKind.SWITCH)
"""Trays that coolant runs through and that an interlock may switch off."""


@dataclass(frozen=True)
class TraySight:
    """One tray.  `off`: observed off (None: nobody knows); `answers`: its controller does; `margin_k`: of its hottest
    GPU, to the first slowdown; `unit`: its lowest rack unit, `height`: so many units high; `planned`: how many leak
    detectors it should have; `all_plain`: all that are there are known to be dry, nobody need look;
    `drip`: where its water falls, while it leaks; `leaked`: it leaked before this controller
    began and nobody has cleared that, whatever its detectors say now."""

    place: Place
    kind: TrayKind
    unit: int
    height: int = 1
    domain: str | None = None
    off: bool | None = None
    answers: bool = True
    met: bool = True
    margin_k: float | None = None
    detectors: tuple[DetectorSight, ...] = ()
    planned: int = 0
    drip: Drip | None = None
    leaked: bool = False
    all_plain: bool = False

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Return what its detectors mean."""
        return tuple(d.verdict for d in self.detectors)

    @cached_property
    def leaks(self) -> bool:
        """Return whether it leaks critically, or did before a restart took the detectors' memory."""
        return self.leaked or (not self.dry and leaks_critically(self.verdicts))

    @property
    def dry(self) -> bool:
        """Return whether every detector that is there is known to be dry."""
        return self.all_plain or all_dry(self.verdicts)

    @property
    def well(self) -> bool:
        """Return whether its leak detectors are all there and dry, and its controller answers if it ever did."""
        return self.dry and (not self.met or (self.answers and len(self.detectors) >= self.planned))


@dataclass(frozen=True, slots=True)
class LoopSight:
    """The coolant loop.  `flow` and `need` in L/min, `need_known`: of the heat that was known last,
    `fall`: by which share pressure or level fell below their settled
    value, `supply` and `dew_point` in °C, `stops`: the words of bits that say that coolant is about to stop."""

    units: tuple[Place, ...] = ()
    flow: float | None = None
    need: float = 0.0
    fall: float | None = None
    supply: float | None = None
    supply_nominal: float = 0.0
    dew_point: float | None = None
    pumps: int = 0
    pumps_failed: int = 0
    stops: tuple[str, ...] = ()
    unit_detectors: tuple[DetectorSight, ...] = ()
    rack_detectors: tuple[DetectorSight, ...] = ()
    need_known: float | None = None


@dataclass(frozen=True, slots=True)
class BuildingSight:
    """What the building says of this rack; None where it says nothing, or nothing that can be believed.

    `sensor_fault`: why its leak sensor sees nothing; `silent`: why nobody hears the building; `unconfirmed`: which
    isolations were asked of it and are not confirmed.  Empty where all is well, or where no building is agreed with.
    """

    liquid_isolated: bool | None = None
    electrically_isolated: bool | None = None
    leak: bool | None = None
    sensor_fault: str = ""
    silent: str = ""
    unconfirmed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """Everything one evaluation looks at.  `draw` and `usable` in W; `left_out`: causes that are bypassed, where."""

    rack: Place
    now: Seconds
    trays: tuple[TraySight, ...]
    loop: LoopSight = LoopSight()
    draw: float | None = None
    usable: float = 0.0
    building: BuildingSight = BuildingSight()
    blind: bool = False
    shelves: tuple[Place, ...] = ()
    left_out: frozenset[tuple[str, Place]] = frozenset()

    @cached_property
    def all_well(self) -> bool:
        """Return whether every tray is `well`: then no row about leak detectors of trays can hold."""
        return all(tray.well for tray in self.trays)

    def tray(self, place: Place) -> TraySight | None:
        """Return the tray at `place`, None for another."""
        return next((t for t in self.trays if t.place == place), None)


@dataclass(frozen=True)
class LoopMemory:
    """Settled pressure, level and flow: slow averages of what was last known (NaN never enters); and what the shelves
    last said that they deliver, in W, with the time."""

    settled: Mapping[tuple[Place, Quantity], float] = field(default_factory=dict)
    at: Seconds | None = None
    draw: float | None = None
    draw_at: Seconds | None = None


def settle(memory: LoopMemory, snapshot: Snapshot, layout: Layout, rules: LoopRules) -> LoopMemory:
    """Return the settled values after this snapshot: an exponential average over `settle_s`."""
    units = coolant_units(layout)
    elapsed = 0.0 if memory.at is None else max(0.0, snapshot.now - memory.at)
    weight = min(1.0, elapsed / rules.settle_s) if rules.settle_s > 0 else 1.0
    settled = dict(memory.settled)
    for key, value in [*_loop_values(snapshot, units), *_flows(snapshot, units)]:
        settled[key] = settled.get(key, value) + weight * (value - settled.get(key, value))
    draw, draw_at = _draw(layout, snapshot), snapshot.now
    return LoopMemory(settled, snapshot.now, *((memory.draw, memory.draw_at) if draw is None else (draw, draw_at)))


def see(
    layout: Layout,
    snapshot: Snapshot,
    heard: Heard,
    loop: LoopMemory,
    policy: InterlockPolicy,
    building: BuildingSight = BuildingSight(),
    latched: Collection[Place] = (),
    remembered: Collection[Place] = (),
) -> Picture:
    """Return the rack as the interlocks see it at the snapshot's tick.  `latched`: trays that leaked and whose latch
    stands; their water falls where it fell.  `remembered`: those of them that leaked before this controller began."""
    blind = {tray_of(place) for place, state in snapshot.endpoints.items() if state.attention.blind}
    by_tray = heard.sights(snapshot.now, policy.detectors, blind)
    margins, doubtful = _margins(snapshot), heard.doubtful
    trays = []
    for view in layout.trays:
        if view.kind not in WATCHED:
            continue
        place = Place(view.place)
        managers = [
            state
            for e in view.endpoints
            if e.enabled and e.protocol not in IN_BAND and (state := snapshot.endpoints.get(Place(e.place)))
        ]
        power = snapshot.good(place, Quantity.POWER_STATE)
        trays.append(
            TraySight(
                place,
                TrayKind(view.kind),
                view.unit,
                view.height_u,
                view.domain,
                off=None if power is None else power < 1,
                answers=any(m.management is not ManagementAxis.ABSENT for m in managers),
                met=any(m.last_success is not None for m in managers),
                margin_k=margins.get(place),
                detectors=(sights := by_tray.get(place, ())),
                planned=sum(c.count for c in view.components if c.name == Quantity.LEAK),
                drip=_drip(layout, place, sights, policy.drip, latched=place in latched)
                if place in doubtful or place in latched
                else None,
                leaked=place in remembered,
                all_plain=place not in doubtful,
            )
        )
    draw = _draw(layout, snapshot)
    return Picture(
        snapshot.rack,
        snapshot.now,
        tuple(trays),
        _see_loop(layout, snapshot, by_tray, loop, policy.loop, any_on=any(t.off is not True for t in trays)),
        draw,
        layout.busbar_power_usable_w,
        building,
        blind=bool(snapshot.endpoints)
        and all(e.management is ManagementAxis.ABSENT for e in snapshot.endpoints.values())
        and any(e.last_success is not None for e in snapshot.endpoints.values()),
        shelves=tuple(Place(t.place) for t in layout.trays if t.kind == TrayKind.POWER_SHELF),
    )


def _drip(
    layout: Layout, tray: Place, detectors: tuple[DetectorSight, ...], drip: DripMap, *, latched: bool
) -> Drip | None:
    if not latched and not leaks_critically([d.verdict for d in detectors]):
        return None
    return falls_on(layout, tray, [d.label for d in detectors if d.verdict in WET], drip)


def coolant_units(layout: Layout) -> tuple[Place, ...]:
    """Return the places of the rack's coolant units."""
    return tuple(Place(t.place) for t in layout.trays if t.kind == TrayKind.COOLANT_UNIT)


def _see_loop(
    layout: Layout,
    snapshot: Snapshot,
    detectors: Sights,
    memory: LoopMemory,
    rules: LoopRules,
    *,
    any_on: bool,
) -> LoopSight:
    units = coolant_units(layout)
    if not units:
        return LoopSight()
    flows = [snapshot.good(u, Quantity.FLOW) for u in units]
    known = [f for f in flows if f is not None]
    supplies = [s for u in units if (s := snapshot.good(u, Quantity.TEMPERATURE_SUPPLY)) is not None]
    health = [
        float(snapshot.gauges[column])
        for column, series in _gauges(snapshot, units, Quantity.HEALTH)
        if leaf_of(series.place).startswith(_PUMP)
    ]
    sights = [d for u in units for d in detectors.get(u, ())]
    in_rack = [d for d in sights if any(word.lower() in d.label.lower() for word in rules.rack_labels)]
    need, need_known = _need(layout, memory, snapshot.now, rules) if any_on else (0.0, 0.0)
    return LoopSight(
        units,
        flow=sum(known) if len(known) == len(flows) else None,
        need=need,
        need_known=need_known,
        fall=_fall(snapshot, units, memory),
        supply=max(supplies, default=None),
        supply_nominal=layout.coolant_supply_nominal_c,
        pumps=len(health),
        pumps_failed=sum(code >= 2 for code in health),
        stops=_stops(snapshot, units, rules),
        unit_detectors=tuple(d for d in sights if d not in in_rack),
        rack_detectors=tuple(in_rack),
    )


def _need(layout: Layout, memory: LoopMemory, now: Seconds, rules: LoopRules) -> tuple[float, float]:
    """Return the flow that carries the heat away at `rise_k`, and the flow that the heat known last needs, in L/min.

    The heat is what the shelves last said.  When they fell silent for longer than `settle_s` it may be all that the
    busbar carries; before they ever spoke nobody knows of any, and only the least flow is needed.
    """
    known = 0.0 if memory.draw is None else memory.draw
    silent = memory.draw_at is not None and now - memory.draw_at > rules.settle_s
    least = rules.least_share * layout.coolant_flow_rated_lpm
    per_liter = layout.coolant_heat_capacity_j_per_l_k * rules.rise_k
    flows = (layout.busbar_power_usable_w if silent else known, known)
    need, need_known = (max(least, 60.0 * watts / per_liter) for watts in flows)
    return need, need_known


def _draw(layout: Layout, snapshot: Snapshot) -> float | None:
    """Return what the shelves deliver in W, None when one that answers does not say.

    A shelf of which nobody knows anything takes the sum's meaning away as well: unknown is not zero.
    """
    shelves = [Place(t.place) for t in layout.trays if t.kind in (TrayKind.POWER_SHELF, TrayKind.BATTERY_SHELF)]
    powers = [snapshot.good(s, Quantity.POWER) for s in shelves]
    known = [p for p in powers if p is not None]
    return sum(known) if known and len(known) == len(powers) else None


def _margins(snapshot: Snapshot) -> dict[Place, float]:
    """Return each tray's smallest margin."""
    least: dict[Place, float] = {}
    columns = snapshot.table.columns_of(Quantity.TEMPERATURE_MARGIN)
    known = np.where(snapshot.quality[columns] == _GOOD, snapshot.gauges[columns], np.nan).tolist()
    for column, value in zip(columns.tolist(), known, strict=True):
        if value == value:
            tray = tray_of(snapshot.table.gauges[column].place)
            least[tray] = min(value, least.get(tray, value))
    return least


def _fall(snapshot: Snapshot, units: tuple[Place, ...], memory: LoopMemory) -> float | None:
    """Return the largest share by which a pressure or level lies below what it should be, None when none is known.

    A level should be as it settled.  What a pump adds to the supply pressure goes with the square of its flow, so when
    less heat lets the pumps slow down a pressure of as much less is no sign of a loss.
    """
    flows = _flows(snapshot, units)
    ratio = {key[0]: flow / settled for key, flow in flows if (settled := memory.settled.get(key, 0.0)) > 0}
    falls = []
    for (place, quantity), value in _loop_values(snapshot, units):
        expected = memory.settled.get((place, quantity), 0.0)
        if quantity is Quantity.PRESSURE_SUPPLY:
            expected *= min(1.0, ratio.get(tray_of(place), 1.0) ** 2)
        if expected > 0:
            falls.append(1.0 - value / expected)
    return max(falls, default=None)


def _flows(snapshot: Snapshot, units: tuple[Place, ...]) -> list[tuple[tuple[Place, Quantity], float]]:
    """Return the flow of every unit that says it, L/min."""
    return [((u, Quantity.FLOW), flow) for u in units if (flow := snapshot.good(u, Quantity.FLOW)) is not None]


def _loop_values(snapshot: Snapshot, units: tuple[Place, ...]) -> list[tuple[tuple[Place, Quantity], float]]:
    found = []
    for column, series in _gauges(snapshot, units, Quantity.PRESSURE_SUPPLY, Quantity.LEVEL):
        value = float(snapshot.gauges[column])
        if value == value and snapshot.quality.item(column) == _GOOD:
            found.append(((series.place, series.quantity), value))
    return found


def _stops(snapshot: Snapshot, units: tuple[Place, ...], rules: LoopRules) -> tuple[str, ...]:
    up = []
    for column, series in _gauges(snapshot, units, Quantity.ALARMS):
        value = float(snapshot.gauges[column])
        if value == value:
            up += [n for bit, n in enumerate(series.bits) if n in rules.stop_bits and int(value) >> bit & 1]
    return tuple(up)


def _gauges(snapshot: Snapshot, trays: tuple[Place, ...], *quantities: Quantity) -> Iterator[tuple[int, Series]]:
    table = snapshot.table
    for tray, quantity in itertools.product(trays, quantities):
        for column in table.columns_by_tray.get((tray, quantity), ()):
            yield column, table.gauges[column]
