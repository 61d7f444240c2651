"""Which requests are about power: resets of trays, shelves, supplies and aggregates, coolant units, boot sources.

Carries none of them out itself.
"""

import re
from collections.abc import Mapping
from typing import Any

from datacenter_api.redfish import changes
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.managers import find_endpoint
from datacenter_api.redfish.power import aggregates, outputs, units
from datacenter_api.redfish.power.offers import restarts_of, tray_at
from datacenter_api.redfish.power.resets import reset_tray, set_boot
from datacenter_api.redfish.power.restarts import restart_controller
from datacenter_api.redfish.shapes import ROOT
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import Outcome
from rack_controller.model.layout import EndpointView

_TRAY = re.compile(
    rf"({ROOT}/Systems/[^/]+)/Actions/ComputerSystem\.Reset|({ROOT}/Chassis/[^/]+)/Actions/Chassis\.Reset"
)
_SUPPLY = re.compile(rf"{ROOT}/Chassis/([^/]+)/PowerSubsystem/PowerSupplies/([^/]+)/Actions/PowerSupply\.Reset")
_UNIT = re.compile(rf"{ROOT}/ThermalEquipment/CDUs/([^/]+)/Actions/CoolingUnit\.SetMode")
_MANAGER = re.compile(rf"{ROOT}/Managers/([^/]+)/Actions/Manager\.Reset")
_AGGREGATE = re.compile(
    re.escape(aggregates.AGGREGATES) + r"/([^/]+)/Actions/Aggregate\.(Reset|AddElements|RemoveElements)"
)


def owns(uri: str) -> bool:
    """Tell whether a POST to a URI is about power."""
    known = (_TRAY, _SUPPLY, _UNIT, _AGGREGATE, _MANAGER)
    return uri == aggregates.AGGREGATES or any(pattern.fullmatch(uri) for pattern in known)


def methods(world: World, uri: str) -> str:
    """Return POST for the actions that are offered now."""
    at = _tray_uri(uri)
    if at is not None:
        return "POST" if (tray_at(world, at) or outputs.shelf_at(world, at)) is not None else ""
    supply = _SUPPLY.fullmatch(uri)
    if supply is not None:
        return "POST" if outputs.supply_at(world, supply[1], supply[2]) is not None else ""
    unit = _UNIT.fullmatch(uri)
    if unit is not None:
        return "POST" if units.unit_at(world, unit[1]) is not None else ""
    manager = _MANAGER.fullmatch(uri)
    if manager is not None:
        return "POST" if _restartable(world, manager[1]) is not None else ""
    match = _AGGREGATE.fullmatch(uri)
    return "POST" if match is not None and match[1] in world.aggregates.all else ""


async def post(world: World, uri: str, body: Mapping[str, Any], caller: Caller) -> Outcome | str:
    """Run an action, or make an aggregate and return where it is."""
    if uri == aggregates.AGGREGATES:
        return aggregates.create(world, body, caller)
    manager = _MANAGER.fullmatch(uri)
    if manager is not None:
        endpoint = _restartable(world, manager[1])
        if endpoint is None:
            raise RequestRefused("ResourceMissingAtURI", uri)
        return await restart_controller(world, *endpoint, uri, body, caller)
    unit = _UNIT.fullmatch(uri)
    if unit is not None:
        cooling = units.unit_at(world, unit[1])
        if cooling is None:
            raise RequestRefused("ResourceMissingAtURI", uri)
        return await units.set_mode(world, cooling, uri, body, caller)
    supply = _SUPPLY.fullmatch(uri)
    at = _tray_uri(uri)
    if at is None and supply is None:
        return await aggregates.act(world, uri, body, caller)
    tray = None if at is None else tray_at(world, at)
    if tray is not None:
        return await reset_tray(world, tray, uri, body, caller)
    shelf = outputs.supply_at(world, supply[1], supply[2]) if supply else outputs.shelf_at(world, str(at))
    if shelf is None:
        raise RequestRefused("ResourceMissingAtURI", uri)
    return await outputs.switch_output(world, shelf, supply[2] if supply else "", uri, body, caller)


async def patch_system(world: World, tray: TrayLook, body: Mapping[str, Any], caller: Caller) -> None:
    """Set a system's boot source, and its locate light where that is meant as well."""
    rest = {name: value for name, value in body.items() if name != "Boot"}
    if any(not name.startswith("@odata.") for name in rest):
        await changes.set_light(world, tray, rest, caller)
    await set_boot(world, tray, body["Boot"], caller)


def _restartable(world: World, manager: str) -> tuple[TrayLook, EndpointView] | None:
    found = find_endpoint(world, manager)
    return found if found is not None and restarts_of(*found) else None


def _tray_uri(uri: str) -> str | None:
    match = _TRAY.fullmatch(uri)
    return (match[1] or match[2]) if match is not None else None
