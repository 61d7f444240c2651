"""What the interlocks look at: one rack as trays, loop, shelves and building, each value known or None.  Pure.

A value counts as known only while it is good and younger than three of its periods; whatever else a snapshot holds is
unknown here, because a protection that acts on old numbers protects nobody.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.detectors import WET, DetectorSight, Verdict, all_dry, leaks_critically
from rack_controller.decide.drip import Drip, falls_on
from rack_controller.decide.heard import Heard
from rack_controller.decide.left import CoolantLeft, see_left
from rack_controller.decide.loop import NO_LOOP, LoopMemory, LoopSight, draw_of, see_loop
from rack_controller.model.interlock import DripMap, InterlockPolicy
from rack_controller.model.layout import IN_BAND, Layout
from rack_controller.model.snapshot import ManagementAxis, Snapshot

_GOOD = int(Quality.GOOD)  # a plain number: NumPy compares with members of an enumeration ten times slower
WATCHED = (TrayKind.COMPUTE, TrayKind.SWITCH)
"""Trays that coolant runs through and that an interlock may switch off."""
WARM_K = 1.0
"""Coolant is as the design says while it comes no more than this above it: a valve is never exact."""


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
    """Everything one evaluation looks at.  `draw` and `usable` in W; `left_out`: causes that are bypassed, where;
    `shelves_off`: shelves that say that their output is off; `left`: what the coolant carries, None while no pump
    failed and it comes no warmer than the design says."""

    rack: Place
    now: Seconds
    trays: tuple[TraySight, ...]
    loop: LoopSight = NO_LOOP
    draw: float | None = None
    usable: float = 0.0
    building: BuildingSight = BuildingSight()
    blind: bool = False
    shelves: tuple[Place, ...] = ()
    left_out: frozenset[tuple[str, Place]] = frozenset()
    shelves_off: frozenset[Place] = frozenset()
    left: CoolantLeft | None = None

    @cached_property
    def seen_off(self) -> frozenset[Place]:
        """Return the trays and shelves that are observed off."""
        return self.shelves_off.union(tray.place for tray in self.trays if tray.off is True)

    @cached_property
    def all_well(self) -> bool:
        """Return whether every tray is `well`: then no row about leak detectors of trays can hold."""
        return all(tray.well for tray in self.trays)

    def tray(self, place: Place) -> TraySight | None:
        """Return the tray at `place`, None for another."""
        return next((t for t in self.trays if t.place == place), None)


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
    draw, off = draw_of(layout, snapshot), frozenset(t.place for t in trays if t.off is True)
    loop_sight = see_loop(layout, snapshot, by_tray, loop, policy.loop, off)
    return Picture(
        snapshot.rack,
        snapshot.now,
        tuple(trays),
        loop_sight,
        draw,
        layout.busbar_power_usable_w,
        building,
        blind=bool(snapshot.endpoints)
        and all(e.management is ManagementAxis.ABSENT for e in snapshot.endpoints.values())
        and any(e.last_success is not None for e in snapshot.endpoints.values()),
        shelves=(shelves := tuple(Place(t.place) for t in layout.trays if t.kind == TrayKind.POWER_SHELF)),
        shelves_off=frozenset(s for s in shelves if snapshot.good(s, Quantity.POWER_STATE) == 0.0),
        left=_left(layout, snapshot, loop_sight, off, policy.loop.rise_k),
    )


def _left(
    layout: Layout, snapshot: Snapshot, loop: LoopSight, off: frozenset[Place], rise_k: float
) -> CoolantLeft | None:
    """Return what the coolant carries, None while nothing lacks: nobody needs it then."""
    warm = loop.supply is not None and loop.supply > loop.supply_nominal + WARM_K
    return None if loop.moves is None and not warm else see_left(layout, snapshot, off, loop.moves, rise_k, loop.supply)


def _drip(
    layout: Layout, tray: Place, detectors: tuple[DetectorSight, ...], drip: DripMap, *, latched: bool
) -> Drip | None:
    if not latched and not leaks_critically([d.verdict for d in detectors]):
        return None
    return falls_on(layout, tray, [d.label for d in detectors if d.verdict in WET], drip)


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
