"""What goes off when not even the floors of all devices fit: whole racks of the last priority, and back when they fit.

A device that does not follow is charged its most, but costs no rack its power: here it counts with its floor, and with
what it draws once it has had the time to follow.  A rack is charged until its meter says that it draws nothing.  While
it is off its limits are told to be the least, and before it is switched on it is charged again, until the others have
made room.
"""

from dataclasses import replace

import numpy as np

from rack_controller.decide.budget.design import Array, BudgetDecision, BudgetDesign, Mask, Seen
from rack_controller.powerbench.hall import Hall

PATIENCE_S = 0.2  # a shortfall that lasts for longer is shed
RETURN_S = 10.0  # and for so long floors have to fit again, with a margin, before one comes back
MARGIN = 0.05
DARK_W = 1.0


class Shedding:
    """The racks that our budget has put off."""

    def __init__(self, design: BudgetDesign, hall: Hall) -> None:
        self._design, self._hall = design, hall
        self._floors = design.law.drawn(design.per_rack(design.floor))
        priority = np.zeros(design.racks, dtype=np.int64)
        np.maximum.at(priority, design.rack, design.priority[design.claim])
        self._order = np.argsort(-priority, kind="stable")
        self._short_since, self._drawn_since, self._fits_since = np.inf, np.inf, np.inf
        self._returns = np.zeros(design.racks, dtype=np.bool_)

    def design(self, seen: Seen) -> BudgetDesign:
        """Return the design in which no limit carries racks that are off, and these may have no more than the least."""
        off = self._hall.shed
        if not off.any():
            return self._design
        gone: Mask = off & ~self._returns & (np.nan_to_num(seen.meters, nan=np.inf) <= DARK_W)
        design, devices = self._design, off[self._design.rack]
        return replace(
            design,
            feeds=design.feeds * ~gone,
            most=np.where(devices, design.floor, design.most),
            # They work in step with nobody any more: a claim of their own, after all others.
            claim=np.where(devices, len(design.priority), design.claim),
            priority=np.append(design.priority, design.priority.max() + 1),
            weight=np.append(design.weight, 1.0),
            together=np.append(design.together, False),
        )

    def look(self, seen: Seen, decision: BudgetDecision, stuck: Array, late_s: float) -> None:
        """Put racks off for a shortfall that lasts, and one back on when floors have fitted for long.

        stuck: (N,) W that devices which do not follow are charged, 0 for all others; late_s: after which a write should
        have been read back.
        """
        going = self._hall.shed & ~(np.nan_to_num(seen.meters, nan=np.inf) <= DARK_W)
        short = float(decision.shortfall[0]) - float(self._floors[going].sum())
        drawn = np.maximum(np.nan_to_num(seen.power, nan=0.0), self._design.floor)
        certain, likely = (short - self._beyond(stuck, known) for known in (self._design.floor, drawn))
        self._short_since = min(self._short_since, seen.now) if certain > 0.0 else np.inf
        self._drawn_since = min(self._drawn_since, seen.now) if likely > 0.0 else np.inf
        if seen.now - self._short_since >= PATIENCE_S:
            self._shed(certain)
        elif seen.now - self._drawn_since >= PATIENCE_S + late_s:
            self._shed(likely)
        self._come_back(seen, decision)

    def _beyond(self, stuck: Array, known: Array) -> float:
        """Return what is charged for devices that do not follow beyond what is `known` of each, (N,) W, at the feed."""
        slope = (1.0 + self._design.law.follow) / self._design.law.efficiency
        return float((slope * self._design.per_rack(np.maximum(stuck - known, 0.0))).sum())

    def _shed(self, short: float) -> None:
        for rack in self._order[~self._hall.shed[self._order]]:
            if short <= 0.0:
                break
            self._hall.shed[rack] = True
            short -= float(self._floors[rack])
        self._short_since, self._drawn_since = np.inf, np.inf

    def _come_back(self, seen: Seen, decision: BudgetDecision) -> None:
        if self._returns.any():
            if (decision.charged <= seen.limits).all():
                self._hall.shed &= ~self._returns
                self._returns[:] = False
            return
        off = self._order[self._hall.shed[self._order]]
        needed: Array = self._floors * ~self._hall.shed
        if not len(off) or needed.sum() + self._floors[off[-1]] > seen.limits[0] * (1.0 - MARGIN):
            self._fits_since = np.inf
            return
        self._fits_since = min(self._fits_since, seen.now)
        if seen.now - self._fits_since >= RETURN_S:
            self._returns[off[-1]] = True
            self._fits_since = np.inf
