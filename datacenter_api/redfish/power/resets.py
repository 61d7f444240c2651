"""Resets of one tray and of several, and boot sources: commands to the racks' controllers, followed by tasks.

Whatever a rule refuses is a final 4xx with its reason: clients ask again what is answered otherwise.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from datacenter_api.commands import error_of, send_command
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.events import publish_record
from datacenter_api.redfish.power.offers import (
    CHASSIS_RESET_TYPES,
    ENABLED,
    MODE,
    RESET_TYPES,
    SPANS,
    TARGET,
    boot_source,
    offered,
)
from datacenter_api.redfish.power.tasks import Part, Task, accepted, task_record
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import Outcome
from firmware_bridge.vocabulary.errors import Latched, PreconditionFailed, RackwrightError
from firmware_bridge.vocabulary.power import BootFor, PowerAction
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.power import BootView, PowerLook

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
WITHIN = Seconds(600.0)
"""A host that has not come where it was sent by then has not come: the task says so and ends."""
BOOT_KNOWN_FOR = Seconds(5.0)
_A = PowerAction
_ENDS = {_A.ON: "on", _A.GRACEFUL_OFF: "off", _A.FORCE_OFF: "off", _A.AUX_OFF: "off"}
"""Where an action leads for good; every other one leads away and back again."""


async def reset_tray(world: World, tray: TrayLook, uri: str, body: Mapping[str, Any], caller: Caller) -> Outcome:
    """Reset one tray: refused at once, or a task.  `uri` is the action's target."""
    words = CHASSIS_RESET_TYPES if "/Chassis/" in uri else RESET_TYPES
    action = words[reset_type(body, offered(tray, words), uri)]
    before = await look(world, tray) if action not in _ENDS else None
    part = Part(tray.id, tray.plan.place)
    await ask(world, tray, action, caller)
    task = world.tasks.open(f"{body['ResetType']} of {tray.id}", caller.who.user, uri, dict(body), [part])
    begin(world, task, follow(world, task, [(part, action, before)]))
    return accepted(task, caller.program)


def reset_type(body: Mapping[str, Any], types: Sequence[str], uri: str, more: Sequence[str] = ()) -> str:
    """Return the ResetType that is asked for.  Raises RequestRefused."""
    action = uri.rsplit("/", 1)[1]
    for name in body:
        if name != "ResetType" and name not in more:
            raise RequestRefused("ActionParameterNotSupported", name, action)
    if "ResetType" not in body:
        raise RequestRefused("ActionParameterMissing", action, "ResetType")
    wanted = body["ResetType"]
    if not isinstance(wanted, str):
        raise RequestRefused("ActionParameterValueTypeError", str(wanted)[:64], "ResetType", action)
    if wanted not in types:
        raise RequestRefused("ActionParameterValueNotInList", wanted[:64], "ResetType", action)
    return wanted


async def ask(world: World, tray: TrayLook, action: PowerAction, caller: Caller) -> None:
    """Ask a tray's controller for one action.  Raises what it refuses with."""
    await command(world, tray, "power", {"action": str(action)}, caller)


async def set_boot(world: World, tray: TrayLook, wish: Any, caller: Caller) -> None:
    """Set the boot source override of a tray's host.  Raises RequestRefused and what its controller refuses with."""
    known = boot_source(world, tray)
    if known is None:
        raise RequestRefused("PropertyUnknown", "Boot", related=("#/Boot",))
    if not isinstance(wish, dict):
        raise RequestRefused("PropertyValueTypeError", str(wish)[:64], "Boot", related=("#/Boot",))
    if not tray.rack.layout.armed:
        raise RequestRefused("PropertyNotWritable", "Boot", related=("#/Boot",))
    allowed = {TARGET: known.targets, ENABLED: list(SPANS), MODE: known.modes}
    for name, value in wish.items():
        at = (f"#/Boot/{name}",)
        if name not in allowed:
            raise RequestRefused("PropertyUnknown", name, related=at)
        if not isinstance(value, str):
            raise RequestRefused("PropertyValueTypeError", str(value)[:64], name, related=at)
        if allowed[name] and value not in allowed[name]:
            raise RequestRefused("PropertyValueNotInList", value[:64], name, related=at)
    span = SPANS[wish[ENABLED]] if ENABLED in wish else BootFor(known.span)
    said = {"source": wish.get(TARGET, known.target), "span": str(span), "mode": wish.get(MODE, "")}
    done = await command(world, tray, "boot", {k: v for k, v in said.items() if v}, caller)
    after = msgspec.structs.replace(
        known, target=str(done.get("source", "")), span=str(done.get("span", "")), mode=str(done.get("mode", ""))
    )
    _learn(world, tray, after)


