"""Firmware of every endpoint as one inventory.  It shows; nothing is updated through this service yet."""

from datacenter_api.redfish.made_of import reports_of
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource, told
from datacenter_api.redfish.stock import StockFirmware
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
        Updateable=False,
        Status={"State": "Enabled"},
        **refs("RelatedItem", [f"{ROOT}/Chassis/{tray.id}"]),
    )


def _items(world: World, tray: TrayLook) -> dict[str, StockFirmware]:
    return {f"{tray.id}.{slug(item.id)}": item for r in reports_of(world.stock, tray) for item in r.firmware}
