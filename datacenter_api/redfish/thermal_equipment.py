"""Coolant units and the racks' loops: ThermalEquipment, connectors, pumps, reservoirs, leak detection."""

from datacenter_api.redfish.location import bay, tray_location
from datacenter_api.redfish.made_of import identity_of, part_identity
from datacenter_api.redfish.managers import manager_links
from datacenter_api.redfish.plates import (
    COOLANT,
    FILTER,
    PUMP,
    RESERVOIR,
    UNIT,
    firmware_of,
    identity,
    part_plate,
    pieces,
    plate,
    whole,
)
from datacenter_api.redfish.power.units import mode_action, modes_of
from datacenter_api.redfish.sensors import excerpt
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource, told
from datacenter_api.redfish.status import part_status, tray_status
from datacenter_api.redfish.subsystems import chassis_links, environment_of, leak_detection
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.layout import CoolantView

Q = Quantity
UNITS = f"{ROOT}/ThermalEquipment/CDUs"
FACILITY, RACK_SIDE = "facility", "rack"
_SIDES = {"PrimaryCoolantConnectors": (FACILITY, "primary"), "SecondaryCoolantConnectors": (RACK_SIDE, "")}
"""Each side's connector and the part whose readings it has (ports.trays: the tray itself is the rack's side)."""

CONNECTOR: dict[str, Quantity] = {
    "FlowLitersPerMinute": Q.FLOW,
    "SupplyTemperatureCelsius": Q.TEMPERATURE_SUPPLY,
    "ReturnTemperatureCelsius": Q.TEMPERATURE_RETURN,
    "DeltaTemperatureCelsius": Q.TEMPERATURE_DELTA,
    "SupplyPressurekPa": Q.PRESSURE_SUPPLY,
    "ReturnPressurekPa": Q.PRESSURE_RETURN,
    "DeltaPressurekPa": Q.PRESSURE_DELTA,
    "HeatRemovedkW": Q.HEAT,
}


def build_equipment(_world: World, uri: str) -> Body:
    """Return ThermalEquipment."""
    return resource(
        "ThermalEquipment",
        uri,
        "Cooling equipment",
        Status={"State": "Enabled"},
        CDUs=ref(f"{uri}/CDUs"),
        CoolingLoops=ref(f"{uri}/CoolingLoops"),
    )


def build_units(world: World, uri: str) -> Body:
    """Return all coolant units."""
    return collection("CoolingUnit", uri, "Coolant units", [t.id for t in world.trays(TrayKind.COOLANT_UNIT)])


def build_unit(world: World, uri: str, unit: str) -> Body | None:
    """Return one coolant unit, with the sides, pumps and reservoirs that it has."""
    tray = _unit(world, unit)
    if tray is None:
        return None
    world.stock.want(tray.rack.record)
    sides = {side: ref(f"{uri}/{side}") for side in _SIDES if _connected(tray, side)}
    itself = whole(world.stock, tray, "CoolingUnit")
    heat = tray.plan.heat_rated_w
    rated = told(CoolingCapacityWatts=None if heat is None else round(heat))
    return resource(
        "CoolingUnit",
        uri,
        f"{tray.rack.id} {tray.slot}",
        Description=tray.plan.title,
        EquipmentType="CDU",
        **{**rated, **identity_of(world.stock, tray), **identity(itself, UNIT)},
        **told(FirmwareVersion=firmware_of(world.stock, tray, itself), Coolant=_coolant(world, tray)),
        Location=tray_location(tray),
        Status=tray_status(tray),
        EnvironmentMetrics=ref(f"{uri}/EnvironmentMetrics"),
        **sides,
        **({"Pumps": ref(f"{uri}/Pumps")} if tray.planned("pump") else {}),
        **({"Reservoirs": ref(f"{uri}/Reservoirs")} if _reservoirs(tray) else {}),
        **({"Filters": ref(f"{uri}/Filters")} if pieces(world.stock, tray, "Filter") else {}),
        **({"LeakDetection": ref(f"{uri}/LeakDetection")} if tray.planned("leak") else {}),
        **mode_action(uri, modes_of(tray)),
        Links={**chassis_links(tray), **manager_links(tray)},
    )


def build_environment(world: World, uri: str, unit: str) -> Body | None:
    """Return the environment of a coolant unit."""
    tray = _unit(world, unit)
    return None if tray is None else environment_of(world, tray, uri, "", f"Environment of {tray.id}")


def build_leak_detection(world: World, uri: str, unit: str) -> Body | None:
    """Return the leak detection of a coolant unit."""
    tray = _unit(world, unit)
    return None if tray is None or not tray.planned("leak") else leak_detection(tray, uri)


def build_connectors(world: World, uri: str, unit: str) -> Body | None:
    """Return the one connector pair of a side."""
    tray, side = _unit(world, unit), uri.rsplit("/", 1)[1]
    if tray is None or not _connected(tray, side):
        return None
    return collection("CoolantConnector", uri, f"Connectors of {tray.id}", [_SIDES[side][0]])


def build_connector(world: World, uri: str, unit: str, connector: str) -> Body | None:
    """Return a connector pair with everything that is measured at it."""
    tray, side = _unit(world, unit), uri.rsplit("/", 2)[1]
    if tray is None or not _connected(tray, side) or connector != _SIDES[side][0]:
        return None
    part = _SIDES[side][1]
    return resource(
        "CoolantConnector",
        uri,
        tray.label(part) if part else f"Rack side of {tray.id}",
        CoolantConnectorType="Pair",
        Status=part_status(tray, part),
        # The plan knows what the rack's side is filled with and rated for; the other one is the building's.
        **(
            {}
            if part
            else told(Coolant=_coolant(world, tray), RatedFlowLitersPerMinute=tray.plan.coolant_flow_rated_lpm)
        ),
        **told(**{name: excerpt(tray, part, quantity) for name, quantity in CONNECTOR.items()}),
    )


