"""One rack under control: collectors write, every second a snapshot is judged, noticed and put on its way."""

import itertools
import logging
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from firmware_bridge.ports.power import PowerSwitch
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.sequence import Sequence
from firmware_bridge.vocabulary.units import Seconds, Watts
from firmware_bridge.wire.alarms import AlarmRules
from rack_controller.decide.alarm_catalogue import catalogue_of
from rack_controller.decide.fold import fold_floods
from rack_controller.decide.limits import holds_caps
from rack_controller.decide.liveness import notice_subtrees
from rack_controller.decide.notice import Finding, notice_batteries, notice_changes
from rack_controller.decide.notice_attention import notice_attention
from rack_controller.images import Images
from rack_controller.model.event import Event, Severity, encode_event
from rack_controller.model.frame import encode_frame
from rack_controller.model.interlock import Act, InterlockPolicy
from rack_controller.model.lasting import LastingEvent
from rack_controller.model.layout import Layout, StateChanged
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.subjects import RackSubjects, subjects_of
from rack_controller.model.table import encode_table
from rack_controller.run.alarms.desk import AlarmDesk
from rack_controller.run.answer import CommandAnswers, StateAnswers
from rack_controller.run.audited import Audited
from rack_controller.run.board import Board
from rack_controller.run.building.desk import BuildingDesk
from rack_controller.run.building.rack_building import RackBuilding
from rack_controller.run.bus import Bus
from rack_controller.run.collect import next_due
from rack_controller.run.consoles.rack_consoles import Consoles
from rack_controller.run.desk import SiteDesk
from rack_controller.run.ending import run_until_one_ends
from rack_controller.run.enrolment.enrolled import Enrolled
from rack_controller.run.enrolment.examiner import Examiner
from rack_controller.run.enrolment.holds import Holds
from rack_controller.run.enrolment.rotation import Rotation
from rack_controller.run.enrolment.swapping import Swapping
from rack_controller.run.enrolment.verbs import EnrolmentVerbs
from rack_controller.run.find import find_source
from rack_controller.run.guard.bypasses import Bypasses
from rack_controller.run.guard.desk import InterlockDesk
from rack_controller.run.guard.guard import Guard
from rack_controller.run.guard.latches import Latches
from rack_controller.run.guard.sheet import Sheet
from rack_controller.run.guard.strike import ACTIONS, Striker
from rack_controller.run.journal import SEQUENCE_BLOCK, Journal
from rack_controller.run.limits import Limits
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.locks import Locks
from rack_controller.run.operate.obstacles import Obstacles
from rack_controller.run.operate.verbs import operating
from rack_controller.run.outbox import Message, Outbox
from rack_controller.run.power.desk import PowerDesk
from rack_controller.run.power.recorded import Recorded
from rack_controller.run.roster import Roster
from rack_controller.run.stock import Stock
from rack_controller.run.turns import Turns
from rack_controller.run.view import RackView
from rack_controller.run.watch.doubts import Doubts
from rack_controller.run.watch.hosts import GpuRules, Hosts
from rack_controller.run.watch.lasting import LastingEvents
from rack_controller.run.watch.links import LinkWatch
from rack_controller.run.watch.subtrees import Subtrees
from rack_controller.run.watch.xids import XidWatch

_log = logging.getLogger(__name__)

