"""One rack of a seeded generation as its sensors show it: what a controller's board is fed with, second by second."""

import random
from dataclasses import dataclass, field, replace
from functools import cache

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.attention import Attention
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.generation import Generation, TrayKind
from firmware_bridge.vocabulary.place import Place, join_place, tray_of
from firmware_bridge.vocabulary.power import PowerState
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.picture import WATCHED
from rack_controller.model.interlock import InterlockPolicy
from rack_controller.model.layout import Layout, TrayView
from rack_controller.run.board import Board
from support.interlocked import RACK, planned, seeded_policy
from support.simulation.devices import SimTray

Q = Quantity
GENERATIONS = ("orv3-hpr-nvl36x2", "gb200-nvl72")
SLOW_EVERY = 5  # ticks between two words of what changes slowly
DRY, WARNING, CRITICAL = 0.0, 1.0, 2.0
Key = tuple[Place, Quantity]


@cache
def plan_of(name: str) -> tuple[Generation, Layout, InterlockPolicy]:
    """Return a generation, its rack and the policy that ships: read once, never changed."""
    return load_generation(name), planned(name), seeded_policy()


@dataclass
class SimRack:
    """`leaks`: what each detector says, None where it has a fault; `flow`: share of the rated flow."""

    name: str
    rng: random.Random
    clock: Clock
    trays: dict[Place, SimTray] = field(default_factory=dict)  # by tray
    leaks: dict[Place, float | None] = field(default_factory=dict)
    flow: float = 1.0
    silent_unit: bool = False
    sent_at: dict[str, float] = field(default_factory=dict)  # when each effect's request went out

    def __post_init__(self) -> None:
        self.generation, self.layout, self.policy = plan_of(self.name)
        some_on = self.rng.random()
        for view in self.watched:
            tray = Place(view.place)
            state = PowerState.ON if self.rng.random() < some_on else PowerState.OFF
            deaf, aux = self.rng.random() < 0.15, self.rng.random() < 0.3
            self.trays[tray] = SimTray(join_place(tray, "bmc"), self.rng, self.clock, state, deaf, aux)
        for view in self.layout.trays:
            for part in view.components:
                for n in range(part.count if part.name == Q.LEAK else 0):
                    self.leaks[join_place(Place(view.place), f"leak{n}")] = DRY
        self._slow = dict(self._slowly())

    @property
    def watched(self) -> list[TrayView]:
        return [view for view in self.layout.trays if view.kind in WATCHED]

    def detectors(self, tray: Place) -> list[Place]:
        return [place for place in self.leaks if tray_of(place) == tray]

    def board(self) -> Board:
        """Return the board of a controller that begins now."""
        endpoints = [Place(e.place) for t in self.layout.trays for e in t.endpoints if e.enabled]
        board = Board(RACK, endpoints, {s.reading_class: Seconds(1) for s in SPECS.values()})
        spoken = [*self._slow, *self._now()]
        board.declare(endpoints[0], [Series(p, q, SPECS[q].reading_class) for p, q in dict.fromkeys(spoken)])
        return board

    def feed(self, board: Board, tick: int) -> None:
        """Let everything that answers say what it sees."""
        now = self.clock.now()
        for endpoint, contact in board.contacts.items():
            if self._hears(tray_of(endpoint)):
                board.contacts[endpoint] = replace(contact, last_success=now)
                board.attentions[endpoint] = Attention()
        values = {**self._slow, **self._now()} if tick % SLOW_EVERY == 0 else self._now()
        board.store(
            Reading(p, q, v, now, Quality.GOOD if v is not None else Quality.FLAGGED)
            for (p, q), v in values.items()
            if self._hears(tray_of(p))
        )

    def _hears(self, tray: Place) -> bool:
        device = self.trays.get(tray)
        if device is not None:
            return device.answers
        return not (self.silent_unit and tray in self._units)

    @property
    def _units(self) -> list[Place]:
        return [Place(t.place) for t in self.layout.trays if t.kind == TrayKind.COOLANT_UNIT]

    def _now(self) -> dict[Key, float | None]:
        values: dict[Key, float | None] = {(place, Q.LEAK): said for place, said in self.leaks.items()}
        for tray, device in self.trays.items():
            values[tray, Q.POWER_STATE] = float(device.settle() is not PowerState.OFF)
        for unit in self._units:
            values[unit, Q.FLOW] = self.flow * self.layout.coolant_flow_rated_lpm
        return values

    def _slowly(self) -> list[tuple[Key, float | None]]:
        said: list[tuple[Key, float | None]] = []
        for view in self.layout.trays:
            place = Place(view.place)
            if view.kind == TrayKind.COMPUTE:
                for gpu in (join_place(place, f"gpu{n}") for n in range(4)):
                    said += [((gpu, Q.TEMPERATURE_MARGIN), 30.0), ((gpu, Q.FABRIC_STATE), 3.0)]
                    said += [((gpu, Q.NVLINKS_UP), 18.0), ((gpu, Q.TEMPERATURE), 35.0)]
            elif view.kind == TrayKind.SWITCH:
                said += [((join_place(place, "nvos"), Q.HEALTH), 0.0), ((place, Q.FABRIC_MANAGER), 2.0)]
            elif view.kind == TrayKind.POWER_SHELF:
                said += [((place, Q.VOLTAGE), 50.0), ((place, Q.POWER), 9_000.0)]
            elif view.kind == TrayKind.BATTERY_SHELF:
                said.append(((place, Q.POWER), 0.0))
            elif view.kind == TrayKind.COOLANT_UNIT:
                said += [((place, Q.TEMPERATURE_SUPPLY), self.layout.coolant_supply_nominal_c)]
                said += [((place, Q.PRESSURE_SUPPLY), 250.0)]
        return said
