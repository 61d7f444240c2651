"""What the interlocks look at of the coolant loop, and what they remember of it: flow, need, pressures.  Pure."""

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from math import exp

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.detectors import DetectorSight
from rack_controller.decide.heard import Sights
from rack_controller.decide.left import see_pumps
from rack_controller.model.interlock import LoopRules
from rack_controller.model.layout import Layout, TrayView
from rack_controller.model.snapshot import Snapshot

_PUMP = "pump"
_HEATS = (TrayKind.COMPUTE, TrayKind.SWITCH)
_GOOD = int(Quality.GOOD)  # a plain number: NumPy compares with members of an enumeration ten times slower


@dataclass(frozen=True, slots=True)
class LoopSight:
    """The coolant loop.

    `flow`, and `need`: of the heat that goes into the coolant; `need_known`: of the heat that was known last;
    `need_soon`: of all that is drawn, once metal is as warm; `need_most`: of all that is not off at its rating;
    `moves`: what the pumps that run can move, None while none failed; all in L/min. `fall`: by which share pressure
    or level fell below their settled value. `supply` and `supply_coldest`: of the unit whose coolant comes warmest
    and coldest, in °C; `dew_point`: the highest that anything in the rack says of its air, in °C, None while
    nothing does. `pumps`: those with a health of their own; `pumps_told`: all of them say it. `stops`: the words of
    bits that say that coolant is about to stop; `told`: alarm words are read.
    """

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
    need_soon: float = 0.0
    need_most: float = 0.0
    supply_coldest: float | None = None
    moves: float | None = None
    pumps_told: bool = False
    told: bool = False


NO_LOOP = LoopSight()
"""Of a rack without coolant units."""


@dataclass(frozen=True)
class LoopMemory:
    """Settled pressure, level and flow: slow averages of what was last known (NaN never enters); what the shelves
    last said that they deliver, in W, with the time; and what of it goes into the coolant by now, in W."""

    settled: Mapping[tuple[Place, Quantity], float] = field(default_factory=dict)
    at: Seconds | None = None
    draw: float | None = None
    draw_at: Seconds | None = None
    heat: float | None = None


def settle(memory: LoopMemory, snapshot: Snapshot, layout: Layout, rules: LoopRules) -> LoopMemory:
    """Return the settled values after this snapshot: an exponential average over `settle_s`, of heat over `heat_lag_s`.

    Metal warms up before coolant does: pumps that follow the load have that long.  What it holds is carried away after
    the load has gone, so a load that comes and goes needs the flow of its mean.
    """
    units = coolant_units(layout)
    elapsed = Seconds(0.0 if memory.at is None else max(0.0, snapshot.now - memory.at))
    weight = min(1.0, elapsed / rules.settle_s) if rules.settle_s > 0 else 1.0
    settled = dict(memory.settled)
    for key, value in [*_loop_values(snapshot, units), *_flows(snapshot, units)]:
        settled[key] = settled.get(key, value) + weight * (value - settled.get(key, value))
    drawn = draw_of(layout, snapshot)
    draw, draw_at = (memory.draw, memory.draw_at) if drawn is None else (drawn, snapshot.now)
    return LoopMemory(settled, snapshot.now, draw, draw_at, _warms(memory.heat, draw, elapsed, rules))


def _warms(heat: float | None, draw: float | None, elapsed: Seconds, rules: LoopRules) -> float | None:
    """Return what goes into the coolant, in W, `elapsed` s after it was `heat`."""
    if heat is None or draw is None or rules.heat_lag_s <= 0:
        return draw
    return draw + (heat - draw) * exp(-elapsed / rules.heat_lag_s)


def coolant_units(layout: Layout) -> tuple[Place, ...]:
    """Return the places of the rack's coolant units."""
    return tuple(Place(t.place) for t in layout.trays if t.kind == TrayKind.COOLANT_UNIT)


def see_loop(
    layout: Layout,
    snapshot: Snapshot,
    detectors: Sights,
    memory: LoopMemory,
    rules: LoopRules,
    off: Collection[Place] = (),
) -> LoopSight:
    """Return the loop at the snapshot's tick; `off`: trays that are observed off, of all others heat is to be carried
    away."""
    units = coolant_units(layout)
    if not units:
        return NO_LOOP
    flows = [snapshot.good(u, Quantity.FLOW) for u in units]
    known = [f for f in flows if f is not None]
    supplies = [s for u in units if (s := snapshot.good(u, Quantity.TEMPERATURE_SUPPLY)) is not None]
    pumps = [c for c, s in _gauges(snapshot, units, Quantity.HEALTH) if leaf_of(s.place).startswith(_PUMP)]
    health = [float(snapshot.gauges[column]) for column in pumps]
    sights = [d for u in units for d in detectors.get(u, ())]
    in_rack = [d for d in sights if any(word.lower() in d.label.lower() for word in rules.rack_labels)]
    on = [t for t in layout.trays if t.kind in _HEATS and t.place not in off]
    need, need_known, need_soon = _need(layout, memory, snapshot.now, rules) if on else (0.0, 0.0, 0.0)
    failed = max(sum(code >= 2 for code in health), len(_lit(snapshot, units, rules.pump_bits)))
    return LoopSight(
        units,
        flow=sum(known) if len(known) == len(flows) else None,
        need=need,
        need_known=need_known,
        need_soon=need_soon,
        need_most=60.0 * _draws_at_most(layout, on) / _per_liter(layout, rules),
        fall=_fall(snapshot, units, memory),
        supply=max(supplies, default=None),
        supply_coldest=min(supplies, default=None),
        dew_point=dew_point_of(snapshot),
        supply_nominal=layout.coolant_supply_nominal_c,
        pumps=len(health),
        pumps_failed=failed,
        moves=_moves(layout, snapshot, units, rules) if failed else None,
        pumps_told=_all_good(snapshot, pumps),
        told=_all_good(snapshot, [column for column, _ in _gauges(snapshot, units, Quantity.ALARMS)]),
        stops=_lit(snapshot, units, rules.stop_bits),
        unit_detectors=tuple(d for d in sights if d not in in_rack),
        rack_detectors=tuple(in_rack),
    )


