"""Who asks together: every GPU belongs to a job, else to a tenant, else to everybody else.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.budget.design import Array, Index, Mask
from rack_controller.decide.budget.roster import Roster
from rack_controller.model.power_policy import REST, Job, PowerPolicy, SpecInvalid, Tenant, covers, covers_any

REST_PRIORITY = 50


@dataclass(frozen=True, slots=True)
class Claims:
    """J claims: `names`, `kinds` (job, tenant, rest), `priority`, `weight`, `together` (J,); of each GPU `claim`,
    the least `floor` and the most `ceiling` that a tenant's terms give it, `tenant` (empty: nobody's), and `least`,
    the least that it can be set to, which floors come down to where they do not fit, all (N,)."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    priority: Index
    weight: Array
    together: Mask
    claim: Index
    floor: Array
    ceiling: Array
    tenant: tuple[str, ...]
    least: Array


def claims_of(roster: Roster, policy: PowerPolicy, jobs: Sequence[Job] = ()) -> Claims:
    """Return the claims of a policy and of jobs that were begun since.

    Raises SpecInvalid where two tenants or two jobs claim one GPU, one claims none, or a floor is above a cap.
    """
    owners = _owners(roster, "tenants", "places", [(t.name, t.places) for t in policy.tenants])
    working = _owners(roster, "jobs", "members", [(j.name, j.members) for j in (*policy.jobs, *jobs)])
    floor, ceiling = roster.floor.copy(), roster.most.copy()
    for n, tenant in enumerate(policy.tenants):
        _terms(roster, n, tenant, owners == n, floor, ceiling)
    everybody = [*policy.jobs, *jobs]
    claim, columns = np.zeros(len(roster.places), dtype=np.int64), list[tuple[str, str, int, float, bool]]()
    for n, job in enumerate(everybody):
        claim[working == n] = len(columns)
        columns.append((job.name, "job", job.priority, job.weight, job.synchronous))
    for n, tenant in enumerate(policy.tenants):
        left = (owners == n) & (working < 0)
        if left.any():
            claim[left] = len(columns)
            columns.append((tenant.name, "tenant", tenant.priority, tenant.weight, False))
    left = (owners < 0) & (working < 0)
    if left.any() or not columns:
        claim[left] = len(columns)
        columns.append((REST, "rest", REST_PRIORITY, 1.0, False))
    return Claims(
        names=tuple(c[0] for c in columns),
        kinds=tuple(c[1] for c in columns),
        priority=np.array([c[2] for c in columns], dtype=np.int64),
        weight=np.array([c[3] for c in columns], dtype=np.float64),
        together=np.array([c[4] for c in columns], dtype=np.bool_),
        claim=claim,
        floor=floor,
        ceiling=ceiling,
        tenant=tuple("" if n < 0 else policy.tenants[n].name for n in owners.tolist()),
        least=roster.floor.copy(),
    )


def still_here(roster: Roster, policy: PowerPolicy, jobs: Sequence[Job] = ()) -> tuple[PowerPolicy, list[Job]]:
    """Return a policy in force and jobs that run without whoever has no GPU of these racks: they have left the site."""
    tenants = [tenant for tenant in policy.tenants if covers_any(tenant.places, roster.places)]
    stated = [job for job in policy.jobs if covers_any(job.members, roster.places)]
    kept = [job for job in jobs if covers_any(job.members, roster.places)]
    if (len(tenants), len(stated)) != (len(policy.tenants), len(policy.jobs)):
        policy = msgspec.structs.replace(policy, tenants=tenants, jobs=stated)
    return policy, kept


def priority_at(places: Sequence[Place], policy: PowerPolicy | None, jobs: Sequence[Job] = ()) -> int:
    """Return the most urgent priority among whom any of `places` belongs to: the smaller comes first."""
    working = [*(() if policy is None else policy.jobs), *jobs]
    claims = [(job.priority, job.members) for job in working]
    claims += [] if policy is None else [(tenant.priority, tenant.places) for tenant in policy.tenants]
    found = [priority for priority, globs in claims if covers_any(globs, places)]
    return min(found, default=REST_PRIORITY)


def _owners(roster: Roster, kind: str, field: str, each: Sequence[tuple[str, Sequence[str]]]) -> Index:
    """Return which of `each`, a name with its globs, every GPU belongs to, (N,), -1 for none."""
    owner = np.full(len(roster.places), -1, dtype=np.int64)
    for n, (name, globs) in enumerate(each):
        mine = np.array([covers(globs, place) for place in roster.places], dtype=np.bool_)
        if not mine.any():
            said = f"expected GPUs of these racks, {', '.join(globs)} of {name!r} names none"
            raise SpecInvalid(f"{kind}[{n}].{field}", said)
        taken = mine & (owner >= 0)
        if taken.any():
            at = int(np.flatnonzero(taken)[0])
            said = f"expected GPUs that nobody else has, {roster.places[at]} is {each[int(owner[at])][0]!r}'s"
            raise SpecInvalid(f"{kind}[{n}].{field}", said)
        owner[mine] = n
    return owner


def _terms(roster: Roster, n: int, tenant: Tenant, mine: Mask, floor: Array, ceiling: Array) -> None:
    """Write a tenant's terms into `floor` and `ceiling`; what it is promised is shared alike."""
    count = int(mine.sum())
    if tenant.most_kw is not None:
        each = tenant.most_kw * 1e3 / count
        if each < float(roster.floor[mine].max()):
            said = f"expected at least {roster.floor[mine].sum() / 1e3:g} kW: its GPUs cannot be set to less"
            raise SpecInvalid(f"tenants[{n}].most_kw", said)
        ceiling[mine] = np.minimum(ceiling[mine], each)
    for field, each in (("floor_w", tenant.floor_w), ("guarantee_kw", tenant.guarantee_kw * 1e3 / count)):
        least = float(ceiling[mine].min())
        if each > least:
            said = f"expected a floor below the cap, {each:g} W of each GPU is above {least:g} W"
            raise SpecInvalid(f"tenants[{n}].{field}", said)
        floor[mine] = np.maximum(floor[mine], each)
