"""Power shelves and their single supplies, switched over Redfish: an operation of the rack's controller, behind a task.

The rules are the controller's (`shelf` and `psu` of the command line have the same): one at a time, and off only while
the rest of the bus carries what is drawn and granted, one more of it lost.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.power import resets
from datacenter_api.redfish.power.offers import CHASSIS_RESET_TYPES, offered, reset_info
from datacenter_api.redfish.power.tasks import Part, Task, accepted
from datacenter_api.redfish.shapes import ROOT, Body
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.redfish_service.source import Outcome
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.power import PowerAction
from rack_controller.model.operation import Operation, OperationState

log = logging.getLogger(__name__)

OUTPUT_TYPES = {"On": PowerAction.ON, "ForceOff": PowerAction.FORCE_OFF}
REASON = "asked for over Redfish"


def output_types(tray: TrayLook, part: str = "") -> list[str]:
    """Return the ResetTypes that a shelf's supply takes now (empty: the shelf's output); none on a rack that is only
    observed, and none of what is no power shelf."""
    if tray.plan.kind != TrayKind.POWER_SHELF or not tray.rack.layout.armed:
        return []
    known = [at.outputs.get(part, []) for e in tray.plan.endpoints if (at := tray.rack.axes.get(e.place))]
    return [word for word, action in OUTPUT_TYPES.items() if any(action in actions for actions in known)]


def build_supply_info(world: World, uri: str, chassis: str, supply: str) -> Body | None:
    """Return the ActionInfo of a supply's reset."""
    tray = world.tray(chassis, TrayKind.POWER_SHELF)
    return None if tray is None else reset_info(uri, output_types(tray, supply))


def chassis_types(tray: TrayLook) -> list[str]:
    """Return the ResetTypes of a tray's Chassis: its host's, or of a power shelf its output's."""
    return offered(tray, CHASSIS_RESET_TYPES) or output_types(tray)


def build_chassis_info(world: World, uri: str, chassis: str) -> Body | None:
    """Return the ActionInfo of a tray's or shelf's reset."""
    tray = world.tray(chassis)
    return None if tray is None else reset_info(uri, chassis_types(tray))


def shelf_at(world: World, uri: str) -> TrayLook | None:
    """Return the power shelf whose Chassis is at a URI and whose output can be switched, None for anything else."""
    where, _, leaf = uri.rpartition("/")
    tray = world.tray(leaf, TrayKind.POWER_SHELF) if where == f"{ROOT}/Chassis" else None
    return tray if tray is not None and output_types(tray) else None


def supply_at(world: World, chassis: str, supply: str) -> TrayLook | None:
    """Return the power shelf of a supply that can be switched, None for anything else."""
    tray = world.tray(chassis, TrayKind.POWER_SHELF)
    return tray if tray is not None and output_types(tray, supply) else None


async def switch_output(
    world: World, tray: TrayLook, part: str, uri: str, body: Mapping[str, Any], caller: Caller
) -> Outcome:
    """Switch a shelf's output (`part` empty) or one of its supplies: refused at once with the reason, or a task."""
    word = resets.reset_type(body, output_types(tray, part), uri)
    place = f"{tray.plan.place}/{part}" if part else tray.plan.place
    do = f"{'psu' if part else 'shelf'}_{'on' if word == 'On' else 'off'}"
    return await carry_out(world, tray, do, place, f"{word} of {f'{tray.id} {part}'.rstrip()}", uri, body, caller)


async def carry_out(
    world: World,
    tray: TrayLook,
    do: str,
    place: str,
    title: str,
    uri: str,
    body: Mapping[str, Any],
    caller: Caller,
    within: float = resets.WITHIN,
) -> Outcome:
    """Have an operation of a tray planned and approved: refused at once with the reason, or a task that follows it."""
    made = await resets.command(world, tray, "plan", {"do": do, "reason": REASON}, caller, place)
    said, rack = {"operation": str(made["operation"])}, str(tray.rack.layout.rack)
    if not made["plan"]["stages"]:
        await resets.command(world, tray, "cancel", said, caller, rack)
        return Outcome(204)  # it is so already
    try:
        await resets.command(world, tray, "approve", said, caller, rack)
    except RackwrightError:
        await _forget(world, tray, said, caller)
        raise
    name = title.partition(" of ")[2]
    task = world.tasks.open(title, caller.who.user, uri, dict(body), [Part(name, place)])
    resets.begin(world, task, _follow(world, task, tray.rack.id, said["operation"], within))
    return accepted(task, caller.program)


async def _forget(world: World, tray: TrayLook, said: Mapping[str, str], caller: Caller) -> None:
    """Take back a plan that was not approved; who asked hears why it was not, and nothing of this."""
    try:
        await resets.command(world, tray, "cancel", said, caller, str(tray.rack.layout.rack))
    except RackwrightError as err:
        log.info("%s stays planned: %s", said["operation"], err)


async def _follow(world: World, task: Task, rack: str, name: str, within: float) -> None:
    """Wait until the operation has ended or is held, or give it up."""
    (part,) = task.parts
    deadline = world.parts.now() + within
    while world.parts.now() <= deadline:
        await asyncio.sleep(resets.LOOK_EVERY)
        operation = await _operation(world, rack, name)
        if operation is None:
            continue
        if operation.state is OperationState.DONE:
            part.done = True
            return
        if operation.over or operation.state is OperationState.HELD:
            waits = "nothing more is said" if operation.wait is None else operation.wait.reason
            said = f"operation {name} is {operation.state}: {operation.summary or waits}"
            part.fail(said, "Base.1.19.GeneralError")
            return
    part.fail(f"operation {name} goes on after {within:.0f} s", "Base.1.19.OperationTimeout")


async def _operation(world: World, rack: str, name: str) -> Operation | None:
    """Return an operation as its controller has it, None while it does not say."""
    try:
        return msgspec.json.decode(await world.parts.bus.ask(rack, "operation", name), type=Operation)
    except (RackwrightError, msgspec.MsgspecError) as err:
        log.info("no look at operation %s: %s", name, err)
        return None
