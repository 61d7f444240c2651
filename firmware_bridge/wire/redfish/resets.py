"""Which power actions a device's documents offer, and how it spells them (DSP0266 §7.10, DSP0268 ResetType).  Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firmware_bridge.vocabulary.power import ControllerRestart, PowerAction, PowerDepth, PowerState
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import link_of
from firmware_bridge.wire.redfish.numbers import state_name

_A = PowerAction
PARAMETER = "ResetType"
_RESETS = {
    _A.ON: ("On", "ForceOn"),
    _A.GRACEFUL_OFF: ("GracefulShutdown",),
    _A.FORCE_OFF: ("ForceOff",),
    _A.GRACEFUL_RESTART: ("GracefulRestart",),
    _A.FORCE_RESTART: ("ForceRestart", "PowerCycle"),
}
Spellings = Mapping[PowerAction, tuple[str, ...]]
SYSTEM_RESET, CHASSIS_RESET = "#ComputerSystem.Reset", "#Chassis.Reset"
HOST_RESETS: Mapping[str, Spellings] = {SYSTEM_RESET: _RESETS, CHASSIS_RESET: _RESETS}
AUX_RESETS: Mapping[str, Spellings] = {
    "#NvidiaChassis.AuxPowerReset": {_A.AUX_CYCLE: ("AuxPowerCycle", "AuxPowerCycleForce")},  # southbound.md §3.1
    CHASSIS_RESET: {_A.AUX_CYCLE: ("FullPowerCycle",)},
}
"""Per Redfish action: what each of ours is called there, the word that is preferred first."""
SUPPLY_RESETS: Mapping[str, Spellings] = {
    "#PowerSupply.Reset": {action: _RESETS[action] for action in (_A.ON, _A.FORCE_OFF)}
}
SET_MODE, MODE = "#CoolingUnit.SetMode", "Mode"
_MODES = {_A.ON: "Enabled", _A.FORCE_OFF: "Disabled"}
_MODE_VALUES = (f"{MODE}@Redfish.AllowableValues", "CoolingUnitMode@Redfish.AllowableValues")
"""The parameter's name by the schema; DMTF's example of a unit has the other one."""
MANAGER_RESET = "#Manager.Reset"
_RESTARTS = {ControllerRestart.GRACEFUL: "GracefulRestart", ControllerRestart.FORCE: "ForceRestart"}

_STATES = {
    "On": PowerState.ON,
    "Off": PowerState.OFF,
    "PoweringOn": PowerState.POWERING_ON,
    "PoweringOff": PowerState.POWERING_OFF,
}

# What Resource.State says of a part without a PowerState of its own: off is what waits to be switched on.
_BY_STATUS = {
    "Enabled": PowerState.ON,
    "Starting": PowerState.POWERING_ON,
    "Disabled": PowerState.OFF,
    "StandbyOffline": PowerState.OFF,
}


@dataclass(frozen=True, slots=True)
class ResetPoint:
    """One reset action of one resource.  `values`: what its parameter may be, None while that is not known.

    `info`: the ActionInfo that says so.  Where a host's reset says it nowhere, what the schema names counts as offered
    (the device still refuses what it cannot do); auxiliary power is only offered where it is said.
    """

    target: str
    spellings: Spellings
    values: tuple[str, ...] | None = None
    info: str | None = None

    def words(self) -> dict[PowerAction, str]:
        """Return how each of our actions that is offered here is asked for."""
        found = {}
        for action, spellings in self.spellings.items():
            said = spellings if self.values is None and action is not _A.AUX_CYCLE else self.values or ()
            word = next((w for w in spellings if w in said), None)
            if word is not None:
                found[action] = word
        return found


def mode_words(unit: Document) -> tuple[str, dict[PowerAction, str]] | None:
    """Return the target of a coolant unit's mode and the word for each action, None where it offers none.

    Where it does not say which modes it takes, both count as offered: the schema has no others.
    """
    actions = unit.get("Actions")
    offered = actions.get(SET_MODE) if isinstance(actions, dict) else None
    target = offered.get("target") if isinstance(offered, dict) else None
    if not isinstance(offered, dict) or not isinstance(target, str):
        return None
    said = next((texts for key in _MODE_VALUES if (texts := _texts(offered.get(key))) is not None), None)
    return target, {a: word for a, word in _MODES.items() if said is None or word in said}


def restart_point(manager: Document) -> ResetPoint | None:
    """Return the reset action of a controller itself, None where it has none."""
    return next(iter(reset_points(manager, {MANAGER_RESET: {}})), None)


def restart_words(point: ResetPoint) -> dict[ControllerRestart, tuple[str, str]]:
    """Return the target and the word of each restart of a controller; none where it does not say which it takes."""
    said = point.values or ()
    return {how: (point.target, word) for how, word in _RESTARTS.items() if word in said}


def reset_points(document: Document, table: Mapping[str, Spellings]) -> list[ResetPoint]:
    """Return the reset actions of one resource that `table` knows; those of the maker's own included."""
    actions = document.get("Actions")
    if not isinstance(actions, dict):
        return []
    oem = actions.get("Oem")
    offered = {**(oem if isinstance(oem, dict) else {}), **actions}
    points = (_point(offered.get(name), spellings) for name, spellings in table.items())
    return [point for point in points if point is not None]


def _point(offered: Any, spellings: Spellings) -> ResetPoint | None:
    target = offered.get("target") if isinstance(offered, dict) else None
    if not isinstance(target, str):
        return None
    info = offered.get("@Redfish.ActionInfo")
    info = info if isinstance(info, str) else link_of(info)
    return ResetPoint(target, spellings, _texts(offered.get(f"{PARAMETER}@Redfish.AllowableValues")), info)


def allowable(action_info: Document | None) -> tuple[str, ...] | None:
    """Return the values that an ActionInfo allows for the reset's parameter; None when it does not say."""
    parameters = action_info.get("Parameters") if action_info else None
    for parameter in parameters if isinstance(parameters, list) else ():
        if isinstance(parameter, dict) and parameter.get("Name") == PARAMETER:
            return _texts(parameter.get("AllowableValues"))
    return None


def power_state(document: Document) -> PowerState:
    """Return what a resource says of its power; what is missing or not known (Paused, null) is unknown."""
    return _STATES.get(str(document.get("PowerState")), PowerState.UNKNOWN)


def supply_state(document: Document) -> PowerState:
    """Return what a power supply says of its output: in a PowerState, which some devices add, else in `Status.State`.

    One that failed (UnavailableOffline) or is not there is unknown.
    """
    stated, status = document.get("PowerState"), document.get("Status")
    if isinstance(stated, bool):
        return PowerState.ON if stated else PowerState.OFF
    if stated is not None:
        return power_state(document)
    return _BY_STATUS.get(state_name(status.get("State") if isinstance(status, dict) else None), PowerState.UNKNOWN)


def depth_of(state: PowerState) -> PowerDepth:
    """Return how deeply a tray is off whose controller answers: at most its host is."""
    return PowerDepth.HOST_OFF if state is PowerState.OFF else PowerDepth.NONE


def _texts(values: Any) -> tuple[str, ...] | None:
    return tuple(v for v in values if isinstance(v, str)) if isinstance(values, list) else None
