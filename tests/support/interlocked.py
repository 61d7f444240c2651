"""A rack whose readings a test sets by hand, seen by the interlocks tick by tick, without any device or clock."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.attention import Attention
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from firmware_bridge.wire.located_yaml import parse
from rack_controller.decide.heard import Heard, hear_all
from rack_controller.decide.interlock import Decision, Key, Order, Standing, advance, leaked
from rack_controller.decide.loop import LoopMemory, settle
from rack_controller.decide.picture import BuildingSight, Picture, see
from rack_controller.model.interlock import InterlockPolicy, parse_interlock
from rack_controller.model.layout import Layout, make_layout
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.board import Board

RACK = Place("lab1/a/r01/k01")
SEEDED = Path(__file__).parents[2] / "seeds" / "policies" / "interlock.yaml"


@cache
def seeded_policy() -> InterlockPolicy:
    """Return the policy that ships."""
    return parse_interlock(parse(SEEDED.read_text(), str(SEEDED)).value["spec"])


@cache
def planned(generation: str = "gb200-nvl72") -> Layout:
    """Return a whole rack of a seeded generation, every endpoint enabled."""
    plan = load_generation(generation)
    endpoints = tuple(
        SiteEndpoint(join_place(RACK, slot.name, spec.name), spec.protocol, "127.0.0.1", 1)
        for slot in plan.slots
        for spec in slot.tray.endpoints
        if spec.protocol in ("redfish", "modbus")
    )
    return make_layout(SiteRack(RACK, generation, armed=True), plan, endpoints)


@dataclass
class InterlockedRack:
    """Starts dry, on, cool and well: change one thing, let time pass, look at what is ordered."""

    policy: InterlockPolicy = field(default_factory=seeded_policy)
    layout: Layout = field(default_factory=planned)
    standings: dict[Key, Standing] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    building: BuildingSight = field(default_factory=BuildingSight)
    now: float = 100.0

    def __post_init__(self) -> None:
        self._values: dict[tuple[Place, Quantity], tuple[float | None, Quality]] = {}
        self._silent: set[Place] = set()
        self._blind: set[Place] = set()
        self._detectors = Heard()
        self._loop = LoopMemory()
        self._labels: dict[Place, str] = {}
        self._laid: tuple[object, Board] | None = None
        for tray in self.layout.trays:
            place = Place(tray.place)
            parts = {c.name: c.count for c in tray.components}
            if tray.kind in (TrayKind.COMPUTE, TrayKind.SWITCH):
                self.set(place, Quantity.POWER_STATE, 1)
            if tray.kind in (TrayKind.POWER_SHELF, TrayKind.BATTERY_SHELF):
                self.set(place, Quantity.POWER, 10_000 if tray.kind == TrayKind.POWER_SHELF else 0)
            if tray.kind == TrayKind.COOLANT_UNIT:
                self.set(place, Quantity.FLOW, self.layout.coolant_flow_rated_lpm)
                self.set(place, Quantity.TEMPERATURE_SUPPLY, self.layout.coolant_supply_nominal_c)
                self.set(place, Quantity.PRESSURE_SUPPLY, 250)
                for n in range(parts.get("pump", 0)):
                    self.set(join_place(place, f"pump{n}"), Quantity.HEALTH, 0)
            for n in range(parts.get("leak", 0)):
                self.set(join_place(place, f"leak{n}"), Quantity.LEAK, 0)
            for n in range(parts.get("gpu", 0)):
                self.set(join_place(place, f"gpu{n}"), Quantity.TEMPERATURE_MARGIN, 30)

    def place(self, path: str) -> Place:
        """Return the place of `u12/leak0`."""
        return join_place(RACK, path)

    def set(self, place: Place | str, quantity: Quantity, value: float | None, quality: Quality = Quality.GOOD) -> None:
        """Let a sensor say `value` from now on; None with a quality is an answer without a value."""
        where = Place(place) if str(place).startswith(RACK) else self.place(place)
        self._values[where, quantity] = (value, quality)

    def forget(self, sensor: str) -> None:
        """Let a sensor be none that anybody declares any more."""
        for place, quantity in list(self._values):
            if place == self.place(sensor):
                del self._values[place, quantity]

    def name(self, detector: str, label: str) -> None:
        """Give a detector the device's own name."""
        self._labels[self.place(detector)] = label

    def silence(self, *trays: str) -> None:
        """Let nobody hear these trays any more, whatever speaks for them."""
        self._silent |= {self.place(t) for t in trays}

    def start_controller(self, tray: str) -> None:
        """Let a tray's controller have started just now: its detectors say nothing and it says so."""
        self._blind.add(self.place(tray))
        for place, quantity in list(self._values):
            if quantity is Quantity.LEAK and place.startswith(self.place(tray)):
                self._values[place, quantity] = (None, Quality.FLAGGED)

    def switch(self, on: bool, trays: Iterable[Place]) -> None:
        """Let trays be observed on or off."""
        for tray in trays:
            self.set(tray, Quantity.POWER_STATE, 1 if on else 0)

    def snapshot(self) -> Snapshot:
        """Return what is heard at `now`."""
        board = self._blank()
        for endpoint in board.contacts:
            silent = self._is_silent(endpoint)
            contact = board.contacts[endpoint]
            board.contacts[endpoint] = replace(contact, last_success=Seconds(1.0 if silent else self.now))
            if self.place(endpoint.split("/")[4]) in self._blind:
                board.attentions[endpoint] = Attention(blind="its controller started lately")
        board.store(
            Reading(p, q, v, Seconds(self.now), quality)
            for (p, q), (v, quality) in self._values.items()
            if not self._is_silent(p)
        )
        return board.snapshot(1, Seconds(self.now), UnixNanoseconds(int(self.now * 1e9)))

    def _blank(self) -> Board:
        """Return a board that has heard nothing yet; it is laid out once, as long as the sensors are the same."""
        like = self.layout, list(self._values), dict(self._labels)
        if self._laid is None or self._laid[0] != like:
            endpoints = [Place(e.place) for t in self.layout.trays for e in t.endpoints if e.enabled]
            board = Board(RACK, endpoints, {s.reading_class: Seconds(1) for s in SPECS.values()})
            series = [Series(p, q, SPECS[q].reading_class, self._labels.get(p, "")) for p, q in self._values]
            board.declare(endpoints[0], series)
            board._lay_out_again()
            self._laid = like, board
        board = copy(self._laid[1])
        board.contacts, board.attentions, board._states, board._unseen = dict(board.contacts), {}, {}, set()
        board._values, board._taken_at, board._quality = (
            a.copy() for a in (board._values, board._taken_at, board._quality)
        )
        return board

    def look(self) -> Picture:
        """Return the picture at `now`, after everything was heard once more."""
        snapshot = self.snapshot()
        self._detectors = hear_all(self._detectors, snapshot, self.policy.detectors)
        self._loop = settle(self._loop, snapshot, self.layout, self.policy.loop)
        latched = leaked(self.standings.values(), self.policy)
        return see(self.layout, snapshot, self._detectors, self._loop, self.policy, self.building, latched)

    def tick(self, seconds: float = 0.0) -> Decision:
        """Let time pass in steps of a second, evaluate after each, and return the last decision."""
        decision = self._evaluate()
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1.0)
            decision = self._evaluate()
        return decision

    def ordered(self, act: str) -> list[Order]:
        """Return the orders so far of one act."""
        return [o for o in self.orders if o.act == act]

    def _evaluate(self) -> Decision:
        decision = advance(self.standings, self.look(), self.policy)
        self.standings = dict(decision.standings)
        self.orders += decision.orders
        return decision

    def _is_silent(self, place: Place) -> bool:
        return any(place == tray or place.startswith(f"{tray}/") for tray in self._silent)
