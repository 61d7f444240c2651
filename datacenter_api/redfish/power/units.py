"""Coolant units stopped and started over Redfish by `#CoolingUnit.SetMode` (DSP0268): an operation behind a task.

The rules are the controller's (`rackwright coolant stop` has the same): a unit stops only while all that it cools is
seen off and cool.  What two persons may overrule is not offered here: a Redfish client is one.
"""

from collections.abc import Mapping
from typing import Any

from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.power.outputs import carry_out
from datacenter_api.redfish.shapes import Body, resource
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import Outcome
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.power import PowerAction

ACTION, PARAMETER = "CoolingUnit.SetMode", "Mode"
MODES = {"Enabled": PowerAction.ON, "Disabled": PowerAction.FORCE_OFF}
_DO = {"Enabled": "coolant_start", "Disabled": "coolant_stop"}
WITHIN = 1200.0
"""How long a task follows an operation, in s: before a stop coolant flows on for minutes."""


def modes_of(tray: TrayLook) -> list[str]:
    """Return the modes that a coolant unit takes now; none on a rack that is only observed."""
    if tray.plan.kind != TrayKind.COOLANT_UNIT or not tray.rack.layout.armed:
        return []
    known = [at.outputs.get("", []) for e in tray.plan.endpoints if (at := tray.rack.axes.get(e.place))]
    return [mode for mode, action in MODES.items() if any(action in actions for actions in known)]


def mode_action(uri: str, modes: list[str]) -> Body:
    """Return the property Actions of a coolant unit, nothing where it offers none."""
    if not modes:
        return {}
    target = {
        "target": f"{uri}/Actions/{ACTION}",
        f"{PARAMETER}@Redfish.AllowableValues": modes,
        "@Redfish.ActionInfo": f"{uri}/SetModeActionInfo",
    }
    return {"Actions": {f"#{ACTION}": target}}


def build_info(world: World, uri: str, unit: str) -> Body | None:
    """Return the ActionInfo of a coolant unit's mode."""
    tray = unit_at(world, unit)
    if tray is None:
        return None
    wanted = {"Name": PARAMETER, "Required": True, "DataType": "String", "AllowableValues": modes_of(tray)}
    return resource("ActionInfo", uri, "How its mode can be set", Parameters=[wanted])


def unit_at(world: World, unit: str) -> TrayLook | None:
    """Return a coolant unit whose mode can be set, None for anything else."""
    tray = world.tray(unit, TrayKind.COOLANT_UNIT)
    return tray if tray is not None and modes_of(tray) else None


async def set_mode(world: World, tray: TrayLook, uri: str, body: Mapping[str, Any], caller: Caller) -> Outcome:
    """Stop or start a unit: refused at once with the reason, or a task."""
    mode = _mode(body, modes_of(tray))
    title = f"{mode} of {tray.id}"
    return await carry_out(world, tray, _DO[mode], tray.plan.place, title, uri, body, caller, WITHIN)


def _mode(body: Mapping[str, Any], modes: list[str]) -> str:
    for name in body:
        if name != PARAMETER:
            raise RequestRefused("ActionParameterNotSupported", name, ACTION)
    if PARAMETER not in body:
        raise RequestRefused("ActionParameterMissing", ACTION, PARAMETER)
    wanted = body[PARAMETER]
    if not isinstance(wanted, str):
        raise RequestRefused("ActionParameterValueTypeError", str(wanted)[:64], PARAMETER, ACTION)
    if wanted not in modes:
        raise RequestRefused("ActionParameterValueNotInList", wanted[:64], PARAMETER, ACTION)
    return wanted
