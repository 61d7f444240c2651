"""Has a switch of one power shelf or one supply planned; what must be so is decided in `decide/plan_shelf.py` and
`decide/plan_supply.py`."""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.ports.power import OutputSwitch
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.errors import PreconditionFailed
from firmware_bridge.vocabulary.place import TRAY_PARTS, Place, leaf_of, tray_of
from firmware_bridge.vocabulary.sequence import Sequence
from rack_controller.decide.plan_shelf import APART_S, ShelfWish, plan_shelf
from rack_controller.decide.plan_supply import plan_supply
from rack_controller.decide.steps import energising
from rack_controller.decide.switch import Switch
from rack_controller.model.operation import BUS_VERBS, SUPPLY_VERBS, OperationState, Plan, Verb
from rack_controller.run.find import find_source
from rack_controller.run.operate.operations import Operations
from rack_controller.run.operate.switches import supply_at
from rack_controller.run.view import RackView

LOOKED_BACK = 50


@dataclass(frozen=True, slots=True)
class ShelfPlanning:
    """Plans switches of one rack's shelves and their supplies."""

    view: RackView
    sequence: Sequence | None
    sources: Mapping[Place, TelemetrySource]
    operations: Operations

    def plan(self, verb: Verb, place: Place) -> Plan:
        """Return a plan for a shelf, or for a supply where the verb is one of those.  Raises CommandRefused."""
        if self.sequence is None or self.view.snapshot is None:
            raise PreconditionFailed(f"nobody knows what {self.view.layout.rack} must keep on its bus")
        single = verb in SUPPLY_VERBS
        return (plan_supply if single else plan_shelf)(
            ShelfWish(verb, place, self._lately(), self.operations.without(place)),
            self.view.layout,
            self.sequence,
            self._supply(place) if single else self._output(place),
            self.view.snapshot,
            self._kept_off(place),
        )

    def _output(self, shelf: Place) -> Switch:
        endpoint, source = find_source(self.sources, shelf, OutputSwitch)
        return Switch(endpoint, source.output_actions)

    def _supply(self, place: Place) -> Switch:
        """Return what switches a supply, offering nothing where nothing does: the plan says why."""
        found = supply_at(self.sources, place) if len(place.split("/")) > TRAY_PARTS else None
        return Switch(place, frozenset() if found is None else found[1].power_actions)

    def _kept_off(self, place: Place) -> str:
        """Return what keeps a shelf, or a supply's shelf, off until a person ends it."""
        leases, rack = self.operations.leases, Place(self.view.layout.rack)
        tray = place if len(place.split("/")) < TRAY_PARTS else tray_of(place)
        return leases.keeps_off(tray) or leases.keeps_off(rack)

    def _lately(self) -> str:
        """Return what else is switched on this bus now, or was too short ago."""
        now = self.operations.clock.unix_ns()
        for operation in self.operations.newest(LOOKED_BACK):
            running = not operation.over and operation.state is not OperationState.PLANNED
            if running and (operation.plan.verb in BUS_VERBS or energising(operation)):
                return f"{operation.id} ({operation.plan.verb} {operation.plan.target}) is under way"
            ended = operation.state is OperationState.DONE and (now - operation.ended_unix_ns) / 1e9 < APART_S
            if operation.plan.verb in BUS_VERBS and ended and operation.plan.stages:
                return f"{operation.id} switched {leaf_of(Place(operation.plan.target))} less than {APART_S:g} s ago"
        return ""
