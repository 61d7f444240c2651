"""What a rack may use now: the smallest of its constraints, as it is and under every single loss.  Pure.

Supplies on one busbar share its load alike, so each constraint is met or not by the rack's total: it carries a known
share of it.  A breaker carries `continuous` of its rating for hours (NEC 210.20, 215.3) unless the feed says otherwise.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from firmware_bridge.vocabulary.supply import Loss, Redundancy
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.supply.heat import SPENT, Pole, borrowed
from rack_controller.decide.supply.wiring import FOR_EVER, Array, Index, Mask, RackWiring

_LOSSES = {
    Redundancy.N: frozenset[Loss](),
    Redundancy.N_PLUS_1: frozenset({Loss.PSU, Loss.SHELF}),
    Redundancy.N_PLUS_N: frozenset(Loss),
}
_ROOT3 = 3.0**0.5
INLET_STEP_K = 1.0
_STAYS_K = 0.75  # off the step that counts now before another does: a quarter of a step of noise moves nothing


@dataclass(frozen=True, slots=True)
class Constraint:
    """One thing that carries `carries` of the rack's load and holds `limit` W (of DC, or of AC where `ac`): with it
    the rack may draw `usable` W of DC.  `pole`: the breaker behind it, where it is one."""

    name: str
    limit: float
    carries: float
    usable: float
    ac: bool = False
    pole: Pole | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One single loss, or none (`lost` empty): how much of what is left hardware `carried` meanwhile, and `binding`,
    the constraint that allows least."""

    lost: str
    loss: Loss | None
    constraints: tuple[Constraint, ...]
    carried: float = 1.0
    binding: Constraint = field(init=False)

    def __post_init__(self) -> None:
        """Find what binds, once: it is asked for every cycle."""
        object.__setattr__(self, "binding", min(self.constraints, key=lambda c: (c.usable, c.name)))

    @property
    def standing(self) -> float:
        """Return what may be drawn before the loss so that it is lived through, W of DC."""
        return self.binding.usable * self.carried


@dataclass(frozen=True, slots=True)
class Usable:
    """`now`: as the rack is.  `cases`: every single loss after which something is left.  `wanted`: what must be lived
    through.  `dark`: single losses after which nothing feeds the rack: `feed a`.  All figures in W of DC at the
    busbar."""

    now: Case
    cases: tuple[Case, ...]
    wanted: Redundancy
    dark: tuple[str, ...] = ()

    def under(self, redundancy: Redundancy) -> Case:
        """Return the case that allows least when these losses must be lived through."""
        losses = _LOSSES[redundancy]
        held = [self.now, *(c for c in self.cases if c.loss in losses)]
        return min(held, key=lambda c: c.standing)

    @property
    def binding(self) -> Case:
        """Return the case that says what may be drawn now."""
        return self.under(self.wanted)

    @property
    def watts(self) -> float:
        """Return what may be drawn now."""
        return self.binding.standing


@dataclass(frozen=True, slots=True)
class Spending:
    """What of breakers' heat a loss may spend: `share` of the reserve, `heat` by pole as it is."""

    share: float = 0.0
    heat: Mapping[str, float] = field(default_factory=dict)


def usable(
    wiring: RackWiring,
    well: Mask,
    wanted: Redundancy | None = None,
    needs: Seconds = FOR_EVER,
    inlet: Array | None = None,
    spending: Spending | None = None,
) -> Usable:
    """Return what a rack may draw.

    well: (P,) which supplies give something; wanted: the generation's redundancy unless said; needs: s that software
    takes to cap, for which hardware must carry a loss to count; inlet: (S,) °C, NaN unknown; spending: what breakers
    may carry beyond their load for hours while software takes that time.
    """
    derate = derates(wiring, inlet)
    now = Case("", None, _constraints(wiring, well, frozenset(), derate))
    cases = [
        Case(
            name,
            loss,
            _lent(_constraints(wiring, left, dead, derate), needs, spending),
            wiring.supply.carried(loss, needs),
        )
        for name, loss, left, dead in _single_losses(wiring, well)
    ]
    left = tuple(case for case in cases if case.binding.usable > 0.0)
    dark = tuple(case.lost for case in cases if case.binding.usable <= 0.0)
    return Usable(now, left, wanted or wiring.supply.redundancy, dark)


def poles_of(may: Usable) -> dict[str, Pole]:
    """Return the breakers that a rack hangs on as it is: single poles where they have several."""
    poles = {c.name: c.pole for c in may.now.constraints if c.pole is not None}
    return {name: pole for name, pole in poles.items() if not any(n.startswith(f"{name} phase ") for n in poles)}


def _lent(found: tuple[Constraint, ...], needs: Seconds, spending: Spending | None) -> tuple[Constraint, ...]:
    """Return constraints after a loss, breakers with what of their heat may be spent until software has acted."""
    if spending is None or spending.share <= 0.0 or not needs < FOR_EVER:
        return found
    lent = []
    for c in found:
        more = 1.0 if c.pole is None else borrowed(c.pole, _heat_of(spending.heat, c.name), needs, spending.share)
        lent.append(c if more == 1.0 else replace(c, limit=c.limit * more, usable=c.usable * more))
    return tuple(lent)


def _heat_of(heat: Mapping[str, float], name: str) -> float:
    """Return how warm a breaker is, its warmest pole where it has several; what nobody has seen has nothing to lend."""
    poles = [warm for pole, warm in heat.items() if pole == name or pole.startswith(f"{name} phase ")]
    return max(poles, default=SPENT)


