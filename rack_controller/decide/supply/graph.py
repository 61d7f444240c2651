"""The graph above the racks as limits on sums of rack power, as it is and after every single loss of a node.  Pure.

Shapes: R racks, C limits.  A limit carries `share[c, r]` of rack r's feed power.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.vocabulary.upstream import Sources, SupplyNode, Upstream
from rack_controller.decide.supply.wiring import FOR_EVER, Array, Mask, RackWiring

_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class GraphLimit:
    """`node` holds `watts` (AC) when `lost` is lost, empty: as it is; `share` (R,)."""

    node: str
    lost: str
    watts: float
    share: Array

    @property
    def name(self) -> str:
        """Return words for people."""
        return f"{self.node} after {self.lost} is lost" if self.lost else self.node


@dataclass(frozen=True, slots=True)
class FedRack:
    """One rack for the graph: its wiring, which supplies are well (P,), and the node of each of its feeds."""

    place: Place
    wiring: RackWiring
    well: Mask
    nodes: Mapping[str, str]


NOTHING_LENT: Mapping[str, float] = {}


def graph_limits(
    upstream: Upstream,
    racks: Sequence[FedRack],
    needs: Seconds = FOR_EVER,
    lent: Mapping[str, float] = NOTHING_LENT,
) -> list[GraphLimit]:
    """Return the limits that can bind.  `needs`: s that software takes; an overload that is held as long counts.

    lent: by node, what its breaker's heat lets it carry for so long after another node was lost, as a factor.
    """
    found = _limits(upstream, racks, "", needs, lent)
    for node in upstream.nodes:
        found += _limits(upstream, racks, node.name, needs, lent)
    return _binding(found)


def node_shares(upstream: Upstream, racks: Sequence[FedRack]) -> dict[str, Array]:
    """Return which share of every rack's power each node carries as it is, (R,)."""
    return _carried(upstream, racks, _alive(upstream.nodes, ""))


def _limits(
    upstream: Upstream, racks: Sequence[FedRack], lost: str, needs: Seconds, lent: Mapping[str, float]
) -> list[GraphLimit]:
    alive = _alive(upstream.nodes, lost)
    carried = _carried(upstream, racks, alive)
    return [
        GraphLimit(node.name, lost, node.limit * _overload(node, lost, needs, lent), carried[node.name])
        for node in upstream.nodes
        if node.name in alive and carried[node.name].any()
    ]


def _carried(upstream: Upstream, racks: Sequence[FedRack], alive: set[str]) -> dict[str, Array]:
    """Return which share of every rack's power each node carries, (R,), when those are alive."""
    carried = {node.name: np.zeros(len(racks)) for node in upstream.nodes}
    for r, rack in enumerate(racks):
        for feed, share in _feed_shares(rack, alive).items():
            carried[rack.nodes[feed]][r] += share
    for node in reversed(upstream.nodes):
        sources = [s for s in node.sources if s in alive]
        for source in sources[:1] if node.drawn is Sources.FIRST else sources:
            carried[source] += carried[node.name] / (1 if node.drawn is Sources.FIRST else len(sources))
    return carried


def _overload(node: SupplyNode, lost: str, needs: Seconds, lent: Mapping[str, float]) -> float:
    """Return the factor by which a node carries more once `lost` is: as it was stated, or by its breaker's heat."""
    if not lost:
        return 1.0
    return max(node.overload if node.overload_for >= needs else 1.0, lent.get(node.name, 1.0))


def _alive(nodes: Sequence[SupplyNode], lost: str) -> set[str]:
    """Return the nodes that still have a source; those without any source of their own are the utility's."""
    alive: set[str] = set()
    for node in nodes:
        if node.name != lost and (not node.sources or any(source in alive for source in node.sources)):
            alive.add(node.name)
    return alive


def _feed_shares(rack: FedRack, alive: set[str]) -> dict[str, float]:
    """Return which share of a rack's power each feed carries; nothing of a rack that is dark."""
    dead = frozenset(feed for feed, node in rack.nodes.items() if node not in alive)
    drawing = rack.wiring.drawing(rack.well, dead)
    total = int(drawing.sum())
    if not total:
        return {}
    uneven = 1.0 + rack.wiring.supply.sharing
    shares = drawing.sum(axis=0) / total
    names = [feed.name for feed in rack.wiring.feeds]
    return {n: float(min(s * uneven, 1.0)) for n, s in zip(names, shares, strict=True) if s > 0 and n in rack.nodes}


def _binding(limits: list[GraphLimit]) -> list[GraphLimit]:
    """Return the limits without those that another one always implies."""
    if not limits:
        return []
    load = np.array([limit.share / limit.watts for limit in limits])
    kept: list[int] = []
    for n in np.argsort(-load.sum(axis=1), kind="stable").tolist():
        if not any((load[n] <= load[k] + _CLOSE * 1e-6).all() for k in kept):
            kept.append(n)
    return [limits[n] for n in sorted(kept)]
