"""What a run was worth: how well the limits were kept, how much work was done, what it cost.  Pure."""

from dataclasses import dataclass

import numpy as np

from rack_controller.powerbench.hall import FELL, Hall, Moment
from rack_controller.powerbench.scenario import Happening

CLEAR_S = 2.0  # below the limit for so long: settled (facts, §4.3)
TINY = 1e-6


class Log:
    """Keeps of every step what the score needs."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self.delays: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
        self.decide_s: list[float] = []
        self.writes = 0
        self.told: np.ndarray[tuple[int], np.dtype[np.float64]] = np.zeros(0)
        self.caps_s: dict[int, float] = {}  # by happening: pumps lost until all limits were told to be the least
        self.off_s: dict[int, float] = {}  # by happening: leak until nothing is drawn
        self.before: list[float] = []  # each training job's time when the scenario had settled
        self.replayed: list[float] = []  # the same of replays


@dataclass(frozen=True, slots=True)
class Score:
    """Of one run.  Times in s, energy in kJ, temperatures in °C; shares are of 1.

    `over_s`, `over_kj`, `overshoot`: above any limit outside forced steps.  `forced_s`, `forced_overshoot`: the same in
    the two seconds after a limit dropped.  `settle_s`: longest time from a drop until two clear seconds begin; NaN
    without a drop.  `training`: job time done against the time that passed; `served`: of what arrived; `delay_p99_s`:
    of the queue.  `decide_us`: median CPU of a decision.  `dark_s`: rack-seconds with a dead bus; `heat`: the warmest
    breaker's, of what trips it; `caps_s`: from all pumps lost until all limits of the rack were told to be the least;
    `hot_s`: the feed's breaker was warmer than its limit for hours makes it: time above the limit in the window of
    what protects it, where `over_s` counts every step.  `off_s`: from a leak until the rack drew nothing; NaN where
    nothing of the kind happened, infinite where it never came to pass.
    """

    over_s: float
    over_kj: float
    overshoot: float
    forced_s: float
    forced_overshoot: float
    settle_s: float
    tripped: bool
    hottest_c: float
    training: float
    served: float
    delay_p99_s: float
    mean_load: float
    writes_per_s: float
    decide_us: float
    dark_s: float = 0.0
    heat: float = 0.0
    hot_s: float = 0.0
    writes_per_gpu_min: float = 0.0
    caps_s: float = float("nan")
    off_s: float = float("nan")

    @property
    def safety(self) -> str:
        """Return the class: H keeps the limit, T only never trips the breaker, X trips it (facts, §4.3)."""
        if self.over_s <= 1.0 and self.overshoot <= 0.01:
            return "H"
        return "X" if self.tripped else "T"


def judge(log: Log, hall: Hall) -> Score:
    """Return the score of a finished run; the scenario's first `settling_s` do not count."""
    dt = hall.scenario.step_s
    moments = [m for m in log.moments if m.time > hall.scenario.settling_s]
    over = np.array([_excess(m) for m in moments])
    above = np.array([float(np.maximum(m.drawn[0] - m.limit[0], 0.0)) for m in moments])
    over[over < TINY] = 0.0
    forced = np.array([m.forced for m in moments])
    free = np.where(forced, 0.0, over)
    busy = [s for _, _, s, _ in hall.serving]
    arrived = sum(float(s.arrived.sum()) for s in busy)
    settled = hall.scenario.settling_s
    done = [
        (job.clock - before) / max(hall.now - max(job.starts_at, settled), dt)
        for (_, job), before in zip(hall.training, log.before, strict=True)
    ]
    done += [
        (replay.clock - before) / max(hall.now - settled, dt)
        for (_, replay), before in zip(hall.replays, log.replayed, strict=True)
    ]
    delays = np.concatenate(log.delays) if log.delays else np.zeros(1)
    return Score(
        over_s=float((free > 0).sum() * dt),
        over_kj=float(above[~forced].sum() * dt / 1e3),
        overshoot=float(free.max(initial=0.0)),
        forced_s=float((over[forced] > 0).sum() * dt),
        forced_overshoot=float(over[forced].max(initial=0.0)),
        settle_s=_settle(moments, over, dt),
        tripped=any(m.tripped for m in log.moments),
        hottest_c=max(m.hottest for m in log.moments),
        training=float(np.mean(done)) if done else float("nan"),
        served=sum(float(s.served.sum()) for s in busy) / arrived if arrived else float("nan"),
        delay_p99_s=float(np.quantile(delays, 0.99)),
        mean_load=float(np.mean([m.drawn[0] / m.limit[0] for m in moments])),
        writes_per_s=log.writes / max(hall.now, dt),
        decide_us=float(np.median(log.decide_s) * 1e6) if log.decide_s else 0.0,
        dark_s=sum(m.dark for m in log.moments) * dt,
        heat=max(m.heat for m in log.moments),
        writes_per_gpu_min=60.0 * log.writes / max(hall.now, dt) / hall.count,
        hot_s=sum(m.warm for m in moments) * dt,
        caps_s=_longest(log.caps_s, sum(_pumpless(w, hall) for w in hall.scenario.happenings)),
        off_s=_longest(log.off_s, sum(w.leak for w in hall.scenario.happenings)),
    )


def _excess(moment: Moment) -> float:
    """Return how far the worst limit is passed, as a share of it; what is drawn where nothing may be counts as all."""
    over = np.where(moment.limit > 1.0, (moment.drawn - moment.limit) / np.maximum(moment.limit, 1.0), 0.0)
    return max(float(over.max()), 1.0 if ((moment.limit <= 1.0) & (moment.drawn > 1.0)).any() else 0.0, 0.0)


def _pumpless(wrong: Happening, hall: Hall) -> bool:
    return wrong.pumps >= hall.design.pumps > 0


def _longest(found: dict[int, float], expected: int) -> float:
    if not expected:
        return float("nan")
    return max(found.values()) if len(found) == expected else float("inf")


def _settle(moments: list[Moment], over: np.ndarray[tuple[int], np.dtype[np.float64]], dt: float) -> float:
    """Return the longest time from a drop of a limit until the first two seconds without an excess begin."""
    clear = round(CLEAR_S / dt)
    longest = float("nan")
    for n in range(1, len(moments)):
        if (moments[n].limit >= moments[n - 1].limit * FELL).all():
            continue
        at = n
        while at < len(moments) and over[at : at + clear].any():
            at += 1
        longest = max((at - n) * dt, longest if np.isfinite(longest) else 0.0)
    return longest
