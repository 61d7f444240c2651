"""The most training work that any controller could do with foresight: a linear program over the whole run (HiGHS).

Serving gets what it asks for when it asks, as from the oracle; the job may compute and exchange whenever that fits
best.  What is hard is relaxed (whole seconds instead of steps, GPUs of the job as one, power that follows by its
tangent), so nobody can pass it.  With serving put off by a second the bound is 1: a queue lets GPUs serve slowly all
the time, which takes less power than serving fast for a part of it.
"""

import numpy as np

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from firmware_bridge.plant.jobs import LOW_SHARE
from rack_controller.decide.budget.design import Array
from rack_controller.powerbench.hall import Hall, Trace
from rack_controller.powerbench.knowledge import true_law
from rack_controller.powerbench.linear import least
from rack_controller.powerbench.scenario import Scenario, TrainingSpec

TANGENTS = np.array([0.02, 0.06, 0.12, 0.2, 0.3, 0.42, 0.55, 0.7, 0.85, 1.0])
Row = tuple[dict[int, float], float, float]


def most_training(scenario: Scenario, seed: int, trace: Trace | None = None) -> float:
    """Return the most job time per second that training can do after settling.

    For scenarios with one training and one serving job, of which the training runs all the time.
    """
    hall = Hall(scenario, design_of(load_generation(scenario.generation)), seed, trace)
    train = next(job for job in scenario.jobs if isinstance(job, TrainingSpec))
    serving, arrivals = hall.serving[0][2], hall.serving[0][3]
    start, step = round(scenario.settling_s / scenario.step_s), round(1.0 / scenario.step_s)
    seconds = (hall.steps - start) // step
    busy = np.minimum(arrivals / scenario.step_s, 1.0).sum(axis=1)[start : start + seconds * step]
    limit = np.array([hall.limits(scenario.settling_s + k)[0] for k in range(seconds)])
    idle = float(hall.design.gpu_idle)
    full = len(train.racks) * hall.per_rack * (train.peak_w - idle)
    served = busy.reshape(seconds, step).mean(axis=1) * hall.per_rack * (serving.peak - idle)
    fixed, slope = _tangent(hall, float(limit.mean()))
    room = (limit - fixed) / slope - hall.count * idle - served
    cost = np.zeros(4 * seconds + 1)
    cost[-1] = -1.0
    best = least(cost, np.zeros(len(cost)), np.full(len(cost), np.inf), _rows(seconds, train, room / full))
    return float(best[-1]) / seconds


def _tangent(hall: Hall, watts: float) -> tuple[float, float]:
    """Return `fixed + slope × GPU power` of the hall at the feed: below the true law everywhere, which is convex."""
    drawn, racks = true_law(hall), hall.scenario.racks

    def total(each: float) -> float:
        return float(drawn(np.full(racks, each)).sum())

    low, high = 0.0, hall.per_rack * float(hall.design.gpu_max)
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if total(middle) < watts else (low, middle)
    slope = (total(low + 1.0) - total(low - 1.0)) / (2.0 * racks)
    return total(low) - slope * racks * low, slope


def _rows(seconds: int, train: TrainingSpec, room: Array) -> list[Row]:
    """Return the program's rows; `room` (seconds,) and powers are shares of the job's full dynamic power.

    Unknown of each second: its time computing and exchanging, the work computed and its power; last, job time done.
    """
    compute, exchange, work, power = (range(n * seconds, (n + 1) * seconds) for n in range(4))
    done, rows = 4 * seconds, []
    for k in range(seconds):
        limit = max(float(room[k]), 0.0)
        rows.append(({compute[k]: 1.0, exchange[k]: 1.0}, -np.inf, 1.0))
        rows.append(({power[k]: 1.0, compute[k]: -min(limit, 1.0)}, -np.inf, 0.0))
        if limit < LOW_SHARE:
            rows.append(({exchange[k]: 1.0}, 0.0, 0.0))
        for z in TANGENTS.tolist():
            rise, level = train.exponent * z ** (train.exponent - 1.0), (1.0 - train.exponent) * z**train.exponent
            rows.append(({work[k]: 1.0, compute[k]: -level, power[k]: -rise}, -np.inf, 0.0))
    share = train.compute_s / (train.compute_s + train.exchange_s)
    if train.checkpoint_every_s:
        share *= train.checkpoint_every_s / (train.checkpoint_every_s + train.checkpoint_s)
    rows.append(({**dict.fromkeys(work, 1.0), done: -share}, 0.0, np.inf))
    rows.append(({**dict.fromkeys(exchange, 1.0), done: share - 1.0}, 0.0, np.inf))
    return rows
