"""Management endpoints as Managers, whatever protocol they speak, and this service as the manager of all racks."""

import time

from datacenter_api import __version__
from datacenter_api.redfish.interfaces import (
    interface_body,
    interfaces_body,
    interfaces_of,
    protocol_body,
    protocols_of,
)
from datacenter_api.redfish.own_network import own_protocols
from datacenter_api.redfish.power.offers import actions_of, reset_info, restarts_of
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource, time_text, told
from datacenter_api.redfish.shown import Facts, shown
from datacenter_api.redfish.status import endpoint_status
from datacenter_api.redfish.stock import StockReport
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.facts import AspectKind
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
    found = find_endpoint(world, manager)
    if found is None:
        return None
    tray, endpoint = found
    world.stock.want(tray.rack.record)
    kind, leaf = tray.plan.kind, endpoint.place.rsplit("/", 1)[1]
    known = world.stock.report(endpoint.place)
    firmware, facts = None, _facts(known)
    if known is not None:
        firmware = known.endpoint.get("firmware") or _own_firmware(known, leaf)
    described = {"Model": known.endpoint.get("product") if known else None, **shown("Manager", facts)}
    return resource(
        "Manager",
        uri,
        f"{tray.rack.id} {tray.slot} {leaf}",
        Description=f"{endpoint.protocol} endpoint of {tray.plan.title}",
        ManagerType=MANAGER_TYPES.get((kind, leaf), "ManagementController"),
        **told(FirmwareVersion=firmware, DateTime=_device_time(known), **described),
        Status=endpoint_status(tray.rack.axes.get(endpoint.place)),
        **({"LogServices": ref(f"{uri}/LogServices")} if endpoint.enabled else {}),
        **({"NetworkProtocol": ref(f"{uri}/NetworkProtocol")} if known and protocols_of(known) else {}),
        **({"EthernetInterfaces": ref(f"{uri}/EthernetInterfaces")} if known and interfaces_of(known) else {}),
        Links=_links(tray),
        **actions_of(uri, "Manager", restarts_of(tray, endpoint)),
    )


def build_reset_info(world: World, uri: str, manager: str) -> Body | None:
    """Return the ActionInfo of a controller's restart."""
    found = find_endpoint(world, manager)
    return None if found is None else reset_info(uri, restarts_of(*found))


def build_interfaces(world: World, uri: str, manager: str) -> Body | None:
    """Return the network interfaces of an endpoint's controller."""
    found = _reported(world, manager)
    return None if found is None else interfaces_body(found[1], uri)


def build_interface(world: World, uri: str, manager: str, _interface: str) -> Body | None:
    """Return one network interface of an endpoint's controller."""
    found = _reported(world, manager)
    return None if found is None else interface_body(world, *found, uri)


def build_protocol(world: World, uri: str, manager: str) -> Body | None:
    """Return how this service, or an endpoint's controller, is reached."""
    if manager != SERVICE:
        found = _reported(world, manager)
        return None if found is None else protocol_body(world, *found, uri)
    return own_protocols(world.parts.state, uri)


def _service(world: World, uri: str) -> Body:
    racks = list(world.racks())
    return resource(
        "Manager",
        uri,
        "Rackwright",
        Description="This service: the manager of all racks and of their endpoints",
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


def _reported(world: World, manager: str) -> tuple[TrayLook, StockReport] | None:
    found = find_endpoint(world, manager)
    report = world.stock.report(found[1].place) if found is not None else None
    return None if found is None or report is None else (found[0], report)


def _facts(report: StockReport | None) -> Facts:
    """Return what the controller that answers at an endpoint says of itself."""
    name = report.named("controller") if report is not None else None
    found = report.aspects_of(AspectKind.CONTROLLER) if report is not None else []
    return next((a.facts for a in found if a.id == name), {})


def _own_firmware(report: StockReport, leaf: str) -> str | None:
    """Return the version of the item that is called like the endpoint; of an endpoint with one item, that one's."""
    items = report.firmware
    return next((f.version for f in items if f.id.lower() == leaf), items[0].version if len(items) == 1 else None)


def _device_time(report: StockReport | None) -> str | None:
    """Return what a controller's clock shows now: ours, and by how much its was ahead at the last look."""
    offset = report.endpoint.get("clock_offset_s") if report is not None else None
    return time_text((time.time_ns() // 10**9 + offset) * 10**9) if isinstance(offset, int) else None


def find_endpoint(world: World, manager: str) -> tuple[TrayLook, EndpointView] | None:
    """Return the endpoint that a Manager stands for, with its tray."""
    cut = manager.rfind("-")
    while cut > 0:
        tray = world.tray(manager[:cut])
        for endpoint in tray.plan.endpoints if tray is not None else ():
            if tray is not None and tray.manager_id(endpoint) == manager:
                return tray, endpoint
        cut = manager.rfind("-", 0, cut)
    return None
