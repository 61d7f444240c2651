"""Whether a policy keeps its word: promises that its own budgets, or people's limits, leave no room for.  Pure."""

import numpy as np

from rack_controller.decide.budget.claims import Claims
from rack_controller.decide.budget.design import Array
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import budget_rows
from rack_controller.model.power_policy import PowerPolicy, SpecInvalid, covers_any


def check_promises(roster: Roster, claims: Claims, policy: PowerPolicy, ceilings: Array) -> None:
    """Raise SpecInvalid for a floor above a cap, and for floors and guarantees that a budget of the policy cannot give.

    ceilings: (N,) W that persons and interlocks want, NaN nobody.  Least limits that do not fit a budget are no
    conflict: that is a shortfall, which is shown with what to shed.
    """
    promised = claims.floor > roster.floor + 1e-9
    above = promised & (claims.floor > np.fmin(ceilings, np.inf))
    if above.any():
        at = int(np.flatnonzero(above)[0])
        n = next(i for i, t in enumerate(policy.tenants) if t.name == claims.tenant[at])
        said = f"expected a floor below the cap, {roster.places[at]} is capped at {ceilings[at]:g} W"
        raise SpecInvalid(f"tenants[{n}]", said)
    for row in budget_rows(roster.racks, policy.budgets):
        need, least = (_needs(roster, floor, row.share) for floor in (claims.floor, roster.floor))
        if need > row.watts >= least:
            n = next(i for i, b in enumerate(policy.budgets) if b.name == row.name)
            said = f"expected at least {need / 1e3:.1f} kW, which is what floors and guarantees below it come to"
            raise SpecInvalid(f"budgets[{n}].limit_kw", said)


def check_terms(roster: Roster, claims: Claims, policy: PowerPolicy, floor: Array) -> None:
    """Raise SpecInvalid where a tenant's cap lies below the smoothing floor that its GPUs have, `floor` (N,) W."""
    below = claims.ceiling < np.minimum(floor, roster.most) - 1e-9
    if below.any():
        at = int(np.flatnonzero(below)[0])
        n = next(i for i, t in enumerate(policy.tenants) if t.name == claims.tenant[at])
        said = f"expected a cap above the smoothing floor of {roster.places[at]}, {floor[at]:g} W"
        raise SpecInvalid(f"tenants[{n}].most_kw", f"{said}; it gets {claims.ceiling[at]:g} W at most")


def check_racks(roster: Roster, policy: PowerPolicy) -> None:
    """Raise SpecInvalid where a budget, a ramp, a tenant or a job is for nothing of the site."""
    for field, said in _for_nobody(roster, policy):
        raise SpecInvalid(field, f"expected racks of the site, {said}")


def say_for_nobody(roster: Roster, policy: PowerPolicy) -> str:
    """Return which budgets, ramps, tenants and jobs are for nothing of the site, empty when none is.  A policy in force
    has such ones once racks have left the site: nothing is refused for that."""
    return ", ".join(f"{field}: {said}" for field, said in _for_nobody(roster, policy))


def _for_nobody(roster: Roster, policy: PowerPolicy) -> list[tuple[str, str]]:
    racks = tuple(rack.place for rack in roster.racks)
    named = [(f"budgets[{n}].racks", each.name, each.racks, racks) for n, each in enumerate(policy.budgets)]
    named += [(f"ramps[{n}].racks", each.name, each.racks, racks) for n, each in enumerate(policy.ramps)]
    named += [(f"tenants[{n}].places", each.name, each.places, roster.places) for n, each in enumerate(policy.tenants)]
    named += [(f"jobs[{n}].members", each.name, each.members, roster.places) for n, each in enumerate(policy.jobs)]
    return [
        (field, f"{', '.join(globs)} of {name!r} names none")
        for field, name, globs, there in named
        if not covers_any(globs, there)
    ]


def _needs(roster: Roster, floor: Array, share: Array) -> float:
    gpus = np.bincount(roster.rack, weights=floor, minlength=len(roster.racks)).astype(np.float64)
    return float((share * roster.law.drawn(gpus)).sum())
