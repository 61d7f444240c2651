"""What jobs have used, counted every cycle and kept in the journal: a restart of the controller ends no count."""

import logging
from dataclasses import dataclass, field

import msgspec
import numpy as np

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.decide.budget.claims import Claims
from rack_controller.decide.budget.design import Array
from rack_controller.decide.budget.energy import Energy, used
from rack_controller.decide.budget.roster import Roster
from rack_controller.run.journal import Journal

_log = logging.getLogger(__name__)

KEPT, ALL = "power_energy", "jobs"
KEEP_EVERY_S = 10.0
LONGEST_CYCLE_S = 10.0
"""A longer pause between two cycles is one in which nobody looked."""


class _Kept(msgspec.Struct, frozen=True):
    """Every job's energy as of `unix_ns`."""

    unix_ns: int
    jobs: dict[str, Energy]


@dataclass(slots=True)
class JobMeter:
    """See the module.  Between the last entry in the journal and the first cycle after a restart nobody looked: that
    time counts half of what the GPUs may draw, plus or minus that half, as any GPU that is not read."""

    journal: Journal
    clock: Clock
    jobs: dict[str, Energy] = field(default_factory=dict)
    _since: int = 0  # unix ns as of which `jobs` are
    _kept_at: float = -np.inf

    def __post_init__(self) -> None:
        for text in self.journal.kept(KEPT).values():
            found = msgspec.json.decode(text, type=_Kept)
            self.jobs, self._since = dict(found.jobs), found.unix_ns

    def of(self, job: str) -> Energy:
        """Return what a job has used, nothing where it is not known."""
        return self.jobs.get(job, Energy())

    def count(self, roster: Roster, claims: Claims, power: Array, holds: Array) -> None:
        """Count until now: `power` (N,) W read, NaN unknown; `holds` (N,) W that each GPU may draw at most."""
        now = self.clock.unix_ns()
        passed = max(0.0, (now - self._since) / 1e9) if self._since else 0.0
        blind, self._since = passed > LONGEST_CYCLE_S, now
        read = np.full_like(power, np.nan) if blind else power
        names = {name: j for j, name in enumerate(claims.names) if claims.kinds[j] == "job"}
        dropped = self.jobs.keys() - names.keys()
        self.jobs = {
            name: used(self.of(name), roster, claims, j, read, holds, passed if name in self.jobs else 0.0)
            for name, j in names.items()
        }
        if dropped or (self.jobs and self.clock.now() - self._kept_at >= KEEP_EVERY_S):
            self.keep()

    def keep(self) -> None:
        """Write it down; a journal that refuses is logged, and costs only the time until the next entry."""
        self._kept_at = self.clock.now()
        try:
            if self.jobs:
                self.journal.keep(KEPT, ALL, msgspec.json.encode(_Kept(self._since, self.jobs)).decode())
            else:
                self.journal.drop(KEPT, ALL)
        except EnvironmentUnfit:
            _log.exception("what jobs have used is not written down")
