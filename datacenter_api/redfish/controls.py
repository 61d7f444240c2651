"""Limits that parts hold as Controls of their tray; how one is set is in `limits`."""

from datacenter_api.redfish.limits import allowed, control_id, held
from datacenter_api.redfish.shapes import ROOT, Body, collection, refs, resource
from datacenter_api.redfish.status import UNSEEN
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.quantities import Quantity

_LIMIT = Quantity.POWER_LIMIT


def limits_of(tray: TrayLook) -> dict[str, str]:
    """Return the parts of a tray that hold a power limit (empty name: the tray's own), by the id of their control."""
    return {control_id(part): part for part in sorted(tray.parts) if tray.line(part, _LIMIT) is not None}


def build_all(world: World, uri: str, chassis: str) -> Body | None:
    """Return the limits of a tray."""
    tray = world.tray(chassis)
    found = limits_of(tray) if tray is not None else {}
    return collection("Control", uri, f"Limits in {chassis}", found) if found else None


def build_one(world: World, uri: str, chassis: str, control: str) -> Body | None:
    """Return one limit: what the part holds now (W), null while nobody knows, and what its device allows."""
    tray = world.tray(chassis)
    part = limits_of(tray).get(control) if tray is not None else None
    if tray is None or part is None:
        return None
    value = held(world, tray, part)
    return resource(
        "Control",
        uri,
        f"Power limit of {tray.slot} {part}".rstrip(),
        ControlType="Power",
        SetPoint=value,
        SetPointUnits="W",
        **allowed(world, tray, part),
        Status={"State": UNSEEN} if value is None else {"State": "Enabled", "Health": "OK"},
        **refs("RelatedItem", [_related(tray, part)]),
    )


def _related(tray: TrayLook, part: str) -> str:
    processors = (*tray.planned("cpu"), *tray.planned("gpu")) if tray.plan.kind == TrayKind.COMPUTE else ()
    return f"{ROOT}/Systems/{tray.id}/Processors/{part}" if part in processors else f"{ROOT}/Chassis/{tray.id}"
