"""A hall of racks on the plant: jobs ask, limits hold, sights are late, things fail.  Virtual time, seeded dice."""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from firmware_bridge.plant.breakers import BreakerHeat, step_breakers
from firmware_bridge.plant.cap_path import CapPath
from firmware_bridge.plant.design import RackDesign
from firmware_bridge.plant.jobs import Serving, Training, speed
from firmware_bridge.plant.state import Conditions, initial_state
from firmware_bridge.plant.step import step
from rack_controller.decide.budget.design import Array, Seen
from rack_controller.powerbench.arrivals import binned, made_up
from rack_controller.powerbench.scenario import Happening, Scenario, ServingSpec, TrainingSpec

SETTLE_STEPS = 300


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace of requests: `times` s, `work` weighted tokens."""

    times: Array
    work: Array


@dataclass(frozen=True, slots=True)
class Moment:
    """One step as it was: `drawn` and `limit` of every limit (C,), W; `forced`: a limit fell a moment ago."""

    time: float
    drawn: Array
    limit: Array
    forced: bool
    hottest: float
    tripped: bool


class Hall:
    """R racks of one generation.  GPUs count rack by rack, bottom up: N = R × trays × GPUs of a tray.

    Limits: the hall's feed first, then the supplies of every rack (C = 1 + R).
    """

    def __init__(self, scenario: Scenario, design: RackDesign, seed: int, trace: Trace | None = None) -> None:
        self.scenario, self.design = scenario, design
        self.rng = np.random.default_rng(seed)
        self.per_rack = design.trays * design.gpus
        self.count = scenario.racks * self.per_rack
        self.rack = np.repeat(np.arange(scenario.racks), self.per_rack)
        self.steps = round(scenario.seconds / scenario.step_s)
        self._at = 0
        self._state = initial_state(design, scenario.racks)
        self.full_load = full_load(design) * scenario.racks
        self.feed_limit = self.full_load / scenario.oversubscription
        self._breaker = BreakerHeat.settled(np.array([0.9 * self.feed_limit]), np.array([self.feed_limit]))
        slowest = max(scenario.writes.delay_s)
        self.path = CapPath(np.full(self.count, float(design.limit_default)), scenario.step_s, slowest)
        self._fell_at = -np.inf
        self._last_limit = np.full(1 + scenario.racks, np.inf)
        self._sights: deque[Seen] = deque(
            maxlen=round(max(scenario.sensing.power_s, scenario.sensing.caps_s) / scenario.step_s) + 2
        )
        self._told = Seen(
            0.0, self.limits(0.0), *(np.full(self.count, np.nan), -np.inf) * 2, np.full(scenario.racks, np.nan)
        )
        self._start_jobs(trace)

    def _start_jobs(self, trace: Trace | None) -> None:
        self.training: list[tuple[npt.NDArray[np.int64], Training]] = []
        self.serving: list[tuple[TrainingSpec | ServingSpec, npt.NDArray[np.int64], Serving, Array]] = []
        for spec in self.scenario.jobs:
            gpus = np.flatnonzero(np.isin(self.rack, spec.racks))
            if isinstance(spec, TrainingSpec):
                job = Training(
                    spec.peak_w,
                    spec.exponent,
                    spec.compute_s,
                    spec.exchange_s,
                    spec.checkpoint_every_s,
                    spec.checkpoint_s,
                    spec.starts_at_s,
                )
                self.training.append((gpus, job))
            else:
                racks, dt = len(spec.racks), self.scenario.step_s
                if trace is not None:
                    work = binned(trace.times, trace.work, self.steps, dt, racks, spec.load, spec.decode_s)
                else:
                    work = made_up(self.rng, self.steps, dt, racks, spec.load, spec.burst, spec.burst_s, spec.decode_s)
                empty = np.zeros(racks)
                self.serving.append((spec, gpus, Serving(spec.peak_w, spec.exponent, empty, empty, empty), work))

    @property
    def now(self) -> float:
        """Return seconds since the start."""
        return self._at * self.scenario.step_s

    def happening(self, now: float) -> list[Happening]:
        """Return what is wrong at a moment."""
        return [h for h in self.scenario.happenings if h.at_s <= now and (h.for_s == 0.0 or now < h.at_s + h.for_s)]

    def limits(self, now: float) -> Array:
        """Return every limit, (C,), W at the feeds."""
        feed = self.feed_limit
        supplies = np.full(self.scenario.racks, float(self.design.shelves * self.design.psus))
        for wrong in self.happening(now):
            feed *= wrong.limit
            supplies[wrong.racks] -= wrong.supplies
        return np.concatenate(([feed], np.maximum(supplies, 0.0) * self.design.psu_max / BEST_EFFICIENCY))

    def demand(self) -> tuple[Array, list[Array]]:
        """Return what each GPU of average silicon asks for now, (N,), W, and how busy each serving job's racks are."""
        asked = np.full(self.count, float(self.design.gpu_idle))
        for gpus, job in self.training:
            asked[gpus] = job.demand(self.now, self.design.gpu_idle)
        busy = []
        for _, gpus, serving, work in self.serving:
            share = serving.busy(work[self._at], self.scenario.step_s)
            busy.append(share)
            per_gpu = np.repeat(share, self.per_rack)
            asked[gpus] = self.design.gpu_idle + per_gpu * (serving.peak - self.design.gpu_idle)
        return asked, busy

    def wanted(self, asked: Array) -> Array:
        """Return what each GPU's own silicon makes of what it is asked for, (N,), W."""
        spread = np.tile(self.design.spread.ravel(), self.scenario.racks)
        idle = self.design.gpu_idle
        return np.minimum(idle + (asked - idle) * spread, float(self.design.gpu_max))

    def see(self) -> Seen:
        """Return what a controller is told now: old by the sensors' delay, not at all while telemetry is lost."""
        if self._sights and all(w.telemetry for w in self.happening(self.now)):
            power, caps = self._old(self.scenario.sensing.power_s), self._old(self.scenario.sensing.caps_s)
            self._told = replace(power, now=self.now, limits=self._told.limits, caps=caps.caps, caps_at=caps.caps_at)
        # A limit is an order or a contact: it is seen as late as power, telemetry or not.
        heard = max(self.now - self.scenario.sensing.power_s, 0.0)
        self._told = replace(self._told, now=self.now, limits=self.limits(heard))
        return self._told

    def _old(self, age: float) -> Seen:
        """Return the sight of `age` seconds ago, the oldest there is when that is longer than the run."""
        return self._sights[max(len(self._sights) - 1 - round(age / self.scenario.step_s), 0)]

    def write(self, caps: Array, *, at_once: bool = False) -> None:
        """Send limits, (N,), NaN for none, in W; a device takes none below its least or above its most."""
        caps = np.clip(caps, float(self.design.limit_min), float(self.design.limit_max))
        deaf = np.zeros(self.count, dtype=np.bool_)
        share = self.scenario.writes.lost
        for wrong in self.happening(self.now):
            share = max(share, wrong.lost)
            if wrong.deaf:
                deaf |= np.isin(self.rack, wrong.racks)
        low, high = self.scenario.writes.delay_s
        delay = np.zeros(self.count) if at_once else self.rng.uniform(low, high, self.count)
        lost = deaf if at_once else deaf | (self.rng.random(self.count) < share)
        self.path.write(caps, delay, lost)

    def step(self) -> Moment:
        """Move on by one step and return what it was."""
        dt, shape = self.scenario.step_s, self._state.gpu_power.shape
        self._fail()
        asked, busy = self.demand()
        caps = self.path.step()
        # The silicon's spread belongs to the plant; it is applied there.
        self._state = step(self._state, asked.reshape(shape), caps.reshape(shape), dt)
        drawn = self._state.gpu_power.ravel()
        self._work(drawn, asked, busy)
        meters = self._state.psu_input.sum(axis=(1, 2))
        feeds = np.concatenate(([meters.sum()], meters))
        limit = self.limits(self.now)
        if (limit < self._last_limit - 1.0).any():
            self._fell_at = self.now
        self._last_limit = limit
        self._breaker = step_breakers(self._breaker, feeds[:1], limit[:1], dt)
        self._at += 1
        self._sights.append(Seen(self.now, limit, drawn, self.now, caps, self.now, meters))
        forced = self.now - self._fell_at <= FORCED_S
        hottest = float(self._state.gpu_die.max())
        return Moment(self.now, feeds, limit, forced, hottest, bool(self._breaker.tripped[0]))

    def settle(self) -> None:
        """Let flow and temperatures find their steady values before the clock starts."""
        asked, _ = self.demand()
        shape = self._state.gpu_power.shape
        for _ in range(SETTLE_STEPS):
            self._state = step(self._state, asked.reshape(shape), self.path.in_force.reshape(shape), 0.5)

    def _fail(self) -> None:
        dt = self.scenario.step_s
        ok = np.ones((self.scenario.racks, self.design.shelves * self.design.psus), dtype=np.bool_)
        for wrong in self.happening(self.now):
            for rack in wrong.racks:
                left = np.flatnonzero(ok[rack])
                ok[rack, left[: wrong.supplies]] = False
            if wrong.reset and wrong.at_s <= self.now < wrong.at_s + dt:
                self.path.forget(np.isin(self.rack, wrong.racks), float(self.design.limit_default))
        psu_ok = ok.reshape(self._state.conditions.psu_ok.shape)
        if (psu_ok != self._state.conditions.psu_ok).any():
            on: Conditions = replace(self._state.conditions, psu_ok=psu_ok)
            self._state = replace(self._state, conditions=on)

    def _work(self, drawn: Array, asked: Array, busy: list[Array]) -> None:
        idle, dt, wanted = float(self.design.gpu_idle), self.scenario.step_s, self.wanted(asked)
        self.training = [
            (gpus, job.worked(self.now, drawn[gpus], wanted[gpus], idle, dt)) for gpus, job in self.training
        ]
        after = []
        for (spec, gpus, serving, work), share in zip(self.serving, busy, strict=True):
            pace = speed(drawn[gpus], wanted[gpus], idle, serving.exponent).reshape(-1, self.per_rack).mean(axis=1)
            after.append((spec, gpus, serving.worked(share, pace, work[self._at], dt), work))
        self.serving = after


FORCED_S = 2.0  # after a limit has dropped, power may be above it for so long: what nobody could have prevented
BEST_EFFICIENCY = 0.976  # of a supply: what its rating at the busbar is at most at the feed


def full_load(design: RackDesign) -> float:
    """Return what one rack draws at its feeds with every GPU at its most, W."""
    state = initial_state(design, 1)
    most = np.full(state.gpu_power.shape, float(design.gpu_max) * 1.1)
    caps = np.full(state.gpu_power.shape, float(design.limit_max))
    for _ in range(50):
        state = step(state, most, caps, 0.5)
    return float(state.psu_input.sum())
