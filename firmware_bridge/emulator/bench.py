"""The racks of one generation as they are now: plant state, caps, demand, leaks, conditions.  Stepped by its owner."""

import fnmatch
import heapq
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.host import Host
from firmware_bridge.emulator.nvlinks import NvlinkPorts
from firmware_bridge.emulator.power import PowerData
from firmware_bridge.plant.design import Array, Mask, RackDesign, design_of
from firmware_bridge.plant.meters import FULL_LEVEL, level_after
from firmware_bridge.plant.state import Conditions, State, initial_state
from firmware_bridge.plant.step import step
from firmware_bridge.plant.trace import LoadTrace, gpu_demand
from firmware_bridge.vocabulary.generation import Generation, LimitLoss, Slot, TrayKind
from firmware_bridge.vocabulary.place import Place

LONGEST_STEP_S = 0.5
DARK_W = 1.0  # what a tray draws at most when it is off: its last watts fade away
MOMENT_S = 1e-6  # what is due within this is due now
SETTLE_S = 120.0
LEAK_LEVELS = {"dry": 0, "warning": 1, "critical": 2}
UNIT_POWER = PowerData(off_s=0.0, on_s=1.0, dark_s=5.0)  # assumption: a unit cuts its pumps at once
_MOST_LEAKS = 16
_MOST_NAMED = 256  # globs whose trays are remembered


