"""What resources are made from: each rack as it stands now, in one look that is kept for at most a second.

It reads the fleet's memory; it asks no bus and no device.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from operator import is_

from datacenter_api.fleet.domains import DomainSummary, summarise_domains
from datacenter_api.fleet.peaks import Peak
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.summary import RackSummary, summarise
from datacenter_api.fleet.trays import Axes, LeakPoint, TrayState, axes_of, leak_points
from datacenter_api.fleet.view import RackView, view_of
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.limit_book import LimitBook
from datacenter_api.redfish.power.book import AggregateBook
from datacenter_api.redfish.power.tasks import TaskRoom
from datacenter_api.redfish.push.desk import Desk
from datacenter_api.redfish.stock import StockRoom
from datacenter_api.redfish.streams import Streams
from datacenter_api.services import Services
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.vocabulary.place import RACK_PARTS, Place
from firmware_bridge.vocabulary.quantities import Quantity, name_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.layout import EndpointView, Layout, TrayView
from rack_controller.model.power import BootView

LOOK_LASTS = Seconds(1.0)


@dataclass
class RackLook:
    """One rack at one instant."""

    record: RackRecord
    layout: Layout
    view: RackView | None
    now: Seconds

    @property
    def id(self) -> str:
        """Return the rack's name, which is its chassis id."""
        return self.record.token

    @cached_property
    def trays(self) -> dict[str, "TrayLook"]:
        """Return the trays by chassis id (`k01-u11`)."""
        looks = (TrayLook(self, tray) for tray in self.layout.trays)
        return {look.id: look for look in looks}

    @cached_property
    def axes(self) -> dict[str, Axes]:
        """Return both axes of each endpoint by place."""
        return axes_of(self.record, self.now)

    @cached_property
    def summary(self) -> RackSummary:
        """Return the rack in one glance."""
        made = summarise(self.record, self.now)
        assert made is not None  # there is a layout
        return made

    @cached_property
    def states(self) -> dict[str, TrayState]:
        """Return how each tray stands, by place."""
        return {state.place: state for state in self.summary.trays}

    @cached_property
    def leaks(self) -> list[LeakPoint]:
        """Return every leak detector of the rack."""
        return leak_points(self.layout, self.view)


@dataclass
class TrayLook:
    """One tray at one instant."""

    rack: RackLook
    plan: TrayView

    @cached_property
    def slot(self) -> str:
        """Return the tray's own name, `u11`."""
        return self.plan.place.rsplit("/", 1)[1]

    @cached_property
    def id(self) -> str:
        """Return the tray's chassis id."""
        return f"{self.rack.id}-{self.slot}"

    @property
    def state(self) -> TrayState:
        """Return the tray on both axes, with its alarm."""
        return self.rack.states[self.plan.place]

    @cached_property
    def lines(self) -> list[int]:
        """Return the lines of the series table that lie in this tray."""
        view = self.rack.view
        return [] if view is None else list(view.columns.by_tray.get(self.slot, ()))

    @cached_property
    def parts(self) -> dict[str, list[int]]:
        """Return the lines of each part by its name, the tray's own under the empty name."""
        view = self.rack.view
        found: dict[str, list[int]] = {}
        depth = len(self.plan.place) + 1
        for line in self.lines:
            assert view is not None
            found.setdefault(view.columns.series[line].place[depth:], []).append(line)
        return found

    def planned(self, name: str) -> list[str]:
        """Return the parts of one name that the plan has: `gpu0`, `gpu1`, …"""
        return [f"{c.name}{n}" for c in self.plan.components if c.name == name for n in range(c.count)]

    def line(self, part: str, quantity: Quantity) -> int | None:
        """Return the line of a quantity of a part (empty: of the tray), None when the rack has no such series."""
        view = self.rack.view
        place = f"{self.plan.place}/{part}" if part else self.plan.place
        return None if view is None else view.columns.index.get((Place(place), quantity))

    def value(self, part: str, quantity: Quantity) -> float | None:
        """Return a value that can be trusted now, None otherwise."""
        line, view = self.line(part, quantity), self.rack.view
        if line is None or view is None or view.word(line) != "good":
            return None
        return view.value(line)

    def word(self, part: str, quantity: Quantity) -> str | None:
        """Return the word of a code that can be trusted now, None otherwise."""
        value = self.value(part, quantity)
        return None if value is None else name_of(quantity, value)

    def peak(self, line: int) -> Peak | None:
        """Return the highest good value of a line since the API listens, None for a counter."""
        peaks = self.rack.record.peaks
        return peaks.of(line) if peaks is not None and self.rack.record.readable else None

    def label(self, part: str) -> str:
        """Return what the device itself calls a part, the part's name when it says nothing."""
        view = self.rack.view
        lines = self.parts.get(part, ())
        return next((s for n in lines if view is not None and (s := view.columns.series[n].label)), part)

    def labels(self, part: str) -> set[str]:
        """Return everything that devices call a part: its controller and the driver in the host may differ."""
        view = self.rack.view
        return {view.columns.series[n].label for n in self.parts.get(part, ()) if view is not None} - {""}

    def manager_id(self, endpoint: EndpointView) -> str:
        """Return the id of an endpoint's Manager, `k01-u11-bmc`."""
        return f"{self.id}-{endpoint.place.rsplit('/', 1)[1]}"


