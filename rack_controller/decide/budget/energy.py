"""What jobs have used: the power of their GPUs and what follows it, with how far that may be wrong.  Pure."""

from dataclasses import dataclass

import numpy as np

from rack_controller.decide.budget.claims import Claims
from rack_controller.decide.budget.design import Array
from rack_controller.decide.budget.roster import Roster

SENSOR = 0.05  # power.md §2.2: sensors of one kind differ by 3 to 5 %
LAW = 0.10  # of what follows, until a meter has told: as BudgetPolicy.doubt


@dataclass(frozen=True, slots=True)
class Energy:
    """J of AC since a job began, plus or minus `doubt`; `unseen` s in which some of its GPUs were not read."""

    joules: float = 0.0
    doubt: float = 0.0
    unseen: float = 0.0


def used(before: Energy, roster: Roster, claims: Claims, job: int, power: Array, holds: Array, dt: float) -> Energy:
    """Return the energy after `dt` s more.  A GPU that is not read counts half of what it may draw, plus or minus that
    half: `power` (N,) W, NaN unknown, `holds` (N,) W."""
    mine = claims.claim == job
    law, rack = roster.law, roster.rack
    seen = mine & np.isfinite(power)
    unknown = mine & ~seen
    factor = (1.0 + law.follow[rack]) / law.efficiency[rack]
    read = float((power * factor)[seen].sum())
    half = float((holds * factor)[unknown].sum()) / 2.0
    follows = read - float(power[seen].sum())
    doubt = SENSOR * float(power[seen].sum()) + LAW * follows + half
    missing = dt if unknown.any() else 0.0
    return Energy(before.joules + (read + half) * dt, before.doubt + doubt * dt, before.unseen + missing)
