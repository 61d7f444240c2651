"""Firmware of every endpoint as one inventory.  It shows; nothing is updated through this service yet."""

from datacenter_api import __version__
from datacenter_api.redfish.made_of import reports_of, stated_status
from datacenter_api.redfish.managers import SERVICE
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource, told
from datacenter_api.redfish.shown import shown
from datacenter_api.redfish.stock import StockFirmware, StockReport
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.place import slug


def build_service(_world: World, uri: str) -> Body:
    """Return the UpdateService: an inventory and no way to push an image."""
    return resource(
        "UpdateService",
        uri,
        "Firmware of the racks",
        ServiceEnabled=False,
        Status={"State": "Enabled", "Health": "OK"},
        FirmwareInventory=ref(f"{uri}/FirmwareInventory"),
        SoftwareInventory=ref(f"{uri}/SoftwareInventory"),
    )


def build_inventory(world: World, uri: str) -> Body:
    """Return every firmware item that was read so far."""
    ids = []
    for tray in world.trays():
        world.stock.want(tray.rack.record)
        ids += sorted(_items(world, tray))
    return collection("SoftwareInventory", uri, "Firmware inventory", ids)


def build_item(world: World, uri: str, item: str) -> Body | None:
    """Return one firmware item."""
    cut = item.find(".")
    tray = world.tray(item[:cut]) if cut > 0 else None
    found = _items(world, tray).get(item) if tray is not None else None
    if tray is None or found is None:
        return None
    return resource(
        "SoftwareInventory",
        uri,
        f"{tray.rack.id} {tray.slot} {found.id}",
        **told(Version=found.version),
        SoftwareId=found.id,
        **shown("SoftwareInventory", found.facts),
        Updateable=False,  # through this service; what the device itself allows is in its report
        Status=stated_status(world.stock, tray, _report(world, tray, item), found.facts),
        **refs("RelatedItem", [f"{ROOT}/Chassis/{tray.id}"]),
    )


def build_software(_world: World, uri: str) -> Body:
    """Return the software inventory: this service."""
    return collection("SoftwareInventory", uri, "Software inventory", [SERVICE])


def build_software_item(_world: World, uri: str, item: str) -> Body | None:
    """Return this service as a software item."""
    if item != SERVICE:
        return None
    return resource(
        "SoftwareInventory",
        uri,
        "Rackwright",
        Manufacturer="Rackwright",
        Version=__version__,
        Updateable=False,
        Status={"State": "Enabled", "Health": "OK"},
        **refs("RelatedItem", [f"{ROOT}/Managers/{SERVICE}"]),
    )


def _report(world: World, tray: TrayLook, item: str) -> StockReport:
    reports = reports_of(world.stock, tray)
    return next(r for r in reversed(reports) if any(f"{tray.id}.{slug(f.id)}" == item for f in r.firmware))


def _items(world: World, tray: TrayLook) -> dict[str, StockFirmware]:
    return {f"{tray.id}.{slug(item.id)}": item for r in reports_of(world.stock, tray) for item in r.firmware}