def _moves(layout: Layout, snapshot: Snapshot, units: tuple[Place, ...], rules: LoopRules) -> float:
    """Return the flow that the pumps of all units that run can move together, in L/min."""
    mine = [t for t in layout.trays if t.place in units]
    even = layout.coolant_flow_rated_lpm / len(mine)
    return sum(
        see_pumps(
            snapshot, t, len(_lit(snapshot, (Place(t.place),), rules.pump_bits)), t.coolant_flow_rated_lpm or even
        ).moves
        for t in mine
    )


def _all_good(snapshot: Snapshot, columns: Collection[int]) -> bool:
    """Return whether there are any such series, and each has a value that can be relied on."""
    values = [float(snapshot.gauges[c]) for c in columns if snapshot.quality.item(c) == _GOOD]
    return bool(columns) and len(values) == len(columns) and all(value == value for value in values)


def dew_point_of(snapshot: Snapshot) -> float | None:
    """Return the highest dew point that can be relied on, in °C: wherever air is that damp, water may condense."""
    said = [
        float(snapshot.gauges[column])
        for column in snapshot.table.columns_of(Quantity.DEW_POINT)
        if snapshot.quality.item(column) == _GOOD and snapshot.gauges[column] == snapshot.gauges[column]
    ]
    return max(said, default=None)


def _need(layout: Layout, memory: LoopMemory, now: Seconds, rules: LoopRules) -> tuple[float, float, float]:
    """Return the flow that carries the heat away at `rise_k`, that which the heat known last needs, and that which all
    that is drawn needs once metal is as warm, in L/min.

    The heat is what the shelves last said.  When they fell silent for longer than `settle_s` it may be all that the
    busbar carries; before they ever spoke nobody knows of any, and only the least flow is needed.
    """
    silent = memory.draw_at is not None and now - memory.draw_at > rules.settle_s
    least = rules.least_share * layout.coolant_flow_rated_lpm
    per_liter = _per_liter(layout, rules)
    most, known, drawn = layout.busbar_power_usable_w, memory.heat or 0.0, memory.draw or 0.0
    flows = (most if silent else known, known, most if silent else drawn)
    need, need_known, need_soon = (max(least, 60.0 * watts / per_liter) for watts in flows)
    return need, need_known, need_soon


def _draws_at_most(layout: Layout, trays: Collection[TrayView]) -> float:
    """Return what trays draw at their ratings, in W: all that the busbar carries where one of them states none."""
    rated = [t.power_max_w for t in trays if t.power_max_w is not None]
    return sum(rated) if len(rated) == len(trays) else layout.busbar_power_usable_w


def _per_liter(layout: Layout, rules: LoopRules) -> float:
    """Return the heat that a liter carries away, in J."""
    return layout.coolant_heat_capacity_j_per_l_k * rules.rise_k


def draw_of(layout: Layout, snapshot: Snapshot) -> float | None:
    """Return what the shelves deliver in W, None when one that answers does not say.

    A shelf of which nobody knows anything takes the sum's meaning away as well: unknown is not zero.
    """
    shelves = [Place(t.place) for t in layout.trays if t.kind in (TrayKind.POWER_SHELF, TrayKind.BATTERY_SHELF)]
    powers = [snapshot.good(s, Quantity.POWER) for s in shelves]
    known = [p for p in powers if p is not None]
    return sum(known) if known and len(known) == len(powers) else None


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


def _lit(snapshot: Snapshot, units: tuple[Place, ...], names: Collection[str]) -> tuple[str, ...]:
    """Return which of the alarm bits called one of `names` are set."""
    up = []
    for column, series in _gauges(snapshot, units, Quantity.ALARMS):
        value = float(snapshot.gauges[column])
        if value == value:
            up += [n for bit, n in enumerate(series.bits) if n in names and int(value) >> bit & 1]
    return tuple(up)


def _gauges(snapshot: Snapshot, trays: tuple[Place, ...], *quantities: Quantity) -> Iterator[tuple[int, Series]]:
    table = snapshot.table
    for tray, quantity in itertools.product(trays, quantities):
        for column in table.columns_by_tray.get((tray, quantity), ()):
            yield column, table.gauges[column]
