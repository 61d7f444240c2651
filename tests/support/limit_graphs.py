"""Random graphs of limits, many at a time, and what must hold for power that was shared under them."""

from dataclasses import dataclass

import numpy as np

from rack_controller.decide.budget.design import Array, Index, Mask
from rack_controller.decide.budget.share import Shared, ShareGraph

NODES, CLAIMS, DEVICES = 8, 10, 3
EDGE, PRIORITIES = 0.35, 3
CLOSE, DUST_W = 1e-7, 1e-4


@dataclass(frozen=True, slots=True)
class Case:
    """Several graphs that do not touch one another, as one; `owner` (C,) tells which graph a limit belongs to."""

    graph: ShareGraph
    limits: Array
    floor: Array
    wanted: Array
    owner: Index


def random_graphs(rng: np.random.Generator, count: int) -> Case:
    """Return `count` graphs of 8 limits that lie under one another in a random acyclic way, 10 claims each.

    A claim is carried by every limit above its own; some limits are 0, floors may not fit, some claims want nothing.
    """
    under = np.triu(rng.random((count, NODES, NODES)) < EDGE, 1) | np.eye(NODES, dtype=np.bool_)
    for _ in range(3):  # closes paths of up to 8 edges
        under = (under.astype(np.int8) @ under.astype(np.int8)) > 0
    at = rng.integers(0, NODES, (2, count, CLAIMS))
    rows = np.arange(count)[:, None]
    carries = under[rows, at[0]] | (under[rows, at[1]] & (rng.random((count, CLAIMS, 1)) < 0.3))
    factors = carries * rng.choice([0.5, 1.0, 1.0, 1.3], (count, CLAIMS, NODES))
    limits = np.broadcast_to((NODES * rows[:, :, None] + np.arange(NODES)), factors.shape)
    claims = count * CLAIMS
    graph = ShareGraph.of(
        claim=np.repeat(np.arange(claims), DEVICES),
        limits=limits.reshape(claims, NODES).T,
        factors=factors.reshape(claims, NODES).T,
        names=("",) * (count * NODES),
        weight=rng.choice([0.5, 1.0, 1.0, 3.0], claims),
        priority=rng.integers(0, PRIORITIES, claims),
    )
    floor = rng.choice([0.0, 50.0, 200.0], claims * DEVICES)
    wanted = floor + rng.choice([0.0, 1.0, 1.0, 1.0], claims * DEVICES) * rng.uniform(0, 1000.0, claims * DEVICES)
    most = graph.carried(graph.sums(wanted))
    tight = most * rng.choice([0.0, 0.2, 0.6, 0.9, 1.0, 1.5], len(most), p=[0.02, 0.08, 0.3, 0.3, 0.1, 0.2])
    return Case(graph, tight, floor, wanted, np.repeat(np.arange(count), NODES))


def wrongs(case: Case, shared: Shared) -> Mask:
    """Return for each graph whether anything about what was granted is wrong."""
    graph, wrong = case.graph, np.zeros(case.owner[-1] + 1, dtype=np.bool_)
    claim_owner = np.arange(len(graph.priority)) // CLAIMS
    wrong[case.owner[_wrong_limits(case, shared)]] = True
    wrong[claim_owner[_unfair(case, shared)]] = True
    span = np.maximum(case.wanted - case.floor, 0.0)
    expected = case.floor + shared.level[graph.claim] * span
    off = (np.abs(shared.granted - expected) > DUST_W) | (shared.granted < case.floor - DUST_W)
    wrong[claim_owner[graph.claim[off | ~np.isfinite(shared.granted)]]] = True
    return wrong


def _wrong_limits(case: Case, shared: Shared) -> Mask:
    """Return the limits that are passed, or whose shortfall is not what floors alone are too much."""
    graph = case.graph
    carried, floors = graph.carried(graph.sums(shared.granted)), graph.carried(graph.sums(case.floor))
    missing = np.maximum(floors - case.limits, 0.0)
    allowed = np.maximum(case.limits, floors)
    return (carried > allowed * (1.0 + CLOSE) + DUST_W) | (np.abs(shared.shortfall - missing) > DUST_W)


def _unfair(case: Case, shared: Shared) -> Mask:
    """Return the claims that got less than they want and could have had more, by the definition of max-min fairness.

    The limit that is named must carry the claim and be full; of its priority nobody under that limit may have risen
    for longer, and nobody of a later one may have got anything.
    """
    graph, level = case.graph, shared.level
    span = graph.sums(np.maximum(case.wanted - case.floor, 0.0))
    asks = span > DUST_W
    held = asks & (level < 1.0 - CLOSE)
    carried = graph.carried(graph.sums(shared.granted))
    full = carried >= case.limits * (1.0 - CLOSE) - DUST_W
    moment = np.where(asks, level / graph.weight, 0.0)
    longest = np.zeros((PRIORITIES, len(case.limits)))
    for rank in range(PRIORITIES):
        for row, factor in zip(graph.limits, graph.factors, strict=True):
            which = (factor > 0) & (graph.priority == rank)
            np.maximum.at(longest[rank], row[which], moment[which])
    named = np.maximum(shared.bound_by, 0)
    carries = ((graph.limits == named) & (graph.factors > 0)).any(axis=0)
    later = np.array([longest[rank + 1 :].max(axis=0, initial=0.0) for rank in range(PRIORITIES)])
    fair = (longest[graph.priority, named] <= moment * (1.0 + CLOSE) + 1e-9) & (later[graph.priority, named] <= 1e-9)
    return np.asarray(held & ~((shared.bound_by >= 0) & carries & full[named] & fair))
