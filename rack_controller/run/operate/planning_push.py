"""Looks at an endpoint and has a push of one image planned; what must be so is decided in `decide/plan_push.py`."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.ports.firmware import FirmwareTarget
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.sequence import Flashing, Sequence
from rack_controller.decide.plan_push import Ground, PushWish, plan_push
from rack_controller.images import Images
from rack_controller.model.operation import Plan
from rack_controller.run.find import find_source
from rack_controller.run.operate.operations import Operations
from rack_controller.run.view import RackView

REQUEST_S = 15.0  # where a generation has no sequence that says it


@dataclass(frozen=True, slots=True)
class PushPlanning:
    """Plans pushes of one rack.  `images` None: this controller was given no folder for them."""

    view: RackView
    sequence: Sequence | None
    sources: Mapping[Place, TelemetrySource]
    operations: Operations
    images: Images | None

    async def plan(self, target: Place, image: str, part: str) -> Plan:
        """Return a plan.  Raises CommandRefused, and what the endpoint raises when it is looked at."""
        if self.images is None:
            raise TargetUnknown("this controller keeps no firmware images")
        found = await asyncio.to_thread(self.images.find, image)
        endpoint, device = find_source(self.sources, target, FirmwareTarget)
        sight = await device.observe_firmware()
        tray = tray_of(endpoint)
        ground = Ground(self.operations.leases.keeps_off(tray), self.operations.obstacles.works_on(tray))
        flashing = Flashing() if self.sequence is None else self.sequence.firmware
        request_s = REQUEST_S if self.sequence is None else self.sequence.request_s
        return plan_push(
            PushWish(endpoint, found, part), self.view.layout, flashing, request_s, self.view.snapshot, sight, ground
        )

    async def again(self, plan: Plan) -> Plan:
        """Return what a plan would be now."""
        push = next((step.push for step in plan.steps if step.push is not None), None)
        if push is None:
            return plan  # it runs there already: nothing is to be done
        return await self.plan(Place(plan.target), push.image, push.part)
