"""The fleet as the console's pages share it: each summary made once a second, whoever asks.  Keeps nothing longer."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from datacenter_api.console.acceptance import RunSight, RunsSight
from datacenter_api.console.alarms import AlarmsState
from datacenter_api.console.boards import Boards
from datacenter_api.console.budget import BudgetState
from datacenter_api.console.building import BuildingShown
from datacenter_api.console.chart import Chart
from datacenter_api.console.fetched import FetchedSet, ReportState
from datacenter_api.console.floor import HallRack
from datacenter_api.console.interlocks import InterlocksState
from datacenter_api.console.limits import LimitsState
from datacenter_api.console.operations import OperationSight, OperationsState
from datacenter_api.console.readiness import ReadinessState
from datacenter_api.fleet.domains import DomainSummary, summarise_domains
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.summary import summarise
from datacenter_api.fleet.trays import Axes, axes_of
from datacenter_api.fleet.view import view_of
from datacenter_api.services import Services
from firmware_bridge.vocabulary.units import Seconds

T = TypeVar("T")
_FRESH_S = 0.5


@dataclass
class Glance:
    """What all pages have in common.  `made` remembers the newest answer to each question with its time."""

    services: Services
    boards: Boards = field(default_factory=Boards)
    charts: FetchedSet[Chart] = field(default_factory=FetchedSet)
    reports: FetchedSet[ReportState] = field(default_factory=FetchedSet)
    readiness: FetchedSet[ReadinessState] = field(default_factory=FetchedSet)
    limits: FetchedSet[LimitsState] = field(default_factory=FetchedSet)
    operations: FetchedSet[OperationsState] = field(default_factory=FetchedSet)
    interlocks: FetchedSet[InterlocksState] = field(default_factory=FetchedSet)
    alarms: FetchedSet[AlarmsState] = field(default_factory=FetchedSet)
    budget: FetchedSet[BudgetState] = field(default_factory=FetchedSet)
    building: FetchedSet[BuildingShown] = field(default_factory=FetchedSet)
    accepted: FetchedSet[RunsSight] = field(default_factory=FetchedSet)
    acceptance: FetchedSet[RunSight] = field(default_factory=FetchedSet)
    operation: FetchedSet[OperationSight] = field(default_factory=FetchedSet)
    made: dict[Hashable, tuple[Seconds, Any]] = field(default_factory=dict)

    def rack(self, record: RackRecord, now: Seconds) -> HallRack | None:
        """Return a rack's summary, layout and numbers, None until its layout was heard."""
        return self._once(("rack", record.token), now, lambda: _rack(record, now))

    def racks(self, now: Seconds) -> list[HallRack]:
        """Return every rack whose layout was heard."""
        return [rack for record in self.services.fleet if (rack := self.rack(record, now)) is not None]

    def domains(self, now: Seconds) -> list[DomainSummary]:
        """Return every NVLink domain."""
        return self._once(("domains",), now, lambda: summarise_domains(self.services.fleet, now))

    def axes(self, record: RackRecord, now: Seconds) -> dict[str, Axes]:
        """Return both axes of a rack's endpoints."""
        return self._once(("axes", record.token), now, lambda: axes_of(record, now))

    def _once(self, key: Hashable, now: Seconds, make: Callable[[], T]) -> T:
        known = self.made.get(key)
        if known is not None and 0 <= now - known[0] < _FRESH_S:
            answer: T = known[1]
            return answer
        answer = make()
        self.made[key] = (now, answer)
        return answer


def _rack(record: RackRecord, now: Seconds) -> HallRack | None:
    summary = summarise(record, now)
    if summary is None or record.layout is None:
        return None
    return HallRack(summary, record.layout, view_of(record, now))
