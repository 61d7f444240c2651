"""Allocation: how long a whole site's power is shared, and whether a limit, a floor or a priority is ever broken.

`p99_ms_100k`: 100,008 GPUs in 25,002 trays, 1,389 racks, 70 rows and a site, under 24 tenants' contracts that cut
across them, three priorities, the site at 70 % of what is asked for; CPU time of one core, requests and limits new each
time.  `violations`: random graphs in which claims lie under any sets of limits, checked against the definition of
max-min fairness under strict priority; the count is of graphs in which anything is wrong.
`satisfied_100k`: share of the requested power that was granted where limits allowed it.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rack_controller.decide.budget.share import ShareGraph, share

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the graphs are those that `make test` takes a sample of

from support.limit_graphs import random_graphs, wrongs

RACKS, TRAYS, GPUS, ROW, TENANTS = 1389, 18, 4, 20, 24
ROUNDS = 300
GRAPHS, BATCH = 1_000_000, 2_000
SECONDS = 240.0


def run(record: Callable[..., None]) -> None:
    """Measure and record."""
    _site(record)
    _graphs(record)


def _site(record: Callable[..., None]) -> None:
    rng = np.random.default_rng(0)
    graph = _graph(rng)
    count = len(graph.claim)
    floor, took, satisfied = np.full(count, 200.0), [], []
    share(graph, np.full(len(graph.names), 1e9), floor, floor)
    for _ in range(ROUNDS):
        wanted = rng.uniform(200.0, 1200.0, count)
        asked = graph.carried(graph.sums(wanted))
        limits = asked * rng.uniform(0.75, 1.25, len(asked))
        limits[-1] = 0.7 * asked[-1]
        began = time.thread_time()
        shared = share(graph, limits, floor, wanted)
        took.append((time.thread_time() - began) * 1e3)
        satisfied.append(float(shared.granted.sum() / wanted.sum()))
    record(figure="p99_ms_100k", value=float(np.quantile(took, 0.99)), unit="ms", n=ROUNDS)
    record(figure="median_ms_100k", value=float(np.median(took)), unit="ms", n=ROUNDS)
    record(figure="satisfied_100k", value=float(np.mean(satisfied)), unit="share", n=ROUNDS)


def _graph(rng: np.random.Generator) -> ShareGraph:
    """Return the site: limits are trays, racks, rows, tenants and the site, in that order."""
    trays = RACKS * TRAYS
    tray = np.arange(trays)
    rack = tray // TRAYS
    rows = -(-RACKS // ROW)
    tenant = rng.integers(0, TENANTS, RACKS)[rack]
    starts = np.cumsum([0, trays, RACKS, rows, TENANTS])
    limits = np.stack([tray, starts[1] + rack, starts[2] + rack // ROW, starts[3] + tenant, np.full(trays, starts[4])])
    names = tuple(f"limit {n}" for n in range(int(starts[4]) + 1))
    return ShareGraph.of(
        claim=np.repeat(tray, GPUS),
        limits=limits,
        factors=np.full(limits.shape, 1.2),
        names=names,
        weight=np.ones(trays),
        priority=rng.integers(0, 3, TENANTS)[tenant],
    )


def _graphs(record: Callable[..., None]) -> None:
    began, tried, wrong = time.perf_counter(), 0, 0
    while tried < GRAPHS and time.perf_counter() - began < SECONDS:
        case = random_graphs(np.random.default_rng((1, tried)), BATCH)
        wrong += int(wrongs(case, share(case.graph, case.limits, case.floor, case.wanted)).sum())
        tried += BATCH
    record(figure="violations", value=float(wrong), unit="graphs", n=tried)
