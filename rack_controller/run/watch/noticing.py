"""Everything that is noticed from one snapshot of a rack to the next: changes, wear, faults of GPUs, alarms."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Watts
from rack_controller.decide.fold import fold_floods
from rack_controller.decide.liveness import notice_subtrees
from rack_controller.decide.notice import Finding, notice_batteries, notice_changes
from rack_controller.decide.notice_attention import notice_attention
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.alarms.desk import AlarmDesk
from rack_controller.run.view import RackView
from rack_controller.run.watch.hosts import Hosts
from rack_controller.run.watch.lasting import LastingEvents
from rack_controller.run.watch.links import LinkWatch
from rack_controller.run.watch.xids import XidWatch


@dataclass(slots=True)
class Noticing:
    """One rack's watchers, in the order in which they look; those that a rack lacks are None."""

    view: RackView
    links: LinkWatch
    hosts: Hosts | None = None
    xids: XidWatch | None = None
    lasting: LastingEvents | None = None
    alarms: AlarmDesk | None = None
    _delivering: frozenset[Place] = field(default=frozenset(), init=False)

    def look(self, before: Snapshot | None, after: Snapshot, said: Iterable[Finding]) -> tuple[list[Finding], bool]:
        """Return what there is to tell, `said` by others included, and whether a worn NVLink port or an alarm is
        another one."""
        layout = self.view.layout
        batteries = [Place(t.place) for t in layout.trays if t.kind == TrayKind.BATTERY_SHELF]
        usable = Watts(layout.busbar_power_usable_w)
        self._delivering, drain = notice_batteries(self._delivering, after, batteries, usable)
        found, worn = self.links.look(after)
        findings = [*notice_changes(before, after), *notice_subtrees(before, after), *drain, *found, *said]
        findings += notice_attention(before, after)
        findings += self.hosts.notice(after) if self.hosts is not None else []
        findings = self.xids.look(findings, after) if self.xids is not None else findings
        findings += self.lasting.look(findings, after) if self.lasting is not None else []
        standing = [] if self.lasting is None else self.lasting.standing()
        self.view.lasting = [event for _, event in standing]
        alarmed = False
        if self.alarms is not None:
            told, alarmed = self.alarms.look(findings, after, standing)
            findings += told
        return fold_floods(findings, after.rack), bool(worn) or alarmed
