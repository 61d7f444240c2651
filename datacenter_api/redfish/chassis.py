"""Racks and trays as Chassis: what stands where, what contains what, and its subsystems."""

from collections.abc import Iterable

from datacenter_api.redfish.adapters import adapters_of
from datacenter_api.redfish.conditions import conditions_of, rack_conditions, worst
from datacenter_api.redfish.controls import limits_of
from datacenter_api.redfish.integrity import assembly_link
from datacenter_api.redfish.location import placement, tray_location
from datacenter_api.redfish.made_of import enclosure_of, identity_of
from datacenter_api.redfish.older import older_links
from datacenter_api.redfish.power.offers import actions_of
from datacenter_api.redfish.power.outputs import chassis_types
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource, told
from datacenter_api.redfish.shown import shown
from datacenter_api.redfish.status import HEALTH, UNSEEN, locate_light, power_state, tray_status
from datacenter_api.redfish.storage import drives_of
from datacenter_api.redfish.world import RackLook, TrayLook, World
from firmware_bridge.vocabulary.generation import TrayKind

CHASSIS = f"{ROOT}/Chassis"
SERVICE_MANAGER = "rackwright"

# What Redfish calls the tray of each kind.
CHASSIS_TYPES: dict[str, str] = {
    TrayKind.COMPUTE: "Sled",
    TrayKind.SWITCH: "Sled",
    TrayKind.POWER_SHELF: "Shelf",
    TrayKind.BATTERY_SHELF: "Shelf",
    TrayKind.COOLANT_UNIT: "RackMount",
}


def build_all(world: World, uri: str) -> Body:
    """Return the collection: each rack, then its trays."""
    ids: list[str] = []
    for rack in world.racks():
        ids += [rack.id, *rack.trays]
    return collection("Chassis", uri, "Racks and trays", ids)


def build_one(world: World, uri: str, chassis: str) -> Body | None:
    """Return a rack or a tray."""
    rack = world.rack(chassis)
    if rack is not None:
        return _rack(world, rack, uri)
    tray = world.tray(chassis)
    if tray is None:
        return None
    world.stock.want(tray.rack.record)
    return _tray(world, tray, uri)


def _rack(world: World, rack: RackLook, uri: str) -> Body:
    layout, trays = rack.layout, list(rack.trays.values())
    return resource(
        "Chassis",
        uri,
        f"Rack {rack.id}",
        Description=layout.title,
        ChassisType="Rack",
        Model=layout.generation,
        RackMountCapacityUnits=layout.height_u,
        MaxPowerWatts=layout.busbar_power_max_w,
        ElectricalSourceNames=list(layout.feeds),
        Location={"Placement": placement(layout.rack, rack.id, None, layout.rack_units)},
        PowerState=_rack_power(rack),
        Status=_rack_status(rack),
        Sensors=ref(f"{uri}/Sensors"),
        PowerSubsystem=ref(f"{uri}/PowerSubsystem"),
        ThermalSubsystem=ref(f"{uri}/ThermalSubsystem"),
        EnvironmentMetrics=ref(f"{uri}/EnvironmentMetrics"),
        **older_links(world, uri),
        LogServices=ref(f"{uri}/LogServices"),
        Links={
            **refs("Contains", (f"{CHASSIS}/{t.id}" for t in trays)),
            **refs("ComputerSystems", _of(trays, TrayKind.COMPUTE, "Systems")),
            **refs("CoolingUnits", _of(trays, TrayKind.COOLANT_UNIT, "ThermalEquipment/CDUs")),
            **refs("ConnectedCoolingLoops", [f"{ROOT}/ThermalEquipment/CoolingLoops/{rack.id}"]),
            **refs("ManagedBy", [f"{ROOT}/Managers/{SERVICE_MANAGER}"]),
        },
    )


