"""What to take off when the floors alone pass a limit: trays of whoever comes last, until it fits.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firmware_bridge.vocabulary.place import Place, tray_of
from rack_controller.decide.budget.claims import Claims
from rack_controller.decide.budget.design import Array
from rack_controller.decide.budget.roster import Roster


@dataclass(frozen=True, slots=True)
class Shed:
    """Trays whose going off brings a limit back within itself, in the order in which they should; `short` W is what is
    missing even then."""

    trays: tuple[Place, ...]
    short: float


def what_to_shed(roster: Roster, claims: Claims, share: Array, floors: Array, missing: float) -> Shed:
    """Return what to shed of a limit with `share` (R,) that lacks `missing` W; `floors` (N,) W is what each GPU has at
    least.  The claims that come last lose their trays first, the topmost tray of each first."""
    law = roster.law
    slope = (1.0 + law.follow) / law.efficiency
    relief: dict[Place, float] = {}
    rank: dict[Place, tuple[int, str]] = {}
    for n, place in enumerate(roster.places):
        tray, r = tray_of(place), int(roster.rack[n])
        relief[tray] = relief.get(tray, 0.0) + float(share[r] * slope[r] * floors[n])
        last = int(claims.priority[claims.claim[n]])
        rank[tray] = min(rank.get(tray, (last, tray)), (last, tray))  # a tray counts as its most important GPU
    chosen: list[Place] = []
    for tray in sorted((t for t in relief if relief[t] > 0), key=lambda t: rank[t], reverse=True):
        if missing <= 0:
            break
        chosen.append(tray)
        missing -= relief[tray]
    return Shed(tuple(chosen), float(max(missing, 0.0)))


def short_rows(shortfall: Array, least: float = 1.0) -> Sequence[int]:
    """Return the rows, worst first, that lack more than `least` W."""
    return [int(c) for c in np.argsort(-shortfall) if shortfall[c] > least]
