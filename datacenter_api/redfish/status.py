"""How something stands, in Redfish's words: Status of trays, parts, readings.  Silence is never "off", nor healthy."""

from datacenter_api.fleet.trays import Axes, TrayState
from datacenter_api.redfish.conditions import conditions_of, tray_conditions, worst
from datacenter_api.redfish.shapes import Body, told
from datacenter_api.redfish.world import TrayLook
from firmware_bridge.vocabulary.quantities import Quantity

HEALTH = {"ok": "OK", "warning": "Warning", "critical": "Critical"}
UNSEEN = "UnavailableOffline"
"""The state of what nobody can see now: its management is absent or unknown, or its reading is old."""

_POWER = {"on": "On", "off": "Off"}
_STATE_OF_QUALITY = {"good": "Enabled", "flagged": "Enabled"}


def power_state(word: str | None) -> str | None:
    """Return PowerState for on or off, None when it is not known."""
    return _POWER.get(word or "")


def locate_light(tray: TrayLook) -> Body:
    """Return LocationIndicatorActive of a tray that has a locate light, None when it is not known now."""
    if tray.line("", Quantity.LOCATE) is None:
        return {}
    return {"LocationIndicatorActive": {"on": True, "off": False}.get(tray.word("", Quantity.LOCATE) or "")}


def tray_status(tray: TrayLook) -> Body:
    """Return a tray's Status.  Its health is unknown (left out) while its management is not reachable."""
    state = tray.state
    found = tray_conditions(tray)
    health = worst(HEALTH.get(state.alarm), found)
    return {**_axes_status(state, health), **conditions_of(found)}


def _axes_status(state: TrayState, health: str | None) -> Body:
    if state.management in ("reachable", "degraded"):
        return told(State="StandbyOffline" if state.state == "off" else "Enabled", Health=health)
    return told(State=UNSEEN, Health=health)


def endpoint_status(axes: Axes | None) -> Body:
    """Return the Status of an endpoint's Manager; None: an endpoint that is listed and not asked."""
    if axes is None:
        return {"State": "Disabled"}
    if axes.management == "reachable":
        return {"State": "Enabled", "Health": "OK"}
    if axes.management == "degraded":
        return {"State": "Enabled", "Health": "Warning"}
    return told(State=UNSEEN, Health="Warning" if axes.management == "absent" else None)


def part_status(tray: TrayLook, part: str) -> Body:
    """Return the Status of a part that has readings of its own, or only a place in the plan."""
    management = tray.word(part, Quantity.MANAGEMENT)
    seen = _seen(tray, part) if management is None else management != "absent"
    health = HEALTH.get(tray.word(part, Quantity.HEALTH) or "")
    if not seen:
        return {"State": UNSEEN}
    off = tray.word(part, Quantity.POWER_STATE) == "off"
    return told(State="StandbyOffline" if off else "Enabled", Health=health)


def line_status(word: str) -> Body:
    """Return the Status of one reading by its quality word."""
    state = _STATE_OF_QUALITY.get(word, UNSEEN)
    return {"State": state, "Health": "OK"} if word == "good" else {"State": state}


def _seen(tray: TrayLook, part: str) -> bool:
    view = tray.rack.view
    lines = tray.parts.get(part, ())
    return any(view is not None and view.word(line) == "good" for line in lines)