def _tray(world: World, tray: TrayLook, uri: str) -> Body:
    plan = tray.plan
    whole = enclosure_of(world.stock, tray)
    leaks = any(point.place.startswith(f"{plan.place}/") for point in tray.rack.leaks)
    return resource(
        "Chassis",
        uri,
        f"{tray.rack.id} {tray.slot}",
        Description=plan.title,
        ChassisType=CHASSIS_TYPES[plan.kind],
        **{**shown("Chassis", whole.facts if whole else {}), **identity_of(world.stock, tray)},
        HeightRackUnits=plan.height_u,
        **told(MaxPowerWatts=plan.power_max_w, ElectricalSourceNames=list(plan.feeds) or None),
        PowerState=power_state(tray.state.state),
        **locate_light(tray),
        Location=tray_location(tray),
        Status=tray_status(tray),
        Sensors=ref(f"{uri}/Sensors"),
        PowerSubsystem=ref(f"{uri}/PowerSubsystem"),
        ThermalSubsystem=ref(f"{uri}/ThermalSubsystem"),
        EnvironmentMetrics=ref(f"{uri}/EnvironmentMetrics"),
        **older_links(world, uri),
        **({"LeakDetectors": ref(f"{uri}/LeakDetectors")} if leaks else {}),
        **({"Drives": ref(f"{uri}/Drives")} if tray.plan.kind == TrayKind.COMPUTE and drives_of(world, tray) else {}),
        **({"NetworkAdapters": ref(f"{uri}/NetworkAdapters")} if adapters_of(world, tray) else {}),
        **({"Controls": ref(f"{uri}/Controls")} if limits_of(tray) else {}),
        **assembly_link(world, tray),
        Links=_links(tray),
        **actions_of(uri, "Chassis", chassis_types(tray)),
    )


def _links(tray: TrayLook) -> Body:
    plan = tray.plan
    managers = [f"{ROOT}/Managers/{tray.manager_id(e)}" for e in plan.endpoints]
    links = {
        "ContainedBy": ref(f"{CHASSIS}/{tray.rack.id}"),
        **refs("ManagedBy", [f"{ROOT}/Managers/{SERVICE_MANAGER}", *managers]),
        **refs("ManagersInChassis", managers),
    }
    if plan.kind == TrayKind.COMPUTE:
        system = f"{ROOT}/Systems/{tray.id}"
        links |= refs("ComputerSystems", [system])
        links |= refs("Processors", (f"{system}/Processors/{p}" for n in ("cpu", "gpu") for p in tray.planned(n)))
    if plan.kind == TrayKind.COOLANT_UNIT:
        links |= refs("CoolingUnits", [f"{ROOT}/ThermalEquipment/CDUs/{tray.id}"])
    if plan.kind in (TrayKind.POWER_SHELF, TrayKind.BATTERY_SHELF):
        links["PowerDistribution"] = ref(f"{ROOT}/PowerEquipment/PowerShelves/{tray.id}")
    return links


def _of(trays: Iterable[TrayLook], kind: TrayKind, where: str) -> list[str]:
    return [f"{ROOT}/{where}/{tray.id}" for tray in trays if tray.plan.kind == kind]


def _rack_power(rack: RackLook) -> str | None:
    """Return On while any shelf feeds the busbar, Off when every one is off, None when it is not known."""
    kinds = (TrayKind.POWER_SHELF, TrayKind.BATTERY_SHELF)
    words = {power_state(t.state.state) for t in rack.trays.values() if t.plan.kind in kinds}
    return "On" if "On" in words else "Off" if words == {"Off"} else None


def _rack_status(rack: RackLook) -> Body:
    """A rack that is not heard is not seen; its health is the worst of its trays'."""
    order = ["ok", "warning", "critical"]
    known = [state.alarm for state in rack.states.values() if state.alarm in order]
    found = rack_conditions(rack)
    health = worst(HEALTH[max(known, key=order.index)] if known else None, found)
    state = "Enabled" if rack.summary.live else UNSEEN
    return {**told(State=state, Health=health, HealthRollup=health), **conditions_of(found)}