def _single_losses(wiring: RackWiring, well: Mask) -> Iterator[tuple[str, Loss, Mask, frozenset[str]]]:
    """Yield every loss that makes a difference; supplies of one shelf and feed differ in nothing but their phase."""
    seen: set[tuple[int, int, bytes]] = set()
    wells: list[int] = np.flatnonzero(well).tolist()
    for p in wells:
        kind = (int(wiring.shelf[p]), int(wiring.phase[p]), wiring.reaches[p].tobytes())
        if kind in seen:
            continue
        seen.add(kind)
        left = well.copy()
        left[p] = False
        yield f"supply {wiring.names[p]}", Loss.PSU, left, frozenset()
    for s, name in enumerate(wiring.shelves):
        outside: Mask = np.asarray(wiring.shelf != s)
        if (well & ~outside).any():
            yield f"shelf {name}", Loss.SHELF, np.asarray(well & outside), frozenset()
    drawn: Mask = np.asarray(wiring.drawing(well).any(axis=0))
    for f, feed in enumerate(wiring.feeds):
        if drawn[f]:
            yield f"feed {feed.name}", Loss.FEED, well, frozenset({feed.name})


def stepped_inlet(before: Array | None, inlet: Array) -> Array:
    """Return the inlet temperatures (S,) that count, in steps, `before` as long as nothing is well beside it: °C."""
    now = np.round(inlet / INLET_STEP_K) * INLET_STEP_K
    return now if before is None else np.where(np.abs(inlet - before) <= _STAYS_K, before, now)


def derates(wiring: RackWiring, inlet: Array | None) -> Array:
    """Return what of its rating each shelf gives, (S,), 0 to 1.  A shelf whose inlet is unknown counts as cool."""
    if inlet is None:
        return np.ones(len(wiring.shelves))
    over = np.nan_to_num(np.maximum(inlet - wiring.supply.derate_from, 0.0))
    return np.clip(1.0 - wiring.supply.derate_per_k * over, 0.0, 1.0)


def _constraints(wiring: RackWiring, well: Mask, dead: frozenset[str], derate: Array) -> tuple[Constraint, ...]:
    if not wiring.names:  # a design without supplies of its own is held by its busbar alone
        return (_constraint("busbar", wiring.busbar_max, 1.0, 1.0),)
    drawing = wiring.drawing(well, dead)
    at = _counted(wiring, drawing)
    of_shelf: list[int] = at.sum(axis=(1, 2)).tolist()
    live = sum(of_shelf)
    if not live:
        return (Constraint("supplies", 0.0, 1.0, 0.0),)
    uneven, each = 1.0 + wiring.supply.sharing, 1.0 / live
    supply_max = float((wiring.supply_max * derate[wiring.shelf])[drawing.any(axis=1)].min())
    found = [
        _constraint("supplies", supply_max * live, 1.0, uneven),
        _constraint("busbar", wiring.busbar_max, 1.0, 1.0),
    ]
    for s, (name, count) in enumerate(zip(wiring.shelves, of_shelf, strict=True)):
        if count:
            found.append(_constraint(f"shelf {name}", wiring.shelf_max[s] * derate[s], each * count, uneven))
    return (*found, *_breakers(wiring, at, each, uneven))


def _counted(wiring: RackWiring, drawing: Mask) -> Index:
    """Return how many supplies of each shelf draw from each phase of each feed, (S, F, phases)."""
    at = np.zeros((len(wiring.shelves), len(wiring.feeds), int(wiring.phase.max(initial=0)) + 1), dtype=np.int64)
    supply, feed = np.nonzero(drawing)
    np.add.at(at, (wiring.shelf[supply], feed, wiring.phase[supply]), 1)
    return at


def _breakers(wiring: RackWiring, at: Index, each: float, uneven: float) -> Iterator[Constraint]:
    """Yield what feeds and their branches hold; a feed that nothing draws from holds nothing up."""
    supply = wiring.supply
    for f, feed in enumerate(wiring.feeds):
        here: list[list[int]] = at[:, f].tolist()  # by shelf and phase
        by_phase = [sum(column) for column in zip(*here, strict=True)]
        if not sum(by_phase):
            continue
        volts = feed.voltage_nominal / (_ROOT3 if feed.phases == 3 else 1.0)
        per_amp = volts * feed.continuous * supply.power_factor
        one_phase, known = feed.phases == 1, (uneven, supply.efficiency, feed.continuous)
        if feed.breaker is not None:
            limit = feed.breaker * per_amp
            yield _breaker(f"feed {feed.name}", limit * feed.phases, each * sum(by_phase), *known)
            for n in range(0 if one_phase else feed.phases):
                carries = each * (by_phase[n] if n < len(by_phase) else 0)
                yield _breaker(f"feed {feed.name} phase {n + 1}", limit, carries, *known)
        if feed.branch_breaker is not None:
            for shelf, counts in zip(wiring.shelves, here, strict=True):
                if sum(counts):
                    worst = each * (sum(counts) if one_phase else max(counts[: feed.phases]))
                    yield _breaker(f"branch {feed.name} of {shelf}", feed.branch_breaker * per_amp, worst, *known)


def _constraint(name: str, limit: float, carries: float, uneven: float) -> Constraint:
    return Constraint(name, float(limit), float(carries), float(limit / max(carries * uneven, 1e-12)))


def _breaker(
    name: str, limit: float, carries: float, uneven: float, efficiency: float, continuous: float
) -> Constraint:
    held = _constraint(name, limit, carries, uneven)
    pole = Pole(name, held.limit / continuous, held.limit, held.carries * uneven)
    return Constraint(name, held.limit, held.carries, held.usable * efficiency, ac=True, pole=pole)
