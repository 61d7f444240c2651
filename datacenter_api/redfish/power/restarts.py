"""Restarts of a tray's management controller by itself: a command to the rack's controller, followed by a task."""

import asyncio
from collections.abc import Mapping
from typing import Any

from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.power import resets
from datacenter_api.redfish.power.offers import RESTART_TYPES, restarts_of
from datacenter_api.redfish.power.tasks import Part, Task, accepted
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.redfish_service.source import Outcome
from rack_controller.model.layout import EndpointView
from rack_controller.model.power import PowerLook


async def restart_controller(
    world: World, tray: TrayLook, endpoint: EndpointView, uri: str, body: Mapping[str, Any], caller: Caller
) -> Outcome:
    """Restart a controller: refused at once, or a task.  `uri` is the action's target; ResetType may be left out."""
    offered = restarts_of(tray, endpoint)
    wish = body if "ResetType" in body or not offered else {**body, "ResetType": offered[0]}
    how = RESTART_TYPES[resets.reset_type(wish, offered, uri)]
    before = await resets.look(world, tray)
    await resets.command(world, tray, "restart", {"how": str(how)}, caller)
    name = tray.manager_id(endpoint)
    part = Part(name, tray.plan.place)
    task = world.tasks.open(f"{wish['ResetType']} of {name}", caller.who.user, uri, dict(body), [part])
    resets.begin(world, task, _follow(world, task, part, tray.id, before))
    return accepted(task, caller.program)


async def _follow(world: World, task: Task, part: Part, tray_id: str, before: PowerLook | None) -> None:
    """Wait until the controller answers and says that it has started anew, or give it up."""
    deadline = world.parts.now() + resets.WITHIN
    while world.parts.now() <= deadline:
        await asyncio.sleep(resets.LOOK_EVERY)
        tray = world.tray(tray_id)
        seen = await resets.look(world, tray) if tray is not None else None
        if seen is not None and _anew(before, seen):
            part.done = True
            return
    said = f"the restart was taken, and nothing shows after {resets.WITHIN:.0f} s that {part.tray} has started anew"
    part.fail(said, "Base.1.19.OperationTimeout")


def _anew(before: PowerLook | None, after: PowerLook) -> bool:
    return before is not None and bool(after.controller_marker) and before.controller_marker != after.controller_marker
