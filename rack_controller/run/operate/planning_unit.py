"""Has a stop, start or power cycle of a coolant unit planned, and says which unit stands: nothing goes on without flow.

What must be so is decided in `decide/plan_unit.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firmware_bridge.ports.power import CoolantSwitch
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.errors import PreconditionFailed
from firmware_bridge.vocabulary.place import TRAY_PARTS, Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerDepth
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.sequence import Sequence
from rack_controller.decide.loop import coolant_units
from rack_controller.decide.plan_unit import UnitWish, plan_unit, why_not_now
from rack_controller.decide.switch import Switch
from rack_controller.model.lease import Direction, Wish
from rack_controller.model.operation import BUS_VERBS, STILLS, UNIT_VERBS, Plan, Verb
from rack_controller.run.find import trays_with
from rack_controller.run.operate.operations import Operations
from rack_controller.run.view import RackView

STANDS_LPM = 1.0
"""Below this much flow of all units of a rack together coolant stands, in L/min.  Assumption."""


@dataclass(frozen=True, slots=True)
class UnitPlanning:
    """Plans switches of one rack's coolant units.  `wet()`: which leak nobody has cleared, empty when there is none;
    `loop`: whoever plans for a rack of the same loop, this one too."""

    view: RackView
    sequence: Sequence | None
    sources: Mapping[Place, TelemetrySource]
    operations: Operations
    wet: Callable[[], str]
    loop: "list[UnitPlanning]"

    def plan(self, verb: Verb, place: Place, *, despite: bool = False) -> Plan:
        """Return a plan for a unit.  Raises CommandRefused."""
        if self.sequence is None or self.view.snapshot is None:
            raise PreconditionFailed(f"nobody knows yet what {self.view.layout.rack} has to cool", advice="wait")
        unit = tray_of(place) if len(place.split("/")) > TRAY_PARTS else place
        found = trays_with(self.sources, CoolantSwitch).get(unit)
        return plan_unit(
            UnitWish(verb, unit, despite, self._first(lambda rack: rack.busy()), self._first(lambda rack: rack.wet())),
            self.view.layout,
            self.sequence,
            Switch(unit) if found is None else Switch(found[0], found[1].unit_actions),
            self.view.snapshot,
            self._starting(),
            [(each.view.layout, each.view.snapshot) for each in self.loop if each is not self],
        )

    def forbids(self, wish: Wish) -> str:
        """Return why an operation's request to a unit may not go out by now, empty when it may."""
        plan = next((o.plan for o in self.operations.under_way() if o.id == wish.holder), None)
        if plan is None or plan.verb not in UNIT_VERBS:
            return ""
        if self.sequence is None:
            return f"nobody knows what {self.view.layout.rack} has to cool"
        racks = [(each.view.layout, each.view.snapshot) for each in self.loop]
        return why_not_now(plan, self.sequence, racks, self._starting(), self._first(lambda rack: rack.wet()))

    def _starting(self) -> frozenset[Place]:
        """Return the trays of the loop that may come on at any moment."""
        return frozenset().union(*(each.operations.leases.starting() for each in self.loop))

    def stands(self, _tray: Place) -> str:
        """Return why no tray of the rack is cooled: a unit of its loop is being stopped or cycled, or nothing flows."""
        for operation in (each for rack in self.loop for each in rack.operations.under_way()):
            if operation.plan.verb in STILLS or operation.plan.depth is PowerDepth.ISOLATED:
                return f"{operation.id} ({operation.plan.verb} {operation.plan.target}) is under way"
        flows = [flow for each in self.loop for flow in each.flows()]
        known = [flow for flow in flows if flow is not None]
        if known and len(known) == len(flows) and sum(known) < STANDS_LPM:
            units = [leaf_of(unit) for each in self.loop for unit in coolant_units(each.view.layout)]
            return f"coolant stands: {', '.join(units)} moves {sum(known):.1f} L/min"
        return ""

    def flows(self) -> list[float | None]:
        """Return what each unit of the rack moves now, in L/min, None where that is not known."""
        snapshot = self.view.snapshot
        units = coolant_units(self.view.layout)
        return [None if snapshot is None else snapshot.good(unit, Quantity.FLOW) for unit in units]

    def _first(self, ask: "Callable[[UnitPlanning], str]") -> str:
        """Return what the first rack of the loop says to a question to which all is well with no words."""
        return next((said for each in self.loop if (said := ask(each))), "")

    def busy(self) -> str:
        """Return what is under way that switches on, that changes what feeds a unit, or a unit itself."""
        for operation in self.operations.under_way():
            if operation.plan.verb in BUS_VERBS | UNIT_VERBS or _goes_on(operation.plan):
                return f"{operation.id} ({operation.plan.verb} {operation.plan.target}) is under way"
        return ""


def _goes_on(plan: Plan) -> bool:
    return any(step.direction is Direction.ENERGISED for step in plan.steps)
