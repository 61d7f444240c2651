"""Has a switch of one power shelf planned; what must be so is decided in `decide/plan_shelf.py`."""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.ports.power import OutputSwitch
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.errors import PreconditionFailed
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.sequence import Sequence
from rack_controller.decide.plan_power import Switch
from rack_controller.decide.plan_shelf import APART_S, ShelfWish, plan_shelf
from rack_controller.decide.steps import energising
from rack_controller.model.operation import SHELF_VERBS, OperationState, Plan, Verb
from rack_controller.run.find import find_source
from rack_controller.run.operate.operations import Operations
from rack_controller.run.view import RackView

LOOKED_BACK = 50


@dataclass(frozen=True, slots=True)
class ShelfPlanning:
    """Plans switches of one rack's shelves."""

    view: RackView
    sequence: Sequence | None
    sources: Mapping[Place, TelemetrySource]
    operations: Operations

    def plan(self, verb: Verb, shelf: Place) -> Plan:
        """Return a plan.  Raises CommandRefused."""
        if self.sequence is None or self.view.snapshot is None:
            raise PreconditionFailed(f"nobody knows what {self.view.layout.rack} must keep on its bus")
        endpoint, source = find_source(self.sources, shelf, OutputSwitch)
        leases, rack = self.operations.leases, Place(self.view.layout.rack)
        return plan_shelf(
            ShelfWish(verb, shelf, self._lately()),
            self.view.layout,
            self.sequence,
            Switch(endpoint, source.output_actions),
            self.view.snapshot,
            leases.keeps_off(shelf) or leases.keeps_off(rack),
        )

    def _lately(self) -> str:
        """Return what else is switched on this bus now, or was too short ago."""
        now = self.operations.clock.unix_ns()
        for operation in self.operations.newest(LOOKED_BACK):
            running = not operation.over and operation.state is not OperationState.PLANNED
            if running and (operation.plan.verb in SHELF_VERBS or energising(operation)):
                return f"{operation.id} ({operation.plan.verb} {operation.plan.target}) is under way"
            ended = operation.state is OperationState.DONE and (now - operation.ended_unix_ns) / 1e9 < APART_S
            if operation.plan.verb in SHELF_VERBS and ended and operation.plan.stages:
                return f"{operation.id} switched a shelf less than {APART_S:g} s ago"
        return ""
