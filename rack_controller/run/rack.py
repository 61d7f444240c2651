"""One rack under control: collectors write, every second a snapshot is judged, noticed and put on its way."""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import msgspec

from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.sequence import Sequence
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.alarms import AlarmRules
from rack_controller.decide.alarm_catalogue import catalogue_of
from rack_controller.decide.budget.claims import REST_PRIORITY
from rack_controller.decide.lateness import Lateness
from rack_controller.decide.notice import Finding
from rack_controller.images import Images
from rack_controller.model.event import Severity
from rack_controller.model.interlock import InterlockPolicy
from rack_controller.model.layout import Layout, StateChanged
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.subjects import RackSubjects, subjects_of
from rack_controller.run.alarms.desk import AlarmDesk
from rack_controller.run.answer import Desks, StateAnswers
from rack_controller.run.audited import Audited
from rack_controller.run.board import Board
from rack_controller.run.budget.budgeting import budgeting
from rack_controller.run.budget.station import BudgetStation
from rack_controller.run.building.desk import BuildingDesk
from rack_controller.run.building.rack_building import RackBuilding
from rack_controller.run.bus import Bus
from rack_controller.run.collect import next_due
from rack_controller.run.commands import CommandAnswers
from rack_controller.run.consoles.rack_consoles import Consoles
from rack_controller.run.coolant import Coolant
from rack_controller.run.desk import SiteDesk
from rack_controller.run.ending import run_until_one_ends
from rack_controller.run.enrolment.enrolling import enrolling
from rack_controller.run.guard.guarding import guarding
from rack_controller.run.journal import Journal
from rack_controller.run.limits import Limits
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.locks import Locks
from rack_controller.run.operate.looking import Looking
from rack_controller.run.operate.obstacles import Obstacles
from rack_controller.run.operate.planning_power import PowerPlanning
from rack_controller.run.operate.planning_unit import UnitPlanning
from rack_controller.run.operate.verbs import Means, operating
from rack_controller.run.power.desk import PowerDesk
from rack_controller.run.power.recorded import Recorded
from rack_controller.run.precedence import Precedence
from rack_controller.run.publishing import Publisher
from rack_controller.run.stock import Stock
from rack_controller.run.turns import Turns
from rack_controller.run.view import RackView
from rack_controller.run.watch.doubts import Doubts
from rack_controller.run.watch.hosts import GpuRules, Hosts
from rack_controller.run.watch.lasting import LastingEvents
from rack_controller.run.watch.links import LinkWatch
from rack_controller.run.watch.noticing import Noticing
from rack_controller.run.watch.subtrees import Subtrees
from rack_controller.run.watch.xids import XidWatch

_log = logging.getLogger(__name__)

TICK = Seconds(1.0)


