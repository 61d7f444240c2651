"""Would more racks fit?  Answered by the limits above the racks: at full load, and at which common level they would.

Pure.  A rack counts with what its own limits let it draw at most, not with what it draws today.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.vocabulary.upstream import Upstream
from rack_controller.decide.budget.roster import BudgetRack, Roster
from rack_controller.decide.budget.rows import Row, budget_rows, graph_rows
from rack_controller.decide.supply.graph import FedRack, graph_limits
from rack_controller.decide.supply.usable import usable
from rack_controller.decide.supply.wiring import Array
from rack_controller.model.power_policy import PowerPolicy
from rack_controller.model.power_view import WhatIf, WhatIfLimit

MOST_MORE = 200
STEPS = 24  # of halving: a level to a ten-millionth


@dataclass(frozen=True, slots=True)
class _Hall:
    """Racks side by side: feed power of each, (R,), is `base + slope * level`, at most `own`."""

    racks: tuple[BudgetRack, ...]
    idle: Array
    full: Array
    own: Array
    rows: list[Row]

    def drawn(self, level: float) -> Array:
        """Return the feed power of each rack when all GPUs get `level`, 0 to 1, between rest and their most."""
        return np.minimum(self.idle + level * (self.full - self.idle), self.own)


def what_if(roster: Roster, upstream: Upstream, policy: PowerPolicy, like: Place, more: int) -> WhatIf:
    """Return whether `more` racks like `like`, on its feeds and under its budgets, fit beside those there are.

    Raises ValueError for a rack that is not there or a count that is not 0 to 200.
    """
    at = next((n for n, rack in enumerate(roster.racks) if rack.place == like), None)
    if at is None or not 0 <= more <= MOST_MORE:
        raise ValueError(f"expected a rack of the site and 0 to {MOST_MORE} more, got {like} and {more}")
    hall = _hall(roster, upstream, policy, at, more)
    full = hall.drawn(1.0)
    limits = [
        WhatIfLimit(row.name, row.kind, row.watts, float((row.share * full).sum()))
        for row in hall.rows
        if row.share[at] > 0
    ]
    fits = all(limit.needed_w <= limit.limit_w for limit in limits)
    level = 1.0 if fits else _level(hall)
    tight = max(limits, key=lambda limit: limit.needed_w / max(limit.limit_w, 1.0), default=None)
    return WhatIf(
        like=like,
        racks=more,
        fits=fits,
        level=level,
        full_w=float(full[at]),
        granted_w=float(hall.drawn(max(level, 0.0))[at]),
        binding="" if tight is None else tight.name,
        limits=limits,
    )


def _hall(roster: Roster, upstream: Upstream, policy: PowerPolicy, at: int, more: int) -> _Hall:
    like = roster.racks[at]
    copies = tuple(replace(like, place=Place(f"{like.place}+{n + 1}")) for n in range(more))
    racks = roster.racks + copies
    source = [*range(len(roster.racks)), *([at] * more)]
    count = len(roster.racks)
    law = roster.law
    sums = [np.bincount(roster.rack, weights=w, minlength=count).astype(np.float64) for w in (roster.idle, roster.most)]
    idle, full = (law.drawn(each)[source] for each in sums)
    needs = Seconds(policy.react_s)
    own = [
        usable(r.wiring, r.wiring.all_well, policy.redundancy, needs).watts / float(r.law.efficiency[0]) for r in racks
    ]
    fed = [FedRack(r.place, r.wiring, r.wiring.all_well, r.nodes) for r in racks]
    rows = graph_rows(graph_limits(upstream, fed, needs)) if upstream.nodes else []
    named: Sequence[BudgetRack] = [*roster.racks, *([like] * more)]  # a copy is covered by what covers its original
    return _Hall(racks, idle, full, np.array(own), [*rows, *budget_rows(named, policy.budgets)])


def _level(hall: _Hall) -> float:
    """Return the highest common level at which every limit is kept; below zero: not even at rest."""
    if not _kept(hall, 0.0):
        return -1.0
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _kept(hall, middle) else (low, middle)
    return low


def _kept(hall: _Hall, level: float) -> bool:
    drawn = hall.drawn(level)
    return all(float((row.share * drawn).sum()) <= row.watts for row in hall.rows)
