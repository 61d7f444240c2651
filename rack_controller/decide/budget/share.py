"""Sharing limits among very many devices in one go: floors first, then requests by priority, max-min fair.  Pure.

For a rack `control.py` does this as part of its cycle; this is the same filling for a hall or a site, where 100,000
devices lie under a graph of limits (rows, halls, feeds) that tenants' contracts cut across.
"""

from dataclasses import dataclass

import numpy as np

from rack_controller.decide.budget.design import Array, Index
from rack_controller.decide.budget.fill_many import ClaimLayout, claim_layout, fill_many

MOST_LIMIT_W = 1e11  # 100 GW: no site has more; what is beyond is a slip of the pen or of the unit


@dataclass(frozen=True, slots=True)
class ShareGraph:
    """N devices in J claims under C limits.

    `claim` (N,): each device's claim, rising.  `limits`, `factors` (K, J): which limits carry a claim, and how many W
    they carry for each W of it: its losses and what follows it (CPUs, switches); 0: nothing.  `names` (C,).
    `weight` (J,): the pace at which it rises; `priority` (J,), smaller first.
    """

    claim: Index
    limits: Index
    factors: Array
    names: tuple[str, ...]
    weight: Array
    priority: Index
    layout: ClaimLayout
    first: Index

    @classmethod
    def of(
        cls, claim: Index, limits: Index, factors: Array, names: tuple[str, ...], weight: Array, priority: Index
    ) -> "ShareGraph":
        """Prepare a graph.  Raises ValueError that names the first claim or device for which it makes no sense."""
        claims, count = len(priority), len(names)
        for said, bad in (
            ("devices are not ordered by claim, or a claim has none", np.diff(claim) * (np.diff(claim) - 1)),
            ("weight is not above 0", ~(weight > 0)),
            ("a limit's number is out of range", ((limits < 0) | (limits >= count)).any(axis=0)),
            ("a factor is negative or no number", (~np.isfinite(factors) | (factors < 0)).any(axis=0)),
            ("no limit carries it", ~(factors > 0).any(axis=0)),
        ):
            if np.any(bad):
                raise ValueError(f"claim {int(np.flatnonzero(bad)[0])}: {said}")
        if len(claim) and (claim[0] != 0 or claim[-1] != claims - 1):
            raise ValueError(f"claim {0 if claim[0] else claims - 1}: it has no device")
        first = np.flatnonzero(np.diff(claim, prepend=-1))
        return cls(
            claim,
            limits,
            factors,
            names,
            weight,
            priority,
            claim_layout(limits, factors, count, weight, priority),
            first,
        )

    def sums(self, watts: Array) -> Array:
        """Return each claim's sum over its devices, (J,), W."""
        return np.asarray(np.add.reduceat(watts, self.first)) if len(watts) else np.zeros(0)

    def carried(self, claims: Array) -> Array:
        """Return what every limit carries, (C,), W, when claims draw so much, (J,), W."""
        weights = (self.factors * claims).ravel()
        return np.asarray(
            np.bincount(self.limits.ravel(), weights=weights, minlength=len(self.names)), dtype=np.float64
        )


@dataclass(frozen=True, slots=True)
class Shared:
    """`granted` (N,) W.  `level` (J,): share of what its devices want above their floors; `bound_by` (J,): the limit
    that held it, -1 for none.  `shortfall` (C,) W: by how much floors alone pass a limit, 0 where they fit."""

    granted: Array
    level: Array
    bound_by: Index
    shortfall: Array


def share(graph: ShareGraph, limits: Array, floor: Array, wanted: Array, fixed: Array | float = 0.0) -> Shared:
    """Share `limits` (C,) W among devices that must have `floor` and ask for `wanted`, both (N,) W.

    `fixed` (C,) W: what limits carry anyhow.  Floors are granted even where they do not fit: that is a shortfall, for
    which `to_shed` says who has to go; nobody under such a limit gets more than the floor.
    Raises ValueError that names a limit that is negative, absurdly large or no number.
    """
    wrong = ~((limits >= 0) & (limits <= MOST_LIMIT_W))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"{graph.names[at]}: {limits[at]:g} W: expected 0 to {MOST_LIMIT_W:g} W")
    span = np.maximum(wanted - floor, 0.0)
    slack = limits - fixed - graph.carried(graph.sums(floor))
    level, bound_by = fill_many(slack, graph.layout, graph.sums(span))
    span *= level[graph.claim]
    span += floor
    return Shared(span, level, bound_by, np.maximum(-slack, 0.0))


def to_shed(graph: ShareGraph, floor: Array, shortfall: Array) -> Index:
    """Return the claims whose devices have to be put off so that floors fit, last priority first; the fewest of each.

    Within a priority those go first that relieve the missing watts most.
    """
    missing, own, shed = shortfall.copy(), graph.sums(floor), []
    candidates = list(range(len(graph.priority)))
    while (missing > 1e-9).any() and candidates:
        relief = (np.minimum(graph.factors * own, missing[graph.limits])).sum(axis=0)[candidates]
        useful = [c for c, watts in zip(candidates, relief.tolist(), strict=True) if watts > 1e-9]
        if not useful:
            break
        most = dict(zip(candidates, relief.tolist(), strict=True))
        chosen = max(useful, key=lambda c: (int(graph.priority[c]), most[c]))
        np.subtract.at(missing, graph.limits[:, chosen], graph.factors[:, chosen] * own[chosen])
        candidates.remove(chosen)
        shed.append(chosen)
    return np.array(shed, dtype=np.int64)
