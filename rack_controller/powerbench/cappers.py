"""Who holds the limit: published controllers as baselines, our budget, and an oracle that sees all.

Each baseline has one margin, its limit times which it believes in, so that it can be tuned fairly.
Bands and periods as published (Dynamo, ISCA'16; POLCA, ASPLOS'24); sources in docs/powerbench.md.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from rack_controller.decide.budget.control import BudgetState, step_budget
from rack_controller.decide.budget.design import Array, BudgetDesign, BudgetPolicy, Mask, Seen
from rack_controller.powerbench.hall import Hall
from rack_controller.powerbench.hall_cooling import Cooling
from rack_controller.powerbench.shedding import Shedding
from rack_controller.powerbench.standing import Standing

LATE = 1.2  # than a thing usually takes: it is late from then on
BAND = 0.01
"""Of what a device was told, that ours changes at least where every limit is kept: a controller that writes every
change of the best share wears devices out for nothing."""


class Capper(Protocol):
    """A controller: asked every `period_s`, it says what to write, (N,), NaN for nothing."""

    period_s: float
    at_once: bool

    def decide(self, seen: Seen) -> Array:
        """Return the limits to write, W."""
        ...


class Nobody:
    """No control at all."""

    period_s, at_once = 1.0, False

    def __init__(self, design: BudgetDesign, margin: float = 1.0) -> None:
        self._nothing = np.full(len(design.most), np.nan)

    def decide(self, seen: Seen) -> Array:
        """Return nothing to write."""
        return self._nothing


class Uniform:
    """One static limit for all, from nameplates; set anew only when the limit changes."""

    period_s, at_once = 0.1, False

    def __init__(self, design: BudgetDesign, margin: float = 1.0) -> None:
        self._design, self._margin = design, margin
        self._set: Array | None = None

    def decide(self, seen: Seen) -> Array:
        """Return the uniform limit when it is a new one."""
        limits = seen.limits * self._margin
        if self._set is not None and np.array_equal(limits, self._set):
            return np.full(len(self._design.most), np.nan)
        self._set = limits.copy()
        level = np.full(len(self._design.most), self._level(limits))
        return np.asarray(np.clip(level, self._design.floor, self._design.most))

    def _level(self, limits: Array) -> float:
        low, high = 0.0, float(self._design.most.max())
        for _ in range(30):
            middle = 0.5 * (low + high)
            racks = self._design.law.drawn(self._design.per_rack(np.full(len(self._design.most), middle)))
            fits = bool((self._design.feeds @ racks <= limits).all())
            low, high = (middle, high) if fits else (low, middle)
        return low


class ThreeBands:
    """Dynamo's rule: cap at 99 % down to 95 %, let go at 90 %; what is cut comes from those that draw most."""

    period_s, at_once = 3.0, False
    cap_at, aim, release = 0.99, 0.95, 0.90

    def __init__(self, design: BudgetDesign, margin: float = 1.0) -> None:
        self._design, self._margin = design, margin

    def decide(self, seen: Seen) -> Array:
        """Return lower limits when the meter is in the upper band, full ones in the lower."""
        design, most = self._design, self._design.most
        limit = float(seen.limits[0]) * self._margin
        total = float(seen.meters.sum())
        if not np.isfinite(total):
            return np.full(len(most), np.nan)
        if total >= self.cap_at * limit:
            slope = float(((1.0 + design.law.follow) / design.law.efficiency).mean())
            return np.clip(_cut(seen.power, (total - self.aim * limit) / slope), design.floor, most)
        return most.copy() if total <= self.release * limit else np.full(len(most), np.nan)


class TwoThresholds:
    """POLCA's rule: two thresholds slow the tenants of less priority, a brake slows all when the limit is passed."""

    period_s, at_once = 2.0, False
    first, second = 0.80, 0.89
    slow, slower, brake = 0.80, 0.65, 0.50

    def __init__(self, design: BudgetDesign, margin: float = 1.0) -> None:
        self._design, self._margin = design, margin
        self._yields = design.priority[design.claim] == design.priority.max()

    def decide(self, seen: Seen) -> Array:
        """Return one of four levels for the lower priority, two for the higher."""
        share = float(seen.meters.sum()) / (float(seen.limits[0]) * self._margin)
        most = self._design.most
        if not np.isfinite(share):
            return np.full(len(most), np.nan)
        if share > 1.0:
            return most * self.brake
        level = self.slower if share > self.second else self.slow if share > self.first else 1.0
        return np.where(self._yields, most * level, most)


class Proportional:
    """A PI loop on the metered total; one limit for all."""

    at_once = False

    def __init__(self, design: BudgetDesign, margin: float = 1.0, period_s: float = 1.0) -> None:
        self._design, self._margin, self.period_s = design, margin, period_s
        self._sum = 0.0

    def decide(self, seen: Seen) -> Array:
        """Return the loop's limit."""
        error = float(seen.limits[0]) * self._margin - float(seen.meters.sum())
        if not np.isfinite(error):
            return np.full(len(self._design.most), np.nan)
        each = error / len(self._design.most)
        top = float(self._design.most.max())
        self._sum = float(np.clip(self._sum + 0.3 * each * self.period_s, -top, 0.0))
        level = np.full(len(self._design.most), top + self._sum + 0.5 * each)
        return np.asarray(np.clip(level, self._design.floor, self._design.most))