def build_pumps(world: World, uri: str, unit: str) -> Body | None:
    """Return the pumps of a coolant unit."""
    tray = _unit(world, unit)
    planned = tray.planned("pump") if tray is not None else []
    return collection("Pump", uri, f"Pumps of {unit}", planned) if planned else None


def build_pump(world: World, uri: str, unit: str, pump: str) -> Body | None:
    """Return one pump: its share of full speed where it is told, its RPM where that is."""
    tray = _unit(world, unit)
    if tray is None or pump not in tray.planned("pump"):
        return None
    speed = excerpt(tray, pump, Q.PUMP_SPEED) or {}
    if tray.line(pump, Q.ROTATION) is not None:
        turning = excerpt(tray, pump, Q.ROTATION) or {}
        speed = {"DataSourceUri": turning["DataSourceUri"], **speed, "SpeedRPM": turning["Reading"]}
    return resource(
        "Pump",
        uri,
        tray.label(pump),
        **{
            "PumpType": "Liquid",
            **part_identity(world.stock, tray, pump),
            **part_plate(world.stock, tray, pump, PUMP),
        },
        Status=part_status(tray, pump),
        Location=bay(pump, "pump"),
        **told(PumpSpeedPercent=speed or None),
    )


def build_reservoirs(world: World, uri: str, unit: str) -> Body | None:
    """Return the reservoirs of a coolant unit whose level is read."""
    tray = _unit(world, unit)
    found = _reservoirs(tray) if tray is not None else []
    return collection("Reservoir", uri, f"Reservoirs of {unit}", found) if found else None


def build_reservoir(world: World, uri: str, unit: str, reservoir: str) -> Body | None:
    """Return one reservoir and its level."""
    tray = _unit(world, unit)
    if tray is None or reservoir not in _reservoirs(tray):
        return None
    return resource(
        "Reservoir",
        uri,
        tray.label(reservoir),
        **_of_reservoir(world, tray, reservoir),
        Status=part_status(tray, reservoir),
        Location=bay(reservoir, "reservoir"),
        FluidLevelPercent=excerpt(tray, reservoir, Q.LEVEL),
    )


def build_filters(world: World, uri: str, unit: str) -> Body | None:
    """Return the filters that a coolant unit reports."""
    tray = _unit(world, unit)
    found = pieces(world.stock, tray, "Filter") if tray is not None else []
    ids = [f"filter{n}" for n in range(len(found))]
    return collection("Filter", uri, f"Filters of {unit}", ids) if ids else None


def build_filter(world: World, uri: str, unit: str, name: str) -> Body | None:
    """Return one filter, as it was when stock was taken."""
    tray = _unit(world, unit)
    found = pieces(world.stock, tray, "Filter") if tray is not None else []
    item = next((i for n, i in enumerate(found) if name == f"filter{n}"), None)
    if item is None:
        return None
    return resource(
        "Filter",
        uri,
        item.name or item.id,
        **identity(item, FILTER),
        Location=bay(name, "filter"),
    )


def build_loops(world: World, uri: str) -> Body:
    """Return the coolant loop of each rack."""
    return collection("CoolingLoop", uri, "Coolant loops", [rack.id for rack in world.racks()])


def build_loop(world: World, uri: str, rack_id: str) -> Body | None:
    """Return a rack's loop: who feeds it, who drinks from it, what it is rated for."""
    rack = world.rack(rack_id)
    if rack is None:
        return None
    units = [t.id for t in rack.trays.values() if t.plan.kind == TrayKind.COOLANT_UNIT]
    fed = [t.id for t in rack.trays.values() if t.plan.kind in (TrayKind.COMPUTE, TrayKind.SWITCH)]
    return resource(
        "CoolingLoop",
        uri,
        f"Coolant loop of rack {rack.id}",
        CoolingLoopType="TCS",
        RatedFlowLitersPerMinute=rack.layout.coolant_flow_rated_lpm,
        SupplyEquipmentNames=units,
        ConsumingEquipmentNames=fed,
        Status={"State": "Enabled"},
        Links={
            "Chassis": ref(f"{ROOT}/Chassis/{rack.id}"),
            **refs("ManagedBy", [f"{ROOT}/Managers/rackwright"]),
        },
    )


def _coolant(world: World, tray: TrayLook) -> Body | None:
    """Return what fills the rack's side: what the unit says, else what the design does."""
    design = tray.rack.layout.coolant
    planned = {} if design is None else {"CoolantType": design.fluid, **_additive(design)}
    itself = whole(world.stock, tray, "CoolingUnit")
    return {**planned, **plate(itself.facts if itself else {}, COOLANT)} or None


def _additive(design: CoolantView) -> Body:
    return told(AdditiveName=design.additive, AdditivePercent=design.additive_percent)


def _of_reservoir(world: World, tray: TrayLook, reservoir: str) -> Body:
    """Return what a reservoir says of itself, found by the name that its readings bear."""
    found = [i for i in pieces(world.stock, tray, "Reservoir") if tray.label(reservoir) in (i.id, i.name)]
    return plate(found[0].facts, RESERVOIR) if len(found) == 1 else {}


def _unit(world: World, unit: str) -> TrayLook | None:
    return world.tray(unit, TrayKind.COOLANT_UNIT)


def _connected(tray: TrayLook, side: str) -> bool:
    return any(tray.line(_SIDES[side][1], quantity) is not None for quantity in CONNECTOR.values())


def _reservoirs(tray: TrayLook) -> list[str]:
    return sorted(p for p in tray.parts if p.startswith("reservoir") and tray.line(p, Q.LEVEL) is not None)
