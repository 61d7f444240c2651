"""Management endpoints as Managers, whatever protocol they speak, and this service as the manager of all racks."""

import time

from datacenter_api import __version__
from datacenter_api.redfish.made_of import reports_of
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource, time_text, told
from datacenter_api.redfish.status import endpoint_status
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.generation import TrayKind
from rack_controller.model.layout import EndpointView

MANAGERS = f"{ROOT}/Managers"
SERVICE = "rackwright"

# Which endpoints are baseboard controllers, by kind of tray and name; every other one is a ManagementController.
MANAGER_TYPES: dict[tuple[str, str], str] = {(TrayKind.COMPUTE, "bmc"): "BMC", (TrayKind.SWITCH, "bmc"): "BMC"}


def manager_links(tray: TrayLook) -> Body:
    """Return the links from a tray's equipment to its managers."""
    return refs("ManagedBy", [f"{MANAGERS}/{tray.manager_id(e)}" for e in tray.plan.endpoints])


def build_all(world: World, uri: str) -> Body:
    """Return the collection: this service, then every endpoint of every rack."""
    ids = [tray.manager_id(e) for tray in world.trays() for e in tray.plan.endpoints]
    return collection("Manager", uri, "Managers", [SERVICE, *ids])


def build_one(world: World, uri: str, manager: str) -> Body | None:
    """Return one manager."""
    if manager == SERVICE:
        return _service(world, uri)
    found = _find(world, manager)
    if found is None:
        return None
    tray, endpoint = found
    world.stock.want(tray.rack.record)
    kind, leaf = tray.plan.kind, endpoint.place.rsplit("/", 1)[1]
    known = next((r for r in reports_of(world.stock, tray) if r.endpoint.get("place") == endpoint.place), None)
    firmware = None
    if known is not None:
        firmware = known.endpoint.get("firmware") or next((f.version for f in known.firmware if f.id == leaf), None)
    return resource(
        "Manager",
        uri,
        f"{tray.rack.id} {tray.slot} {leaf}",
        Description=f"{endpoint.protocol} endpoint of {tray.plan.title}",
        ManagerType=MANAGER_TYPES.get((kind, leaf), "ManagementController"),
        **told(FirmwareVersion=firmware, Model=known.endpoint.get("product") if known else None),
        Status=endpoint_status(tray.rack.axes.get(endpoint.place)),
        Links=_links(tray),
    )


def build_protocol(_world: World, uri: str, manager: str) -> Body | None:
    """Return how this service is reached."""
    if manager != SERVICE:
        return None
    return resource(
        "ManagerNetworkProtocol",
        uri,
        "How this service is reached",
        Status={"State": "Enabled", "Health": "OK"},
        HTTP={"ProtocolEnabled": False},
        HTTPS={"ProtocolEnabled": True, "Certificates": ref(f"{uri}/HTTPS/Certificates")},
    )


def _service(world: World, uri: str) -> Body:
    racks = list(world.racks())
    return resource(
        "Manager",
        uri,
        "Rackwright",
        ManagerType="Service",
        FirmwareVersion=__version__,
        ServiceEntryPointUUID=world.uuid,
        UUID=world.uuid,
        DateTime=time_text(time.time_ns() // 1_000_000_000 * 1_000_000_000),
        DateTimeLocalOffset="+00:00",
        Status={"State": "Enabled", "Health": "OK" if world.parts.bus.connected else "Warning"},
        NetworkProtocol=ref(f"{uri}/NetworkProtocol"),
        LogServices=ref(f"{uri}/LogServices"),
        Links={
            **refs("ManagerForChassis", (f"{ROOT}/Chassis/{rack.id}" for rack in racks)),
            **refs(
                "ManagerForManagers",
                (f"{MANAGERS}/{t.manager_id(e)}" for t in world.trays() for e in t.plan.endpoints),
            ),
        },
    )


def _links(tray: TrayLook) -> Body:
    chassis = f"{ROOT}/Chassis/{tray.id}"
    links = {
        **refs("ManagerForChassis", [chassis]),
        "ManagerInChassis": ref(chassis),
        **refs("ManagedBy", [f"{MANAGERS}/{SERVICE}"]),
    }
    if tray.plan.kind == TrayKind.COMPUTE:
        links |= refs("ManagerForServers", [f"{ROOT}/Systems/{tray.id}"])
    return links


def _find(world: World, manager: str) -> tuple[TrayLook, EndpointView] | None:
    cut = manager.rfind("-")
    while cut > 0:
        tray = world.tray(manager[:cut])
        for endpoint in tray.plan.endpoints if tray is not None else ():
            if tray is not None and tray.manager_id(endpoint) == manager:
                return tray, endpoint
        cut = manager.rfind("-", 0, cut)
    return None
