"""Who may act on an endpoint's facet now: class order, direction, flash, lock, latch and bypass.  Pure.

One holder per (endpoint, facet).  A higher class takes it from a lower one; toward safe takes it from an equal one that
goes elsewhere.  While firmware holds an endpoint, nothing but an interlock touches any facet of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rack_controller.model.lease import Direction, Facet, Lease, LeaseClass, Wish
from rack_controller.model.lock import MaintenanceLock

Held = Mapping[tuple[str, Facet], Lease]


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in the way at an endpoint besides leases: a lock, why it is latched, which bypass is open."""

    lock: MaintenanceLock | None = None
    latched: str = ""
    bypassed: str = ""


FREE = Standing()


@dataclass(frozen=True, slots=True)
class LeaseDecision:
    """`granted`, taken from `preempts` (empty: nobody); or the `reason` why not."""

    granted: bool
    reason: str = ""
    preempts: tuple[Lease, ...] = ()


def decide_lease(wish: Wish, held: Held, now: float, standing: Standing = FREE) -> LeaseDecision:
    """Return whether `wish` is granted.  A lease that is over (`until` <= `now`) holds nothing."""
    refused = forbidden(wish, standing)
    if refused:
        return LeaseDecision(granted=False, reason=refused)
    taken = []
    for (endpoint, facet), lease in sorted(held.items()):
        if endpoint != wish.endpoint or lease.until <= now or lease.wish.holder == wish.holder:
            continue
        if not _collide(wish.facet, facet):
            continue
        if not _outranks(wish, lease.wish):
            return LeaseDecision(granted=False, reason=_words(lease))
        taken.append(lease)
    return LeaseDecision(granted=True, preempts=tuple(taken))


def lapsed(lease: Lease, held: Held, now: float) -> str:
    """Return why `lease` holds no longer, empty while it does.  Asked before every intent."""
    if lease.until <= now:
        return "the lease is over"
    current = held.get((lease.wish.endpoint, lease.wish.facet))
    if current is None or current.token != lease.token:
        return "the lease was given back" if current is None else f"taken over by {current.wish.holder}"
    return ""


def forbidden(wish: Wish, standing: Standing) -> str:
    """Return what stands in the way of a wish besides other leases, empty when nothing does.  Asked for before every
    intent too: a latch or a lock may be younger than the lease."""
    if wish.direction is Direction.SAFE:
        return ""
    if wish.direction is Direction.ENERGISED:
        if standing.latched:
            return standing.latched
        if standing.bypassed:
            return f"a bypass is open: {standing.bypassed}"
    lock = standing.lock
    own = lock is not None and wish.rank is LeaseClass.OPERATOR and wish.actor == lock.owner
    return "" if lock is None or own else lock.text


def _collide(wanted: Facet, held: Facet) -> bool:
    return wanted is held or Facet.FIRMWARE in (wanted, held)


def _outranks(wish: Wish, other: Wish) -> bool:
    if wish.rank is LeaseClass.INTERLOCK:
        return True
    if other.facet is Facet.FIRMWARE and wish.facet is not Facet.FIRMWARE:
        return False  # whatever its class: only an interlock stops a flash
    if wish.rank != other.rank:
        return wish.rank > other.rank
    return wish.direction is Direction.SAFE and other.direction is not Direction.SAFE


def _words(lease: Lease) -> str:
    who = f" of {lease.wish.actor}" if lease.wish.actor else ""
    return f"{lease.wish.facet.replace('_', ' ')} is held by {lease.wish.holder}{who}"