class Budget:
    """Ours: `rack_controller.decide.budget`."""

    period_s, at_once = 0.1, False

    def __init__(
        self,
        design: BudgetDesign,
        policy: BudgetPolicy | None = None,
        hall: Hall | None = None,
        standing: Standing | None = None,
    ) -> None:
        """With a `hall` whose coolant is the controller's too, flow is set there and holds back what it can't carry.
        `standing`: limits are told out of band too, so that a rack may be reset."""
        self._design, self._policy = design, policy or (BudgetPolicy(band=BAND) if hall is None else policy_for(hall))
        self._state = BudgetState.new(design)
        self._hall = hall if hall is not None and hall.scenario.cooling else None
        least = design.law.drawn(design.per_rack(design.floor))
        self._granted = design.law.drawn(design.per_rack(design.most))
        self._standing = standing
        self._shedding = Shedding(design, hall) if hall is not None else None
        self._cooling = Cooling(hall.design, design.racks, least) if hall is not None else None

    def decide(self, seen: Seen) -> Array:
        """Return what one cycle writes."""
        if self._hall is not None and self._cooling is not None:
            sample = self._hall.flow_meter.read(seen.now)
            self._hall.flow_target, ceiling = self._cooling.decide(seen.now, sample, self._granted)
            carried = np.append(seen.limits[:1], np.minimum(seen.limits[1:], ceiling))
            seen = replace(seen, limits=carried)
        design = self._design if self._shedding is None else self._shedding.design(seen)
        if self._standing is not None:
            reserve = self._standing.reserve(seen, self._state.written)
            seen = replace(seen, limits=seen.limits - reserve)
        self._state, decision = step_budget(self._state, design, self._policy, seen)
        if self._standing is not None:
            self._standing.follow(seen.now, self._state.written.newest)
        self._granted = decision.charged[1:]
        if self._shedding is not None:
            written, late_s = self._state.written, self._policy.rewrite_s
            stuck = np.where(written.stuck(seen.now, late_s), written.holds, 0.0)
            self._shedding.look(seen, decision, stuck, late_s)
        return decision.writes


def policy_for(hall: Hall) -> BudgetPolicy:
    """Return how ours is run where sights and writes take so long as in a hall: as live racks' reading classes say it,
    a value is old, and a write overdue, when the next one is there."""
    sensing, writes = hall.scenario.sensing, hall.scenario.writes
    seen_s = sensing.every_s + max(sensing.power_s, sensing.caps_s)
    return BudgetPolicy(
        band=BAND,
        stale_s=max(BudgetPolicy().stale_s, LATE * seen_s),
        rewrite_s=max(BudgetPolicy().rewrite_s, LATE * (writes.delay_s[1] + sensing.caps_s)),
    )


class Oracle:
    """Sees every demand before it is there and sets limits without delay: the best any step by itself can be.

    Serving gets what it asks for as long as that fits; training shares the rest at one level.
    """

    period_s, at_once = 0.0, True

    def __init__(self, design: BudgetDesign, hall: Hall, drawn: Callable[[Array], Array]) -> None:
        """`drawn` gives the true feed power of each rack, (R,), for sums of GPU power, (R,)."""
        self._design, self._hall, self._drawn = design, hall, drawn
        self._yields = design.together[design.claim]

    def decide(self, seen: Seen) -> Array:
        """Return limits for exactly this step's demand."""
        wanted = self._hall.wanted(self._hall.demand()[0])
        limits = self._hall.limits(self._hall.now)
        caps = wanted
        if not self._fits(wanted, limits):
            caps = self._most(wanted, self._yields, limits)
            if not self._fits(caps, limits):
                caps = self._most(wanted, np.ones_like(self._yields), limits)
        return np.maximum(caps, self._design.floor)

    def _most(self, wanted: Array, yields: Mask, limits: Array) -> Array:
        low, high, idle = 0.0, 1.0, self._design.idle
        for _ in range(18):
            middle = 0.5 * (low + high)
            fits = self._fits(np.where(yields, idle + middle * (wanted - idle), wanted), limits)
            low, high = (middle, high) if fits else (low, middle)
        return np.where(yields, idle + low * (wanted - idle), wanted)

    def _fits(self, power: Array, limits: Array) -> bool:
        return bool((self._design.feeds @ self._drawn(self._design.per_rack(power)) <= limits).all())


def _cut(power: Array, excess: float) -> Array:
    """Return limits, (N,), so that what lies above one common level adds up to `excess` W."""
    low, high = 0.0, float(np.nanmax(power))
    for _ in range(30):
        middle = 0.5 * (low + high)
        too_much = float(np.nansum(np.maximum(power - middle, 0.0))) > excess
        low, high = (middle, high) if too_much else (low, middle)
    return np.full(len(power), high)
