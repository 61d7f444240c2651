"""Network adapters of trays, data processing units among them, with their ports."""

from datacenter_api.redfish.made_of import Stocked, reports_of, stated_status, stocked
from datacenter_api.redfish.ports import Ports, port_body, ports_body, ports_of
from datacenter_api.redfish.shapes import Body, collection, ref, resource, told
from datacenter_api.redfish.shown import shown
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.inventory import ItemKind


def adapters_of(world: World, tray: TrayLook) -> dict[str, Stocked]:
    """Return the adapters that the tray's own reports list, by id."""
    return stocked(world.stock, tray, ItemKind.NIC, ItemKind.DPU)


def build_all(world: World, uri: str, chassis: str) -> Body | None:
    """Return the network adapters of a tray."""
    tray = world.tray(chassis)
    found = adapters_of(world, tray) if tray is not None else {}
    return collection("NetworkAdapter", uri, f"Network adapters of {chassis}", found) if found else None


def build_one(world: World, uri: str, chassis: str, adapter: str) -> Body | None:
    """Return one adapter."""
    tray = world.tray(chassis)
    found = adapters_of(world, tray).get(adapter) if tray is not None else None
    if tray is None or found is None:
        return None
    return resource(
        "NetworkAdapter",
        uri,
        found.item.name or found.item.id,
        **told(SerialNumber=found.item.serial_number, PartNumber=found.item.part_number),
        **shown("NetworkAdapter", found.item.facts),
        Status=stated_status(world.stock, tray, found.report, found.item.facts),
        **({"Ports": ref(f"{uri}/Ports")} if _ports(world, tray, adapter) else {}),
    )


def build_ports(world: World, uri: str, chassis: str, adapter: str) -> Body | None:
    """Return the ports of an adapter."""
    tray = world.tray(chassis)
    return None if tray is None else ports_body(_ports(world, tray, adapter), uri)


def build_port(world: World, uri: str, chassis: str, adapter: str, _port: str) -> Body | None:
    """Return one port of an adapter."""
    tray = world.tray(chassis)
    return None if tray is None else port_body(world.stock, tray, _ports(world, tray, adapter), uri)


def _ports(world: World, tray: TrayLook, adapter: str) -> Ports:
    found = adapters_of(world, tray).get(adapter)
    return {} if found is None else ports_of(reports_of(world.stock, tray), {found.item.id}, "NetworkAdapters")
