"""Limits told out of band beside those in band: a little above them, seldom moved, and there when a rack is reset.

A device enforces the lower of both.  What a reset would let a rack draw beyond what it was granted is kept free of
every limit, for one rack at a time; so what is granted waits for nobody, and a reset passes no limit.
"""

import numpy as np

from rack_controller.decide.budget.bounds import Written, read_back, sent
from rack_controller.decide.budget.design import Array, BudgetDesign, Seen
from rack_controller.powerbench.hall import Hall

PERIOD_S = 1.0  # controllers of trays are fragile
ABOVE = 0.04  # of what is granted
FIRST_S = 3.0  # until limits out of band have come down for the first time there is nothing that outlives a reset
MOVES = 0.02  # a smaller change is not written


class Standing:
    """The standing limits of one hall."""

    def __init__(self, design: BudgetDesign, hall: Hall) -> None:
        self._design, self._hall = design, hall
        self._written = Written.nothing(design.most)
        self._told_at, self._since = -np.inf, np.inf

    def reserve(self, seen: Seen, in_band: Written) -> Array:
        """Return what must stay free of every limit, (C,) W, so that any one rack may be reset: its devices then have
        what they were told out of band instead of what holds in band.  Never more than the floors leave, and nothing
        while one is reset: then its devices are charged their most anyway."""
        self._written = read_back(self._written, self._hall.standing_seen(), self._design.most, settled=True)
        design, law = self._design, self._design.law
        slope = (1.0 + law.follow) / law.efficiency
        self._since = min(self._since, seen.now)
        if np.isneginf(in_band.waits_since).any() or seen.now - self._since < FIRST_S:
            return np.zeros(len(seen.limits))
        freed = design.per_rack(np.maximum(self._written.holds - in_band.holds, 0.0)) * slope
        worst = (design.feeds * freed[None, :]).max(axis=1)
        left = seen.limits - design.feeds @ law.drawn(design.per_rack(design.floor))
        return np.asarray(np.minimum(worst, np.maximum(left * (1.0 - ABOVE), 0.0)))

    def follow(self, now: float, told: Array) -> None:
        """Tell out of band what was granted in band: at once where it would hold a grant back, else now and then."""
        wanted = np.minimum(told * (1.0 + ABOVE), self._design.most)
        newest = self._written.newest
        late = now - self._written.waits_since > PERIOD_S
        low = told > newest + 1.0
        due = now - self._told_at >= PERIOD_S
        moved = np.abs(wanted - newest) > MOVES * newest
        writes = np.where(low | (due & moved) | late, wanted, np.nan)
        if due:
            self._told_at = now
        self._hall.write_standing(writes)
        self._written = sent(self._written, writes, now)