class RackUnderControl:
    """Owns one rack's board, collectors and answers."""

    def __init__(
        self,
        layout: Layout,
        periods: dict[ReadingClass, Seconds],
        sources: dict[Place, TelemetrySource],
        journal: Journal,
        clock: Clock,
        boot: str,
        desk: SiteDesk | None = None,
        gpu_rules: GpuRules | None = None,
        consoles: Consoles | None = None,
        alarm_rules: AlarmRules | None = None,
        refusals: Callable[[], dict[str, int]] = dict,
        sequence: Sequence | None = None,
        interlocks: InterlockPolicy | None = None,
        audited: Audited | None = None,
        images: Images | None = None,
        building: RackBuilding | None = None,
        budget: BudgetStation | None = None,
        precedence: Precedence | None = None,
        loop: list[UnitPlanning] | None = None,
    ) -> None:
        precedence = precedence or Precedence(clock)
        rack = Place(layout.rack)
        self._clock, self._sources, self._journal = clock, sources, journal
        self.subjects: RackSubjects = subjects_of(rack)
        self._board, self._stock = Board(rack, sources, periods), Stock(sources, clock)
        self._publisher = Publisher(self.subjects, self._board, journal, audited)
        self.frames, self.events = self._publisher.frames, self._publisher.events
        self._subtrees, self._doubts = Subtrees(layout, sources, periods), Doubts(layout)
        self._view = view = RackView(layout, boot, refusals=refusals)
        self._said: list[Finding] = []  # what others than the snapshots have to tell, until the next tick
        self._failing: type[Exception] | None = None
        self._lateness = Lateness(rack)
        self._bus: Bus | None = None
        self._turns, self._locks = Turns(), Locks(view, journal, clock, self._said.append)
        self._enrolling = enrolling(
            *(view, sources, periods, self._board, self._stock, journal, clock, self._said.append),
            turns=self._turns,
            locks=self._locks,
            desk=desk,
            precedence=precedence,
        )
        self._ledger, self._leases = Ledger(journal, rack), LeaseBook(clock, locks=self._locks.of)
        self._recorded = Recorded(self._ledger, self._leases, sources, clock)
        self._guard_it(interlocks, building, budget, precedence)
        self._alarms = None if alarm_rules is None else self._alarming(alarm_rules, interlocks)
        self._operate(sequence, images, audited, [] if loop is None else loop)
        self._consoles = consoles
        self._hosts = None if gpu_rules is None else Hosts(layout, sources, self._stock, gpu_rules)
        if self._hosts is not None and budget is not None:
            self._hosts.on_told = budget.looking.wake
        self._noticing = Noticing(
            view,
            LinkWatch(view, sources),
            self._hosts,
            None if gpu_rules is None else XidWatch(layout, sources, gpu_rules.xids, consoles=consoles is not None),
            None if alarm_rules is None else LastingEvents(layout, journal, alarm_rules),
            self._alarms,
        )

    def _guard_it(
        self,
        interlocks: InterlockPolicy | None,
        building: RackBuilding | None,
        budget: BudgetStation | None,
        precedence: Precedence,
    ) -> None:
        """Put together what guards the rack, and what keeps its limits and targets."""
        view, clock, say = self._view, self._clock, self._said.append
        keeping = (view, self._sources, self._ledger, self._leases, clock, say)
        self._limits, self._coolant = Limits(*keeping), Coolant(*keeping)
        self._building = BuildingDesk(view, building, interlocks, self._board, clock, say)
        self._guarding = (
            None
            if interlocks is None
            else guarding(
                *(interlocks, view, self._sources, self._board, self._journal, clock, say),
                ledger=self._ledger,
                leases=self._leases,
                limits=self._limits,
                coolant=self._coolant,
                building=self._building,
                precedence=precedence,
                priority=(lambda _tray: REST_PRIORITY) if budget is None else budget.priority_at,
                publish=self._publish_now,
            )
        )
        beside = (view, self._board, self._limits, self._coolant, self._leases, clock, say)
        self._budget = None if budget is None else budgeting(budget, *beside)

    def _alarming(self, rules: AlarmRules, interlocks: InterlockPolicy | None) -> AlarmDesk:
        guard, catalogue = self._guarding, catalogue_of(rules, interlocks)
        return AlarmDesk(
            *(self._view, self._ledger, catalogue, self._clock, self._said.append, self._enrolling.enrolled.works_at),
            standings=lambda: None if guard is None else guard.guard.judged(),
            tripped=lambda: () if guard is None else guard.glance().tripped,
        )

    def _operate(
        self, sequence: Sequence | None, images: Images | None, audited: Audited | None, loop: list[UnitPlanning]
    ) -> None:
        """Put together what is done at the rack, and who answers for it."""
        view, sources, clock, say = self._view, self._sources, self._clock, self._said.append
        enrolled, guard = self._enrolling.enrolled, self._guarding
        power = PowerDesk(
            *(view, sources, clock, say, enrolled.maintenance, self._turns, self._keeps_off),
            energising=self._leases.energising,
            latches=(lambda _tray: []) if guard is None else guard.latches.in_the_way,
            recorded=self._recorded,
        )
        looking = Looking(lambda: view.layout, self._enrolling.roster.collectors, self._stock, clock)
        looking = looking if sequence is None else replace(looking, tries=sequence.looks)
        obstacles = Obstacles(sources, self._turns, enrolled.maintenance)
        means = (view, sequence, sources, self._ledger, self._leases, clock, say, obstacles, looking, self._limits)
        wet = (lambda: "") if guard is None else guard.latches.wet
        self._operations, steering = operating(Means(*means, images, wet, loop))
        if self._budget is not None:
            self._budget.side.shut = PowerPlanning(view, sequence, sources, self._operations).shut
            self._budget.side.leaving = self._leaving
            self._operations.usable, self._operations.without = self._budget.usable, self._budget.without
            self._leases.unfed = self._budget.station.shedding.keeps_off
            self._leases.awaited = self._budget.station.shedding.makes_room
        desks = (power, self._operations, guard, self._alarms, self._limits, self._building, self._coolant)
        self._state = StateAnswers(view, sources, self._stock, self._journal, Desks(enrolled, *desks, self._budget))
        offered = [steering, self._enrolling.verbs, power.verbs, self._locks.verbs]
        offered += [self._limits.verbs, self._coolant.verbs, *([] if guard is None else [guard.verbs])]
        offered += [] if self._alarms is None else [self._alarms.verbs]
        offered += [] if self._budget is None else [self._budget.verbs]
        verbs = {name: verb for each in offered for name, verb in each.items()}
        self._commands = CommandAnswers(view, sources, looking, self._journal, clock, verbs, audited)

    def _keeps_off(self, tray: Place) -> str:
        """Return what keeps a tray off now: an interlock, a flash that was broken off, a budget without room for it."""
        latched = "" if self._guarding is None else self._guarding.guard.gate.forbids(tray)
        leases = self._leases
        return (
            latched or leases.quarantined(tray) or leases.unfed(tray) or leases.awaited(tray) or leases.uncooled(tray)
        )

    def _leaving(self) -> set[Place]:
        """Return the trays that an operation or an interlock switches off, as long as they are not seen off."""
        trays = {Place(tray) for tray in self._operations.leaving()}
        if self._guarding is not None and self._guarding.latches.open():
            latches = self._guarding.latches
            trays |= {tray for tray in self._guarding.guard.trays() if latches.in_the_way(tray)}
        snapshot = self._view.snapshot
        return {t for t in trays if snapshot is None or snapshot.good(t, Quantity.POWER_STATE) != 0.0}

    def _publish_now(self, finding: Finding) -> Coroutine[Any, Any, None] | None:
        """Enter an event at once and return what ends when its stream has it; None where nobody takes it now."""
        snapshot = self._view.snapshot
        if snapshot is None:
            self._said.append(finding)
            return None
        message = self._publisher.finding(finding, snapshot)
        there = self._bus is not None and self._bus.connected and not self.events.refusal
        return self.events.taken(message) if there else None

    def attach(self, bus: Bus) -> Callable[[str, bytes], object]:
        """Register this rack's answers and return what it tells changes with."""
        self._bus = bus
        bus.answer(self.subjects.state, self._state.answer)
        bus.answer(self.subjects.command, self._commands.answer)
        if self._hosts is not None:
            self._hosts.attach(bus, self.subjects)
        if self._budget is not None:
            self._budget.side.in_band.attach(bus.tell, self.subjects)
        if self._consoles is not None:
            bus.answer(self.subjects.console, self._consoles.answer)
        return bus.tell

    async def run(self, bus: Bus) -> None:
        """Serve until cancelled, then log out of every device."""
        try:
            self._recorded.take_up()
            works = [
                self._enrolling.roster.run(),
                self._stock.run(),
                self._enrolling.examiner.run(),
                self._tick(bus),
                self._operations.run(),
            ]
            rotation = self._enrolling.rotation
            if rotation is not None:
                await rotation.hold_back()
                works.append(rotation.run())
            if self._consoles is not None:
                works.append(self._consoles.run(bus.tell, self._said.append))
            await run_until_one_ends(works)
        finally:
            if self._guarding is not None:
                await self._guarding.guard.close()
            if self._budget is not None:
                await self._budget.side.grants.close()
                await self._budget.side.in_band.close()
                await self._budget.station.cooling.sides[self._board.rack].close()
            await self._limits.close()
            await self._coolant.close()
            await self._recorded.close()
            await self._enrolling.roster.close()

    async def _tick(self, bus: Bus) -> None:
        due = self._clock.now()
        while True:
            before = self._view.snapshot
            self._building.put_readings()
            taken = self._board.snapshot(self._publisher.next_sequence(), self._clock.now(), self._clock.unix_ns())
            after, doubts = self._doubts.judge(self._subtrees.judge(taken))
            self._view.snapshot = after
            if self._guarding is not None:
                self._guarding.guard.building = self._building.sight()
                self._guarding.guard.look(after)
                self._building.follow(self._guarding.guard.standings)
            self._limits.look(after)
            self._coolant.look(after)
            if self._budget is not None:
                self._budget.told.look()
            changed = self._told_of(before, after, doubts) or self._building.changed()
            if changed or before is None or before.table.table_id != after.table.table_id:
                self._view.revision += 1
                await bus.tell(self.subjects.state_changed, self._changed(after))
            due = next_due(due, TICK, self._clock.now())
            await self._clock.sleep_until(due)
            self._said += self._lateness.look(self._clock.now() - due)

    def _told_of(self, before: Snapshot | None, after: Snapshot, doubts: list[Finding]) -> bool:
        """Publish a frame and what is noticed; return whether anything is.

        A bug of ours in this ends neither readings nor interlocks: it is logged whole and told when it is new, and what
        others had to tell still goes out.
        """
        try:
            self._publisher.frame(after)
            findings, changed = self._noticing.look(before, after, [*self._said, *doubts])
            for place in self._subtrees.to_look_at_again(after.now):
                self._enrolling.roster.collectors[place].rescan()
        except Exception as err:  # noqa: BLE001 - logged whole and told
            findings, changed = [*self._said], False
            if self._failing is not type(err):
                self._failing = type(err)
                _log.exception("%s: what is to be told of a tick failed", after.rack)
                text = f"a bug of the controller ({self._failing.__name__}): events are missing, see its log"
                findings.append(Finding(after.rack, "controller.failing", Severity.CRITICAL, text))
        else:
            if self._failing is not None:
                findings.append(Finding(after.rack, "controller.failing", Severity.OK, "events are complete again"))
            self._failing = None
        self._said.clear()
        self._publisher.findings(findings, after)
        return changed or bool(findings)

    def _changed(self, snapshot: Snapshot) -> bytes:
        view = self._view
        return msgspec.json.encode(StateChanged(view.layout.rack, view.revision, snapshot.table.table_id, view.boot))