class Bench:
    """R racks of one generation.

    `caps`, `demand`: (R, T, G) in W.  `leaks[kind]`: codes 0-2, (R, slots of that kind, detectors).
    `leaked[kind]` keeps the worst code since it was cleared.  `absent[kind]`: parts that are pulled, (R, slots, parts).
    `level`: how full the reservoirs are, %, (R,).
    `flow_target`, `supply_target`: what was written to the coolant units, (R,) in L/min and °C, NaN for nothing yet.
    `asked_caps` are the limits as they were last written at the BMCs, `board_caps` those of them that hold by now,
    `driver_caps` the ones that hosts set in band; the lowest is enforced (`caps`).  `hosts` are the trays and shelves
    that have a power switch, by kind, rack and index, `supplies` the power supplies that were switched by themselves,
    by rack, shelf and number, `units` the coolant units that were stopped or started, by rack; faults come on top of
    what they do.
    """

    def __init__(self, generation: Generation, racks: list[Place], trace: LoadTrace | None) -> None:
        self.generation, self.racks, self.trace = generation, racks, trace
        self.design: RackDesign = design_of(generation)
        self.state: State = initial_state(self.design, len(racks))
        self.board_caps: Array = np.full(self.state.gpu_power.shape, float(self.design.limit_default))
        self.asked_caps, self.driver_caps = self.board_caps.copy(), self.board_caps.copy()
        self.deaf = np.zeros(self.board_caps.shape[:2], dtype=np.bool_)
        self._shares: tuple[State | None, Array] = (None, np.empty(0))
        self._by_hand: dict[str, float] = {}  # shares by glob over GPUs' places: they override the trace
        self._shares_by_hand: Array = np.full(self.caps.shape, np.nan)
        self.hosts: dict[tuple[TrayKind, int, int], Host] = {}
        self.supplies: dict[tuple[int, int, int], Host] = {}
        self.units: dict[int, Host] = {}
        self.units_on_at = np.zeros(len(racks))  # when each coolant unit last came on, emulated s
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.leaks = {
            kind: np.zeros((len(racks), max(len(generation.slots_of(kind)), 1), _MOST_LEAKS), dtype=np.int8)
            for kind in (TrayKind.COMPUTE, TrayKind.SWITCH, TrayKind.COOLANT_UNIT)
        }
        self.leaked = {kind: codes.copy() for kind, codes in self.leaks.items()}
        self.absent = {
            TrayKind.POWER_SHELF: np.zeros((len(racks), self.design.shelves, self.design.psus), dtype=np.bool_),
            TrayKind.BATTERY_SHELF: np.zeros((len(racks), self.design.battery_shelves, self.design.bbus), np.bool_),
        }
        self._places: dict[str, tuple[int, Slot]] = {
            f"{rack}/{slot.name}": (r, slot) for r, rack in enumerate(racks) for slot in generation.slots
        }
        self._names = {name: place for place, (_, slot) in self._places.items() for name in _names_of(place, slot)}
        self._named: dict[str, list[tuple[str, int, Slot]]] = {}
        trays = [s.unit for s in generation.slots if s.tray.kind in (TrayKind.COMPUTE, TrayKind.SWITCH)]
        self._ordinals = {unit: n for n, unit in enumerate(sorted(trays), 1)}
        self.nvlinks = NvlinkPorts(generation, racks)
        healthy = Conditions.healthy(self.design, len(racks))
        self.flow_target, self.supply_target = healthy.flow_target, healthy.supply_target
        self.level: Array = np.full(len(racks), FULL_LEVEL)
        self._impose(())
        self.settle()
        self.advance(0.0)

    def ordinal(self, slot: Slot) -> int:
        """Return which compute or switch tray from the floor stands in a slot, from 1; 0 for any other tray."""
        return self._ordinals.get(slot.unit, 0)

    @property
    def time(self) -> float:
        """Return emulated seconds since the start (settling excluded)."""
        return self.state.time

    def settle(self) -> None:
        """Let temperatures and flow find their steady values for the load at time 0."""
        self._advance(SETTLE_S, moving=False)
        self.state = replace(self.state, time=0.0)

    def advance(self, seconds: float, faults: tuple[Fault, ...] = ()) -> None:
        """Move on by emulated `seconds`, in steps of at most half a second, under the given plant faults.

        What is to happen in between happens at its time.
        """
        end = self.time + seconds
        while True:
            self._happen()
            self._impose(faults)
            stop = min(end, self._agenda[0][0]) if self._agenda else end
            span = max(stop - self.time, 0.0)
            self._advance(span, moving=True)
            self.level = level_after(self.level, self._runs_out(), span)
            self.nvlinks.advance(span, faults, self.state.tray_power > DARK_W, self.state.switch_power > DARK_W)
            if stop >= end - MOMENT_S:
                break
        if self._happen():
            self._impose(faults)

    def _runs_out(self) -> Mask:
        """Return which racks lose coolant, (R,): a critical detector stands in it, one that warns has a drop."""
        wet = [(codes >= LEAK_LEVELS["critical"]).any(axis=(1, 2)) for codes in self.leaks.values()]
        return np.asarray(np.logical_or.reduce(wet))

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` after emulated `seconds`."""
        heapq.heappush(self._agenda, (self.time + seconds, next(self._numbers), act))

    def host(self, kind: TrayKind, rack: int, index: int, data: PowerData) -> Host:
        """Return the power switch of a tray or shelf, made when it is first asked for."""
        return self.hosts.setdefault((kind, rack, index), Host(data, self))

    def supply(self, rack: int, shelf: int, number: int, data: PowerData) -> Host:
        """Return the switch of one power supply, made when it is first asked for."""
        return self.supplies.setdefault((rack, shelf, number), Host(data, self))

    def unit(self, rack: int, data: PowerData = UNIT_POWER) -> Host:
        """Return the switch of a rack's coolant unit, made when it is first asked for."""
        found = self.units.get(rack)
        if found is None:

            def started() -> None:
                self.units_on_at[rack] = self.time

            found = self.units[rack] = Host(data, self, on_boot=started)
        return found

    def told_hosts(self) -> list[dict[str, object]]:
        """Return every host with its place, what it was asked last and what it draws (a shelf: None), in W."""
        draws = {TrayKind.COMPUTE: self.state.tray_power, TrayKind.SWITCH: self.state.switch_power}
        told: list[dict[str, object]] = []
        for (kind, rack, index), host in self.hosts.items():
            watts = float(draws[kind][rack, index]) if kind in draws else None
            row = {"place": self._place_of_host(kind, rack, index), "state": host.state, "asked": host.asked}
            told.append({**row, "asked_at": host.asked_at, "off_at": host.off_at, "power_w": watts})
        return told

    def put_hosts(self, where: str, on: bool) -> int:
        """Put the hosts whose place fits the glob on or off at once; return how many those are."""
        chosen = [h for key, h in self.hosts.items() if fnmatch.fnmatchcase(self._place_of_host(*key), where)]
        for host in chosen:
            host.put(on)
        return len(chosen)

    def _place_of_host(self, kind: TrayKind, rack: int, index: int) -> str:
        return self.place_of(rack, self.generation.slots_of(kind)[index])

    @property
    def caps(self) -> Array:
        """Return the limits that are enforced, (R, T, G), W."""
        return np.minimum(self.board_caps, self.driver_caps)

    @property
    def tray_shares(self) -> Array:
        """Return how far each compute tray is between idle and its GPUs' maximum, (R, T); worked out once a step."""
        if self._shares[0] is not self.state:
            design = self.design
            idle, span = design.gpus * design.gpu_idle, design.gpus * (design.gpu_max - design.gpu_idle)
            drawn = self.state.gpu_power.sum(axis=2)
            self._shares = (self.state, np.clip((drawn - idle) / max(span, 1.0), 0.0, 1.0))
        return self._shares[1]

    def forget_limits(self, kind: TrayKind, rack: int, index: int) -> None:
        """Put the power limits of a compute tray back to their default, as a loss of auxiliary power does, unless they
        outlive that."""
        if kind is TrayKind.COMPUTE and LimitLoss.AUX_OFF not in self.design.limit_outlives:
            self.board_caps[rack, index] = self.asked_caps[rack, index] = self.design.limit_default

    def forget_limit_of(self, rack: int, index: int, gpu: int) -> None:
        """Put a GPU's limits back to their default, as far as they do not outlive its being reset."""
        self.forget_in_band(rack, index, gpu)
        if LimitLoss.RESET not in self.design.limit_outlives:
            self.board_caps[rack, index, gpu] = self.asked_caps[rack, index, gpu] = self.design.limit_default

    def forget_in_band(self, rack: int, index: int, gpu: int) -> None:
        """Put what a GPU's driver keeps back to the default, as its being loaded anew does."""
        self.driver_caps[rack, index, gpu] = self.design.limit_default

    def _happen(self) -> bool:
        """Do what is due; tell whether anything was."""
        was = False
        while self._agenda and self._agenda[0][0] <= self.time + MOMENT_S:
            heapq.heappop(self._agenda)[2]()
            was = True
        return was

    def place_of(self, rack: int, slot: Slot) -> str:
        """Return a tray's place."""
        return f"{self.racks[rack]}/{slot.name}"

    def _advance(self, seconds: float, *, moving: bool) -> None:
        steps = max(1, round(seconds / LONGEST_STEP_S + 0.49))
        for n in range(steps):
            at = self.state.time if moving else 0.0
            if n == 0 or moving:
                demand = self._demand(at)
            held = np.where(self.deaf[:, :, None], self.design.limit_max, self.caps)
            self.state = step(self.state, demand, held, seconds / steps)

    def _demand(self, at: float) -> Array:
        design, shares = self.design, self._shares_by_hand
        if self.trace is None:
            shares = np.nan_to_num(shares, nan=0.0)
        asked = design.gpu_idle + shares * (design.gpu_max - design.gpu_idle)
        free = np.isnan(asked)
        if self.trace is None or not free.any():
            return asked
        return np.where(free, gpu_demand(self.trace, at, design, len(self.racks)), asked)

    def set_demand(self, share: float | None, where: str = "*") -> int:
        """Let the GPUs whose places fit a glob ask for this share of their dynamic range; None: for what the trace has.

        What was asked of some of them before is forgotten.  Returns how many fit.
        """
        self._by_hand = {w: s for w, s in self._by_hand.items() if not fnmatch.fnmatchcase(w, where)}
        if share is not None:
            self._by_hand[where] = share
        self._shares_by_hand = np.full(self.caps.shape, np.nan)
        for glob, asked in self._by_hand.items():
            for at, place in self._gpu_places():
                if fnmatch.fnmatchcase(place, glob):
                    self._shares_by_hand[at] = asked
        return sum(fnmatch.fnmatchcase(place, where) for _, place in self._gpu_places())

    def _gpu_places(self) -> Iterator[tuple[tuple[int, int, int], str]]:
        for (rack, tray, gpu), _ in np.ndenumerate(self.caps):
            yield (rack, tray, gpu), f"{self._place_of_host(TrayKind.COMPUTE, rack, tray)}/gpu{gpu}"

    def _impose(self, faults: tuple[Fault, ...]) -> None:
        healthy = replace(
            Conditions.healthy(self.design, len(self.racks)),
            flow_target=self.flow_target,
            supply_target=self.supply_target,
        )
        for (kind, rack, index), host in self.hosts.items():
            if not host.powered:
                _switch_off(healthy, kind, rack, index)
        for part, supply in self.supplies.items():
            healthy.psu_ok[part] &= supply.powered
        for rack, unit in self.units.items():
            healthy.unit_on[rack] &= unit.powered
        for codes in (*self.leaks.values(), *self.absent.values()):
            codes[:] = 0
        self.deaf[:] = False
        # What is unplugged stays dry, whatever wets it.
        for fault in sorted(faults, key=lambda f: f.what is FaultKind.LEAK_UNPLUGGED):
            for place, rack, slot in self._named_by(fault.where):
                self._strike(fault, place, rack, slot, healthy)
        for kind, codes in self.leaks.items():
            np.maximum(self.leaked[kind], codes, out=self.leaked[kind])
        self.driver_caps[~healthy.tray_on] = self.design.limit_default  # no host, no driver that keeps anything
        self.state = replace(self.state, conditions=healthy)

    def _named_by(self, where: str) -> list[tuple[str, int, Slot]]:
        """Return the trays that a glob names, or of which it names a part; looked up once, since a fault stands long
        and the plant moves ten times a second."""
        found = self._named.get(where)
        if found is None:
            fits = re.compile(fnmatch.translate(where)).match
            trays = dict.fromkeys(tray for name, tray in self._names.items() if fits(name))
            found = [(tray, *self._places[tray]) for tray in trays]
            if len(self._named) >= _MOST_NAMED:
                self._named.clear()
            self._named[where] = found
        return found

    def _strike(self, fault: Fault, place: str, rack: int, slot: Slot, on: Conditions) -> None:
        kind, whole = slot.tray.kind, fnmatch.fnmatchcase(place, fault.where)
        if fault.what is FaultKind.TRAY_OFF and whole:
            if kind is TrayKind.COMPUTE:
                on.tray_on[rack, slot.index] = False
            elif kind is TrayKind.SWITCH:
                on.switch_on[rack, slot.index] = False
        elif fault.what is FaultKind.LEAK and kind in self.leaks:
            for n in _parts(slot, "leak", place, whole, fault):
                self.leaks[kind][rack, slot.index, n] = LEAK_LEVELS.get(fault.level, 2)
                if whole:
                    break  # a whole tray named: its first detector is the one that gets wet
        elif fault.what is FaultKind.LEAK_UNPLUGGED and kind in self.leaks:
            self.leaks[kind][rack, slot.index, _parts(slot, "leak", place, whole, fault)] = 0
        elif fault.what is FaultKind.CAP_IGNORED and kind is TrayKind.COMPUTE and whole:
            self.deaf[rack, slot.index] = True
        elif fault.what in (FaultKind.PSU_FAIL, FaultKind.BBU_FAIL, FaultKind.REMOVED) and kind in self.absent:
            self._strike_module(fault, place, rack, slot, on)
        elif fault.what is FaultKind.DAMP_AIR and kind is TrayKind.COOLANT_UNIT and whole:
            on.air_temperature[rack], on.air_humidity[rack] = fault.celsius, fault.humidity
        elif fault.what is FaultKind.WARM_WATER and kind is TrayKind.COOLANT_UNIT and whole:
            on.facility_supply[rack] += fault.kelvin
        elif fault.what is FaultKind.PUMP_FAIL and kind is TrayKind.COOLANT_UNIT:
            for n in _parts(slot, "pump", place, whole, fault):
                on.pump_ok[rack, n] = False

    def _strike_module(self, fault: Fault, place: str, rack: int, slot: Slot, on: Conditions) -> None:
        kind, whole = slot.tray.kind, fnmatch.fnmatchcase(place, fault.where)
        name, own = ("psu", FaultKind.PSU_FAIL) if kind is TrayKind.POWER_SHELF else ("bbu", FaultKind.BBU_FAIL)
        works = on.psu_ok if kind is TrayKind.POWER_SHELF else on.bbu_ok
        if fault.what not in (own, FaultKind.REMOVED):
            return
        for n in _parts(slot, name, place, whole, fault):
            works[rack, slot.index, n] = False
            self.absent[kind][rack, slot.index, n] |= fault.what is FaultKind.REMOVED


def _names_of(place: str, slot: Slot) -> Iterator[str]:
    """Yield the place of a tray and of each of its parts."""
    yield place
    for component in slot.tray.components:
        for n in range(component.count):
            yield f"{place}/{component.name}{n}"


def _switch_off(on: Conditions, kind: TrayKind, rack: int, index: int) -> None:
    if kind is TrayKind.COMPUTE:
        on.tray_on[rack, index] = False
    elif kind is TrayKind.SWITCH:
        on.switch_on[rack, index] = False
    elif kind is TrayKind.POWER_SHELF:
        on.psu_ok[rack, index] = False


def _parts(slot: Slot, name: str, place: str, whole: bool, fault: Fault) -> list[int]:
    found = slot.tray.component(name)
    count = found.count if found is not None else 0
    return [n for n in range(count) if whole or fnmatch.fnmatchcase(f"{place}/{name}{n}", fault.where)]
