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
class HallWith:
    """Racks side by side, new ones last: feed power of each, (R,), rises from `idle` to `full` W, at most `own`.

    `at`: the rack that new ones are like; `rows`: the limits above it.
    """

    racks: tuple[BudgetRack, ...]
    at: int
    more: int
    idle: Array
    full: Array
    own: Array
    rows: list[Row]

    def drawn(self, level: float) -> Array:
        """Return the feed power of each rack when all GPUs get `level`, 0 to 1, between rest and their most."""
        return np.minimum(self.idle + level * (self.full - self.idle), self.own)

    @property
    def above(self) -> list[Row]:
        """Return the limits that carry anything of the rack that new ones are like."""
        return [row for row in self.rows if row.share[self.at] > 0]


def what_if(hall: HallWith) -> WhatIf:
    """Return whether the new racks, on the feeds and under the budgets of what they are like, fit beside the others."""
    at, full = hall.at, hall.drawn(1.0)
    limits = [WhatIfLimit(row.name, row.kind, row.watts, float((row.share * full).sum())) for row in hall.above]
    fits = all(limit.needed_w <= limit.limit_w for limit in limits)
    level = 1.0 if fits else _level(hall)
    tight = max(limits, key=lambda limit: limit.needed_w / max(limit.limit_w, 1.0), default=None)
    return WhatIf(
        like=hall.racks[at].place,
        racks=hall.more,
        fits=fits,
        level=level,
        full_w=float(full[at]),
        granted_w=float(hall.drawn(max(level, 0.0))[at]),
        binding="" if tight is None else tight.name,
        limits=limits,
    )


def hall_with(roster: Roster, upstream: Upstream, policy: PowerPolicy, like: Place, more: int) -> HallWith:
    """Return the racks there are and `more` like one of them.

    Raises ValueError for a rack that is not there or a count that is not 0 to 200.
    """
    at = next((n for n, rack in enumerate(roster.racks) if rack.place == like), None)
    if at is None or not 0 <= more <= MOST_MORE:
        raise ValueError(f"expected a rack of the site and 0 to {MOST_MORE} more, got {like} and {more}")
    return _hall(roster, upstream, policy, at, more)


def _hall(roster: Roster, upstream: Upstream, policy: PowerPolicy, at: int, more: int) -> HallWith:
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
    return HallWith(racks, at, more, idle, full, np.array(own), [*rows, *budget_rows(named, policy.budgets)])


def _level(hall: HallWith) -> float:
    """Return the highest common level at which every limit is kept; below zero: not even at rest."""
    if not _kept(hall, 0.0):
        return -1.0
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _kept(hall, middle) else (low, middle)
    return low


def _kept(hall: HallWith, level: float) -> bool:
    drawn = hall.drawn(level)
    return all(float((row.share * drawn).sum()) <= row.watts for row in hall.rows)
