"""How the parts of R virtual racks were made: every parameter drawn once from a seed, and faults planted in them."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.virtual.recipe import Change, Planted, Recipe
from rack_controller.prove.accept.evidence import Array
from rack_controller.prove.accept.parts import Parts

T = TypeVar("T")
CUT = 3.0
PLAIN = {  # parameters that healthy parts all share
    "gpu.draw": 1.0,
    "gpu.nvlinks_down": 0.0,
    "gpu.remapped": 0.0,
    "gpu.uncorrected_per_h": 0.0,
    "gpu.errors_per_h": 0.0,
    "tray.obeys_cap": 1.0,
    "tray.cap_delay_s": 0.0,
    "tray.starts_alone": 0.0,
    "tray.starts_after_s": 0.0,
    "tray.ports": 0.0,
    "gpu.ports": 0.0,
    "gpu.flow": 1.0,
    "gpu.limit_gain": 1.0,
    "psu.inlet_ohm": 0.0,
    "pump.backflow": 0.0,
    "cdu.exchanger": 1.0,
    "gpu.brakes": 0.0,
    "gpu.slows_at": 95.0,
    "tray.cap_forgets_s": 1e9,
    "tray.trips_on_restart": 0.0,
    "cdu.static": 1.0,
    "cdu.heat_capacity": 1.0,
    "cdu.valve_lag_s": 0.0,
    "cdu.set_off_k": 0.0,
    "cpu.rest_w": 0.0,
    "gpu.limit_most": 1e9,
    "switch.resistance": 1.0,
    "switch.ports": 0.0,
    "bbu.works": 1.0,
    "psu.strength": 1.0,
    "psu.present": 1.0,
    "leak.works": 1.0,
    "nic.up": 1.0,
    "nic.rate": 1.0,
    "nic.errors_per_h": 0.0,
    "port.up": 1.0,
    "port.lanes": 1.0,
    "port.flaps_per_h": 0.0,
    "cdu.valve": 1.0,
    "cdu.level": 1.0,
    "rack.reacts": 1.0,
}


@dataclass(frozen=True, slots=True)
class Made:
    """Parameters by name, (R, P) over the places of their kind, and wirings, (R, P) of the index that each leads to."""

    racks: int
    parts: Parts
    values: dict[str, Array] = field(default_factory=dict)
    wired: dict[str, np.ndarray[tuple[int, int], np.dtype[np.int64]]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Array:
        return self.values[name]


def make(parts: Parts, recipe: Recipe, racks: int, seed: int) -> Made:
    """Draw every parameter of healthy racks."""
    made, plain = Made(racks, parts), PLAIN | _trunks(PLAIN, recipe)
    drawn_from = recipe.made | _trunks(recipe.made, recipe)
    for name, (mean, width, shape) in drawn_from.items():
        dice = np.random.default_rng((seed, 1, named(name)))
        size = (racks, len(parts.of(name.partition(".")[0])))
        if shape == "uniform":
            made.values[name] = mean + width * dice.uniform(-1.0, 1.0, size)
        else:
            drawn = np.clip(dice.standard_normal(size), -CUT, CUT) * width
            made.values[name] = mean * np.exp(drawn) if shape == "lognormal" else mean + drawn
    for name, value in plain.items():
        made.values[name] = np.full((racks, len(parts.of(name.partition(".")[0]))), value)
    for name, kind in (("hose", "tray"), ("leak", "leak")):
        count = len(parts.of(kind))
        made.wired[name] = np.tile(np.arange(count), (racks, 1))
    made.wired["feedphase"] = np.tile(_feedphases(parts), (racks, 1))
    return made


def named(name: str) -> int:
    """Return the number of a name that its dice are seeded with: what is drawn of others does not depend on it."""
    return zlib.crc32(name.encode())


def _trunks(by_name: Mapping[str, T], recipe: Recipe) -> dict[str, T]:
    """Return what holds of ports to the GPUs also for ports to other racks."""
    ports = {n: v for n, v in by_name.items() if n.startswith("port.")}
    return {trunk + n.removeprefix("port"): v for trunk in recipe.trunks for n, v in ports.items()}


def plant(made: Made, faults: Sequence[Planted | None]) -> None:
    """Plant a fault in each rack, none where it is None: what is about parameters and wiring; sensors and facts plant
    their own.  Raises ConfigurationError for a parameter or a place that no rack has."""
    for rack, fault in enumerate(faults):
        for change in fault.changes if fault else ():
            if change.set and change.when is None:
                _set(made, rack, change)
            elif change.swap in {"hose", "leak"}:
                kind = "tray" if change.swap == "hose" else "leak"
                a, b = (index_of(made.parts, kind, place) for place in change.at)
                row = made.wired[change.swap][rack]
                row[a], row[b] = row[b], row[a]


def changed(value: Array | float, change: Change) -> Array | float:
    """Return what a change makes of a number."""
    if isinstance(change.to, int | float) and not isinstance(change.to, bool):
        return value * 0.0 + float(change.to)
    return value * change.times + change.plus


def _set(made: Made, rack: int, change: Change) -> None:
    if change.set in {"psu.feed", "psu.phase"}:
        for place in change.at:
            at = index_of(made.parts, "psu", place)
            made.wired["feedphase"][rack, at] = index_of(made.parts, "feedphase", str(change.to))
        return
    if change.set not in made.values:
        raise ConfigurationError(f"no parameter {change.set!r}", advice=f"known are {', '.join(sorted(made.values))}")
    for place in change.at:
        at = index_of(made.parts, change.set.partition(".")[0], place)
        made.values[change.set][rack, at] = changed(made.values[change.set][rack, at], change)


def index_of(parts: Parts, kind: str, place: str) -> int:
    """Return which of its kind a part is.  Raises ConfigurationError for a place that no rack has."""
    places = parts.of(kind)
    if place not in places:
        raise ConfigurationError(f"no {kind} at {place!r}", advice=f"places are such as {', '.join(places[:3])}")
    return places.index(place)


def _feedphases(parts: Parts) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return which phase of which feed each supply hangs on, as designed."""
    columns = {place: n for n, place in enumerate(parts.of("feedphase"))}
    return np.array([columns.get(parts.phase_of(place), 0) for place in parts.of("psu")], dtype=np.int64)
