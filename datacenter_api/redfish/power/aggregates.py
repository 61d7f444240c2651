"""Aggregates: several trays under one name, and a reset of all of them.  More than one needs a privilege of its own.

At most one such reset runs, in batches, and the next one waits a while: a hall is not switched by a loop of requests.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.power.book import Aggregate
from datacenter_api.redfish.power.offers import RESET_TYPES, offered_by_all, reset_action, reset_info, tray_at
from datacenter_api.redfish.power.resets import ask, begin, follow, reset_type
from datacenter_api.redfish.power.tasks import Part, Task, accepted
from datacenter_api.redfish.shapes import ROOT, Body, collection, refs, resource
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import Outcome
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.power import ENERGISES, PowerAction
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.roles import PRIVILEGES, Privilege

AGGREGATES = f"{ROOT}/AggregationService/Aggregates"
MOST, MOST_ELEMENTS = 64, 256
REST = Seconds(10.0)
"""Between the end of one reset of several trays and the next."""
BATCH, MOST_BATCH, MOST_DELAY_S = 4, 8, 600
_NUMBERS: dict[str, tuple[int, int, int]] = {
    "BatchSize": (1, MOST_BATCH, BATCH),
    "DelayBetweenBatchesInSeconds": (0, MOST_DELAY_S, 1),
}
"""Least, most and default of the further parameters."""


def build_all(world: World, uri: str) -> Body:
    """Return the aggregates."""
    return collection("Aggregate", uri, "Aggregates", list(world.aggregates.all))


def build_one(world: World, uri: str, name: str) -> Body | None:
    """Return one aggregate with the actions that its trays have in common."""
    one = world.aggregates.all.get(name)
    if one is None:
        return None
    actions = {
        **reset_action(uri, "Aggregate", offered_by_all(_trays(world, one))),
        **{f"#Aggregate.{verb}": {"target": f"{uri}/Actions/Aggregate.{verb}"} for verb in _CHANGES},
    }
    return resource(
        "Aggregate",
        uri,
        f"Aggregate {name}",
        **refs("Elements", one.elements),
        ElementsCount=len(one.elements),
        Actions=actions,
    )


def build_info(world: World, uri: str, name: str) -> Body | None:
    """Return the ActionInfo of an aggregate's reset."""
    one = world.aggregates.all.get(name)
    more = [
        {"Name": name, "Required": False, "DataType": "Number", "MinimumValue": least, "MaximumValue": most}
        for name, (least, most, _) in _NUMBERS.items()
    ]
    return None if one is None else reset_info(uri, offered_by_all(_trays(world, one)), more)


def create(world: World, body: Mapping[str, Any], caller: Caller) -> str:
    """Make an aggregate and return its URI."""
    _may(caller, Privilege.OPERATE)
    for name in body:
        if name != "Elements" and not name.startswith("@odata."):
            raise RequestRefused("PropertyUnknown", name, related=(f"#/{name}",))
    if "Elements" not in body:
        raise RequestRefused("PropertyMissing", "Elements", related=("#/Elements",))
    if len(world.aggregates.all) >= MOST:
        raise RequestRefused("ResourceInUse", detail=f"There are {MOST} aggregates already.")
    made = world.aggregates.add(_elements(world, body["Elements"]))
    _audit(world, caller, "aggregate.create", made, ", ".join(made.elements))
    return f"{AGGREGATES}/{made.id}"


def remove(world: World, name: str, caller: Caller) -> Outcome:
    """Forget an aggregate; nothing happens to its trays."""
    _may(caller, Privilege.OPERATE)
    one = _known(world, name)
    world.aggregates.drop(name)
    _audit(world, caller, "aggregate.remove", one, "")
    return Outcome(204)


async def act(world: World, uri: str, body: Mapping[str, Any], caller: Caller) -> Outcome:
    """Run an action of an aggregate."""
    name, verb = uri.split("/")[5], uri.rsplit(".", 1)[1]
    one = _known(world, name)
    if verb in _CHANGES:
        _may(caller, Privilege.OPERATE)
        _change(world, one, verb, body, uri)
        _audit(world, caller, f"aggregate.{verb.lower()}", one, ", ".join(one.elements))
        return Outcome(204)
    return await _reset(world, one, uri, body, caller)