TICK = Seconds(1.0)
FRAMES_KEPT = 900
EVENTS_KEPT = 10_000


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
    ) -> None:
        rack = Place(layout.rack)
        self._clock, self._journal, self._rack, self._audited = clock, journal, rack, audited
        self._board = Board(rack, sources, periods)
        self._subtrees = Subtrees(layout, sources, periods)
        self._stock = Stock(sources, clock)
        self._said: list[Finding] = []  # what others than the snapshots have to tell, until the next tick
        self._holds = Holds(rack, journal, clock, self._said.append)
        expected = {} if desk is None else desk.expectations(rack, layout.generation)
        self._examiner = Examiner(sources, expected, journal, clock, self._said.append)
        self._roster = Roster(sources, self._board, self._stock, self._holds, periods, clock, self._examiner)
        turns = Turns()
        self._rotation = None if desk is None else Rotation(rack, desk, self._roster, turns, self._said.append)
        if self._rotation is not None:
            self._examiner.add(self._rotation.judge)
        self._view = RackView(layout, boot, refusals=refusals)
        self.subjects: RackSubjects = subjects_of(rack)
        self.frames, self.events = Outbox(FRAMES_KEPT), Outbox(EVENTS_KEPT)
        enrolment = (
            None
            if desk is None or self._rotation is None
            else EnrolmentVerbs(
                self._view, desk, self._roster, self._holds, self._examiner, self._rotation, turns, self._said.append
            )
        )
        swapping = None if enrolment is None else Swapping(enrolment, self._stock, journal, clock, self._said.append)
        more = {} if enrolment is None or swapping is None else {**enrolment.verbs, "swap": swapping.swap}
        locks = Locks(self._view, journal, clock, self._said.append)
        enrolled = Enrolled(self._holds, self._examiner, swapping, locks)
        self._ledger, self._leases = Ledger(journal, rack), LeaseBook(clock, locks=locks.of)
        self._limits = Limits(self._view, sources, self._ledger, self._leases, clock, self._said.append)
        self._building = BuildingDesk(self._view, building, interlocks, self._board, clock, self._said.append)
        self._guarding = None if interlocks is None else self._guard(interlocks, sources)
        latched = self._keeps_off
        latches = self._guarding.latches.in_the_way if self._guarding is not None else lambda _tray: []
        self._recorded = Recorded(self._ledger, self._leases, sources, clock)
        power = PowerDesk(
            *(self._view, sources, clock, self._said.append, enrolled.maintenance, turns, latched),
            energising=self._leases.energising,
            latches=latches,
            recorded=self._recorded,
        )
        obstacles = Obstacles(sources, turns, enrolled.maintenance)
        self._operations, steering = operating(
            self._view, sequence, sources, self._ledger, self._leases, clock, self._said.append, obstacles, images
        )
        self._lasting = None if alarm_rules is None else LastingEvents(layout, journal, alarm_rules)
        self._alarms = None if alarm_rules is None else self._alarming(alarm_rules, interlocks, enrolled)
        self._state = StateAnswers(
            *(self._view, sources, self._stock, journal, enrolled, power, self._operations, self._guarding),
            self._alarms,
            self._limits,
            self._building,
        )
        guarding = {} if self._guarding is None else self._guarding.verbs
        alarming = {} if self._alarms is None else self._alarms.verbs
        verbs = {**more, **power.verbs, **steering, **locks.verbs, **guarding, **alarming, **self._limits.verbs}
        self._commands = CommandAnswers(
            self._view, sources, self._roster.collectors, self._stock, journal, clock, verbs, audited
        )
        self._hosts = Hosts(layout, sources, self._stock, gpu_rules) if gpu_rules is not None else None
        self._consoles = consoles
        self._xids = (
            None if gpu_rules is None else XidWatch(layout, sources, gpu_rules.xids, consoles=consoles is not None)
        )
        self._batteries = [Place(t.place) for t in layout.trays if t.kind == TrayKind.BATTERY_SHELF]
        self._usable = Watts(layout.busbar_power_usable_w)
        self._delivering: frozenset[Place] = frozenset()
        self._doubts = Doubts(layout)
        self._links = LinkWatch(self._view, sources)
        self._event_numbers = itertools.count()
        self._failing: type[Exception] | None = None
        self._sequence, self._reserved_to = 0, 0
        self._kept_table: int | None = None

    def _keeps_off(self, tray: Place) -> str:
        """Return what keeps a tray off now: an interlock, or a flash that was broken off."""
        latched = "" if self._guarding is None else self._guarding.guard.gate.forbids(tray)
        return latched or self._leases.quarantined(tray)

    def _guard(self, policy: InterlockPolicy, sources: Mapping[Place, TelemetrySource]) -> InterlockDesk:
        sheet = Sheet(self._ledger)
        striker = Striker(sheet, self._leases, partial(find_source, sources, port=PowerSwitch), self._clock)
        striker.settle_old()
        latches = Latches(sheet, policy, self._clock.unix_ns)
        limits = self._limits
        carriers = {**dict.fromkeys(ACTIONS, striker.carry), Act.CAP: limits.cap, Act.HOLD_CAPS: limits.hold}
        carriers |= self._building.carriers
        bypasses = Bypasses(self._journal, self._rack, policy, self._clock.unix_ns, self._said.append)
        watching = (carriers, self._building.beside(striker.see), self._leases.starting, bypasses.in_force)
        guard = Guard(self._view, policy, latches, self._clock, self._said.append, *watching)
        self._board.on_leaks, self._leases.latches = guard.hear, guard.gate
        limits.held = lambda tray: holds_caps(guard.standings.values(), policy, tray)
        ledger = self._ledger
        return InterlockDesk(
            *(self._rack, guard, latches, policy, self._clock, bypasses), lambda: len(ledger.unresolved())
        )

    def _alarming(self, rules: AlarmRules, interlocks: InterlockPolicy | None, enrolled: Enrolled) -> AlarmDesk:
        guarding, catalogue = self._guarding, catalogue_of(rules, interlocks)
        return AlarmDesk(
            *(self._view, self._ledger, catalogue, self._clock, self._said.append, enrolled.works_at),
            standings=lambda: None if guarding is None else guarding.guard.judged(),
            tripped=lambda: () if guarding is None else guarding.glance().tripped,
        )

    def attach(self, bus: Bus) -> Callable[[str, bytes], object]:
        """Register this rack's answers and return what it tells changes with."""
        bus.answer(self.subjects.state, self._state.answer)
        bus.answer(self.subjects.command, self._commands.answer)
        if self._hosts is not None:
            self._hosts.attach(bus, self.subjects)
        if self._consoles is not None:
            bus.answer(self.subjects.console, self._consoles.answer)
        return bus.tell

    async def run(self, bus: Bus) -> None:
        """Serve until cancelled, then log out of every device."""
        try:
            self._recorded.take_up()
            works = [
                self._roster.run(),
                self._stock.run(),
                self._examiner.run(),
                self._tick(bus),
                self._operations.run(),
            ]
            if self._rotation is not None:
                await self._rotation.hold_back()
                works.append(self._rotation.run())
            if self._consoles is not None:
                works.append(self._consoles.run(bus.tell, self._said.append))
            await run_until_one_ends(works)
        finally:
            if self._guarding is not None:
                await self._guarding.guard.close()
            await self._limits.close()
            await self._recorded.close()
            await self._roster.close()

    async def _tick(self, bus: Bus) -> None:
        due = self._clock.now()
        while True:
            before = self._view.snapshot
            self._building.put_readings()
            taken = self._board.snapshot(self._next_sequence(), self._clock.now(), self._clock.unix_ns())
            after, doubts = self._doubts.judge(self._subtrees.judge(taken))
            self._view.snapshot = after
            if self._guarding is not None:
                self._guarding.guard.building = self._building.sight()
                self._guarding.guard.look(after)
                self._building.follow(self._guarding.guard.standings)
            self._limits.look(after)
            changed = self._told_of(before, after, doubts) or self._building.changed()
            if changed or before is None or before.table.table_id != after.table.table_id:
                self._view.revision += 1
                await bus.tell(self.subjects.state_changed, self._changed(after))
            due = next_due(due, TICK, self._clock.now())
            await self._clock.sleep_until(due)

    def _told_of(self, before: Snapshot | None, after: Snapshot, doubts: list[Finding]) -> bool:
        """Publish a frame and what is noticed; return whether anything is.

        A bug of ours in this ends neither readings nor interlocks: it is logged whole and told when it is new, and what
        others had to tell still goes out.
        """
        try:
            findings, changed = self._noticed(before, after, doubts)
        except Exception as err:  # noqa: BLE001 - logged whole and told
            findings, changed = [*self._said], False
            if self._failing is not type(err):
                self._failing = type(err)
                _log.exception("%s: what is to be told of a tick failed", self._rack)
                text = f"a bug of the controller ({self._failing.__name__}): events are missing, see its log"
                findings.append(Finding(self._rack, "controller.failing", Severity.CRITICAL, text))
        else:
            if self._failing is not None:
                findings.append(Finding(self._rack, "controller.failing", Severity.OK, "events are complete again"))
            self._failing = None
        self._said.clear()
        self._publish_events(findings, after)
        return changed or bool(findings)

    def _noticed(self, before: Snapshot | None, after: Snapshot, doubts: list[Finding]) -> tuple[list[Finding], bool]:
        """Publish a frame; return what there is to tell, and whether a worn NVLink port or an alarm is another one."""
        self._keep_table(after)
        self._publish_frame(after)
        self._delivering, drain = notice_batteries(self._delivering, after, self._batteries, self._usable)
        found, worn = self._links.look(after)
        findings = [*notice_changes(before, after), *notice_subtrees(before, after), *drain, *found, *self._said]
        findings += notice_attention(before, after)
        findings += doubts
        findings += self._hosts.notice(after) if self._hosts is not None else []
        findings = self._xids.look(findings, after) if self._xids is not None else findings
        findings += self._lasting.look(findings, after) if self._lasting is not None else []
        alarmed = False
        if self._alarms is not None:
            told, alarmed = self._alarms.look(findings, after, self._standing_events())
            findings += told
        for place in self._subtrees.to_look_at_again(after.now):
            self._roster.collectors[place].rescan()
        return fold_floods(findings, self._rack), bool(worn) or alarmed

    def _standing_events(self) -> list[tuple[str, LastingEvent]]:
        standing = [] if self._lasting is None else self._lasting.standing()
        self._view.lasting = [event for _, event in standing]
        return standing

    def _next_sequence(self) -> int:
        if self._sequence >= self._reserved_to:
            try:
                self._sequence = self._journal.reserve_sequence(self._rack)
            except EnvironmentUnfit:
                # Readings matter more than their numbers: go on counting, numbers may repeat after a crash.
                _log.exception("%s: frame numbers are not reserved", self._rack)
            self._reserved_to = self._sequence + SEQUENCE_BLOCK
        self._sequence += 1
        return self._sequence

    def _keep_table(self, snapshot: Snapshot) -> None:
        """Keep a new table before its first frame leaves: who reads that frame later can still ask what it means."""
        table = snapshot.table
        if table.table_id == self._kept_table:
            return
        self._kept_table = table.table_id
        try:
            self._journal.keep_table(self._rack, table.table_id, encode_table(table), snapshot.unix_ns)
        except EnvironmentUnfit:
            _log.exception("%s: series table %016x is not kept", self._rack, table.table_id)

    def _publish_frame(self, snapshot: Snapshot) -> None:
        body = encode_frame(snapshot.to_frame())
        self.frames.put(Message(self.subjects.telemetry, f"{self._rack}-{snapshot.tick}", body))

    def _publish_events(self, findings: list[Finding], snapshot: Snapshot) -> None:
        for finding in findings:
            event_id = f"{snapshot.unix_ns:020d}-{self.subjects.rack}-{next(self._event_numbers):06d}"
            told = self._board.told_at(finding.place, finding.kind.partition(".")[0])
            event = Event(
                event_id,
                snapshot.unix_ns,
                finding.place,
                finding.kind,
                finding.severity,
                finding.message,
                told,
                finding.details,
            )
            self.events.put(Message(self.subjects.event, event_id, encode_event(event)))
            if self._audited is not None:
                self._audited.event(event)

    def _changed(self, snapshot: Snapshot) -> bytes:
        view = self._view
        return msgspec.json.encode(StateChanged(view.layout.rack, view.revision, snapshot.table.table_id, view.boot))
