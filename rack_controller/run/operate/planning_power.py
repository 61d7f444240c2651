"""Has a switch of power planned from what is seen now, and carries out what the power budget must take off."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from firmware_bridge.ports.power import OutputSwitch, PowerSwitch
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerDepth
from firmware_bridge.vocabulary.sequence import Act, Sequence
from rack_controller.decide.plan_power import GENTLE, PowerWish, plan_power
from rack_controller.decide.switch import Switch
from rack_controller.model.operation import Plan, Verb
from rack_controller.run.find import trays_with
from rack_controller.run.operate.operations import Operations
from rack_controller.run.view import RackView

HARMLESS = frozenset({Verb.RESCAN, Verb.LIMIT})
"""What may be under way while a rack is isolated."""


@dataclass(frozen=True, slots=True)
class PowerPlanning:
    """Plans switches of one rack's trays; `sources` are those that it is read with now."""

    view: RackView
    sequence: Sequence | None
    sources: Mapping[Place, TelemetrySource]
    operations: Operations

    def plan(self, wish: PowerWish) -> Plan:
        """Return the plan.  Raises CommandRefused."""
        found = trays_with(self.sources, PowerSwitch)
        switches = {tray: Switch(place, source.power_actions) for tray, (place, source) in found.items()}
        kept_off = {tray: why for tray in switches if (why := self._kept_off(tray))}
        usable = self.operations.usable()
        said = (wish, self.view.layout, self.sequence, switches, self.view.snapshot, kept_off, usable)
        if wish.depth is not PowerDepth.ISOLATED:
            return plan_power(*said)
        shelves = trays_with(self.sources, OutputSwitch).items()
        outputs = {shelf: Switch(place, source.output_actions) for shelf, (place, source) in shelves}
        return plan_power(*said, outputs, self._busy())

    def shut(self, tray: Place, by: str, graceful_s: float, reason: str) -> str:
        """Begin to switch a tray off: asked first, forced after `graceful_s`.  Returns the operation's id.

        Off is toward safe, and whoever is entitled to call this has decided: nobody else has to approve it.
        Raises CommandRefused.
        """
        plan = _hurried(self.plan(PowerWish(Verb.OFF, tray)), graceful_s)
        operation = self.operations.put(plan, by, reason)
        return self.operations.say(operation.id, "approve", by).id

    def _busy(self) -> str:
        """Return what is under way that a rack must not lose its bus under."""
        for operation in self.operations.under_way():
            if operation.plan.verb not in HARMLESS:
                return f"{operation.id} ({operation.plan.verb} {operation.plan.target}) is under way"
        return ""

    def _kept_off(self, tray: Place) -> str:
        """Return what would refuse a step that energises a tray until a person ends it, empty when nothing would."""
        latched, who = self.operations.leases.keeps_off(tray), self.operations.obstacles.works_on(tray)
        return "; ".join(said for said in (latched, f"under maintenance: {who}" if who else "") if said)


def _hurried(plan: Plan, graceful_s: float) -> Plan:
    """Return a plan in which no host is waited for longer than that after it was asked."""

    def sooner(act: Act) -> Act:
        short = act.action in GENTLE and act.within_s > graceful_s
        return msgspec.structs.replace(act, within_s=graceful_s) if short else act

    stages = [
        msgspec.structs.replace(
            stage, steps=[msgspec.structs.replace(s, acts=[sooner(a) for a in s.acts]) for s in stage.steps]
        )
        for stage in plan.stages
    ]
    return msgspec.structs.replace(plan, stages=stages)