def want_boot(world: World, tray: TrayLook) -> None:
    """Somebody looks at a tray's boot source: have it read again in the background when it may have changed since."""
    now, place = world.parts.now(), tray.plan.place
    if now - world.boots_asked.get(place, float("-inf")) < BOOT_KNOWN_FOR or boot_source(world, tray) is None:
        return
    world.boots_asked[place] = now
    world.keep(asyncio.get_running_loop().create_task(_read_boot(world, tray)))


async def _read_boot(world: World, tray: TrayLook) -> None:
    asked_at = world.parts.now()
    seen = await look(world, tray)
    newer = world.boots.get(tray.plan.place)
    if seen is not None and seen.boot is not None and (newer is None or newer[1] <= asked_at):
        _learn(world, tray, seen.boot)


def _learn(world: World, tray: TrayLook, boot: BootView) -> None:
    world.boots[tray.plan.place] = (boot, world.parts.now())
    world.changed += 1


async def command(
    world: World, tray: TrayLook, verb: str, arguments: Mapping[str, str], caller: Caller, place: str = ""
) -> dict[str, Any]:
    """Send a command about a tray, or another `place` of its rack, and return its result.

    Raises what its controller refuses with.
    """
    place = place or tray.plan.place
    reply = await send_command(world.parts, caller.who, tray.rack.id, verb, place, arguments)
    if reply.accepted:
        return reply.result
    refused = error_of(reply, place, verb)
    if isinstance(refused, PreconditionFailed) and not isinstance(refused, Latched):  # 412 would speak of an entity tag
        raise RequestRefused("ResourceInUse", detail=refused.what)
    raise refused


async def look(world: World, tray: TrayLook) -> PowerLook | None:
    """Return how a tray's controller says that its power stands, None while it does not say."""
    try:
        body = await world.parts.bus.ask(tray.rack.id, "power", tray.plan.place)
        return msgspec.json.decode(body, type=PowerLook)
    except (RackwrightError, msgspec.MsgspecError) as err:
        log.info("no look at the power of %s: %s", tray.id, err)
        return None


def begin(world: World, task: Task, work: Any) -> None:
    """Follow a task in the background; its begin and its end are told as events."""

    async def run() -> None:
        try:
            await work
        except Exception:
            log.exception("task %s failed", task.id)
            for part in task.parts:
                if part.done is None:
                    part.fail("this service failed; look at the tray", "Base.1.19.InternalError")
        finally:
            task.end()
            publish_record(world, task_record(task), f"Task {task.id}")

    publish_record(world, task_record(task), f"Task {task.id}")
    world.keep(asyncio.get_running_loop().create_task(run()))


async def follow(world: World, task: Task, asked: Sequence[tuple[Part, PowerAction, PowerLook | None]]) -> None:
    """Wait until every tray is where its action leads, or is given up."""
    left, deadline = list(asked), world.parts.now() + WITHIN
    away: set[str] = set()
    while left:
        await asyncio.sleep(LOOK_EVERY)
        for part, action, before in list(left):
            if await _arrived(world, part, action, before, away):
                part.done = True
                left.remove((part, action, before))
        if left and world.parts.now() > deadline:
            for part, action, _ in left:
                tray = world.tray(part.tray)
                state = tray.state.state if tray is not None else "unknown"
                said = f"{str(action).replace('_', ' ')} was taken, and its host is {state} after {WITHIN:.0f} s"
                part.fail(said, "Base.1.19.OperationTimeout")
            return


async def _arrived(world: World, part: Part, action: PowerAction, before: PowerLook | None, away: set[str]) -> bool:
    tray = world.tray(part.tray)
    if tray is None:
        return False
    state = tray.state.state
    if action in _ENDS:
        return state == _ENDS[action]
    if part.tray not in away:
        seen = await look(world, tray)
        if seen is not None and (seen.state != "on" or _started_anew(action, before, seen)):
            away.add(part.tray)
    return part.tray in away and state == "on" and (await _is_on(world, tray))


async def _is_on(world: World, tray: TrayLook) -> bool:
    seen = await look(world, tray)
    return seen is not None and seen.state == "on"


def _started_anew(action: PowerAction, before: PowerLook | None, after: PowerLook) -> bool:
    if before is None:
        return False
    if action is PowerAction.AUX_CYCLE:
        return before.controller_marker != after.controller_marker
    return before.boot_marker != after.boot_marker


__all__ = ["ask", "begin", "command", "follow", "look", "reset_tray", "reset_type", "set_boot", "want_boot"]
