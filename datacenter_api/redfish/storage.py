"""Drives of compute trays.  One Storage per tray: which controller a drive hangs on is not in the reports.

A drive is below its tray's Chassis; the schema has deprecated its place below a Storage (Drive 1.22.0).
"""

from datacenter_api.redfish.made_of import Stocked, stated_status, stocked
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource, told
from datacenter_api.redfish.shown import shown
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.inventory import ItemKind

STORAGE = "drives"


def drives_of(world: World, tray: TrayLook) -> dict[str, Stocked]:
    """Return the drives that the tray's own reports list, by id."""
    return stocked(world.stock, tray, ItemKind.DRIVE)


def build_all(world: World, uri: str, system: str) -> Body | None:
    """Return the one Storage of a compute tray that has drives."""
    return None if _tray(world, system) is None else collection("Storage", uri, f"Storage of {system}", [STORAGE])


def build_one(world: World, uri: str, system: str, storage: str) -> Body | None:
    """Return the drives of a compute tray together."""
    tray = _tray(world, system)
    if tray is None or storage != STORAGE:
        return None
    known = [stated_status(world.stock, tray, d.report, d.item.facts) for d in drives_of(world, tray).values()]
    seen = any(status.get("State") != "UnavailableOffline" for status in known)
    return resource(
        "Storage",
        uri,
        f"Drives of {system}",
        Status={"State": "Enabled" if seen else "UnavailableOffline"},
        **refs("Drives", (f"{ROOT}/Chassis/{tray.id}/Drives/{drive}" for drive in drives_of(world, tray))),
        Links={"Enclosures": [ref(f"{ROOT}/Chassis/{tray.id}")], "Enclosures@odata.count": 1},
    )


def build_drives(world: World, uri: str, chassis: str) -> Body | None:
    """Return the drives in a compute tray that has any."""
    tray = _tray(world, chassis)
    return None if tray is None else collection("Drive", uri, f"Drives of {chassis}", list(drives_of(world, tray)))


def build_drive(world: World, uri: str, chassis: str, drive: str) -> Body | None:
    """Return one drive."""
    tray = _tray(world, chassis)
    found = drives_of(world, tray).get(drive) if tray is not None else None
    if tray is None or found is None:
        return None
    return resource(
        "Drive",
        uri,
        found.item.name or found.item.id,
        **told(
            SerialNumber=found.item.serial_number,
            PartNumber=found.item.part_number,
            FirmwareVersion=found.item.firmware,
        ),
        **shown("Drive", found.item.facts),
        Status=stated_status(world.stock, tray, found.report, found.item.facts),
        Links={"Chassis": ref(f"{ROOT}/Chassis/{tray.id}")},
    )


def _tray(world: World, system: str) -> TrayLook | None:
    tray = world.tray(system, TrayKind.COMPUTE)
    return tray if tray is not None and drives_of(world, tray) else None
