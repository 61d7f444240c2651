"""Instruments of a test floor at emulated racks: gain, offset and noise of each, what follows late and what is counted.

Nothing runs while nobody reads.  Noise has no dice: it is that of the rack, the series and the emulated moment.
"""

import datetime
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.floor_papers import Row, floor_papers
from firmware_bridge.emulator.floor_places import floor_places
from firmware_bridge.emulator.floor_truth import TRUTH, Rack
from firmware_bridge.emulator.gpu_hosts import GpuHosts
from firmware_bridge.generations.instruments import Figures, Instrument, read_figures
from firmware_bridge.plant.design import Array
from firmware_bridge.plant.meters import HOSE_S
from firmware_bridge.plant.noise import made, normal

LATE = {"tray.temperature_return": HOSE_S}
"""Series that follow their truth within so many s."""
WRONG = "gpu.work_errors"
WRONG_PER_S = 0.5  # assumption: a stress tool compares every other second


class FloorMeters:
    """The instruments at every rack of a hall."""

    def __init__(self, benches: Iterable[Bench], hosts: GpuHosts) -> None:
        self._hosts, figures = hosts, read_figures()
        self._racks: dict[str, RackMeters] = {
            str(place): RackMeters(place, bench, row, figures, hosts)
            for bench in benches
            for row, place in enumerate(bench.racks)
        }

    def read(self, rack: str, series: Collection[str] = ()) -> dict[str, dict[str, float]]:
        """Return what they show now by series and place: of `series` those that there is a truth of, or all.

        Raises ValueError for a rack that is not emulated here.
        """
        return self._at(rack).read(series)

    def papers(self, rack: str, today: datetime.date) -> list[Row]:
        """Return what a floor would note of a rack `today`, a row for each check and place.  Raises as `read`."""
        meters = self._at(rack)
        wrong = self._hosts.wrong([f"{rack}/{gpu}" for gpu in meters.places.get("gpu", ())], meters.bench.time)
        return floor_papers(rack, meters.bench.generation, meters.figures, wrong, today)

    def _at(self, rack: str) -> "RackMeters":
        meters = self._racks.get(rack)
        if meters is None:
            raise ValueError(f"no emulated rack is at {rack!r}, only {', '.join(self._racks)}")
        return meters


@dataclass
class RackMeters:
    """The instruments at one rack, at `place`."""

    place: str
    bench: Bench
    row: int
    figures: Figures
    hosts: GpuHosts
    _late: dict[str, tuple[float, Array]] = field(default_factory=dict)
    _shown: dict[str, tuple[int, Array]] = field(default_factory=dict)
    _made: dict[str, tuple[Array, Array]] = field(default_factory=dict)
    _counted: tuple[float, Array] | None = None

    def __post_init__(self) -> None:
        """Look up where is measured once."""
        self.places = floor_places(self.bench.generation)

    def read(self, series: Collection[str]) -> dict[str, dict[str, float]]:
        """Return what they show now, as `FloorMeters.read` says."""
        wanted = [n for n in (*TRUTH, WRONG) if not series or n in series]
        rack = Rack(self.bench, self.row, self.figures)
        return {n: said for n in wanted if (said := self._read(n, rack))}

    def _read(self, name: str, rack: Rack) -> dict[str, float]:
        places, spec = self.places.get(name.partition(".")[0], ()), self.figures.instruments.get(name)
        if not places or spec is None:
            return {}
        tick = int(self.bench.time / spec.period_s)
        if self._shown.get(name, (-1, None))[0] != tick:
            truth = self._count(rack) if name == WRONG else self._follow(name, TRUTH[name](rack))
            self._shown[name] = (tick, self._measure(name, spec, truth, tick))
        return dict(zip(places, self._shown[name][1].tolist(), strict=True))

    def _measure(self, name: str, spec: Instrument, truth: Array, tick: int) -> Array:
        seed, count = f"{self.place} {name}", truth.size
        if name not in self._made:
            gain = 1.0 + made(f"{seed} gain", spec.gain, count)
            self._made[name] = (gain, made(f"{seed} offset", spec.offset, count))
        gain, offset = self._made[name]
        value = truth * gain + offset
        if spec.noise or spec.noise_share:
            value = value + normal(seed, tick, count) * (spec.noise + spec.noise_share * np.abs(value))
        return np.round(value, 4)

    def _follow(self, name: str, aim: Array) -> Array:
        if name not in LATE:
            return aim
        now = self.bench.time
        since, before = self._late.get(name, (now, aim))
        value: Array = aim + (before - aim) * np.exp(-(now - since) / LATE[name])
        self._late[name] = (now, value)
        return np.asarray(value)

    def _count(self, rack: Rack) -> Array:
        """Count wrong results of GPUs that work since the last look, as the stress tool's own log does."""
        gpus, now = self.places["gpu"], self.bench.time
        since, count = (now, np.zeros(len(gpus))) if self._counted is None else self._counted
        bad = np.array(self.hosts.wrong([f"{self.place}/{g}" for g in gpus], now)) & rack.works
        count = np.asarray(count + bad * WRONG_PER_S * (now - since))
        self._counted = (now, count)
        return np.asarray(np.floor(count))
