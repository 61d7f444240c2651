"""One rack of a seeded generation as its sensors show it: what a controller's board is fed with, second by second."""

import random
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.attention import Attention
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.generation import Generation, TrayKind
from firmware_bridge.vocabulary.place import Place, join_place, tray_of
from firmware_bridge.vocabulary.power import PowerState
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.sequence import Check, Sequence, Stage
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.picture import WATCHED
from rack_controller.model.interlock import InterlockPolicy
from rack_controller.model.layout import Layout, TrayView
from rack_controller.model.table import SeriesTable
from rack_controller.run.board import Board
from support.interlocked import RACK, planned, seeded_policy
from support.simulation.devices import SimTray

Q = Quantity
GENERATIONS = ("orv3-hpr-nvl36x2", "gb200-nvl72")
PART = 7  # trays of a rack that is not whole
UNIT_HASTE = 3.0  # how much shorter still a unit waits for trays to have been off: stops must meet faults, too
HASTE = 5.0  # steady times, gaps and settling times of a seeded sequence are divided by it, so that starts meet faults
DRY, WARNING, CRITICAL = 0.0, 1.0, 2.0
Key = tuple[Place, Quantity]
_NOTHING = object()
_ATTENTIVE = Attention()
_tray_of = cache(tray_of)


@cache
def plan_of(name: str, whole: bool = True) -> tuple[Generation, Layout, InterlockPolicy, Sequence]:
    """Return a generation, its rack and the policy that ships: read once, never changed.

    Not `whole`: without most of its trays; what is left hangs together, compute trays on switch trays, and costs less.
    """
    layout = planned(name)
    if not whole:
        cooled = sorted((t for t in layout.trays if t.kind in WATCHED), key=lambda t: t.unit)
        middle = next(n for n, t in enumerate(cooled) if t.kind == TrayKind.SWITCH)
        kept = {t.place for t in cooled[max(0, middle - PART // 2) :][:PART]}
        trays = [t for t in layout.trays if t.kind not in WATCHED or t.place in kept]
        layout = msgspec.structs.replace(layout, trays=trays)
    generation = load_generation(name)
    assert generation.sequence is not None
    return generation, layout, seeded_policy(), hastened(generation.sequence)


def hastened(sequence: Sequence) -> Sequence:
    """Return a sequence in the same order with shorter times: a run has a minute, a rack has ten."""

    def sooner(check: Check) -> Check:
        return msgspec.structs.replace(check, steady_s=check.steady_s / HASTE)

    def shorter(stage: Stage) -> Stage:
        return msgspec.structs.replace(
            stage,
            before=[sooner(c) for c in stage.before],
            after=[sooner(c) for c in stage.after],
            gap_s=stage.gap_s / HASTE,
            settle_s=stage.settle_s / HASTE,
        )

    return msgspec.structs.replace(
        sequence,
        power_on=[shorter(s) for s in sequence.power_on],
        power_off=[shorter(s) for s in sequence.power_off],
    )


@dataclass
class _Known:
    """What one board was told last, its endpoints and its columns by tray.  `complete`: it was told of everything."""

    table: SeriesTable
    endpoints: dict[Place, list[Place]]
    columns: dict[Place, NDArray[np.intp]]
    said: dict[Key, float | None] = field(default_factory=dict)
    complete: bool = False
    restless: dict[Key, int] = field(default_factory=dict)  # for how many rounds more it is told again

    @staticmethod
    def of(board: Board) -> "_Known":
        endpoints: dict[Place, list[Place]] = {}
        columns: dict[Place, list[int]] = {}
        for endpoint in board.contacts:
            endpoints.setdefault(_tray_of(endpoint), []).append(endpoint)
        for (place, quantity), column in board._index.items():
            if quantity is not Q.MANAGEMENT:
                columns.setdefault(_tray_of(place), []).append(column)
        return _Known(board.table, endpoints, {t: np.array(c, dtype=np.intp) for t, c in columns.items()})


@dataclass
class SimRack:
    """`leaks`: what each detector says, None where it has a fault; `flow`: share of the rated flow."""

    name: str
    rng: random.Random
    clock: Clock
    whole: bool = True
    trays: dict[Place, SimTray] = field(default_factory=dict)  # by tray
    leaks: dict[Place, float | None] = field(default_factory=dict)
    flow: float = 1.0
    silent_unit: bool = False
    supply_k: float = 0.0  # how much warmer coolant comes than it should
    isolated_since: float | None = None  # since when the building keeps the coolant closed
    hot: frozenset[Place] = frozenset()  # trays that were on when it was closed
    shelves: dict[Place, SimTray] = field(default_factory=dict)  # their outputs
    units: dict[Place, SimTray] = field(default_factory=dict)  # coolant units: on, they move coolant
    sent_at: dict[str, float] = field(default_factory=dict)  # when each effect's request went out
    _boards: dict[Board, "_Known"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.generation, self.layout, self.policy, self.sequence = plan_of(self.name, self.whole)
        some_on, fabric_on = self.rng.random(), self.rng.random() < 0.6
        for view in self.watched:
            tray = Place(view.place)
            on = self.rng.random() < some_on or (fabric_on and view.kind == TrayKind.SWITCH)
            state = PowerState.ON if on else PowerState.OFF
            deaf, aux = self.rng.random() < 0.15, self.rng.random() < 0.3
            restores = self.rng.random() < 0.1
            self.trays[tray] = SimTray(join_place(tray, "bmc"), self.rng, self.clock, state, deaf, aux, restores)
        for view in self.layout.trays:
            for part in view.components:
                for n in range(part.count if part.name == Q.LEAK else 0):
                    self.leaks[join_place(Place(view.place), f"leak{n}")] = DRY
        for view in self.layout.trays:
            if view.kind == TrayKind.POWER_SHELF:
                shelf = join_place(Place(view.place), "pmc")
                self.shelves[Place(view.place)] = SimTray(shelf, self.rng, self.clock, PowerState.ON, False, False)
        for view in self.layout.trays:
            if view.kind == TrayKind.COOLANT_UNIT:
                unit = join_place(Place(view.place), "bmc")
                self.units[Place(view.place)] = SimTray(unit, self.rng, self.clock, PowerState.ON, False, False)
        self._slow = dict(self._slowly())
        self.places = [Place(view.place) for view in self.layout.trays]

    @cached_property
    def watched(self) -> list[TrayView]:
        return [view for view in self.layout.trays if view.kind in WATCHED]

    def detectors(self, tray: Place) -> list[Place]:
        return [place for place in self.leaks if _tray_of(place) == tray]

    @cached_property
    def by_tray(self) -> dict[Place, list[Place]]:
        return {tray: found for tray in self.trays if (found := self.detectors(tray))}

    @cached_property
    def capped(self) -> dict[Place, SimTray]:
        """Return where power can be limited: one GPU stands for all of its tray."""
        hosts = [Place(v.place) for v in self.watched if v.kind == TrayKind.COMPUTE]
        return {join_place(tray, "gpu0"): self.trays[tray] for tray in hosts}

    def board(self) -> Board:
        """Return the board of a controller that begins now."""
        endpoints = [Place(e.place) for t in self.layout.trays for e in t.endpoints if e.enabled]
        board = Board(RACK, endpoints, {s.reading_class: Seconds(1) for s in SPECS.values()})
        spoken = [*self._slow, *self._now()]
        board.declare(endpoints[0], [Series(p, q, SPECS[q].reading_class) for p, q in dict.fromkeys(spoken)])
        return board

    def feed(self, board: Board) -> None:
        """Let everything that answers say what it sees.

        What a board knows already is only said again: the time of its value is new, and nothing else.
        """
        now, known = self.clock.now(), self._known(board)
        heard = {place: self.hears(place) for place in self.places}
        for tray, sources in known.endpoints.items():
            if heard[tray]:
                for endpoint in sources:
                    board.contacts[endpoint] = replace(board.contacts[endpoint], last_success=now)
                    board.attentions[endpoint] = _ATTENTIVE
        for tray, columns in known.columns.items():
            if heard[tray]:
                board._taken_at[columns] = now
        values = self._now() if known.complete else self._slow | self._now()
        new = {k: v for k, v in values.items() if known.said.get(k, _NOTHING) != v and heard[_tray_of(k[0])]}
        for key in [k for k in known.restless if heard[_tray_of(k[0])]]:
            new[key] = values[key]
            known.restless[key] -= 1
            if not known.restless[key]:
                del known.restless[key]
        known.said |= new
        known.complete = len(known.said) >= len(self._slow) + len(self._now())
        board.store(
            Reading(p, q, v, now, Quality.GOOD if v is not None else Quality.FLAGGED) for (p, q), v in new.items()
        )

    def stir(self, detector: Place) -> None:
        """Note that a detector spoke between two rounds: boards are told anew, also once they have shown it."""
        for known in self._boards.values():
            known.restless[detector, Q.LEAK] = 3

    def _known(self, board: Board) -> "_Known":
        """Return what a board was told, and where its columns are; a new layout of its table begins anew."""
        known = self._boards.get(board)
        if known is None or known.table is not board.table:
            known = self._boards[board] = _Known.of(board)
        return known

    def hears(self, tray: Place) -> bool:
        device = self.trays.get(tray)
        if device is not None:
            return device.answers
        return not (self.silent_unit and tray in self.units)

    @property
    def moves(self) -> bool:
        """Return whether any unit moves coolant; one that starts does not yet."""
        return any(device.settle() in (PowerState.ON, PowerState.POWERING_OFF) for device in self.units.values())

    @cached_property
    def unit_sequence(self) -> Sequence:
        """Return the sequence that units are switched by."""
        return msgspec.structs.replace(
            self.sequence,
            power_off=[
                msgspec.structs.replace(
                    stage, after=[msgspec.structs.replace(c, steady_s=c.steady_s / UNIT_HASTE) for c in stage.after]
                )
                for stage in self.sequence.power_off
            ],
        )

    def _now(self) -> dict[Key, float | None]:
        values: dict[Key, float | None] = {(place, Q.LEAK): said for place, said in self.leaks.items()}
        for tray, device in self.trays.items():
            values[tray, Q.POWER_STATE] = float(device.settle() is not PowerState.OFF)
        for shelf, device in self.shelves.items():
            values[shelf, Q.POWER_STATE] = float(device.settle() is not PowerState.OFF)
        for gpu, device in self.capped.items():
            values[gpu, Q.POWER_LIMIT] = device.cap_w
        for unit in self.units:
            values[unit, Q.FLOW] = self.flow * self.moves * self.layout.coolant_flow_rated_lpm
            values[unit, Q.TEMPERATURE_SUPPLY] = self.layout.coolant_supply_nominal_c + self.supply_k
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
                said.append(((place, Q.PRESSURE_SUPPLY), 250.0))
        return said