@dataclass
class World:
    """All racks, and the parts of the API that resources show."""

    parts: Services
    stock: StockRoom
    uuid: str
    desk: Desk
    streams: Streams = field(default_factory=Streams)
    asker: Caller | None = None
    tasks: TaskRoom = field(default_factory=TaskRoom)
    boots: dict[str, tuple[BootView, Seconds]] = field(default_factory=dict)  # by tray, newer than what was heard
    older_links: bool = False  # whether each Chassis links to its deprecated Power and Thermal
    changed: int = 0  # how often something has changed here that no frame tells
    boots_asked: dict[str, Seconds] = field(default_factory=dict)
    _running: "set[asyncio.Task[None]]" = field(default_factory=set)
    _domains: tuple[tuple[object, ...], list[DomainSummary]] | None = None
    _looks: dict[str, tuple[tuple[object, ...], RackLook]] = field(default_factory=dict)

    def asking(self) -> Caller:
        """Return who asks for the resource that is being built.  Raises RequestRefused where nobody does."""
        if self.asker is None:
            raise RequestRefused("NoValidSession")
        return self.asker

    @cached_property
    def aggregates(self) -> AggregateBook:
        """Return the aggregates.  Raises EnvironmentUnfit when their file cannot be read."""
        return AggregateBook(self.parts.state / "api" / "redfish-aggregates.json")

    @cached_property
    def limits(self) -> LimitBook:
        """Return what can be limited, as far as it has been looked at."""
        return LimitBook(self.parts.bus.ask, self.parts.now)

    def keep(self, task: "asyncio.Task[None]") -> None:
        """Hold on to work in the background until it is over."""
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def stamp(self) -> tuple[object, ...]:
        """Return what is the same as long as no resource can have changed: a second, frames, layouts, reports."""
        racks = tuple((r.token, r.frame.sequence if r.frame else 0, r.revision, r.boot) for r in self.parts.fleet)
        return (int(self.parts.now()), self.stock.changes, self.limits.changes, self.changed, racks)

    def racks(self) -> Iterator[RackLook]:
        """Yield every rack whose layout is known."""
        for record in self.parts.fleet:
            look = self._look(record)
            if look is not None:
                yield look

    def domains(self) -> list[DomainSummary]:
        """Return every NVLink domain as it stands now, judged at most once for what cannot have changed."""
        stamp = self.stamp()
        if self._domains is None or self._domains[0] != stamp:
            self._domains = stamp, summarise_domains(self.parts.fleet, self.parts.now())
        return self._domains[1]

    def rack(self, rack_id: str) -> RackLook | None:
        """Return a rack by its name."""
        record = self.parts.fleet.known(rack_id)
        return None if record is None else self._look(record)

    def rack_of(self, place: str) -> RackLook | None:
        """Return the rack that a place lies in."""
        parts = place.split("/")
        return self.rack(parts[RACK_PARTS - 1]) if len(parts) >= RACK_PARTS else None

    def trays(self, *kinds: str) -> Iterator[TrayLook]:
        """Yield the trays of some kinds (none: all) of every rack."""
        for rack in self.racks():
            for tray in rack.trays.values():
                if not kinds or tray.plan.kind in kinds:
                    yield tray

    def tray(self, tray_id: str, *kinds: str) -> TrayLook | None:
        """Return a tray by its chassis id, None when it is of no such kind."""
        cut = tray_id.find("-")
        while cut > 0:
            rack = self.rack(tray_id[:cut])
            found = rack.trays.get(tray_id) if rack is not None else None
            if found is not None:
                return found if not kinds or found.plan.kind in kinds else None
            cut = tray_id.find("-", cut + 1)
        return None

    def _look(self, record: RackRecord) -> RackLook | None:
        layout = record.layout
        if layout is None:
            return None
        now = self.parts.now()
        heard = (record.frame, layout, record.columns, record.endpoints_heard)
        kept = self._looks.get(record.token)
        if kept is not None and all(map(is_, kept[0], heard)) and now - kept[1].now < LOOK_LASTS:
            return kept[1]
        look = RackLook(record, layout, view_of(record, now), now)
        self._looks[record.token] = (heard, look)
        return look