async def _reset(world: World, one: Aggregate, uri: str, body: Mapping[str, Any], caller: Caller) -> Outcome:
    trays, book = _trays(world, one), world.aggregates
    word = reset_type(body, offered_by_all(trays), uri, tuple(_NUMBERS))
    action = RESET_TYPES[word]
    size, delay = (_number(body, name, uri) for name in _NUMBERS)
    _may(caller, _needed(action, len(trays)))
    if book.busy is not None and book.busy.ended_ns is None:
        raise RequestRefused("ResourceInUse", detail=f"Task {book.busy.id} resets several trays.")
    if world.parts.now() < book.free_at:
        raise RequestRefused("ResourceInUse", detail=f"The last such reset ended less than {REST:.0f} s ago.")
    parts = [Part(tray.id, tray.plan.place) for tray in trays]
    task = world.tasks.open(f"{word} of aggregate {one.id}", caller.who.user, uri, dict(body), parts)
    book.busy = task
    _audit(world, caller, "aggregate.reset", one, f"{word}: {', '.join(tray.id for tray in trays)}")
    begin(world, task, _in_batches(world, task, action, caller, size, delay))
    return accepted(task)


async def _in_batches(world: World, task: Task, action: PowerAction, caller: Caller, size: int, delay: int) -> None:
    try:
        for first in range(0, len(task.parts), size):
            if first:
                await asyncio.sleep(delay)
            batch = task.parts[first : first + size]
            await asyncio.gather(*(_ask_one(world, part, action, caller) for part in batch))
        await follow(world, task, [(part, action, None) for part in task.parts if part.done is None])
    finally:
        world.aggregates.free_at = Seconds(world.parts.now() + REST)


async def _ask_one(world: World, part: Part, action: PowerAction, caller: Caller) -> None:
    tray = world.tray(part.tray)
    if tray is None:
        part.fail("is not there any more", "Base.1.19.ResourceMissingAtURI")
        return
    try:
        await ask(world, tray, action, caller)
    except RackwrightError as err:
        part.fail(str(err), err.message_id)


def _needed(action: PowerAction, trays: int) -> Privilege:
    if trays > 1:
        return Privilege.POWER_MANY
    return Privilege.POWER if action in ENERGISES else Privilege.SHUT


def _number(body: Mapping[str, Any], name: str, uri: str) -> int:
    least, most, usual = _NUMBERS[name]
    value, action = body.get(name, usual), uri.rsplit("/", 1)[1]
    if type(value) is not int:
        raise RequestRefused("ActionParameterValueTypeError", str(value)[:64], name, action)
    if not least <= value <= most:
        raise RequestRefused("ActionParameterValueNotInList", str(value)[:64], name, action)
    return value


def _change(world: World, one: Aggregate, verb: str, body: Mapping[str, Any], uri: str) -> None:
    if "Elements" not in body:
        raise RequestRefused("ActionParameterMissing", uri.rsplit("/", 1)[1], "Elements")
    for name in body:
        if name != "Elements":
            raise RequestRefused("ActionParameterNotSupported", name, uri.rsplit("/", 1)[1])
    named = _elements(world, body["Elements"], known=one.elements)
    one.elements = _CHANGES[verb](one.elements, named)
    if len(one.elements) > MOST_ELEMENTS:
        one.elements = one.elements[:MOST_ELEMENTS]
    world.aggregates.write()


_CHANGES = {
    "AddElements": lambda held, named: [*held, *(uri for uri in named if uri not in held)],
    "RemoveElements": lambda held, named: [uri for uri in held if uri not in named],
}


def _elements(world: World, said: Any, known: Sequence[str] = ()) -> list[str]:
    """Return the URIs that a client names: trays that can be switched, or such that were named before."""
    at = ("#/Elements",)
    if not isinstance(said, list) or len(said) > MOST_ELEMENTS:
        raise RequestRefused("PropertyValueTypeError", str(said)[:64], "Elements", related=at)
    uris = [one.get("@odata.id") if isinstance(one, dict) else None for one in said]
    for uri in uris:
        if not isinstance(uri, str) or (uri not in known and tray_at(world, uri) is None):
            raise RequestRefused("PropertyValueNotInList", str(uri)[:128], "Elements", related=at)
    return list(dict.fromkeys(str(uri) for uri in uris))


def _trays(world: World, one: Aggregate) -> list[TrayLook]:
    """Return the trays of an aggregate, each once; none when one of them cannot be switched now."""
    found = [tray_at(world, uri) for uri in one.elements]
    return [] if None in found else list({tray.id: tray for tray in found if tray is not None}.values())


def _known(world: World, name: str) -> Aggregate:
    one = world.aggregates.all.get(name)
    if one is None:
        raise RequestRefused("ResourceMissingAtURI", f"{AGGREGATES}/{name}")
    return one


def _may(caller: Caller, privilege: Privilege) -> None:
    if privilege not in PRIVILEGES[caller.who.role]:
        raise RequestRefused("InsufficientPrivilege", detail=f"It is called {privilege} here.")


def _audit(world: World, caller: Caller, what: str, one: Aggregate, detail: str) -> None:
    world.parts.store.audit(caller.who.user, caller.who.address, what, f"{AGGREGATES}/{one.id}", "ok", detail[:400])
