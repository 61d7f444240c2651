"""Would more racks fit, played on the plant: what every limit would see under a recorded load, and every single loss.

Ratings say what racks could draw at most; this says what they do draw, together, with their real diversity.  Seeds
choose where in the record racks begin and which of its nodes they are; no clock.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from firmware_bridge.plant.design import Array, RackDesign, design_of
from firmware_bridge.plant.ground import prepare
from firmware_bridge.plant.jobs import LOW_SHARE
from firmware_bridge.plant.loads import SLOWDOWN_C
from firmware_bridge.plant.state import Conditions, State, initial_state
from firmware_bridge.plant.step import advance
from firmware_bridge.plant.trace import NODE_GPUS, NODE_IDLE, NODE_MAX, LoadTrace
from firmware_bridge.vocabulary.generation import Generation
from rack_controller.decide.budget.rows import Row
from rack_controller.model.power_view import PlayedLimit, PlayedRacks

STEP_S, SETTLE_S = 0.5, 120.0
COMPUTE_S, EXCHANGE_S = 3.5, 1.5  # of an iteration where no record is given: all racks train one job in step
LOAD = "one training job in step, every GPU at its most"


@dataclass(frozen=True, slots=True)
class Play:
    """`seconds` after settling, `seeds` times; `trace`: a record of node power, else a training job in step."""

    seconds: float = 300.0
    seeds: int = 5
    trace: LoadTrace | None = None


@dataclass(frozen=True, slots=True)
class _Batch:
    """Racks of one generation side by side: `seed`, `rack` (B,) which they are; `own`: names of losses, B rows each."""

    generation: Generation
    design: RackDesign
    conditions: Conditions
    seed: np.ndarray[tuple[int], np.dtype[np.int64]]
    rack: np.ndarray[tuple[int], np.dtype[np.int64]]


def play(generations: Sequence[Generation], rows: Sequence[Row], like: int, how: Play) -> PlayedRacks:
    """Return what the limits `rows` and the rack `like` itself would see; `generations` (R,), new racks and all."""
    steps = round(how.seconds / STEP_S)
    drawn = np.zeros((how.seeds, len(generations), steps))
    hottest = np.full(how.seeds, -np.inf)
    own = _Own.of(generations[like], how)
    for generation in {g.name: g for g in generations}.values():
        racks = [r for r, g in enumerate(generations) if g.name == generation.name]
        batch, mine = _alone(generation, racks, how.seeds), generation.name == generations[like].name
        alone = slice(0, len(batch.seed))
        for n, state in enumerate(_lived(_beside(batch, own.batch) if mine else batch, how, steps)):
            drawn[batch.seed, batch.rack, n] = state.psu_input[alone].sum(axis=(1, 2))
            np.maximum.at(hottest, batch.seed, state.gpu_die[alone].max(axis=(1, 2)))
            if mine:
                own.look(state, alone.stop)
    limits = [
        _limit(row.name, row.kind, row.watts, np.einsum("srn,r->sn", drawn, row.share).max(axis=1)) for row in rows
    ]
    limits += own.limits(how.seeds)
    return PlayedRacks(
        load="recorded node power" if how.trace is not None else LOAD,
        seconds=how.seconds,
        seeds=how.seeds,
        fits=all(limit.high_w <= limit.limit_w for limit in limits) and float(hottest.max()) < SLOWDOWN_C,
        hottest_c=float(np.median(hottest)),
        margin_k=float(SLOWDOWN_C - hottest.max()),
        limits=sorted(limits, key=_tightness, reverse=True)[:MOST_SHOWN],
    )


MOST_SHOWN = 40


def _tightness(limit: PlayedLimit) -> float:
    return limit.high_w / max(limit.limit_w, 1.0)


def _limit(name: str, kind: str, watts: float, peaks: Array) -> PlayedLimit:
    return PlayedLimit(name, kind, watts, float(np.median(peaks)), float(peaks.min()), float(peaks.max()))


def _alone(generation: Generation, racks: Sequence[int], seeds: int) -> _Batch:
    """Return racks as they are, once for each seed."""
    design, count = design_of(generation), len(racks) * seeds
    order = np.arange(count)
    return _Batch(
        generation, design, Conditions.healthy(design, count), order // len(racks), np.array(racks)[order % len(racks)]
    )


def _beside(one: _Batch, other: _Batch) -> _Batch:
    """Return two batches of one generation as one: a step costs its arrays less than its calls."""
    on = {
        field.name: np.concatenate((getattr(one.conditions, field.name), getattr(other.conditions, field.name)))
        for field in fields(Conditions)
    }
    seed, rack = np.concatenate((one.seed, other.seed)), np.concatenate((one.rack, other.rack))
    return _Batch(one.generation, one.design, Conditions(**on), seed, rack)


@dataclass(slots=True)
class _Own:
    """What a rack's own breakers and supplies see, as it is and after every single loss of a feed or shelf: the most of
    each feed's phases (B, F) and of all supplies (B,) so far, W."""

    batch: _Batch
    losses: list[tuple[str, int | None, int | None]]
    phases: Array
    supplies: Array

    @classmethod
    def of(cls, generation: Generation, how: Play) -> "_Own":
        """Return the rack with its losses, each once for every seed."""
        design, losses = design_of(generation), list(_losses(generation))
        count = len(losses) * how.seeds
        on = Conditions.healthy(design, count)
        for n, (_, feed, shelf) in enumerate(losses):
            mine = slice(n * how.seeds, (n + 1) * how.seeds)
            if feed is not None:
                on.phase_ok[mine, feed] = False
            if shelf is not None:
                on.psu_ok[mine, shelf] = False
        batch = _Batch(generation, design, on, np.arange(count) % how.seeds, np.zeros(count, dtype=np.int64))
        return cls(batch, losses, np.zeros((count, len(design.wiring.breaker))), np.zeros(count))

    def look(self, state: State, first: int) -> None:
        """Take in the rows of a state from `first` on."""
        np.maximum(self.phases, state.phase_power[first:].max(axis=2), out=self.phases)
        np.maximum(self.supplies, state.psu_output[first:].max(axis=(1, 2)), out=self.supplies)

    def limits(self, seeds: int) -> list[PlayedLimit]:
        """Return the limits; of all shelves the one whose loss is the worst."""
        generation, design = self.batch.generation, self.batch.design
        found: dict[tuple[str, bool], PlayedLimit] = {}
        for n, (lost, _, shelf) in enumerate(self.losses):
            mine, after = slice(n * seeds, (n + 1) * seeds), f" after {lost} is lost" if lost else ""
            most, name = float(design.psu_max), f"busiest supply{after}"
            here = {"busiest supply": _limit(name, "rack", most, self.supplies[mine])}
            for f, wired in enumerate(generation.feeds):
                if np.isfinite(design.wiring.breaker[f]) and self.phases[mine, f].any():
                    holds, name = (
                        float(design.wiring.breaker[f]) * wired.continuous,
                        f"busiest phase of feed {wired.name}",
                    )
                    here[name] = _limit(f"{name}{after}", "rack", holds, self.phases[mine, f])
            for name, limit in here.items():
                key = (name if shelf is not None else f"{name}{after}", shelf is not None)
                found[key] = max(found.get(key, limit), limit, key=_tightness)
        return list(found.values())


