"""What to take off when the floors alone pass a limit, when, and whether what is off fits again.  Pure.

Trays of whoever comes last go first, those with a tenant's promise last of all, until the floors that are left fit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from firmware_bridge.vocabulary.place import Place, rack_of, tray_of
from rack_controller.decide.budget.claims import Claims
from rack_controller.decide.budget.design import Array, Mask
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import Row, RowKind

LEAST_W = 1.0
"""What is less than that is rounding, no shortfall."""
_PROMISE_W = 1.0


@dataclass(frozen=True, slots=True)
class Shed:
    """Trays whose going off brings a limit back within itself, in the order in which they should; `short` W is what is
    missing even then."""

    trays: tuple[Place, ...]
    short: float


@dataclass(frozen=True, slots=True)
class ToShed:
    """A tray that goes off now: for which limit, which lacks `missing` W."""

    tray: Place
    limit: str
    missing: float


def what_to_shed(
    roster: Roster,
    claims: Claims,
    share: Array,
    floors: Array,
    missing: float,
    spared: Collection[Place] = (),
) -> Shed:
    """Return what to shed of a limit with `share` (R,) that lacks `missing` W; `floors` (N,) W is what each GPU has at
    least.

    The claims that come last lose their trays first, the topmost tray of each first; trays with a GPU that a tenant was
    promised more for than it can be set to come after all others.  `spared` stay on whatever is missing.
    """
    relief = reliefs(roster, share, floors)
    rank: dict[Place, tuple[bool, int, str]] = {}
    promised = claims.floor > roster.floor + _PROMISE_W
    for n, place in enumerate(roster.places):
        tray, last = tray_of(place), int(claims.priority[claims.claim[n]])
        own = (not promised[n], last, tray)
        rank[tray] = min(rank.get(tray, own), own)  # a tray counts as its most important GPU
    chosen: list[Place] = []
    for tray in sorted((t for t, w in relief.items() if w > 0 and t not in spared), key=rank.__getitem__, reverse=True):
        if missing <= 0:
            break
        chosen.append(tray)
        missing -= relief[tray]
    return Shed(tuple(chosen), float(max(missing, 0.0)))


def reliefs(roster: Roster, share: Array, floors: Array) -> dict[Place, float]:
    """Return what each tray's going off takes off a limit with `share` (R,): its floors (N,) W and what follows."""
    slope = (1.0 + roster.law.follow) / roster.law.efficiency
    each = share[roster.rack] * slope[roster.rack] * floors
    found: dict[Place, float] = {}
    for place, watts in zip(roster.places, each.tolist(), strict=True):
        tray = tray_of(place)
        found[tray] = found.get(tray, 0.0) + watts
    return found


def going(roster: Roster, holds: Array, trays: Collection[Place]) -> dict[Place, float]:
    """Return what racks lose when `trays` of them go off, W at their feeds, by what GPUs may draw, `holds` (N,) W."""
    found: dict[Place, float] = {}
    if not trays:
        return found
    for tray, watts in reliefs(roster, np.ones(len(roster.racks)), holds).items():
        if tray in trays:
            found[rack_of(tray)] = found.get(rack_of(tray), 0.0) + watts
    return found


def decide_shed_now(
    since: Mapping[str, float],
    roster: Roster,
    claims: Claims,
    rows: Sequence[Row],
    floors: Array,
    lacking: Array,
    going: Collection[Place],
    spared: Collection[Place],
    now: float,
    patience: float,
) -> tuple[dict[str, float], tuple[ToShed, ...]]:
    """Return since when each limit lacks power, by name, and the trays that go off now.

    lacking: (C,) W by which floors that are certain pass each limit.  A shortfall counts after `patience` s.  Trays
    that are `going` off already count as off; `spared` cannot be switched now.
    """
    short = {row.name: c for c, row in enumerate(rows) if lacking[c] > LEAST_W}
    after = {name: since.get(name, now) for name in short}
    chosen: dict[Place, ToShed] = {}
    for name, c in short.items():
        if now - after[name] < patience:
            continue
        share, off = rows[c].share, {*going, *chosen}
        relief = reliefs(roster, share, floors)
        missing = float(lacking[c]) - sum(relief.get(tray, 0.0) for tray in off)
        for tray in what_to_shed(roster, claims, share, floors, missing, {*off, *spared}).trays:
            chosen[tray] = ToShed(tray, name, float(lacking[c]))
    return after, tuple(chosen.values())


def room_missing(
    roster: Roster, rows: Sequence[Row], slack: Array, which: Mask, more: Array, doubt: float
) -> tuple[float, str]:
    """Return what a limit lacks for the GPUs `which` (N,) that are off to come on, W, 0 where they fit, and its name.

    They come on at their default limits, and until those are read back they may draw their most.  slack: (C,) W that
    each limit has above all floors; more: (N,) W that they may then draw above what they count with in that; doubt: of
    the law of what follows.
    """
    law = roster.law
    slope = 1.0 + (1.0 + doubt) * ((1.0 + law.follow) / law.efficiency - 1.0)
    most = np.bincount(roster.rack, weights=more, minlength=len(roster.racks))
    worst, name = 0.0, ""
    for row, left in zip(rows, slack.tolist(), strict=True):
        if row.kind is RowKind.RAMP:  # a ramp gives way to a tray that comes on
            continue
        need = float((row.share * slope * most).sum())
        if need - left > worst and row.share[roster.rack[which]].any():
            worst, name = need - left, row.name
    return worst, name
