"""What can be asked of a tray's power here, in Redfish's words, and its boot source.  Builds resources, asks nothing.

Only trays of armed racks offer anything, and only what their own controllers offer.  Shelves and their supplies are in
`outputs.py`; no coolant unit offers anything.
"""

from collections.abc import Iterable, Sequence

from datacenter_api.redfish.shapes import ROOT, Body, resource
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.power import BootFor, ControllerRestart, PowerAction
from rack_controller.model.layout import EndpointView
from rack_controller.model.power import BootView

SWITCHED = (TrayKind.COMPUTE, TrayKind.SWITCH)
RESET_TYPES: dict[str, PowerAction] = {
    "On": PowerAction.ON,
    "GracefulShutdown": PowerAction.GRACEFUL_OFF,
    "ForceOff": PowerAction.FORCE_OFF,
    "GracefulRestart": PowerAction.GRACEFUL_RESTART,
    "ForceRestart": PowerAction.FORCE_RESTART,
}
RESTART_TYPES = {"GracefulRestart": ControllerRestart.GRACEFUL, "ForceRestart": ControllerRestart.FORCE}
CHASSIS_RESET_TYPES = RESET_TYPES | {"FullPowerCycle": PowerAction.AUX_CYCLE}
INFO = "ResetActionInfo"
SPANS = {"Once": BootFor.ONCE, "Continuous": BootFor.CONTINUOUS, "Disabled": BootFor.DISABLED}
_SPAN_WORDS = {span: word for word, span in SPANS.items()}
TARGET, ENABLED, MODE = "BootSourceOverrideTarget", "BootSourceOverrideEnabled", "BootSourceOverrideMode"


def offered(tray: TrayLook, words: dict[str, PowerAction] = RESET_TYPES) -> list[str]:
    """Return the ResetTypes that a tray takes now; none on a rack that is only observed."""
    if tray.plan.kind not in SWITCHED or not tray.rack.layout.armed:
        return []
    actions = {a for e in tray.plan.endpoints if (at := tray.rack.axes.get(e.place)) for a in at.power_actions}
    return [word for word, action in words.items() if action in actions]


def restarts_of(tray: TrayLook, endpoint: EndpointView) -> list[str]:
    """Return the ResetTypes that an endpoint's controller takes for itself; none on a rack that is only observed."""
    at = tray.rack.axes.get(endpoint.place) if tray.rack.layout.armed else None
    return [word for word, how in RESTART_TYPES.items() if at is not None and how in at.restarts]


def offered_by_all(trays: Sequence[TrayLook]) -> list[str]:
    """Return the ResetTypes that every one of several trays takes."""
    return [word for word in RESET_TYPES if trays and all(word in offered(tray) for tray in trays)]


def reset_action(uri: str, kind: str, types: Sequence[str]) -> Body:
    """Return `#Kind.Reset` of the resource at `uri`, nothing where no type is offered."""
    if not types:
        return {}
    return {
        f"#{kind}.Reset": {
            "target": f"{uri}/Actions/{kind}.Reset",
            "@Redfish.ActionInfo": f"{uri}/{INFO}",
            "ResetType@Redfish.AllowableValues": list(types),
        }
    }


def actions_of(uri: str, kind: str, types: Sequence[str]) -> Body:
    """Return the property Actions of a resource that can be reset, nothing where it cannot."""
    action = reset_action(uri, kind, types)
    return {"Actions": action} if action else {}


def reset_info(uri: str, types: Sequence[str], more: Iterable[Body] = ()) -> Body | None:
    """Return the ActionInfo of a reset, None where no type is offered; `more` are further parameters."""
    if not types:
        return None
    wanted = {"Name": "ResetType", "Required": True, "DataType": "String", "AllowableValues": list(types)}
    return resource("ActionInfo", uri, "How it can be reset", Parameters=[wanted, *more])


def build_system_info(world: World, uri: str, system: str) -> Body | None:
    """Return the ActionInfo of a system's reset."""
    tray = world.tray(system, TrayKind.COMPUTE)
    return None if tray is None else reset_info(uri, offered(tray))


def boot_source(world: World, tray: TrayLook) -> BootView | None:
    """Return the boot source override as it was last heard of, None where there is none."""
    seen = next((at.boot for e in tray.plan.endpoints if (at := tray.rack.axes.get(e.place)) and at.boot), None)
    heard = tray.rack.record.endpoints_heard
    newer = world.boots.get(tray.plan.place)
    return newer[0] if newer is not None and (heard is None or heard < newer[1]) else seen


def boot_of(world: World, tray: TrayLook) -> Body:
    """Return the property Boot, nothing where the tray shows no override."""
    boot = boot_source(world, tray)
    if boot is None:
        return {}
    said: Body = {ENABLED: _SPAN_WORDS[BootFor(boot.span)], TARGET: boot.target}
    if boot.mode:
        said[MODE] = boot.mode
    spans = [_SPAN_WORDS[BootFor(span)] for span in boot.spans]
    for name, values in ((ENABLED, spans), (TARGET, boot.targets), (MODE, boot.modes)):
        if values:
            said[f"{name}@Redfish.AllowableValues"] = list(values)
    return {"Boot": said}


def tray_at(world: World, uri: str) -> TrayLook | None:
    """Return the tray that a System or Chassis stands for and that can be switched, None for anything else."""
    where, _, leaf = uri.rpartition("/")
    kinds = {f"{ROOT}/Systems": (TrayKind.COMPUTE,), f"{ROOT}/Chassis": SWITCHED}.get(where)
    tray = world.tray(leaf, *kinds) if kinds else None
    return tray if tray is not None and offered(tray) else None