def _losses(generation: Generation) -> Iterator[tuple[str, int | None, int | None]]:
    yield "", None, None
    for f, feed in enumerate(generation.feeds):
        yield f"feed {feed.name}", f, None
    design = design_of(generation)
    for s in range(design.shelves if design.shelves > 1 else 0):
        yield f"shelf {s + 1}", None, s


def _lived(batch: _Batch, how: Play, steps: int) -> Iterator[State]:
    """Yield the racks after every step, settled first; the same state each time, moved on."""
    state = replace(initial_state(batch.design, len(batch.seed), np.float32), conditions=batch.conditions)
    ground, caps = prepare(state), np.full_like(state.gpu_power, batch.design.limit_default)
    ask = _Asked(batch, how)
    demand = np.zeros_like(state.gpu_power)
    for n in range(-round(SETTLE_S / STEP_S), steps):
        ask.fill(demand, n * STEP_S)
        ground = advance(state, ground, demand, caps, STEP_S)
        if n >= 0:
            yield state


class _Asked:
    """What GPUs of a batch ask for at a moment, W."""

    def __init__(self, batch: _Batch, how: Play) -> None:
        self._design, self._trace = batch.design, how.trace
        trays, gpus = batch.design.trays, batch.design.gpus
        dice = [np.random.default_rng(seed) for seed in range(how.seeds)]
        span = COMPUTE_S + EXCHANGE_S if how.trace is None else how.trace.period
        self._begins = np.array([float(d.uniform(0.0, span)) for d in dice])[batch.seed]
        nodes = 1 if how.trace is None else how.trace.watts.shape[1]
        first = np.array([d.integers(0, nodes, int(batch.rack.max()) + 1) for d in dice])[batch.seed, batch.rack]
        self._node = (first[:, None] + (np.arange(trays * gpus) // NODE_GPUS)[None, :]) % nodes
        self._shape = (len(batch.seed), trays, gpus)

    def fill(self, demand: Array, now: float) -> None:
        """Write what is asked for into `demand`, (B, T, G)."""
        low, span = float(self._design.gpu_idle), float(self._design.gpu_max - self._design.gpu_idle)
        if self._trace is None:
            busy = (now + self._begins) % (COMPUTE_S + EXCHANGE_S) < COMPUTE_S
            demand[...] = (low + span * np.where(busy, 1.0, LOW_SHARE))[:, None, None]
            return
        trace = self._trace
        at = trace.times[0] + (now + self._begins) % trace.period
        after = np.clip(np.searchsorted(trace.times, at, side="right"), 1, len(trace.times) - 1)
        weight = ((at - trace.times[after - 1]) / (trace.times[after] - trace.times[after - 1]))[:, None]
        watts = trace.watts[after - 1] * (1.0 - weight) + trace.watts[after] * weight
        share = np.clip((watts - NODE_IDLE) / (NODE_MAX - NODE_IDLE), 0.0, 1.0)
        demand[...] = low + span * np.take_along_axis(share, self._node, axis=1).reshape(self._shape)
