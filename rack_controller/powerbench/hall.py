"""A hall of racks on the plant: jobs ask, limits hold, sights are late, things fail.  Virtual time, seeded dice."""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from firmware_bridge.plant.batteries import CHARGE_SHARE
from firmware_bridge.plant.breakers import HEAT_TRIP, BreakerHeat, step_breakers
from firmware_bridge.plant.cap_path import CapPath
from firmware_bridge.plant.design import RackDesign
from firmware_bridge.plant.jobs import Serving, Training, speed
from firmware_bridge.plant.sensors import SensorBank
from firmware_bridge.plant.state import Conditions, initial_state
from firmware_bridge.plant.step import step
from firmware_bridge.plant.trace import LoadTrace
from firmware_bridge.vocabulary.generation import LimitLoss
from rack_controller.decide.budget.design import Array, Mask, Seen
from rack_controller.powerbench.arrivals import binned, made_up
from rack_controller.powerbench.hall_cooling import FlowMeter
from rack_controller.powerbench.mishaps import TRAYS_OFF_S, conditions_of, under_way, working_supplies
from rack_controller.powerbench.replay import Replay
from rack_controller.powerbench.scenario import Happening, Scenario, ServingSpec, TraceSpec, TrainingSpec

SETTLE_STEPS = 300


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace of requests: `times` s, `work` weighted tokens.  `power`: node power, for racks that replay it."""

    times: Array | None = None
    work: Array | None = None
    power: LoadTrace | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """One step as it was: `drawn` and `limit` of every limit (C,), W; `forced`: a limit fell a moment ago.

    `dark`: racks whose bus is off.  `heat`: the warmest breaker's, of what trips it; `warm`: the feed's breaker is
    warmer than its limit for hours makes it.  `flow`: the least of any rack, as
    a share of the rated one.  `allowed`: sum of the limits in force, W.
    """

    time: float
    drawn: Array
    limit: Array
    forced: bool
    hottest: float
    tripped: bool
    dark: int = 0
    heat: float = 0.0
    warm: bool = False
    flow: float = 1.0
    allowed: float = 0.0


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
        self._announced_s = max(ANNOUNCED_S, LANDED * slowest + scenario.sensing.power_s)
        self._wrong: dict[tuple[int, ...], tuple[Conditions, Array]] = {}
        self._struck: tuple[int, ...] | None = None
        self.path = CapPath(np.full(self.count, float(design.limit_default)), scenario.step_s, slowest)
        self._standing = CapPath(np.full(self.count, float(design.limit_max)), scenario.step_s, STANDING_S[1])
        self._stands: deque[Array] = deque(maxlen=round(scenario.sensing.caps_s / scenario.step_s) + 1)
        self._fell_at = -np.inf
        self._last_limit = np.full(1 + scenario.racks, np.inf)
        sensing = scenario.sensing
        self._sights: deque[Seen] = deque(maxlen=round(max(sensing.power_s, sensing.caps_s) / scenario.step_s) + 2)
        dice, self._out_of_band = np.random.default_rng((seed, 11)), np.random.default_rng((seed, 12))
        self._boards, self._meters = (
            SensorBank(
                count, sensing.every_s, sensing.window_s, dice.uniform(1 - sensing.gain, 1 + sensing.gain, count)
            )
            for count in (self.count, scenario.racks)
        )
        self.flow_meter = FlowMeter(scenario.racks, sensing.flow_every_s, sensing.power_s)
        self.flow_target = np.full(scenario.racks, np.nan)
        self.shed = np.zeros(scenario.racks, dtype=np.bool_)
        self._shed_for = np.zeros(scenario.racks)
        self._off = self.shed.copy()
        self._told = Seen(
            0.0, self.limits(0.0), *(np.full(self.count, np.nan), -np.inf) * 2, np.full(scenario.racks, np.nan)
        )
        self._start_jobs(trace)

    def _start_jobs(self, trace: Trace | None) -> None:
        self.training: list[tuple[npt.NDArray[np.int64], Training]] = []
        self.replays: list[tuple[npt.NDArray[np.int64], Replay]] = []
        self.serving: list[tuple[TrainingSpec | ServingSpec, npt.NDArray[np.int64], Serving, Array]] = []
        for spec in self.scenario.jobs:
            gpus = np.flatnonzero(np.isin(self.rack, spec.racks))
            if isinstance(spec, TraceSpec):
                self.replays.append((gpus, Replay.of(spec, trace.power if trace else None, len(gpus), self.design)))
            elif isinstance(spec, TrainingSpec):
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
                if trace is not None and trace.times is not None and trace.work is not None:
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
        for wrong in self.happening(now):
            share = min((now - wrong.at_s) / wrong.within_s, 1.0) if wrong.within_s else 1.0
            feed *= 1.0 + (wrong.limit - 1.0) * share
        return np.concatenate(([feed], self._under(now)[1] * (self.design.psu_max / BEST_EFFICIENCY)))

    def _under(self, now: float) -> tuple[Conditions, Array]:
        """Return the conditions at a moment and how many supplies of each rack may be used then, (R,).

        Supplies share alike, so a clip that may carry less current than a good one holds all of them back.
        """
        wrong = under_way(self.scenario.happenings, now)
        if wrong not in self._wrong:
            on = conditions_of(self.scenario.happenings, wrong, self.design, self.scenario.racks)
            usable = working_supplies(on, self.design).sum(axis=(1, 2)) / np.sqrt(on.clip.max(axis=1, initial=1.0))
            self._wrong[wrong] = (on, usable)
        return self._wrong[wrong]

    def demand(self) -> tuple[Array, list[Array]]:
        """Return what each GPU of average silicon asks for now, (N,), W, and how busy each serving job's racks are."""
        asked = np.full(self.count, float(self.design.gpu_idle))
        for gpus, job in self.training:
            asked[gpus] = job.demand(self.now, self.design.gpu_idle)
        for gpus, replay in self.replays:
            asked[gpus] = replay.demand()
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
        # A limit is an order or a contact: it is seen as late as power, telemetry or not.  One that will fall evenly
        # was announced.
        heard = self.limits(max(self.now - self.scenario.sensing.power_s, 0.0))
        if any(w.within_s for w in self.happening(self.now)):
            heard[0] = min(heard[0], self.limits(self.now + self._announced_s)[0])
        self._told = replace(self._told, now=self.now, limits=heard)
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
                deaf |= self._of(wrong)
        low, high = self.scenario.writes.delay_s
        delay = np.zeros(self.count) if at_once else self.rng.uniform(low, high, self.count)
        lost = deaf if at_once else deaf | (self.rng.random(self.count) < share)
        self.path.write(caps, delay, lost)

    def write_standing(self, caps: Array) -> None:
        """Send limits out of band, (N,), NaN for none, in W: they land later, and the lowest of both is enforced."""
        caps = np.clip(caps, float(self.design.limit_min), float(self.design.limit_max))
        lost = self._out_of_band.random(self.count) < self.scenario.writes.lost
        self._standing.write(caps, self._out_of_band.uniform(*STANDING_S, self.count), lost)

    def standing_seen(self) -> Array:
        """Return the limits that are told out of band, (N,) W, as old as any limit is seen."""
        return self._stands[0] if self._stands else self._standing.in_force

    def step(self) -> Moment:
        """Move on by one step and return what it was."""
        dt, shape = self.scenario.step_s, self._state.gpu_power.shape
        self._fail()
        asked, busy = self.demand()
        in_band, standing = self.path.step(), self._standing.step()
        self._stands.append(standing)
        caps = np.minimum(in_band, standing)
        # The silicon's spread belongs to the plant; it is applied there.
        self._state = step(self._state, asked.reshape(shape), caps.reshape(shape), dt)
        drawn = self._state.gpu_power.ravel()
        self._work(drawn, asked, busy)
        meters = self._state.psu_input.sum(axis=(1, 2))
        feeds = np.concatenate(([meters.sum()], meters))
        limit = self.limits(self.now)
        if (limit < self._last_limit * FELL).any():
            self._fell_at = self.now
        self._last_limit = limit
        self._breaker = step_breakers(self._breaker, feeds[:1], limit[:1], dt)
        self._at += 1
        self._sight(drawn, in_band, meters, limit)
        return self._moment(feeds, limit, caps)

    def _sight(self, drawn: Array, caps: Array, meters: Array, limit: Array) -> None:
        """Let the sensors look, and keep what they say."""
        self.flow_meter.look(self.now, self._state.flow)
        dt = self.scenario.step_s
        self._boards.look(self.now, drawn, dt)
        self._meters.look(self.now, meters, dt)
        self._sights.append(
            Seen(
                self.now,
                limit,
                self._boards.shown,
                self._boards.taken_at,
                caps,
                self.now,
                self._meters.shown,
                self._charging(),
            )
        )

    def _charging(self) -> Array | None:
        """Return what batteries that are not full take at the feeds once supplies work, (R,), W; None: nothing."""
        full = self.design.bbu_energy * FULL
        if not self._state.bbu_energy.size or bool((self._state.bbu_energy >= full).all()):
            return None
        hungry = (self._state.bbu_energy < full).sum(axis=(1, 2))
        return np.asarray(hungry * (CHARGE_SHARE * self.design.bbu_max / LAST_EFFICIENCY))

    def _moment(self, feeds: Array, limit: Array, caps: Array) -> Moment:
        state = self._state
        return Moment(
            self.now,
            feeds,
            limit,
            forced=self.now - self._fell_at <= FORCED_S,
            hottest=float(state.gpu_die.max()),
            tripped=bool(self._breaker.tripped[0]) or bool(state.breaker_open.any()),
            dark=int((state.bus_voltage <= 0.0).sum()),
            heat=max(float(self._breaker.heat[0]), float(state.breaker_heat.max(initial=0.0))) / HEAT_TRIP,
            warm=bool(self._breaker.heat[0] > WARM),
            flow=float(state.flow.min() / self.design.flow_rated),
            allowed=float(caps.sum()),
        )

    def drawn_by(self, racks: list[int]) -> float:
        """Return what these racks draw at their feeds, W."""
        return float(self._state.psu_input[racks].sum())

    def settle(self) -> None:
        """Let flow and temperatures find their steady values before the clock starts."""
        asked, _ = self.demand()
        shape = self._state.gpu_power.shape
        for _ in range(SETTLE_STEPS):
            self._state = step(self._state, asked.reshape(shape), self.path.in_force.reshape(shape), 0.5)

    def _fail(self) -> None:
        now, dt = self.now, self.scenario.step_s
        for wrong in self.happening(now):
            if wrong.reset and wrong.at_s <= now < wrong.at_s + dt:
                freed = np.isin(self.rack, wrong.racks)
                self.path.forget(freed, float(self.design.limit_default))
                if LimitLoss.RESET not in self.design.limit_outlives:
                    self._standing.forget(freed, float(self.design.limit_max))
        struck = under_way(self.scenario.happenings, now)
        self._shed_for = np.where(self.shed, self._shed_for + dt, 0.0)
        off = self._shed_for > TRAYS_OFF_S
        if struck != self._struck or np.isfinite(self.flow_target).any() or (off != self._off).any():
            on = replace(self._under(now)[0], flow_target=self.flow_target)
            if off.any():
                on = replace(on, tray_on=on.tray_on & ~off[:, None], psu_ok=on.psu_ok & ~off[:, None, None])
                on = replace(on, switch_on=on.switch_on & ~off[:, None])
            self._struck, self._off, self._state = struck, off, replace(self._state, conditions=on)

    def _of(self, wrong: Happening) -> Mask:
        """Return which GPUs, (N,), are of a happening's racks, of their first trays only where it says how many."""
        tray = np.arange(self.count) % self.per_rack // self.design.gpus
        return np.isin(self.rack, wrong.racks) & (tray < (wrong.trays or self.design.trays))

    def _work(self, drawn: Array, asked: Array, busy: list[Array]) -> None:
        idle, dt, wanted = float(self.design.gpu_idle), self.scenario.step_s, self.wanted(asked)
        self.training = [
            (gpus, job.worked(self.now, drawn[gpus], wanted[gpus], idle, dt)) for gpus, job in self.training
        ]
        self.replays = [
            (gpus, replay.worked(drawn[gpus], wanted[gpus], idle, self.now, dt)) for gpus, replay in self.replays
        ]
        after = []
        for (spec, gpus, serving, work), share in zip(self.serving, busy, strict=True):
            pace = speed(drawn[gpus], wanted[gpus], idle, serving.exponent).reshape(-1, self.per_rack).mean(axis=1)
            after.append((spec, gpus, serving.worked(share, pace, work[self._at], dt), work))
        self.serving = after


STANDING_S = (0.3, 1.0)  # after so long a limit that was told over Redfish holds
FELL = 0.995  # a limit that is less than this of what it was a step ago has dropped; one that glides down has not
WARM = 1.001  # of the heat that a breaker's limit for hours settles at
FULL = 0.9999  # of its energy: a battery above this takes nothing worth counting
ANNOUNCED_S = 0.5  # so much earlier a gliding limit is known, and as much as the slowest write needs
LANDED = 1.2  # of the slowest write's time, after which what it asks for is drawn
LAST_EFFICIENCY = 0.966  # of a supply at full load
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
